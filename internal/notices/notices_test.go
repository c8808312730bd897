package notices_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/secret"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/internal/territory"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/migrations"
	"github.com/voci-in-comune/voci/web"
)

const (
	balme = "001019"
	ivrea = "001125"
	base  = "https://voci.example.it"
)

// world is a portal's testimonies and mails, with a real mail server.
type world struct {
	t           *testing.T
	db          *store.Store
	testimonies *testimony.Store
	accounts    *account.Store
	outbox      *mail.Outbox
	desk        *notices.Desk
	server      *server
	when        *fault.Message // when an approved one comes out
	pictures    int
	broken      int // which message cannot be kept; 0: all can

	mu     sync.Mutex
	now    time.Time
	queued []int64
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)}
	quiet := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	registry, err := territory.Load(territory.Founding)
	w.must(err)
	w.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	w.must(err)
	t.Cleanup(func() { w.must(w.db.Close()) })
	w.must(w.db.Migrate(t.Context(), migrations.FS, quiet))
	w.must(registry.Sync(t.Context(), w.db))
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeySize))
	w.must(err)
	w.accounts = account.NewStore(w.db, box, registry, w.clock)
	nothing := func(*gorm.DB, *testimony.Testimony) error { return nil }
	w.testimonies = testimony.NewStore(w.db, testimony.Hooks{
		VideoReceived: func(*gorm.DB, *testimony.Video) error { return nil }, Approved: nothing, Withdrawn: nothing, Returned: nothing,
		Amended: func(_ *gorm.DB, _ *testimony.Testimony, write func() error) error { return write() }, Shown: func() {},
	}, w.clock)
	var address string
	w.server, address = serve(t)
	w.outbox, err = mail.NewOutbox(w.db, address, "Voci in Comune <voci@example.it>", func(_ *gorm.DB, id int64) error {
		if w.broken--; w.broken == 0 {
			return errors.New("the portal dies here")
		}
		w.queued = append(w.queued, id)
		return nil
	}, w.clock)
	w.must(err)
	say, err := page.Words(web.Files)
	w.must(err)
	w.desk = notices.New(notices.Rooms{
		DB: w.db, Testimonies: w.testimonies, Registry: registry, Outbox: w.outbox, Say: say,
		Address:  func(lang, path string) string { return base + page.Localize(lang, path) },
		Expected: func(context.Context, int64) (*fault.Message, error) { return w.when, nil }, Clock: w.clock, Log: quiet,
	})
	return w
}

// server is a real SMTP server that keeps what it takes, and refuses some for good.
type server struct {
	mu      sync.Mutex
	taken   []*letter
	refuses string // recipient
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct{ s *server }

func (*session) Mail(string, *smtp.MailOptions) error { return nil }
func (*session) Reset()                               {}
func (*session) Logout() error                        { return nil }
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if to == c.s.refuses {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

func (c *session) Data(r io.Reader) error {
	read, err := readLetter(r)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.taken = append(c.s.taken, read)
	return nil
}

// letter is a mail as its reader's program has it.
type letter struct {
	to, subject, text, html string
	header                  netmail.Header
}

func readLetter(r io.Reader) (*letter, error) {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return nil, err
	}
	l := &letter{header: m.Header, to: m.Header.Get("To")}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return nil, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			l.html = string(text)
		} else {
			l.text = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}

func serve(t *testing.T) (*server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := &server{}
	srv := smtp.NewServer(backend)
	srv.Domain = "localhost"
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return backend, "smtp://" + l.Addr().String()
}

// reader gives a town hall's link an address, and tells whose link it is.
func (w *world) reader(code, email string, wants notices.Wants, lang string) account.Person {
	w.t.Helper()
	token, err := w.accounts.PersonalLink(w.t.Context(), "test", code)
	w.must(err)
	p, err := w.accounts.Look(w.t.Context(), token)
	w.must(err)
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE links SET email = ?, notices = ?, language = ? WHERE id = ?`, email, wants, lang, p.LinkID).Error
	}))
	return p
}

// colleague gives a town hall one more link, with a name.
func (w *world) colleague(code, name, email string, wants notices.Wants) {
	w.t.Helper()
	w.must(w.db.Write(w.t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO links (token_hash, municipality_code, created_at, name, email, notices) VALUES (CAST(? AS BLOB), ?, ?, ?, ?, ?)`,
			name, code, w.clock(), name, email, wants).Error
	}))
}

// draft is a complete testimony without a video; sent is one whose video came.
func (w *world) draft(title string) *testimony.Testimony {
	w.t.Helper()
	said, err := w.testimonies.Create(w.t.Context(), "municipality "+balme+", link 1", balme, testimony.Form{
		Title: title, Description: "Ogni martedì.", Language: "it", SpeakerName: "Anna Bò", SpeakerRole: "Sindaca",
		Themes: []string{"solidarieta"}, Visibility: "public", Release: []string{"people", "publication", "youtube"},
	}, false)
	w.must(err)
	return said
}

func (w *world) film(said *testimony.Testimony, state testimony.VideoState) {
	w.t.Helper()
	id := "upload-" + said.Title + w.clock().String()
	w.must(w.testimonies.BeginUpload(w.t.Context(), balme, testimony.Upload{ID: id, TestimonyID: said.ID, Filename: "a.mp4", Size: 9}))
	w.must(w.testimonies.ReceiveVideo(w.t.Context(), testimony.Video{TestimonyID: said.ID, UploadID: id, Original: id, Filename: "a.mp4", Bytes: 9}))
	now, err := w.testimonies.Get(w.t.Context(), testimony.Anywhere, said.ID)
	w.must(err)
	now.Video.State, now.Video.DurationMS, now.Video.HasSound = state, 60_000, true
	if state == testimony.VideoUnusable {
		now.Video.Reason = testimony.Sentence{Message: fault.Msg("video.damaged")}
	}
	w.must(w.testimonies.VideoSeen(w.t.Context(), now.Video))
}

// submitted is a testimony in review.
func (w *world) submitted(title string) *testimony.Testimony {
	w.t.Helper()
	said := w.draft(title)
	w.film(said, testimony.VideoReady)
	now, err := w.testimonies.Submit(w.t.Context(), "municipality "+balme+", link 1", balme, said.ID)
	w.must(err)
	return now
}

// told are the mails that the server took since it was last asked.
func (w *world) told() []*letter {
	w.t.Helper()
	w.must(w.desk.Tell(w.t.Context()))
	for _, id := range w.queued {
		w.must(w.outbox.Send(w.t.Context(), id))
	}
	w.queued = nil
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	taken := w.server.taken
	w.server.taken = nil
	return taken
}

// only is the one mail that was sent, a good while after what happened.
func (w *world) only() *letter {
	w.t.Helper()
	w.later(2 * time.Minute)
	told := w.told()
	if len(told) != 1 {
		var subjects []string
		for _, l := range told {
			subjects = append(subjects, l.to+": "+l.subject)
		}
		w.t.Fatalf("%d mails, want one: %q", len(told), subjects)
	}
	if dir := os.Getenv("VOCI_PICTURES"); dir != "" { // for eyes
		w.pictures++
		w.must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("mail-%s-%02d.html", w.t.Name(), w.pictures)), []byte(told[0].html), 0o600))
	}
	return told[0]
}

func (l *letter) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(l.subject+"\n"+l.text, want) {
			t.Errorf("it does not say %q:\n%s\n%s", want, l.subject, l.text)
		}
	}
}

func TestEachChangeOfStateIsTold(t *testing.T) {
	w := open(t)
	ctx := t.Context()
	w.reader(balme, "sindaca@comune.balme.example", notices.All, "it")

	said := w.draft("La spesa sale")
	w.film(said, testimony.VideoUnusable)
	w.only().says(t, "Il video non va bene: «La spesa sale»", "> Il file è danneggiato", "mandare un altro video", base+"/comune/testimonianze/1\n")
	w.film(said, testimony.VideoReady)
	w.only().says(t, "manca ancora un passo", "completa le risposte")
	said, err := w.testimonies.Submit(ctx, "test", balme, said.ID)
	w.must(err)
	w.only().says(t, "«La spesa sale» è in revisione", "Non devi fare niente")
	said, err = w.testimonies.RequestChanges(ctx, "test", said.ID, said.Version, "Manca il numero da chiamare.\n\nPuoi aggiungerlo?")
	w.must(err)
	w.only().says(t, "C’è da correggere", "> Manca il numero da chiamare.\n>\n> Puoi aggiungerlo?", "Correggi e rimanda")
	said, err = w.testimonies.Submit(ctx, "test", balme, said.ID)
	w.must(err)
	w.only()
	when := fault.Msg("kit.mail.approved.scheduled", "At", w.clock().Add(48*time.Hour))
	w.when = &when
	said, err = w.testimonies.Approve(ctx, "test", said.ID, said.Version)
	w.must(err)
	w.only().says(t, "Approvata: «La spesa sale»", "Esce ")
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec(`INSERT INTO publications (id, testimony_id, video_id, state, since, slug, wanted_privacy) VALUES (7, ?, ?, 'blocked', ?, 'x', 'public')`,
			said.ID, said.Video.ID, w.clock()).Error; err != nil {
			return err
		}
		return audit.Write(tx, w.clock(), audit.Portal, "publication.blocked", "publication", 7, nil)
	}))
	w.only().says(t, "Un intoppo per «La spesa sale»", "Se ne occupa la redazione")
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return w.testimonies.MarkPublished(tx, said.ID) }))
	l := w.only()
	l.says(t, "È pubblicata: «La spesa sale»", base+"/testimonianze/1-la-spesa-sale\n", base+"/comune/testimonianze/1/stampa")
	_, err = w.testimonies.Withdraw(ctx, "test", balme, said.ID, testimony.Withdrawal{Reason: "Non serve più."})
	w.must(err)
	w.only().says(t, "Ritirata", "> Non serve più.", "toglile", base+"/comune/testimonianze/1/prova")

	other := w.submitted("La festa")
	w.only()
	_, err = w.testimonies.Reject(ctx, "test", other.ID, other.Version, "Si riconoscono dei minori.")
	w.must(err)
	w.only().says(t, "Non pubblicata: «La festa»", "> Si riconoscono dei minori.")

	hidden := w.submitted("Solo per noi")
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE testimonies SET visibility = 'private', state = 'approved' WHERE id = ?`, hidden.ID).Error
	}))
	w.must(w.db.Write(ctx, func(tx *gorm.DB) error { return w.testimonies.MarkPublished(tx, hidden.ID) }))
	l = w.only()
	l.says(t, "privata")
	if strings.Contains(l.text, "stampa") {
		t.Error("a press kit is promised of what nobody sees")
	}
}

func TestALetterIsWholeInBothFormsAndTellsWhereToStopIt(t *testing.T) {
	w := open(t)
	w.reader(balme, "sindaca@comune.balme.example", notices.All, "it")
	w.submitted("Il pane")
	w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE testimonies SET title = 'Il pane <b>caldo</b> & il resto'`).Error
	}))
	l := w.only()
	for name, want := range map[string]string{"List-Unsubscribe": "<" + base + "/comune/avvisi>", "Auto-Submitted": "auto-generated"} {
		if got := l.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	l.says(t, base+"/comune/avvisi", "tra quelli del Comune di Balme")
	for _, want := range []string{"Il pane &lt;b&gt;caldo&lt;/b&gt; &amp; il resto", `href="https://voci.example.it/comune/testimonianze/1"`, ">Guarda a che punto è</a>", `lang="it"`, "prefers-color-scheme: dark"} {
		if !strings.Contains(l.html, want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
	for _, never := range []string{"<img", "<script", "url(", "/entra/", "<link"} {
		if strings.Contains(l.html, never) || strings.Contains(l.text, never) {
			t.Errorf("the message has %q", never)
		}
	}
}

func TestEachChangeIsToldOnceAndSeveralAtOnceAreOne(t *testing.T) {
	w := open(t)
	w.reader(balme, "sindaca@comune.balme.example", notices.All, "it")
	said := w.draft("La spesa sale")
	w.film(said, testimony.VideoReady)
	w.later(30 * time.Second)
	if told := w.told(); len(told) != 0 {
		t.Fatalf("told at once: %v", told[0].subject)
	}
	_, err := w.testimonies.Submit(t.Context(), "test", balme, said.ID)
	w.must(err)
	w.later(40 * time.Second) // the first is old enough, but the second followed it
	if told := w.told(); len(told) != 0 {
		t.Fatalf("told in between: %v", told[0].subject)
	}
	if l := w.only(); !strings.Contains(l.subject, "in revisione") {
		t.Errorf("told: %s", l.subject)
	}
	for range 3 {
		w.later(time.Hour)
		if told := w.told(); len(told) != 0 {
			t.Fatalf("told again: %v", told[0].subject)
		}
	}

	// A commit that fails tells nothing, and the next try tells all of it once.
	_, err = w.testimonies.Withdraw(t.Context(), "test", balme, said.ID, testimony.Withdrawal{})
	w.must(err)
	w.later(2 * time.Minute)
	cut, stop := context.WithCancel(t.Context())
	stop()
	if err := w.desk.Tell(cut); err == nil {
		t.Error("nothing could be written, and nobody says so")
	}
	w.only().says(t, "Ritirata")

	// Nor does one that fails halfway.
	w.colleague(balme, "Segreteria", "segreteria@comune.balme.example", notices.All)
	w.submitted("Zero")
	w.later(2 * time.Minute)
	w.broken = 2
	if err := w.desk.Tell(t.Context()); err == nil {
		t.Error("the second message was not kept, and nobody says so")
	}
	w.queued, w.broken = nil, 0
	if told := w.told(); len(told) != 2 {
		t.Errorf("%d mails of what could not be told the first time, want one to each", len(told))
	}
	w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE links SET revoked_at = ? WHERE name = 'Segreteria'`, w.clock()).Error
	}))

	// Two processes at once.
	for _, title := range []string{"Uno", "Due", "Tre"} {
		w.submitted(title)
	}
	w.later(2 * time.Minute)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := w.desk.Tell(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	l := w.only()
	l.says(t, "3 novità sulle testimonianze di Balme", "«Uno»: è in revisione.", "«Due»", "«Tre»", base+"/comune\n")
}

func TestPeopleGetWhatTheyWantInTheirLanguage(t *testing.T) {
	w := open(t)
	w.reader(balme, "tutto@example.it", notices.All, "fr")
	w.colleague(balme, "Sindaca", "poco@example.it", notices.Important)
	w.colleague(balme, "Vicesindaco", "niente@example.it", notices.None)
	w.colleague(balme, "Senza posta", "", notices.All)
	w.colleague(balme, "Doppio", "TUTTO@example.it", notices.All)
	w.colleague(balme, "Di prima", "prima@example.it", notices.All)
	w.colleague(balme, "Scaduto", "scaduto@example.it", notices.All)
	w.reader(ivrea, "altri@example.it", notices.All, "it")
	w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
		return errors.Join(tx.Exec(`UPDATE links SET revoked_at = ? WHERE name = 'Di prima'`, w.clock()).Error,
			tx.Exec(`UPDATE links SET expires_at = ? WHERE name = 'Scaduto'`, w.clock()).Error)
	}))
	said := w.submitted("La spesa sale")
	l := w.only()
	if l.to != "<tutto@example.it>" {
		t.Errorf("what is not important went to %s", l.to)
	}
	l.says(t, "Bonjour,", base+"/fr/comune/testimonianze/1\n", base+"/fr/comune/avvisi")
	_, err := w.testimonies.RequestChanges(t.Context(), "test", said.ID, said.Version, "Manca qualcosa.")
	w.must(err)
	w.later(2 * time.Minute)
	var to []string
	for _, l := range w.told() {
		to = append(to, l.to)
	}
	if strings.Join(to, " ") != "<tutto@example.it> <poco@example.it>" {
		t.Errorf("what is important went to %q", to)
	}
}

func TestAWrongAddressHarmsNobodyAndStaffSeeIt(t *testing.T) {
	w := open(t)
	w.server.refuses = "sbagliato@example.it"
	p := w.reader(balme, "sbagliato@example.it", notices.All, "it")
	w.colleague(balme, "Sindaca", "giusto@example.it", notices.All)
	w.submitted("La spesa sale")
	if l := w.only(); l.to != "<giusto@example.it>" {
		t.Errorf("it went to %s", l.to)
	}
	var kept []mail.Message
	w.must(w.db.Reader(t.Context()).Where("recipient = 'sbagliato@example.it'").Find(&kept).Error)
	if len(kept) != 1 || kept[0].RefusedAt == nil || kept[0].SentAt != nil || kept[0].Text != "" || !strings.Contains(kept[0].Refusal, "no such mailbox") {
		t.Errorf("kept: %+v", kept)
	}
	mine, err := w.desk.Of(t.Context(), balme, p.LinkID)
	w.must(err)
	people, err := w.desk.People(t.Context(), balme)
	w.must(err)
	if mine.RefusedAt == nil || len(people) != 2 || people[0].RefusedAt == nil || people[1].RefusedAt != nil {
		t.Errorf("its reader sees %v, staff see %+v", mine.RefusedAt, people)
	}
	if _, err := w.desk.Of(t.Context(), ivrea, p.LinkID); fault.Of(err) != fault.NotFound {
		t.Errorf("another town hall sees it: %v", err)
	}
	// Once it is put right on the server, the next one arrives and the warning goes.
	w.server.refuses = ""
	w.submitted("Un’altra")
	w.later(2 * time.Minute)
	if n := len(w.told()); n != 2 {
		t.Errorf("%d mails", n)
	}
	if mine, err = w.desk.Of(t.Context(), balme, p.LinkID); err != nil || mine.RefusedAt != nil {
		t.Errorf("still refused: %v %v", mine.RefusedAt, err)
	}
}

func TestSamplesAndWhatWasTakenBackAreNotTold(t *testing.T) {
	w := open(t)
	w.reader(balme, "sindaca@comune.balme.example", notices.All, "it")
	said := w.submitted("Ripensata")
	_, err := w.testimonies.Recall(t.Context(), "test", balme, said.ID)
	w.must(err)
	sample := w.submitted("Esempio")
	w.must(w.db.Write(t.Context(), func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE testimonies SET sample = 1 WHERE id = ?`, sample.ID).Error
	}))
	w.later(2 * time.Minute)
	for _, l := range w.told() {
		if !strings.Contains(l.subject, "manca ancora un passo") { // true of the one that was taken back
			t.Errorf("told: %s", l.subject)
		}
	}
}
