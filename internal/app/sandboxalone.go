package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// sandboxPart is the lock of whoever serves the sandbox of a folder of data.
const sandboxPart = "sandbox"

// sandboxAddress is the file in the sandbox's folder that says where it is
// served.
const sandboxAddress = "address"

// ServeSandbox serves the sandbox of a folder of data alone, at a loopback
// address, until ctx is done: a portal with other data, or another program,
// can then use it as its YouTube.
func ServeSandbox(ctx context.Context, s config.Settings, address string, log *slog.Logger, console io.Writer) (err error) {
	if err := mustBeLoopback(address); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Sandbox(), 0o700); err != nil {
		return fmt.Errorf("make the folder of the sandbox: %w", err)
	}
	release, err := lock(s.Lock(sandboxPart))
	if errors.Is(err, errRunning) {
		return fmt.Errorf("the sandbox of %s is served already, by a portal or by another `voci sandbox`: choose another folder with --data", s.Data)
	}
	if err != nil {
		return err
	}
	defer release()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	base := "http://" + listener.Addr().String()
	if err := os.WriteFile(filepath.Join(s.Sandbox(), sandboxAddress), []byte(listener.Addr().String()), 0o600); err != nil {
		return errors.Join(fmt.Errorf("keep the sandbox's address: %w", err), listener.Close())
	}
	made, err := sandbox.New(sandbox.Options{Dir: s.Sandbox(), BaseURL: base, Log: log})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: made, ReadHeaderTimeout: headerTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	_, _ = fmt.Fprintf(console, "Canale di prova: %s (nessun video va su YouTube)\n", base)
	select {
	case err = <-served:
		return fmt.Errorf("serve the sandbox: %w", err)
	case <-ctx.Done():
		// At once: whoever uploads asks again how far it came, as with YouTube, and
		// what is not hashed yet is hashed at the next start.
		return server.Close()
	}
}

// mustBeLoopback refuses an address that others than this machine can reach:
// the sandbox lets everybody in.
func mustBeLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen: %q is no address: write host:port, such as 127.0.0.1:8099", address)
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("--listen: %q can be reached by others, and the sandbox lets everybody in: use 127.0.0.1", address)
}
