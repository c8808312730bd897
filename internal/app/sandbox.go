package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/youtube/sandbox"
)

// serveSandbox starts a YouTube of our own on a loopback port, where nothing
// else was set to stand in for it, and connects it as the channel the first
// time.
func (a *App) serveSandbox(ctx context.Context, group *errgroup.Group) error {
	if a.sandbox == nil {
		return nil
	}
	server := &http.Server{Handler: a.sandbox, ReadHeaderTimeout: headerTimeout}
	group.Go(func() error {
		if err := server.Serve(a.sandboxListener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the sandbox: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	_, err := a.Channels.Current(ctx)
	if fault.Of(err) != fault.NotFound {
		return err
	}
	known, err := a.Channels.Known(ctx)
	if err != nil || known {
		return err // an administrator disconnected it
	}
	return a.Channels.ConnectSandbox(ctx, a.sandbox.IssueToken())
}

// sandboxFile keeps the address that the sandbox serves on.
func (a *App) sandboxFile() string { return filepath.Join(a.Settings.Sandbox(), sandboxAddress) }

// ownSandbox tells whether the channel is a sandbox of our own.
func (a *App) ownSandbox() bool {
	return a.Settings.YouTube == config.YouTubeSandbox && a.Settings.YouTubeEndpoint == ""
}

// findSandbox points the settings of a command to the sandbox of the portal
// that runs beside it.
func (a *App) findSandbox() error {
	if !a.ownSandbox() {
		return nil
	}
	kept, err := os.ReadFile(a.sandboxFile())
	if errors.Is(err, fs.ErrNotExist) {
		a.useSandbox("http://127.0.0.1:9") // nobody listens there: no portal ever ran
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the sandbox's address: %w", err)
	}
	a.useSandbox("http://" + strings.TrimSpace(string(kept)))
	return nil
}

// openSandbox makes the sandbox and points the settings to it. Its port stays
// the same from start to start, for the addresses of upload sessions name it.
func (a *App) openSandbox(ctx context.Context) error {
	if !a.ownSandbox() {
		return nil
	}
	file := a.sandboxFile()
	if err := os.MkdirAll(a.Settings.Sandbox(), 0o700); err != nil {
		return fmt.Errorf("make the folder of the sandbox: %w", err)
	}
	release, free, err := tryLock(a.Settings.Lock(sandboxPart))
	if err != nil {
		return err
	}
	if !free { // `voci sandbox` serves it
		return a.findSandbox()
	}
	a.leaveSandbox = release
	kept, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the sandbox's address: %w", err)
	}
	listen := &net.ListenConfig{}
	l, err := listen.Listen(ctx, "tcp", or(strings.TrimSpace(string(kept)), "127.0.0.1:0"))
	if err != nil {
		l, err = listen.Listen(ctx, "tcp", "127.0.0.1:0") // somebody else took the port
	}
	if err != nil {
		return fmt.Errorf("listen for the sandbox: %w", err)
	}
	if err := os.WriteFile(file, []byte(l.Addr().String()), 0o600); err != nil {
		return errors.Join(fmt.Errorf("keep the sandbox's address: %w", err), l.Close())
	}
	base := "http://" + l.Addr().String()
	a.sandbox, err = sandbox.New(sandbox.Options{Dir: a.Settings.Sandbox(), BaseURL: base, Log: a.Log})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a.sandboxListener = l
	a.useSandbox(base)
	return nil
}

// useSandbox points every Google address that was not set to the sandbox.
func (a *App) useSandbox(base string) {
	s := &a.Settings
	s.YouTubeEndpoint = base
	s.GoogleAuthURL = or(s.GoogleAuthURL, base+"/o/oauth2/v2/auth")
	s.GoogleTokenURL = or(s.GoogleTokenURL, base+"/token")
	s.GoogleRevokeURL = or(s.GoogleRevokeURL, base+"/revoke")
	s.GoogleClientID = or(s.GoogleClientID, "voci-sandbox")
	s.GoogleClientSecret = or(s.GoogleClientSecret, "voci-sandbox")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
