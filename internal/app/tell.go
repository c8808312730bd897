package app

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
)

// resume has everything that waits for the channel go on.
func (a *App) resume(tx *gorm.DB, enqueue func(*gorm.DB, int64, publishing.Lane) error) error {
	if err := publishing.Resume(tx, enqueue); err != nil {
		return err
	}
	return a.Queue.Add(tx, jobs.Tend{})
}

// troubled writes to the administrators that the channel has stopped: once, until
// it works again.
func (a *App) troubled(tx *gorm.DB, channel string, why fault.Message) error {
	to, err := a.Accounts.Administrators(tx)
	if err != nil {
		return err
	}
	link := a.Settings.BaseURL + "/redazione/youtube"
	for _, one := range to {
		err := a.Outbox.Post(tx, mail.Message{
			Recipient: one, Link: link, Action: a.say(fault.Msg("kit.mail.channel")),
			Subject: a.say(fault.Msg("mail.trouble.subject", "Channel", channel)),
			Text:    a.say(fault.Msg("mail.trouble.text", "Channel", channel, "Why", a.say(why), "Link", link)),
		})
		if err != nil {
			return fmt.Errorf("write to %s about the channel: %w", one, err)
		}
	}
	return nil
}

// gone sends the proof that a withdrawn testimony is off the channel to whoever
// asked for it.
func (a *App) gone(tx *gorm.DB, testimonyID int64) error {
	t, err := a.Testimonies.GetIn(tx, testimonyID)
	if err != nil || t.ProofEmail == "" {
		return err
	}
	m, err := a.Registry.Municipality(t.MunicipalityCode)
	if err != nil {
		return err
	}
	link := fmt.Sprintf("%s/comune/testimonianze/%d/prova", a.Settings.BaseURL, t.ID)
	return a.Outbox.Post(tx, mail.Message{
		Recipient: t.ProofEmail, Link: link, Action: a.say(fault.Msg("kit.mail.proof")),
		Subject: a.say(fault.Msg("mail.proof.subject", "Title", t.Title)),
		Text:    a.say(fault.Msg("mail.proof.text", "Title", t.Title, "Name", m.Name, "Withdrawn", *t.ClosedAt, "Gone", time.Now(), "Link", link)),
	})
}

// openNotices builds what tells town halls of their testimonies.
func (a *App) openNotices() {
	a.Notices = notices.New(notices.Rooms{
		DB: a.DB, Testimonies: a.Testimonies, Registry: a.Registry, Outbox: a.Outbox,
		Say: a.sayIn, Address: func(lang, path string) string { return a.Settings.BaseURL + page.Localize(lang, path) },
		Expected: a.expected, Clock: time.Now, Log: a.Log,
	})
}

// sayIn puts a message into a language.
func (a *App) sayIn(lang string, m fault.Message) string {
	if a.pages != nil {
		return a.pages.Say(lang, m)
	}
	return words(lang, m)
}

// expected says when an approved testimony comes out, nil if nobody can tell.
func (a *App) expected(ctx context.Context, testimonyID int64) (*fault.Message, error) {
	publications, err := a.Publisher.Of(ctx, []int64{testimonyID})
	if err != nil {
		return nil, err
	}
	pub, ok := publications[testimonyID]
	if !ok {
		return nil, nil
	}
	if pub.PublishAt != nil && pub.PublishAt.After(time.Now()) {
		m := fault.Msg("kit.mail.approved.scheduled", "At", *pub.PublishAt)
		return &m, nil
	}
	all, err := a.Publisher.Expect(ctx)
	if err != nil {
		return nil, err
	}
	if when := all[pub.ID]; when.Known {
		return when.Explain(), nil
	}
	return nil, nil
}
