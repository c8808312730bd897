// Package page is how a page is made: templates and layouts, languages, parts,
// forms, errors, headers, the cache of citizens' pages and the access log. It
// knows nothing of testimonies or municipalities: the faces (site, studio,
// newsroom) tell it what to show.
package page

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
)

// Options are what Pages are made from.
type Options struct {
	FS     fs.FS // web.Files: templates, icons, locales
	Static fs.FS // static.Files

	BaseURL     string         // address that people use, without a slash at the end
	Sandbox     bool           // every page says that nothing goes to YouTube
	Links       Links          // addresses in the footer
	Nav         Nav            // sections of the navigation; nil: DefaultNav
	SessionName string         // name of the session cookie: who has it never gets a cached page
	FormActions []string       // origins, besides our own, that a form's answer may lead to
	Proxies     []netip.Prefix // those whose word on who asks is taken; see Client
	Dev         bool           // a missing sentence stops the page instead of showing its key

	// Viewer tells who is signed in; nil for a citizen. Flash tells, once, the
	// key of what has just been done.
	Viewer func(context.Context) *Viewer
	Flash  func(context.Context) string

	// Channel is the address of the channel on YouTube, empty without one, which
	// pages lead to where they show what YouTube says (developer policies,
	// III.F.2). nil: there is none.
	Channel func(context.Context) string

	Log *slog.Logger
	Now func() time.Time
}

// Links are addresses that every public body's footer has. Empty ones lead to
// the portal's own pages.
type Links struct {
	Accessibility string // declaration on form.agid.gov.it
	Privacy       string
	Legal         string
	Contact       string // mail address; empty: none is shown
}

// Viewer is the signed-in person as the layout shows them.
type Viewer struct {
	Name  string // of the person, or of the municipality they act for
	Role  string // editor, moderator or administrator
	Staff bool
	Home  string // the address of their first page

	Narrow bool // sees nothing but that page and what belongs to it
}

// Frame is a page's content with what the layout around it needs. A handler
// fills in the first group; Render adds the second.
type Frame struct {
	Title       string         // for the browser's tab; a template's "title" block wins
	Description string         // for search engines and sharing; a "description" block wins
	Section     string         // current section of the navigation, by its address
	Canonical   string         // address without language, if it is not the request's
	Image       string         // picture for sharing: an address on this portal
	Robots      string         // such as "noindex"; empty: everything
	Flash       *fault.Message // what has just been done
	Banner      *Banner        // what is wrong with all that this face does
	Secret      bool           // shows a secret beside what others can write: never compressed
	Page        any            // the page's view model

	Lang       string // it, en or fr
	Path       string // address without language
	Name       string // of the page, such as "site/home"
	Face       string // site, studio or newsroom
	Viewer     *Viewer
	Sandbox    bool
	Links      Links
	Nav        []NavItem
	Languages  []Language
	URL        string // the page's own full address, in its language
	DefaultURL string // the page's full address in Italian
	ImageURL   string // full address of the picture for sharing
	Styles     []string
	Scripts    []string
}

// Language is one language that the page can be read in.
type Language struct {
	Code    string
	Name    string // in that language
	Short   string
	Href    string
	URL     string // full address
	Current bool
}

// Pages makes every page of the portal.
type Pages struct {
	opt     Options
	base    *url.URL
	locales *Locales
	assets  *assets
	shelf   *shelf
	policy  http.Header
	rome    *time.Location
	client  echo.IPExtractor
}

// New reads what all pages share. A page itself is read when it is first asked
// for; Check reads them all.
func New(opt Options) (*Pages, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Nav == nil {
		opt.Nav = DefaultNav
	}
	if opt.Viewer == nil {
		opt.Viewer = func(context.Context) *Viewer { return nil }
	}
	if opt.Flash == nil {
		opt.Flash = func(context.Context) string { return "" }
	}
	if opt.Channel == nil {
		opt.Channel = func(context.Context) string { return "" }
	}
	base, err := url.Parse(opt.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("base address: %w", err)
	}
	p := &Pages{opt: opt, base: base}
	if p.rome, err = time.LoadLocation("Europe/Rome"); err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	if p.locales, err = LoadLocales(opt.FS); err != nil {
		return nil, err
	}
	if p.assets, err = loadAssets(opt.Static); err != nil {
		return nil, err
	}
	p.policy = policy(base, opt.FormActions)
	p.client = clientBehind(opt.Proxies)
	if err := p.stock(); err != nil {
		return nil, err
	}
	return p, nil
}

// Has tells whether there is a page of that name.
func (p *Pages) Has(name string) bool { return p.shelf.pages[Italian][name] != nil }

// Names are the names of all pages.
func (p *Pages) Names() []string {
	return slices.Sorted(maps.Keys(p.shelf.pages[Italian]))
}

// T is the sentence of key in a language; pairs are names and values of its
// arguments. "Count" also chooses between singular and plural.
func (p *Pages) T(lang, key string, pairs ...any) string {
	return p.Say(lang, fault.Msg(key, pairs...))
}

// Knows tells whether a language has the sentence of key.
func (p *Pages) Knows(lang, key string) bool { return p.locales.Has(lang, key) }

// Say is a message in a language.
func (p *Pages) Say(lang string, m fault.Message) string {
	s, err := p.say(lang, m)
	if err != nil {
		p.opt.Log.Error("a sentence is missing", "key", m.Key, "lang", lang, "error", err)
	}
	return s
}

// Render writes the page called name ("site/home" is web/site/home/home.html)
// in the language of the request, inside its layout.
func (p *Pages) Render(c echo.Context, status int, name string, frame Frame) error {
	return p.write(c.Response(), c.Request(), status, name, frame)
}

func (p *Pages) write(w http.ResponseWriter, r *http.Request, status int, name string, frame Frame) error {
	lang := Lang(r.Context())
	t, err := p.template(lang, name)
	if err != nil {
		return err
	}
	p.complete(r, lang, name, &frame)
	buf := takeBuffer()
	defer giveBuffer(buf)
	root := layoutOf(t, frame.Face)
	if err := t.ExecuteTemplate(buf, root, &frame); err != nil {
		return fmt.Errorf("make page %q: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	if frame.Secret { // its own address may be the secret
		h.Set("Referrer-Policy", "same-origin")
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if frame.Viewer != nil && !frame.Secret {
		return writeCompressed(w, r, status, buf.Bytes())
	}
	w.WriteHeader(status)
	if _, err := w.Write(buf.Bytes()); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return fmt.Errorf("send page %q: %w", name, err)
	}
	return nil
}

// complete adds to the frame what does not depend on the page.
func (p *Pages) complete(r *http.Request, lang, name string, f *Frame) {
	face, _, _ := strings.Cut(name, "/")
	f.Lang, f.Name, f.Face = lang, name, face
	f.Path = plainPath(r)
	f.Viewer = p.opt.Viewer(r.Context())
	f.Sandbox = p.opt.Sandbox
	f.Links = p.footer(lang)
	f.Nav = p.opt.Nav.items(f.Face, lang, f.Section, f.Viewer)
	if f.Viewer != nil && f.Flash == nil {
		if key := p.opt.Flash(r.Context()); key != "" {
			m := fault.Msg(key)
			f.Flash = &m
		}
	}
	path := f.Path
	if f.Canonical != "" {
		path = f.Canonical
	} else if q := keptQuery(r.URL.Query()); q != "" {
		path += "?" + q
	}
	for _, code := range Langs {
		href := Localize(code, path)
		f.Languages = append(f.Languages, Language{
			Code: code, Name: languageNames[code], Short: strings.ToUpper(code),
			Href: href, URL: p.opt.BaseURL + href, Current: code == lang,
		})
	}
	f.URL = p.opt.BaseURL + Localize(lang, path)
	f.DefaultURL = p.opt.BaseURL + path
	if f.Image != "" {
		f.ImageURL = p.opt.BaseURL + f.Image
	}
	f.Styles = p.assets.of(f.Face, name, "css")
	f.Scripts = p.assets.of(f.Face, name, "js")
}

func (p *Pages) footer(lang string) Links {
	l := p.opt.Links
	for _, own := range []struct {
		address *string
		path    string
	}{{&l.Accessibility, "/accessibilita"}, {&l.Privacy, "/privacy"}, {&l.Legal, "/note-legali"}} {
		if *own.address == "" {
			*own.address = Localize(lang, own.path)
		}
	}
	return l
}
