package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/config"
	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/newsroom"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/pressdesk"
	"github.com/voci-in-comune/voci/internal/register"
	"github.com/voci-in-comune/voci/internal/site"
	"github.com/voci-in-comune/voci/internal/studio"
	"github.com/voci-in-comune/voci/internal/wording"
	"github.com/voci-in-comune/voci/static"
	"github.com/voci-in-comune/voci/web"
)

const (
	// cacheBytes bounds the memory of citizens' pages kept whole.
	cacheBytes = 64 << 20
	// headerTimeout bounds how long a stranger may take to say what is wanted;
	// bodies have no limit of their own, since videos come on slow lines.
	headerTimeout = 15 * time.Second
	idleTimeout   = 2 * time.Minute
	// graceTimeout is how long running requests may take when the portal stops.
	graceTimeout = 20 * time.Second
)

// Part is what of the portal a process does.
type Part string

// The parts.
const (
	Everything Part = ""
	OnlyWeb    Part = "web"
	OnlyJobs   Part = "jobs"
)

// Serve opens the portal's doors, works on its jobs, or both, until ctx is done,
// then stops gracefully. What a newcomer needs to know is printed on console.
func Serve(ctx context.Context, s config.Settings, part Part, log *slog.Logger, console io.Writer) (err error) {
	// A start makes little rubbish and is over soon: collecting it would take a
	// fourth of its time. settle ends this.
	collect := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(collect)
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("make the folder of data: %w", err)
	}
	for _, each := range []Part{OnlyWeb, OnlyJobs} {
		if part != Everything && part != each {
			continue
		}
		release, err := lock(s.Lock(string(each)))
		if err != nil {
			return err
		}
		defer release()
	}
	a := newApp(s, log)
	a.collect = collect
	defer func() { err = errors.Join(err, a.Close()) }()
	pages := a.readPages()
	// The sandbox is with the web: where that is another process, this one finds it.
	if part == OnlyJobs {
		err = a.findSandbox()
	} else {
		err = a.openSandbox(ctx)
	}
	if err != nil {
		return err
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	if a.pages, err = pages(); err != nil {
		return err
	}
	return a.serve(ctx, part, console)
}

// readPages reads what all pages share, beside the opening of the rooms: the
// start takes as long as the longer of the two.
func (a *App) readPages() (wait func() (*page.Pages, error)) {
	read := sync.OnceValues(func() (*page.Pages, error) {
		return page.New(page.Options{
			FS: web.Files, Static: static.Files, BaseURL: a.Settings.BaseURL, Sandbox: a.Settings.YouTube == config.YouTubeSandbox,
			Proxies:     a.Settings.Proxies(),
			Links:       page.Links{Accessibility: a.Settings.AccessibilityURL, Privacy: a.Settings.PrivacyURL, Legal: a.Settings.LegalURL, Contact: a.Settings.Contact},
			SessionName: account.CookieName(a.Settings.Secure()), Viewer: a.viewer, Log: a.Log,
			Flash: func(ctx context.Context) string { return a.Sessions.Flash(ctx) }, Channel: a.channelAddress,
		})
	})
	go func() {
		if pages, err := read(); err == nil { // whoever waits gets the error
			_ = pages.Prepare(page.Italian, "site/home") // what people ask for first; Check tells what is wrong with it
		}
	}()
	return read
}

func (a *App) serve(ctx context.Context, part Part, console io.Writer) (err error) {
	handler, cache, err := a.doors()
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	group, inside := errgroup.WithContext(work)
	defer func() {
		if err != nil {
			stop() // what was started already comes to rest
		}
		err = errors.Join(err, group.Wait())
		stop()
		a.Log.InfoContext(ctx, "stopped")
	}()
	if part != OnlyWeb {
		if err := a.openWork(); err != nil {
			return err
		}
	}
	group.Go(func() error { return a.settle(inside, group, part) })
	if part == OnlyJobs {
		return nil
	}
	group.Go(func() error { return a.watch(inside, cache) })
	return a.listen(ctx, inside, group, handler, console)
}

// listen opens the doors.
func (a *App) listen(ctx, inside context.Context, group *errgroup.Group, handler http.Handler, console io.Writer) error {
	// What cannot be taken over now is tried again at the next start, and logged:
	// one upload must not keep the portal's doors shut.
	if err := a.Uploads.Recover(ctx); err != nil {
		a.Log.WarnContext(ctx, "not every upload could be taken over", "error", err)
	}
	if err := a.Tryouts.Recover(); err != nil {
		a.Log.WarnContext(ctx, "not every film of a try-out could be deleted", "error", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.Settings.Listen)
	if err != nil {
		return fmt.Errorf("VOCI_LISTEN: %w", err)
	}
	if err := a.serveSandbox(inside, group); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-inside.Done()
		return a.stop(ctx, server)
	})
	a.Log.InfoContext(ctx, "serving", "listen", listener.Addr().String(), "channel", a.Settings.YouTube)
	return a.welcome(ctx, console)
}

// settleAfter is when the portal turns to what nobody waits for: the first
// answers would take longer beside it.
const settleAfter = time.Second / 4

// settle begins the work on jobs, and stops the portal if one of its pages is
// broken.
func (a *App) settle(ctx context.Context, group *errgroup.Group, part Part) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(settleAfter):
	}
	debug.SetGCPercent(a.collect)
	if part != OnlyWeb {
		group.Go(func() error { return a.Queue.Run(ctx) })
	}
	return a.pages.Check()
}

// stop lets what runs come to its end: uploads save what came, requests are
// answered.
func (a *App) stop(ctx context.Context, server *http.Server) error {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTimeout)
	defer cancel()
	return errors.Join(a.Uploads.Close(grace), server.Shutdown(grace))
}

// doors builds the faces and what stands before them.
func (a *App) doors() (http.Handler, *page.Cache, error) {
	sessions, pages := a.Sessions, a.pages
	cache := pages.NewCache(cacheBytes)
	a.shown, a.refuse = cache.Drop, pages.Refuse
	a.say = func(m fault.Message) string { return pages.Say(page.Italian, m) }
	e, err := pages.NewEcho()
	if err != nil {
		return nil, nil, err
	}
	board := dashboard.New(a.Insight, a.Registry, pages, a.Settings.SyncEvery, time.Now)
	desk := wording.New(wording.Rooms{
		Pages: pages, Registry: a.Registry, Sessions: sessions, Testimonies: a.Testimonies, Renditions: a.Settings.Renditions(), Clock: time.Now, Log: a.Log,
		Inspector: sync.OnceValues(a.inspector), Transcripts: a.Transcripts,
	})
	people := register.New(register.Rooms{
		Pages: pages, Registry: a.Registry, Sessions: sessions, Testimonies: a.Testimonies, Papers: register.NewPapers(a.Settings.Vault()), Clock: time.Now,
	})
	press := pressdesk.New(pressdesk.Rooms{
		Pages: pages, Registry: a.Registry, Sessions: sessions, Testimonies: a.Testimonies, Cutter: a.Cutter,
		BaseURL: a.Settings.BaseURL, Renditions: a.Settings.Renditions(), Clock: time.Now, Log: a.Log,
	})
	room := newsroom.New(newsroom.Rooms{
		Pages: pages, Registry: a.Registry, Accounts: a.Accounts, Sessions: sessions, Testimonies: a.Testimonies,
		Publisher: a.Publisher, Channels: a.Channels, Ledger: a.Ledger, OAuth: a.OAuth, Insight: a.Insight, Dashboard: board, Outbox: a.Outbox, Wording: desk, Register: people,
		Press: press, Notices: a.Notices,
		Compare: func(ctx context.Context) error { return a.compare(ctx, "person") },
		BaseURL: a.Settings.BaseURL, YouTube: a.Settings.YouTube, Renditions: a.Settings.Renditions(), Vault: a.Settings.Vault(), Clock: time.Now, Log: a.Log,
	})
	room.Routes(e)
	studio.New(studio.Rooms{
		Pages: pages, Registry: a.Registry, Accounts: a.Accounts, Sessions: sessions, Testimonies: a.Testimonies, Uploads: a.Uploads,
		Publisher: a.Publisher, Channels: a.Channels, Views: a.Views, SignIn: room.SignIn, Wording: desk, Register: people, Dashboard: board, Renditions: a.Settings.Renditions(),
		Tryouts: a.Tryouts,
		Press:   press, Notices: a.Notices,
		Outbox: a.Outbox, BaseURL: a.Settings.BaseURL,
		MaxDuration: a.Settings.MaxDuration, MaxBytes: a.Settings.MaxUploadBytes, Clock: time.Now, Log: a.Log,
	}).Routes(e)
	site.New(site.Rooms{
		Pages: pages, Cache: cache, Registry: a.Registry, Testimonies: a.Testimonies, Publisher: a.Publisher, Views: a.Views, Dashboard: board,
		YouTube: a.Settings.YouTube, BaseURL: a.Settings.BaseURL, Renditions: a.Settings.Renditions(),
	}).Routes(e)
	a.machine(e)
	return pages.Front(cache, sessions.Wrap(e, pages.Refuse)), cache, nil
}

// watchEvery is how soon citizens see what another process changed.
const watchEvery = 5 * time.Second

// watch drops cached pages when another process (a command, or the one that
// works on the jobs) changed what citizens see.
func (a *App) watch(ctx context.Context, cache *page.Cache) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var before string
	for {
		var now string
		err := a.DB.ReadSQL().QueryRowContext(ctx, `SELECT
			coalesce((SELECT max(updated_at) FROM testimonies), '') || ' ' || coalesce((SELECT max(finished_at) FROM sync_runs), '')`).Scan(&now)
		if err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "cannot look for changes of other processes", "error", err)
		}
		if err == nil && now != before {
			if before != "" {
				cache.Drop()
			}
			before = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// viewer is the signed-in person as pages show them.
func (a *App) viewer(ctx context.Context) *page.Viewer {
	p, ok := account.From(ctx)
	if !ok {
		return nil
	}
	if p.Staff() {
		return &page.Viewer{Name: p.Name, Role: string(p.Role), Staff: true, Home: "/redazione"}
	}
	v := &page.Viewer{Name: p.MunicipalityCode, Role: string(p.Role), Home: "/comune"}
	if m, err := a.Registry.Municipality(p.MunicipalityCode); err == nil {
		v.Name = m.Name
	}
	if p.Name != "" {
		v.Name = p.Name + ", " + v.Name
	}
	if p.TestimonyID != 0 { // came in by a code: nothing else opens
		v.Home, v.Narrow = fmt.Sprintf("/comune/testimonianze/%d", p.TestimonyID), true
	}
	return v
}

// channelAddress is where the channel is on YouTube; empty unless videos go there.
func (a *App) channelAddress(ctx context.Context) string {
	if a.Settings.YouTube != config.YouTubeLive || a.Channels == nil {
		return ""
	}
	ch, err := a.Channels.Current(ctx)
	if err != nil {
		return "" // none, or none that can be read now: the page goes without
	}
	return "https://www.youtube.com/channel/" + url.PathEscape(ch.ID)
}

// welcome prints what a newcomer needs: where the portal is, that nothing goes
// to YouTube, and how the first administrator gets in.
func (a *App) welcome(ctx context.Context, console io.Writer) error {
	_, _ = fmt.Fprintf(console, "\nVoci in Comune: %s\n", a.Settings.BaseURL)
	if a.Settings.YouTube == config.YouTubeSandbox {
		_, _ = fmt.Fprintln(console, "Canale di prova: nessun video va su YouTube.")
	}
	if a.Settings.Env == config.Production {
		return nil // there, `voci link` is for the officer who runs it
	}
	token, err := a.Accounts.StaffLink(ctx, "console", firstAdministrator, account.Administrator)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(console, "Entra come amministratore (una volta, entro %d minuti):\n  %s/entra/%s\n\n",
		int(account.StaffLinkLife.Minutes()), a.Settings.BaseURL, token)
	return err
}

// firstAdministrator is the account that the console lets in, outside
// production.
const firstAdministrator = "amministrazione@localhost"
