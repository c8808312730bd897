// Package config holds the settings of the portal: defaults, then a file, then
// the environment, then flags, each overruling the one before. A wrong one
// stops the start with a sentence that names it.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/video"
)

// The kinds of machine the portal runs on.
const (
	Development = "development"
	Production  = "production"
)

// What stands behind the channel.
const (
	YouTubeSandbox = "sandbox" // a YouTube that runs on this machine
	YouTubeLive    = "live"    // Google's
	YouTubeOff     = "off"     // none: staff publish by hand
)

// Settings are what an operator may choose. The names in `env` are a contract.
type Settings struct {
	Config kong.ConfigFlag `help:"File with settings (JSON: {\"base_url\": …}); the environment and flags overrule it." env:"VOCI_CONFIG" placeholder:"FILE"`

	Env            string            `help:"Kind of machine: development or production." env:"VOCI_ENV" enum:"development,production" default:"development"`
	Listen         string            `help:"Address to serve on." env:"VOCI_LISTEN" default:"127.0.0.1:8080"`
	BaseURL        string            `help:"Address that people use, such as https://voci.example.it." env:"VOCI_BASE_URL" placeholder:"URL"`
	TrustedProxies []string          `help:"Proxies in front, as addresses or networks, that are believed who asks (X-Forwarded-For)." env:"VOCI_TRUSTED_PROXIES" default:"127.0.0.0/8,::1" placeholder:"NETWORK,…"`
	Data           string            `help:"Folder of database, vault and uploads." env:"VOCI_DATA" default:"./data" placeholder:"DIR"`
	SecretKey      string            `help:"32 bytes in base64 that secrets are sealed with." env:"VOCI_SECRET_KEY" placeholder:"BASE64"`
	Territory      territory.Setting `help:"Municipalities that count: founding (316) or current (312)." env:"VOCI_TERRITORY" enum:"founding,current" default:"founding"`
	MetricsKey     string            `help:"Token for /metrics from other machines; without it only this machine may ask." env:"VOCI_METRICS_TOKEN" name:"metrics-token" placeholder:"TOKEN"`

	YouTube            string `name:"youtube" help:"Channel: sandbox, live or off." env:"VOCI_YOUTUBE" enum:"sandbox,live,off," default:""`
	YouTubeEndpoint    string `name:"youtube-endpoint" help:"Host of the YouTube Data API, if not Google's." env:"VOCI_YOUTUBE_ENDPOINT" placeholder:"URL"`
	GoogleAuthURL      string `name:"google-auth-url" help:"Consent page, if not Google's." env:"VOCI_GOOGLE_AUTH_URL" placeholder:"URL"`
	GoogleTokenURL     string `name:"google-token-url" help:"Token address, if not Google's." env:"VOCI_GOOGLE_TOKEN_URL" placeholder:"URL"`
	GoogleRevokeURL    string `name:"google-revoke-url" help:"Revocation address, if not Google's." env:"VOCI_GOOGLE_REVOKE_URL" placeholder:"URL"`
	GoogleClientID     string `name:"google-client-id" help:"OAuth client of the portal." env:"VOCI_GOOGLE_CLIENT_ID"`
	GoogleClientSecret string `name:"google-client-secret" help:"OAuth secret of the portal." env:"VOCI_GOOGLE_CLIENT_SECRET"`
	UploadsPerDay      int    `name:"uploads-per-day" help:"Quota of the YouTube project: uploads." env:"VOCI_QUOTA_UPLOADS" default:"100"`
	StatisticsPerDay   int    `name:"statistics-per-day" help:"Quota of the YouTube project: calls for statistics." env:"VOCI_QUOTA_STATISTICS" default:"10000"`
	UnitsPerDay        int    `name:"units-per-day" help:"Quota of the YouTube project: units for all else." env:"VOCI_QUOTA_UNITS" default:"10000"`
	UnitsKept          int    `name:"units-kept" help:"Units that are kept for looks, removals and whatever cannot wait." env:"VOCI_QUOTA_KEPT" default:"1000"`

	SMTPURL  string `name:"smtp-url" help:"Mail server: smtp://user:password@host:587 or smtps://…; empty outside production: messages are kept and shown at /posta." env:"VOCI_SMTP_URL" placeholder:"URL"`
	MailFrom string `help:"Sender of messages." env:"VOCI_MAIL_FROM" default:"Voci in Comune <voci@localhost>"`

	MaxUploadBytes    int64         `help:"Largest video, in bytes." env:"VOCI_MAX_UPLOAD_BYTES" default:"4294967296"`
	MaxDuration       time.Duration `help:"Longest video." env:"VOCI_MAX_DURATION" default:"30m"`
	MinFreeBytes      int64         `help:"Bytes that stay free on the disk." env:"VOCI_MIN_FREE_BYTES" default:"1073741824"`
	TranscribeCommand string        `name:"transcribe-command" help:"Program that reads speech (WAV) and writes WebVTT, with its arguments; empty: none." env:"VOCI_TRANSCRIBE_COMMAND" placeholder:"COMMAND"`
	TranscribeMemory  int64         `name:"transcribe-memory" help:"Address space that this program may take, in bytes." env:"VOCI_TRANSCRIBE_MEMORY" default:"17179869184"`

	SyncEvery time.Duration `help:"How often view counts are brought back." env:"VOCI_SYNC_EVERY" default:"1h"`
	PollEvery time.Duration `help:"Shortest wait between two looks at a video that YouTube is processing." env:"VOCI_POLL_EVERY" default:"30s"`

	WithdrawalGrace time.Duration `help:"How long a withdrawn video stays on the channel, private, before it is deleted for good." env:"VOCI_WITHDRAWAL_GRACE" default:"168h"`

	AccessibilityURL string `name:"accessibility-url" help:"Accessibility declaration on form.agid.gov.it; empty: our own page." env:"VOCI_ACCESSIBILITY_URL" placeholder:"URL"`
	PrivacyURL       string `name:"privacy-url" help:"Privacy notice; empty: our own page." env:"VOCI_PRIVACY_URL" placeholder:"URL"`
	Contact          string `help:"Mail address that people may write to, shown on every page." env:"VOCI_CONTACT" placeholder:"ADDRESS"`
	LegalURL         string `name:"legal-url" help:"Legal notes; empty: our own page." env:"VOCI_LEGAL_URL" placeholder:"URL"`
}

// File reads a settings file for kong, below the environment: what is set there
// is not looked up in the file.
func File(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read the file of settings: %w", err)
	}
	inner, err := kong.JSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the file of settings: %w", err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("read the file of settings: %w", err)
	}
	return &file{inner: inner, keys: slices.Sorted(maps.Keys(keys))}, nil
}

// file is a settings file.
type file struct {
	inner kong.Resolver
	keys  []string
}

// Validate implements kong.Resolver: a misspelt name must not pass for a
// setting that was made.
func (f *file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, group := range app.AllFlags(false) {
		for _, flag := range group {
			known[flag.Name] = true
		}
	}
	for _, key := range f.keys {
		if !known[strings.ReplaceAll(key, "_", "-")] {
			return wrong("VOCI_CONFIG", "the file sets %q, which is no setting: see voci serve --help", key)
		}
	}
	return nil
}

// Resolve implements kong.Resolver.
func (f *file) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Tag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	return f.inner.Resolve(ctx, parent, flag)
}

// Complete fills in what follows from the other settings and checks them all.
// It returns an error that names each wrong setting and the remedy.
func (s *Settings) Complete() error {
	if s.BaseURL == "" && s.Env == Development {
		_, port, err := net.SplitHostPort(s.Listen)
		if err == nil {
			s.BaseURL = "http://localhost:" + port
		}
	}
	s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	if s.YouTube == "" {
		s.YouTube = YouTubeSandbox
		if s.Env == Production {
			s.YouTube = YouTubeOff
		}
	}
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return wrong("VOCI_DATA", "%v", err)
	}
	s.Data = data
	return errors.Join(s.checkServing(), s.checkProduction(), s.checkChannel(), s.checkAmounts())
}

func wrong(name, form string, args ...any) error {
	return fmt.Errorf("%s: %s", name, fmt.Sprintf(form, args...))
}

func (s *Settings) checkServing() error {
	var errs []error
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		errs = append(errs, wrong("VOCI_LISTEN", "%q is no address: write host:port, such as 127.0.0.1:8080", s.Listen))
	}
	// In development an empty one follows from Listen, which was named already.
	if !hostOnly(s.BaseURL) && (s.BaseURL != "" || s.Env != Development) {
		errs = append(errs, wrong("VOCI_BASE_URL", "%q is no address of a site: write it as https://voci.example.it, without a path", s.BaseURL))
	}
	for _, one := range s.TrustedProxies {
		if _, err := network(one); err != nil {
			errs = append(errs, wrong("VOCI_TRUSTED_PROXIES", "%q is neither an address nor a network: write 127.0.0.1 or 10.0.0.0/8, several with commas between them", one))
		}
	}
	if s.SecretKey != "" {
		if _, err := secret.ParseKey(s.SecretKey); err != nil {
			errs = append(errs, wrong("VOCI_SECRET_KEY", "%v", err))
		}
	}
	return errors.Join(errs...)
}

// network is an address, or all addresses of a network.
func network(typed string) (netip.Prefix, error) {
	typed = strings.TrimSpace(typed)
	if addr, err := netip.ParseAddr(typed); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(typed)
}

// Proxies are the networks of the proxies that are believed.
func (s *Settings) Proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, one := range s.TrustedProxies {
		if n, err := network(one); err == nil { // else Complete has named it
			all = append(all, n)
		}
	}
	return all
}

func hostOnly(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") == "" && !strings.ContainsAny(address, "?#") && u.User == nil
}

func (s *Settings) checkProduction() error {
	if s.Env != Production {
		return nil
	}
	var errs []error
	if !strings.HasPrefix(s.BaseURL, "https://") {
		errs = append(errs, wrong("VOCI_BASE_URL", "in production it must be https"))
	}
	if s.SecretKey == "" {
		errs = append(errs, wrong("VOCI_SECRET_KEY", "in production it must be set: make one with `openssl rand -base64 %d` and keep it apart from the back-ups", secret.KeySize))
	}
	if s.SMTPURL == "" {
		errs = append(errs, wrong("VOCI_SMTP_URL", "in production it must be set, or nobody can sign in: smtp://user:password@host:587"))
	}
	return errors.Join(errs...)
}

func (s *Settings) checkChannel() error {
	var errs []error
	for name, v := range map[string]string{
		"VOCI_YOUTUBE_ENDPOINT": s.YouTubeEndpoint,
	} {
		if v != "" && !hostOnly(v) {
			errs = append(errs, wrong(name, "%q must be a host only, such as http://127.0.0.1:8099", v))
		}
	}
	for name, v := range map[string]string{
		"VOCI_GOOGLE_AUTH_URL": s.GoogleAuthURL, "VOCI_GOOGLE_TOKEN_URL": s.GoogleTokenURL, "VOCI_GOOGLE_REVOKE_URL": s.GoogleRevokeURL,
		"VOCI_ACCESSIBILITY_URL": s.AccessibilityURL, "VOCI_PRIVACY_URL": s.PrivacyURL, "VOCI_LEGAL_URL": s.LegalURL,
	} {
		if u, err := url.Parse(v); v != "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
			errs = append(errs, wrong(name, "%q is no address: write it as https://…", v))
		}
	}
	if a, err := mail.ParseAddress(s.Contact); s.Contact != "" && (err != nil || a.Address != s.Contact) {
		errs = append(errs, wrong("VOCI_CONTACT", "%q is no mail address: write it as voci@example.it", s.Contact))
	}
	if _, err := mail.ParseAddress(s.MailFrom); err != nil {
		errs = append(errs, wrong("VOCI_MAIL_FROM", "%q is no sender: write it as Voci in Comune <voci@example.it>", s.MailFrom))
	}
	if s.YouTube == YouTubeLive && (s.GoogleClientID == "" || s.GoogleClientSecret == "") {
		errs = append(errs, wrong("VOCI_GOOGLE_CLIENT_ID, VOCI_GOOGLE_CLIENT_SECRET", "with VOCI_YOUTUBE=live both must be set"))
	}
	if s.SMTPURL != "" {
		u, err := url.Parse(s.SMTPURL)
		if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
			// The address itself is not repeated: it may hold a password.
			errs = append(errs, wrong("VOCI_SMTP_URL", "write it as smtp://user:password@host:587 or smtps://user:password@host:465"))
		}
	}
	return errors.Join(errs...)
}

// Shortest waits: more often would only be a nuisance to YouTube.
const (
	shortestSync = time.Minute
	shortestPoll = 50 * time.Millisecond // for tests beside the sandbox
)

func (s *Settings) checkAmounts() error {
	var errs []error
	if s.SyncEvery > 0 && s.SyncEvery < shortestSync {
		errs = append(errs, wrong("VOCI_SYNC_EVERY", "it must be at least %s", shortestSync))
	}
	if s.PollEvery > 0 && s.PollEvery < shortestPoll {
		errs = append(errs, wrong("VOCI_POLL_EVERY", "it must be at least %s", shortestPoll))
	}
	for name, v := range map[string]int64{
		"VOCI_MAX_UPLOAD_BYTES": s.MaxUploadBytes, "VOCI_MAX_DURATION": int64(s.MaxDuration), "VOCI_SYNC_EVERY": int64(s.SyncEvery),
		"VOCI_TRANSCRIBE_MEMORY": s.TranscribeMemory,
		"VOCI_POLL_EVERY":        int64(s.PollEvery), "VOCI_QUOTA_UPLOADS": int64(s.UploadsPerDay), "VOCI_QUOTA_STATISTICS": int64(s.StatisticsPerDay), "VOCI_QUOTA_UNITS": int64(s.UnitsPerDay),
	} {
		if v <= 0 {
			errs = append(errs, wrong(name, "it must be more than zero"))
		}
	}
	if s.WithdrawalGrace < 0 {
		errs = append(errs, wrong("VOCI_WITHDRAWAL_GRACE", "it must not be less than zero"))
	}
	if s.UnitsKept < 0 || s.UnitsKept >= s.UnitsPerDay {
		errs = append(errs, wrong("VOCI_QUOTA_KEPT", "it must be at least zero and less than VOCI_QUOTA_UNITS"))
	}
	if s.TranscribeCommand != "" {
		if _, err := video.ParseCommand(s.TranscribeCommand); err != nil {
			errs = append(errs, wrong("VOCI_TRANSCRIBE_COMMAND", "%v", err))
		}
	}
	if s.MinFreeBytes < 0 {
		errs = append(errs, wrong("VOCI_MIN_FREE_BYTES", "it must not be less than zero"))
	}
	return errors.Join(errs...)
}

// Key returns the portal's key: the one set, or outside production the one kept
// in the data folder.
func (s *Settings) Key() ([]byte, error) {
	if s.SecretKey != "" {
		return secret.ParseKey(s.SecretKey)
	}
	return secret.KeepKey(filepath.Join(s.Data, "secret.key"))
}

// Secure tells whether people reach the portal over https.
func (s *Settings) Secure() bool { return strings.HasPrefix(s.BaseURL, "https://") }

// Database is the SQLite file in the data folder.
func (s *Settings) Database() string { return filepath.Join(s.Data, "voci.db") }

// Vault is the folder of the received originals.
func (s *Settings) Vault() string { return filepath.Join(s.Data, "vault") }

// Uploads is the folder of uploads that are still arriving.
func (s *Settings) Uploads() string { return filepath.Join(s.Data, "uploads") }

// Renditions is the folder of posters and renditions.
func (s *Settings) Renditions() string { return filepath.Join(s.Data, "renditions") }

// Tryouts is the folder of films that are being looked at and then deleted.
func (s *Settings) Tryouts() string { return filepath.Join(s.Data, "tryouts") }

// Cuts is the folder of square and upright cuts, which can be made again.
func (s *Settings) Cuts() string { return filepath.Join(s.Data, "cuts") }

// Scratch is the folder of what is gone when the work on it ends.
func (s *Settings) Scratch() string { return filepath.Join(s.Data, "scratch") }

// Sandbox is the folder of the sandbox channel.
func (s *Settings) Sandbox() string { return filepath.Join(s.Data, "sandbox") }

// Lock is the file that one process at a time locks for a part of the portal.
func (s *Settings) Lock(part string) string { return filepath.Join(s.Data, part+".lock") }
