// Package mail keeps messages until a mail server has taken them. Where no
// server is set, outside production, they stay and are shown on a page.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/store"
)

// sendTimeout bounds one talk with the mail server.
const sendTimeout = 30 * time.Second

// Message is a mail to one person.
type Message struct {
	ID        int64
	Recipient string
	Subject   string
	Text      string
	HTML      string `gorm:"column:html"` // Post makes it of the text
	Choices   string // page where its reader chooses which such mails come; empty if there is no choice
	CreatedAt time.Time
	SentAt    *time.Time
	RefusedAt *time.Time // the mail server will never take it
	Refusal   string     // in its words

	// For its HTML: what there is to do, if there is one thing.
	Link   string `gorm:"-"` // a paragraph of Text
	Action string `gorm:"-"` // what the button says
	Lang   string `gorm:"-"` // of Text; empty: Italian
}

// Outbox keeps messages and sends them.
type Outbox struct {
	db      *store.Store
	from    string
	server  *url.URL // nil: messages are only kept
	enqueue func(tx *gorm.DB, messageID int64) error
	now     func() time.Time
}

// NewOutbox makes the outbox. server is smtp://user:password@host:port or
// smtps://…, empty to keep messages only; enqueue asks for Send to be called
// after the commit.
func NewOutbox(db *store.Store, server, from string, enqueue func(*gorm.DB, int64) error, clock func() time.Time) (*Outbox, error) {
	o := &Outbox{db: db, from: from, enqueue: enqueue, now: func() time.Time { return clock().UTC() }}
	if server == "" {
		return o, nil
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, errors.New("the address of the mail server cannot be read") // not repeated: it may hold a password
	}
	o.server = u
	return o, nil
}

// Keeps tells whether messages are only kept, to be read on a page.
func (o *Outbox) Keeps() bool { return o.server == nil }

// Post keeps a message inside tx and has it sent after the commit. It returns
// fault.Invalid for a recipient that is no address.
func (o *Outbox) Post(tx *gorm.DB, m Message) error {
	if err := gomail.NewMsg().To(m.Recipient); err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: fault.Msg("mail.recipient"), Fields: []fault.Field{{Name: "email", Message: fault.Msg("mail.recipient")}}, Err: err}
	}
	html, err := dress(m)
	if err != nil {
		return err
	}
	m.HTML, m.CreatedAt = html, o.now()
	if err := tx.Create(&m).Error; err != nil {
		return fmt.Errorf("keep a message: %w", err)
	}
	if o.Keeps() {
		return nil
	}
	return o.enqueue(tx, m.ID)
}

// PostNow is Post in a transaction of its own.
func (o *Outbox) PostNow(ctx context.Context, m Message) error {
	return o.db.Write(ctx, func(tx *gorm.DB) error { return o.Post(tx, m) })
}

// Recent returns the newest messages.
func (o *Outbox) Recent(ctx context.Context, n int) ([]Message, error) {
	var ms []Message
	if err := o.db.Reader(ctx).Order("id DESC").Limit(n).Find(&ms).Error; err != nil {
		return nil, fmt.Errorf("list the messages: %w", err)
	}
	return ms, nil
}

// Send gives a kept message to the mail server, once: a message already sent is
// left alone. Its text is then forgotten, for it may hold a personal link. One
// that the server will never take, since there is no such mailbox, is noted as
// refused and not tried again.
func (o *Outbox) Send(ctx context.Context, id int64) error {
	var m Message
	err := o.db.Reader(ctx).Take(&m, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || (err == nil && (m.SentAt != nil || m.RefusedAt != nil)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read message %d: %w", id, err)
	}
	outcome := map[string]any{"text": "", "html": ""}
	err = o.deliver(ctx, m)
	switch why, never := refusal(err); {
	case never:
		outcome["refused_at"], outcome["refusal"] = o.now(), why
	case err != nil:
		return fmt.Errorf("send message %d: %w", id, err)
	default:
		outcome["sent_at"] = o.now()
	}
	return o.db.Write(ctx, func(tx *gorm.DB) error { return tx.Model(&m).Updates(outcome).Error })
}

// longestRefusal is how much is kept of what a server says, in bytes.
const longestRefusal = 300

// refusal tells whether a server refused the recipient for good (5xx to RCPT TO,
// RFC 5321, 4.2.1), and its words. Anything else may be mended, and is tried
// again.
func refusal(err error) (why string, never bool) {
	sent, ok := errors.AsType[*gomail.SendError](err)
	if !ok || sent.Reason != gomail.ErrSMTPRcptTo || sent.IsTemp() {
		return "", false
	}
	why = sent.Error()
	return strings.ToValidUTF8(why[:min(len(why), longestRefusal)], ""), true
}

// RefusedTo returns, for each of some addresses that the mail server refused for
// good when it was last written to, when that was.
func (o *Outbox) RefusedTo(ctx context.Context, addresses []string) (map[string]time.Time, error) {
	var last []Message
	err := o.db.Reader(ctx).Where("id IN (SELECT max(id) FROM messages WHERE recipient IN ? AND (sent_at IS NOT NULL OR refused_at IS NOT NULL) GROUP BY recipient)",
		addresses).Where("refused_at IS NOT NULL").Find(&last).Error
	if err != nil {
		return nil, fmt.Errorf("look for addresses that are refused: %w", err)
	}
	refused := make(map[string]time.Time, len(last))
	for _, m := range last {
		refused[m.Recipient] = *m.RefusedAt
	}
	return refused, nil
}

func (o *Outbox) deliver(ctx context.Context, m Message) error {
	client, err := o.client()
	if err != nil {
		return err
	}
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(o.from), msg.To(m.Recipient)); err != nil {
		return err
	}
	msg.Subject(m.Subject)
	// The same id at every try: a server that took the message before a crash
	// recognises it.
	msg.SetMessageIDWithValue(fmt.Sprintf("%d.%d@voci", m.ID, m.CreatedAt.Unix()))
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no absence note answers it (RFC 3834)
	if m.Choices != "" {
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.Choices+">") // a page: a program that follows it changes nothing
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// client speaks TLS from the first byte with smtps, and where the server offers
// it with smtp. A password is only sent over TLS.
func (o *Outbox) client() (*gomail.Client, error) {
	opts := []gomail.Option{gomail.WithTimeout(sendTimeout), gomail.WithTLSPortPolicy(gomail.TLSOpportunistic)}
	if o.server.Scheme == "smtps" {
		opts = append(opts, gomail.WithSSLPort(false))
	}
	if p := o.server.Port(); p != "" {
		port, err := strconv.Atoi(p)
		if err != nil {
			return nil, errors.New("the port of the mail server is no number")
		}
		opts = append(opts, gomail.WithPort(port))
	}
	if user := o.server.User; user != nil {
		password, _ := user.Password()
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user.Username()), gomail.WithPassword(password),
			gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	return gomail.NewClient(o.server.Hostname(), opts...)
}
