package notices

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// ChoicesPath is the page where people choose their notices. It asks for their
// personal link like every page of a town hall: no message lets anybody in.
const ChoicesPath = "/comune/avvisi"

// post keeps the messages of what happened inside tx: to each person at most
// one, whatever happened. It returns how many.
func (d *Desk) post(tx *gorm.DB, news []item) (told int, err error) {
	var codes []string
	of := map[string][]item{}
	for _, one := range news {
		code := one.testimony.MunicipalityCode
		if of[code] == nil {
			codes = append(codes, code)
		}
		of[code] = append(of[code], one)
	}
	for _, code := range codes {
		people, err := d.readers(tx, code)
		if err != nil {
			return told, err
		}
		for _, p := range people {
			wanted := of[code]
			if p.Wants == Important {
				wanted = slices.DeleteFunc(slices.Clone(wanted), func(i item) bool { return !i.kind.important() })
			}
			if len(wanted) == 0 {
				continue
			}
			m, err := d.letter(p, code, wanted)
			if err != nil {
				return told, err
			}
			if err := d.Outbox.Post(tx, m); err != nil {
				if fault.Of(err) == fault.Invalid { // an address that was typed before there were rules for it
					d.Log.WarnContext(tx.Statement.Context, "an address takes no mail", "link", p.LinkID)
					continue
				}
				return told, fmt.Errorf("write to link %d: %w", p.LinkID, err)
			}
			told++
		}
	}
	return told, nil
}

// letter is what a person is told: of one testimony what happened and what to
// do, of several a list.
func (d *Desk) letter(p Person, code string, news []item) (mail.Message, error) {
	m, err := d.Registry.Municipality(code)
	if err != nil {
		return mail.Message{}, err
	}
	say := func(key string, pairs ...any) string {
		return strings.TrimSpace(d.Say(p.Language, fault.Msg(key, append(pairs, "Name", m.Name)...)))
	}
	choices := d.Address(p.Language, ChoicesPath)
	letter := mail.Message{Recipient: p.Email, Lang: p.Language, Choices: choices}
	var text string
	if len(news) == 1 {
		one := news[0]
		letter.Link, letter.Action = d.where(p.Language, one), say("kit.mail."+string(one.kind)+".action")
		letter.Subject = say("kit.mail."+string(one.kind)+".subject", "Title", d.title(p.Language, one.testimony))
		text = d.tell(p.Language, say, one)
	} else {
		letter.Link, letter.Action = d.Address(p.Language, "/comune"), say("kit.mail.several.action")
		letter.Subject = say("kit.mail.several.subject", "Count", len(news))
		text = say("kit.mail.several.text", "Count", len(news))
		for _, one := range news {
			text += "\n\n" + say("kit.mail.several.item", "Title", d.title(p.Language, one.testimony), "What", say("kit.mail."+string(one.kind)+".short"))
		}
	}
	letter.Text = strings.Join([]string{say("kit.mail.hello"), text, letter.Link, say("kit.mail.bye") + "\n\n-- \n" + say("kit.mail.why", "Choices", choices)}, "\n\n") + "\n"
	return letter, nil
}

// tell is the middle of a letter on one testimony.
func (d *Desk) tell(lang string, say func(string, ...any) string, one item) string {
	t := one.testimony
	parts := []string{say("kit.mail."+string(one.kind)+".text", "Title", d.title(lang, t))}
	switch one.kind {
	case unusable:
		parts = append(parts, mail.Quote(d.Say(lang, t.Full.Reason.Message)))
	case changes, rejected, withdrawn:
		if t.Reason != "" {
			parts = append(parts, mail.Quote(t.Reason))
		}
	case approved:
		if one.expected != nil {
			parts = append(parts, d.Say(lang, *one.expected))
		}
	case published:
		parts = append(parts, say("kit.mail.published.kit", "Kit", d.Address(lang, fmt.Sprintf("/comune/testimonianze/%d/stampa", t.ID))))
	}
	if key := "kit.mail." + string(one.kind) + ".do"; one.kind != published && one.kind != approved && one.kind != blocked && one.kind != private {
		parts = append(parts, say(key))
	}
	return strings.Join(parts, "\n\n")
}

// where is the page that there is something to do, or to see, on.
func (d *Desk) where(lang string, one item) string {
	t := one.testimony
	switch one.kind {
	case published:
		return d.Address("it", fmt.Sprintf("/testimonianze/%d-%s", t.ID, t.Slug()))
	case withdrawn:
		return d.Address(lang, fmt.Sprintf("/comune/testimonianze/%d/prova", t.ID))
	default:
		return d.Address(lang, fmt.Sprintf("/comune/testimonianze/%d", t.ID))
	}
}

func (d *Desk) title(lang string, t *testimony.Testimony) string {
	if t.Title == "" {
		return d.Say(lang, fault.Msg("kit.mail.untitled"))
	}
	return t.Title
}
