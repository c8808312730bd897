package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/youtube"
)

const (
	// farTimeout bounds each check that asks another machine.
	farTimeout = 20 * time.Second
	// clockSlack is how far our clock may be from YouTube's: answers tell whole
	// seconds and take some time, tokens bear about this much.
	clockSlack = 30 * time.Second
)

func (d *doctor) mail(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	outbox, err := mail.NewOutbox(d.db, d.settings.SMTPURL, d.settings.MailFrom, nil, time.Now)
	if err != nil {
		return "", err
	}
	if outbox.Keeps() {
		return "no server is set: messages are kept, and shown at " + d.settings.BaseURL + "/posta", nil
	}
	if err := outbox.Reach(ctx); err != nil {
		return "", fmt.Errorf("%w. Is VOCI_SMTP_URL right, and does the server let this machine in?", err)
	}
	return "the server answers and lets us in", nil
}

func (d *doctor) channel(ctx context.Context) (string, error) {
	if d.settings.YouTube == config.YouTubeOff {
		return "off: staff publish by hand", nil
	}
	return d.withDatabase(ctx, "none is connected yet", d.connected)
}

func (d *doctor) connected(ctx context.Context) (string, error) {
	if d.box == nil {
		return "", errors.New("not looked at: the secret key must be there first")
	}
	a := newApp(d.settings, d.log)
	if a.ownSandbox() {
		served, err := held(d.settings.Lock(sandboxPart))
		if err != nil {
			return "", err
		}
		if !served {
			return "the sandbox, which runs with the portal and does not run now", nil
		}
	}
	if err := a.findSandbox(); err != nil {
		return "", err
	}
	a.DB = d.db
	a.openChannel(d.box)
	ctx, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	failed := a.Channels.Check(ctx)
	ch, err := a.Channels.Current(ctx)
	switch {
	case fault.Of(err) == fault.NotFound:
		return "", fmt.Errorf("none is connected: an administrator connects it at %s/redazione/youtube", d.settings.BaseURL)
	case err != nil:
		return "", err
	case failed != nil && ch.Trouble != "":
		return "", fmt.Errorf("%s (%w)", Words(fault.Msg(ch.Trouble, "Name", ch.Title)), failed)
	case failed != nil:
		return "", fmt.Errorf("YouTube could not be asked: %w", failed)
	}
	return fmt.Sprintf("%q is connected, and its token works", ch.Title), nil
}

// clock compares our time with YouTube's: with a clock that is wrong, tokens
// seem stale and days begin at the wrong time.
func (d *doctor) clock(ctx context.Context) (string, error) {
	endpoint := or(d.settings.YouTubeEndpoint, youtube.DefaultEndpoint)
	now := time.Now().Format("2006-01-02 15:04:05 MST")
	if d.settings.YouTube != config.YouTubeLive || onThisMachine(endpoint) {
		return now + ", with no other machine's to compare it with", nil
	}
	asked := time.Now()
	answer, err := get(ctx, endpoint)
	if err != nil {
		return "", fmt.Errorf("%s could not be asked for the time: %w", endpoint, err)
	}
	theirs, err := http.ParseTime(answer.header.Get("Date"))
	if err != nil {
		return "", fmt.Errorf("%s does not tell the time: %w", endpoint, err)
	}
	if off := theirs.Sub(asked).Abs(); off > clockSlack {
		return "", fmt.Errorf("%s here, and %s off YouTube's: have it set by the network (timedatectl set-ntp true)", now, off.Round(time.Second))
	}
	return now + ", as YouTube's", nil
}

func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

// address tries the address that people use, if the portal runs.
func (d *doctor) address(ctx context.Context) (string, error) {
	base := d.settings.BaseURL
	runs, err := held(d.settings.Lock(string(OnlyWeb)))
	if err != nil {
		return "", err
	}
	if !runs {
		return base + " (not tried: no portal runs)", nil
	}
	answer, err := get(ctx, base+"/healthz")
	if err != nil {
		return "", fmt.Errorf("the portal runs, and %w. Does the name in VOCI_BASE_URL lead here, and does the web server in front run?", err)
	}
	if answer.status != http.StatusOK || strings.TrimSpace(answer.body) != "ok" {
		return "", fmt.Errorf("the portal runs, and %s/healthz answers something else (%d): does the web server in front pass requests on to %s?", base, answer.status, d.settings.Listen)
	}
	return base + " leads to the portal", nil
}

// answered is what a doctor looks at of an answer.
type answered struct {
	status int
	header http.Header
	body   string
}

func get(ctx context.Context, address string) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, farTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answered{}, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	return answered{status: response.StatusCode, header: response.Header, body: string(body)}, err
}
