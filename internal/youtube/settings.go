package youtube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	yt "google.golang.org/api/youtube/v3"
)

// Google's addresses, used where Settings leaves them empty.
const (
	DefaultEndpoint  = "https://youtube.googleapis.com"
	DefaultAuthURL   = "https://accounts.google.com/o/oauth2/v2/auth"
	DefaultTokenURL  = "https://oauth2.googleapis.com/token" //nolint:gosec // an address, not a credential
	DefaultRevokeURL = "https://oauth2.googleapis.com/revoke"
)

// Settings says where YouTube is and who we are to it. An empty address is
// Google's.
type Settings struct {
	Endpoint     string // host only: the library drops a path when it uploads
	AuthURL      string // where the browser is sent for consent
	TokenURL     string
	RevokeURL    string
	ClientID     string
	ClientSecret string
	RedirectURL  string // where the browser comes back to
}

func (s Settings) withDefaults() Settings {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&s.Endpoint, DefaultEndpoint},
		{&s.AuthURL, DefaultAuthURL},
		{&s.TokenURL, DefaultTokenURL},
		{&s.RevokeURL, DefaultRevokeURL},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	s.Endpoint = strings.TrimRight(s.Endpoint, "/")
	return s
}

// String hides the secret.
func (s Settings) String() string {
	return fmt.Sprintf("youtube at %s as %s", s.Endpoint, s.ClientID)
}

// GoString hides the secret.
func (s Settings) GoString() string { return s.String() }

// LogValue hides the secret.
func (s Settings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Sizes and patience, where no Option says otherwise.
const (
	// RangeUnit is the multiple that every range but the last must have.
	// https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol#Upload_Resumable_File
	RangeUnit = 256 << 10
	// DefaultRange is how much of a file one request carries.
	DefaultRange = 16 << 20
	// DefaultPatience is how many requests in a row may bring nothing before an
	// upload gives up for now.
	DefaultPatience = 10

	openPatience   = 4               // sessions cost one of a hundred uploads a day: try fewer times
	restartLimit   = 2               // new sessions within one Upload, for the same reason
	callTimeout    = time.Minute     // a call that carries no file
	defaultStall   = time.Minute     // without a byte moving
	defaultAnswer  = 3 * time.Minute // after the last byte: YouTube finishes its part first
	firstWait      = time.Second
	longestWait    = time.Minute
	longestObeying = 2 * time.Minute // a longer Retry-After is the caller's to wait for
)

// Option changes how a Client behaves.
type Option func(*Client)

// WithRange sets how many bytes of a file one request carries, a multiple of
// RangeUnit.
func WithRange(n int64) Option { return func(c *Client) { c.rangeSize = n } }

// WithPatience sets how many requests in a row may bring nothing before an
// upload gives up for now.
func WithPatience(n int) Option { return func(c *Client) { c.patience = n } }

// WithStall sets how long a request may go without a byte moving, and how long
// its answer may take after the last byte.
func WithStall(stall, answer time.Duration) Option {
	return func(c *Client) { c.stall, c.answer = stall, answer }
}

// WithWait replaces waiting between tries. It must return when ctx ends.
func WithWait(wait func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) { c.wait = wait }
}

// WithClock replaces the clock.
func WithClock(now func() time.Time) Option { return func(c *Client) { c.now = now } }

// Reserve takes the cost of a request out of a bucket before it is sent, or
// refuses. settle is told afterwards whether the request may have reached
// YouTube.
type Reserve func(ctx context.Context, bucket Bucket, cost int) (settle func(sent bool), err error)

// WithQuota has every request reserved in a quota ledger.
func WithQuota(reserve Reserve) Option { return func(c *Client) { c.reserve = reserve } }

// Client talks to YouTube for one channel. It may be used by many goroutines.
type Client struct {
	settings  Settings
	tokens    oauth2.TokenSource
	api       *http.Client // adds the token, for everything but uploads
	uploads   *http.Client // adds nothing and follows nothing
	service   *yt.Service
	rangeSize int64
	patience  int
	stall     time.Duration
	answer    time.Duration
	wait      func(context.Context, time.Duration) error
	now       func() time.Time
	reserve   Reserve
}

// NewClient makes a client of the channel whose tokens are given. A source made
// by OAuth.TokenSource is refreshed when YouTube finds a token stale before its
// time; any other is only asked again. Of hc only the transport is used; nil
// means Go's own.
func NewClient(s Settings, tokens oauth2.TokenSource, hc *http.Client, opts ...Option) (*Client, error) {
	s = s.withDefaults()
	if err := hostOnly(s.Endpoint); err != nil {
		return nil, err
	}
	if tokens == nil {
		return nil, errors.New("youtube: a client needs a source of tokens")
	}
	base := http.DefaultTransport
	if hc != nil && hc.Transport != nil {
		base = hc.Transport
	}
	c := &Client{
		settings:  s,
		tokens:    tokens,
		rangeSize: DefaultRange,
		patience:  DefaultPatience,
		stall:     defaultStall,
		answer:    defaultAnswer,
		wait:      sleep,
		now:       time.Now,
		reserve:   func(context.Context, Bucket, int) (func(bool), error) { return func(bool) {}, nil },
	}
	for _, o := range opts {
		o(c)
	}
	if c.rangeSize <= 0 || c.rangeSize%RangeUnit != 0 {
		return nil, fmt.Errorf("youtube: a range of %d bytes is not a multiple of %d", c.rangeSize, RangeUnit)
	}
	// 308 means "go on" here, not "go elsewhere", and a redirect would carry the
	// token to a place that we did not choose.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.uploads = &http.Client{Transport: base, CheckRedirect: stay}
	c.api = &http.Client{
		Transport:     &authorized{tokens: tokens, base: base},
		CheckRedirect: stay,
		Timeout:       callTimeout,
	}
	service, err := yt.NewService(context.Background(),
		option.WithHTTPClient(c.api),
		option.WithEndpoint(s.Endpoint+"/"),
		option.WithUserAgent(userAgent),
		option.WithLogger(slog.New(slog.DiscardHandler))) // it would write down whole requests
	if err != nil {
		return nil, fmt.Errorf("youtube: making the client: %w", err)
	}
	c.service = service
	return c, nil
}

const userAgent = "voci-in-comune"

func hostOnly(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("youtube: the endpoint must be a scheme and a host, such as " + DefaultEndpoint)
	}
	return nil
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
