package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

// sandboxListen is where the sandbox serves if nothing is said. VOCI_LISTEN does
// not count: it is the portal's.
const sandboxListen = "127.0.0.1:8099"

type sandboxCmd struct{}

// Help implements kong.HelpProvider.
func (c *sandboxCmd) Help() string {
	return "It serves at --listen, " + sandboxListen + " if that is not said, and keeps its state in the folder sandbox below --data. " +
		"A portal uses it with VOCI_YOUTUBE=sandbox and VOCI_YOUTUBE_ENDPOINT, VOCI_GOOGLE_AUTH_URL, VOCI_GOOGLE_TOKEN_URL and VOCI_GOOGLE_REVOKE_URL set to it."
}

// Run serves the sandbox until it is told to stop.
func (c *sandboxCmd) Run(ctx context.Context, parsed *kong.Context, s *config.Settings, log *slog.Logger) error {
	listen := sandboxListen
	for _, p := range parsed.Path {
		if p.Flag != nil && !p.Resolved && p.Flag.Name == "listen" {
			listen = s.Listen
		}
	}
	return app.ServeSandbox(ctx, *s, listen, log, os.Stdout)
}
