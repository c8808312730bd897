package mail_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/store"
	"github.com/voci-in-comune/voci/migrations"
)

// server is a real SMTP server that keeps what it takes.
type server struct {
	mu    sync.Mutex
	taken []string
	busy  bool // answers 451 to the next message
}

func (s *server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

type session struct{ s *server }

func (*session) Mail(string, *smtp.MailOptions) error { return nil }
func (*session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*session) Reset()                               {}
func (*session) Logout() error                        { return nil }
func (c *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.busy {
		c.s.busy = false
		return &smtp.SMTPError{Code: 451, Message: "later"}
	}
	c.s.taken = append(c.s.taken, string(text))
	return nil
}

func start(t *testing.T) (*server, string) {
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

func outbox(t *testing.T, address string) (*mail.Outbox, *store.Store, *[]int64) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "voci.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context(), migrations.FS, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	queued := &[]int64{}
	o, err := mail.NewOutbox(db, address, "Voci in Comune <voci@example.it>", func(_ *gorm.DB, id int64) error {
		*queued = append(*queued, id)
		return nil
	}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return o, db, queued
}

func TestAMessageIsSentOnceAndItsTextForgotten(t *testing.T) {
	srv, address := start(t)
	o, db, queued := outbox(t, address)
	err := o.PostNow(t.Context(), mail.Message{Recipient: "sindaca@comune.balme.to.it", Subject: "Il vostro collegamento è pronto", Text: "Aprite https://example.it/entra/segreto"})
	if err != nil {
		t.Fatal(err)
	}
	if len(*queued) != 1 {
		t.Fatalf("queued: got %v, want one message", *queued)
	}
	srv.busy = true
	if err := o.Send(t.Context(), (*queued)[0]); err == nil {
		t.Fatal("a server that said later was taken as having the message")
	}
	for range 2 { // the second time nothing happens
		if err := o.Send(t.Context(), (*queued)[0]); err != nil {
			t.Fatal(err)
		}
	}
	if len(srv.taken) != 1 {
		t.Fatalf("the server has %d messages, want 1", len(srv.taken))
	}
	for _, want := range []string{"To: <sindaca@comune.balme.to.it>", "text/plain", "text/html", "https://example.it/entra/segreto"} {
		if !strings.Contains(srv.taken[0], want) {
			t.Errorf("the message lacks %q:\n%s", want, srv.taken[0])
		}
	}
	var kept mail.Message
	if err := db.Reader(t.Context()).Take(&kept).Error; err != nil {
		t.Fatal(err)
	}
	if kept.SentAt == nil || kept.Text != "" || kept.HTML != "" {
		t.Errorf("after sending, the portal still keeps %q", kept.Text+kept.HTML)
	}
}

func TestWithoutAServerMessagesAreKept(t *testing.T) {
	o, _, queued := outbox(t, "")
	if err := o.PostNow(t.Context(), mail.Message{Recipient: "a@b.it", Subject: "Ciao", Text: "Testo"}); err != nil {
		t.Fatal(err)
	}
	kept, err := o.Recent(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != 1 || kept[0].Text != "Testo" || len(*queued) != 0 || !o.Keeps() {
		t.Errorf("kept %+v, queued %v", kept, *queued)
	}
}

func TestAWrongRecipientIsRefused(t *testing.T) {
	o, _, _ := outbox(t, "")
	err := o.PostNow(t.Context(), mail.Message{Recipient: "municipio di Balme", Subject: "Ciao", Text: "Testo"})
	if fault.Of(err) != fault.Invalid {
		t.Errorf("got %v, want a refusal at the field", err)
	}
}

func TestWhatIsWrittenIsShownTheSameInHTML(t *testing.T) {
	o, _, _ := outbox(t, "")
	link := "https://example.it/entra/segreto"
	err := o.PostNow(t.Context(), mail.Message{
		Recipient: "a@b.it", Subject: "Ciao <tutti>", Link: link, Action: "Entra", Lang: "fr",
		Text: "Buongiorno,\n\nprimo <b>& secondo</b>\nsu due righe: vedi https://example.it/a?b=1.\n\n" + mail.Quote("Uno\n\nDue https://example.it/x") + "\n\n" + link + "\n\nSaluti\n\n-- \nPerché lo ricevi",
	})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := o.Recent(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	html := kept[0].HTML
	for _, want := range []string{
		`<html lang="fr">`, "<title>Ciao &lt;tutti&gt;</title>", "primo &lt;b&gt;&amp; secondo&lt;/b&gt;<br>su due righe", `href="https://example.it/a?b=1" style="color:#0059b3;word-break:break-word">https://example.it/a?b=1</a>.`,
		`<a href="https://example.it/entra/segreto" style="display:inline-block`, ">Entra</a>", "Uno<br><br>Due", "Perché lo ricevi",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("it lacks %s:\n%s", want, html)
		}
	}
	if n := strings.Count(html, "display:inline-block"); n != 1 {
		t.Errorf("%d buttons", n)
	}
	for _, never := range []string{"src=", "url(", "-- "} {
		if strings.Contains(html, never) {
			t.Errorf("it has %q", never)
		}
	}
}
