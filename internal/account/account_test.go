package account_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/migrations"
)

const balme = "001019"

type room struct {
	*account.Store
	db  *store.Store
	now time.Time
}

func open(t *testing.T) *room {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	registry, err := territory.Load(territory.Current)
	if err != nil {
		t.Fatal(err)
	}
	if err := registry.Sync(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	r := &room{db: db, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	r.Store = account.NewStore(db, box, registry, func() time.Time { return r.now })
	return r
}

func (r *room) personal(t *testing.T) string {
	t.Helper()
	token, err := r.PersonalLink(t.Context(), "tester", balme)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAPersonalLinkStaysTheSameUntilItIsReplaced(t *testing.T) {
	r := open(t)
	first := r.personal(t)
	if again := r.personal(t); again != first {
		t.Error("asked twice, the link is another")
	}
	if len(first) < 22 {
		t.Errorf("%d characters are fewer than 128 bits need", len(first))
	}
	for range 3 { // a town hall comes back
		p, err := r.Enter(t.Context(), first)
		if err != nil || p.Role != account.Editor || p.MunicipalityCode != balme {
			t.Fatalf("got %+v, %v", p, err)
		}
	}
	p, err := r.Look(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.ReplaceLink(t.Context(), "tester", balme)
	if err != nil || second == first {
		t.Fatalf("replaced by %q, %v", second, err)
	}
	if _, err := r.Enter(t.Context(), first); fault.Of(err) != fault.Gone {
		t.Errorf("the replaced link: got %v, want gone", err)
	}
	if _, ok, err := r.Still(t.Context(), p.LinkID); ok || err != nil {
		t.Errorf("whoever came in by the replaced link is still in: %v, %v", ok, err)
	}
}

func TestNoTokenCanBeReadInTheDatabase(t *testing.T) {
	r := open(t)
	token := r.personal(t)
	var found int64
	err := r.db.Reader(t.Context()).Raw(`SELECT count(*) FROM links WHERE instr(token_hash, ?) OR instr(token_sealed, ?)`, []byte(token), []byte(token)).Scan(&found).Error
	if err != nil || found != 0 {
		t.Errorf("found %d rows, %v", found, err)
	}
}

func TestAStaffLinkIsUsedUpByEnteringNotByLooking(t *testing.T) {
	r := open(t)
	token, err := r.StaffLink(t.Context(), "console", " Anna@Cittametropolitana.TORINO.it ", account.Administrator)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // mail scanners
		if _, err := r.Look(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	p, err := r.Enter(t.Context(), token)
	if err != nil || p.Role != account.Administrator || p.Email != "anna@cittametropolitana.torino.it" {
		t.Fatalf("got %+v, %v", p, err)
	}
	if _, err := r.Enter(t.Context(), token); fault.Of(err) != fault.Gone {
		t.Errorf("used twice: got %v, want gone", err)
	}
	if _, ok, err := r.Still(t.Context(), p.LinkID); !ok || err != nil {
		t.Errorf("the session is over with its link: %v", err)
	}
}

func TestAStaffLinkGetsOld(t *testing.T) {
	r := open(t)
	token, err := r.StaffLink(t.Context(), "console", "a@b.it", account.Moderator)
	if err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(account.StaffLinkLife)
	if _, err := r.Enter(t.Context(), token); fault.Of(err) != fault.Gone {
		t.Errorf("got %v, want gone", err)
	}
}

func TestStrangersAndMistakesAreRefused(t *testing.T) {
	r := open(t)
	if _, err := r.Enter(t.Context(), "AAAAAAAAAAAAAAAAAAAAAA"); fault.Of(err) != fault.NotFound {
		t.Errorf("an invented token: %v", err)
	}
	if _, err := r.PersonalLink(t.Context(), "tester", "058091"); fault.Of(err) != fault.NotFound {
		t.Errorf("Rome is not ours: %v", err)
	}
	if _, err := r.PersonalLink(t.Context(), "tester", "001002"); err != nil {
		t.Errorf("Airasca: %v", err)
	}
	if _, err := r.StaffLink(t.Context(), "console", "nobody", account.Moderator); fault.Of(err) != fault.Invalid {
		t.Errorf("no address: %v", err)
	}
	if _, err := r.StaffLink(t.Context(), "console", "a@b.it", "king"); fault.Of(err) != fault.Invalid {
		t.Errorf("no role: %v", err)
	}
	if _, token, err := r.SignInLink(t.Context(), "stranger@example.it"); token != "" || err != nil {
		t.Errorf("a stranger got a link: %q, %v", token, err)
	}
}

func TestSignInLinksGoToTheAccountsOwnAddressAndNotTooOften(t *testing.T) {
	r := open(t)
	if _, err := r.StaffLink(t.Context(), "console", "katia@example.it", account.Moderator); err != nil {
		t.Fatal(err)
	}
	// The Kelvin sign becomes a k in lower case: another mailbox than Katia's.
	typed, err := account.ParseEmail("\u212aatia@example.it")
	if err == nil {
		if to, token, err := r.SignInLink(t.Context(), typed); token != "" || err != nil {
			t.Errorf("a look-alike got a link to %q: %v", to, err)
		}
	}
	typed, err = account.ParseEmail(" Katia@Example.it ")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for range 20 {
		to, token, err := r.SignInLink(t.Context(), typed)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			sent++
			if to != "katia@example.it" {
				t.Errorf("sent to %q", to)
			}
		}
	}
	if sent == 0 || sent > 5 {
		t.Errorf("%d links were sent in one moment", sent)
	}
	r.now = r.now.Add(11 * time.Minute)
	if _, token, err := r.SignInLink(t.Context(), typed); token == "" || err != nil {
		t.Errorf("later no link either: %v", err)
	}
}

func TestADissolvedMunicipalityGetsNoLinkToday(t *testing.T) {
	r := open(t)
	var pecco territory.Municipality
	if err := r.db.Reader(t.Context()).Take(&pecco, "slug = 'pecco'").Error; err != nil {
		t.Fatal(err)
	}
	if _, err := r.PersonalLink(t.Context(), "tester", pecco.IstatCode); fault.Of(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
}

func TestASessionLastsOverRequestsAndEndsWithItsLink(t *testing.T) {
	r := open(t)
	sessions := account.NewSessions(r.db, r.Store, false)
	token := r.personal(t)
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	srv := httptest.NewServer(sessions.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/in":
			p, err := r.Enter(req.Context(), token)
			if err == nil {
				err = sessions.Begin(req.Context(), p)
			}
			if err != nil {
				refuse(w, req, err)
			}
		case "/out":
			if err := sessions.End(req.Context()); err != nil {
				refuse(w, req, err)
			}
		default:
			p, ok := account.From(req.Context())
			if !ok {
				_, _ = io.WriteString(w, "nobody")
				return
			}
			_, _ = io.WriteString(w, p.MunicipalityCode)
		}
	}), refuse))
	defer srv.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func(path string) (string, *http.Response) {
		t.Helper()
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), res
	}
	body, res := get("/")
	if body != "nobody" || len(res.Cookies()) != 0 {
		t.Errorf("before signing in: %q with cookies %v; citizens get none", body, res.Cookies())
	}
	_, res = get("/in")
	cookies := res.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies at sign-in: %v", cookies)
	}
	if strings.Contains(cookies[0].Value, token) {
		t.Error("the cookie holds the link's token")
	}
	if body, _ := get("/"); body != balme {
		t.Errorf("signed in: got %q", body)
	}
	if _, err := r.ReplaceLink(t.Context(), "tester", balme); err != nil {
		t.Fatal(err)
	}
	if body, _ := get("/"); body != "nobody" {
		t.Errorf("after the link was replaced: got %q", body)
	}
	get("/out")
	var left int64
	if err := r.db.Reader(t.Context()).Table("sessions").Where("length(data) > 0").Count(&left).Error; err != nil || left != 0 {
		t.Errorf("%d sessions left after signing out, %v", left, err)
	}
}

// TestARequestUnderWayDoesNotBringASessionBack signs out while a slow request
// of the same session, which changes it, has not ended.
func TestARequestUnderWayDoesNotBringASessionBack(t *testing.T) {
	r := open(t)
	sessions := account.NewSessions(r.db, r.Store, false)
	token := r.personal(t)
	under, ended := make(chan struct{}), make(chan struct{})
	handler := sessions.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/in":
			p, err := r.Enter(req.Context(), token)
			if err := errors.Join(err, sessions.Begin(req.Context(), p)); err != nil {
				t.Error(err)
			}
		case "/slow":
			close(under)
			<-ended
			sessions.SetFlash(req.Context(), "studio.saved")
		case "/out":
			if err := sessions.End(req.Context()); err != nil {
				t.Error(err)
			}
		}
		if p, ok := account.From(req.Context()); ok {
			_, _ = io.WriteString(w, p.MunicipalityCode)
		}
	}), func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) })
	ask := func(path string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		return w
	}
	cookie := ask("/in").Result().Cookies()[0]
	slow := make(chan struct{})
	go func() {
		defer close(slow)
		ask("/slow", cookie)
	}()
	<-under
	ask("/out", cookie)
	close(ended)
	<-slow
	if got := ask("/", cookie).Body.String(); got != "" {
		t.Errorf("the session of %q lives again", got)
	}
}
