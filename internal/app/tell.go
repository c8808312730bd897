package app

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/jobs"
	"github.com/voci-in-comune/voci/internal/mail"
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
	for _, one := range to {
		err := a.Outbox.Post(tx, mail.Message{
			Recipient: one,
			Subject:   a.say(fault.Msg("mail.trouble.subject", "Channel", channel)),
			Text:      a.say(fault.Msg("mail.trouble.text", "Channel", channel, "Why", a.say(why), "Link", a.Settings.BaseURL+"/redazione/youtube")),
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
		Recipient: t.ProofEmail,
		Subject:   a.say(fault.Msg("mail.proof.subject", "Title", t.Title)),
		Text:      a.say(fault.Msg("mail.proof.text", "Title", t.Title, "Name", m.Name, "Withdrawn", *t.ClosedAt, "Gone", time.Now(), "Link", link)),
	})
}
