package upload

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
)

// TestMain lets the test binary stand in for a server of its own, so that a
// test can kill it and the benchmark can weigh it.
func TestMain(m *testing.M) {
	kind, dir := os.Getenv("VOCI_TEST_SERVER"), os.Getenv("VOCI_TEST_DIR")
	if kind == "" {
		os.Exit(m.Run())
	}
	if err := serve(kind, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs one server until it is told to end: "ours", or "tusd", which is
// tusd's handler over tusd's file store as its own command composes them.
func serve(kind, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var h http.Handler
	switch kind {
	case "ours":
		r, err := New(Options{
			Dir: filepath.Join(dir, "uploads"), Vault: filepath.Join(dir, "vault"),
			BasePath: base, MaxBytes: 8 << 30,
			Admit: func(context.Context, Offer) error { return nil },
			Owns:  func(context.Context, string) error { return nil },
			Received: func(_ context.Context, r Received) error {
				// One line an effect; O_EXCL makes it happen once.
				f, err := os.OpenFile(filepath.Join(dir, r.UploadID+".received"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
				if os.IsExist(err) {
					return nil
				}
				if err != nil {
					return err
				}
				return f.Close()
			},
		})
		if err != nil {
			return err
		}
		if err := r.Recover(ctx); err != nil {
			return err
		}
		h = r
	case "tusd":
		composer := handler.NewStoreComposer()
		filestore.New(dir).UseIn(composer)
		memorylocker.New().UseIn(composer)
		tus, err := handler.NewHandler(handler.Config{StoreComposer: composer, BasePath: base})
		if err != nil {
			return err
		}
		h = http.StripPrefix(base, tus)
	default:
		return fmt.Errorf("no such server: %q", kind)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s%s\n", l.Addr(), base)
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	if err := srv.Serve(l); !strings.Contains(err.Error(), "closed") {
		return err
	}
	return nil
}
