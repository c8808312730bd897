package newsroom

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/audit"
	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
	"github.com/voci-in-comune/voci/internal/youtube"
)

// planPart is a publication's plan and what it still costs.
type planPart struct {
	Rows    []planRow
	Uploads int                    // still to be made
	Units   int                    // still to be spent
	Left    []publishing.Remaining // of today's allowances: uploads, then units
	Blocked bool                   // a step beside the publication itself needs a person
}

// planRow is a step of the plan as it is shown.
type planRow struct {
	Label  fault.Message
	Of     string // name of the theme, zone or language
	State  page.StepState
	Upload bool // costs an upload
	Units  int
	Notes  []fault.Message // what it waits for and until when, what a person must do
}

// note adds what there is to say of a step; nil is nothing.
func (r *planRow) note(m *fault.Message) {
	if m != nil {
		r.Notes = append(r.Notes, *m)
	}
}

// notedAt adds a sentence with a time, if there is one.
func (r *planRow) notedAt(key string, at *time.Time) {
	if at != nil {
		r.Notes = append(r.Notes, fault.Msg(key, "At", *at))
	}
}

// plan is a publication as a list of steps: first the ones that it goes through
// itself, then what else the channel should have.
func (n *Newsroom) plan(ctx context.Context, pub *publishing.Publication, t *testimony.Testimony) (planPart, error) {
	var part planPart
	steps, err := n.Publisher.Steps(ctx, pub.ID)
	if err != nil {
		return part, err
	}
	if pub.Leaving() {
		part.Rows = leaving(pub)
	} else {
		part.Rows = []planRow{uploading(page.Lang(ctx), pub), processing(pub), checking(pub)}
	}
	short := n.short(ctx)
	for _, s := range steps {
		if row, ok := n.step(page.Lang(ctx), pub, t, s); ok {
			part.Blocked = part.Blocked || s.State == publishing.StepBlocked
			if row.State == page.StepWaiting && s.Explain() == nil {
				row.note(short)
			}
			part.Rows = append(part.Rows, row)
		}
	}
	for _, row := range part.Rows {
		part.Units += row.Units
		if row.Upload {
			part.Uploads++
		}
	}
	if n.Channels == nil {
		return part, nil
	}
	part.Left, err = n.Ledger.Remaining(ctx)
	return part, err
}

// short says that today's units are used up but for those that are kept, nil if
// they are not.
func (n *Newsroom) short(ctx context.Context) *fault.Message {
	e, ok := errors.AsType[*fault.Error](n.Ledger.Room(ctx, youtube.BucketUnits, youtube.CostRead+youtube.CostWrite, publishing.Spare))
	if !ok {
		return nil
	}
	m := fault.Msg("newsroom.plan.short", "From", e.Until)
	return &m
}

// uploading is the file's way to the channel.
func uploading(lang string, pub *publishing.Publication) planRow {
	row := planRow{Label: fault.Msg("newsroom.plan.upload"), State: page.StepWaiting}
	switch {
	case pub.YoutubeID != nil:
		row.State = page.StepDone
		if pub.Origin != publishing.FromPortal {
			row.note(&fault.Message{Key: "newsroom.plan.origin." + string(pub.Origin)})
		}
		row.notedAt("newsroom.plan.uploaded", pub.UploadedAt)
		return row
	case pub.State == publishing.Sending:
		row.State = page.StepCurrent
		if pub.SessionTotal > 0 {
			m := fault.Msg("newsroom.plan.bytes", "Sent", page.Bytes(lang, pub.StoredBytes), "Total", page.Bytes(lang, pub.SessionTotal),
				"Percent", pub.StoredBytes*100/pub.SessionTotal)
			row.note(&m)
		}
		if pub.Reason.Key != "" {
			row.State = page.StepWaiting
			row.note(pub.Explain())
		}
		return row
	case pub.State == publishing.Blocked:
		row.State = page.StepBlocked
	}
	row.Upload = pub.SessionSealed == nil
	row.note(pub.Explain())
	return row
}

// processing is what YouTube makes of the file.
func processing(pub *publishing.Publication) planRow {
	row := planRow{Label: fault.Msg("newsroom.plan.processing"), State: page.StepAhead}
	switch {
	case pub.ProcessedAt != nil:
		row.State = page.StepDone
		row.notedAt("newsroom.plan.processed", pub.ProcessedAt)
		return row
	case pub.YoutubeID == nil:
		return row
	case pub.State == publishing.Blocked, pub.State == publishing.Missing:
		row.State = page.StepBlocked
		row.note(pub.Explain())
	default:
		row.State = page.StepCurrent
		if pub.Reason.Key != "" {
			row.State = page.StepWaiting
			row.note(pub.Explain())
		}
	}
	row.notedAt("newsroom.plan.since", pub.UploadedAt)
	row.notedAt("newsroom.plan.seen", pub.SeenAt)
	if row.State == page.StepCurrent {
		row.notedAt("newsroom.plan.look", pub.NextPollAt)
	}
	return row
}

// checking compares who may see the video with who was asked for.
func checking(pub *publishing.Publication) planRow {
	row := planRow{Label: fault.Msg("newsroom.plan.privacy_check"), State: page.StepAhead}
	switch {
	case pub.YoutubeID == nil || (pub.ProcessedAt == nil && pub.State != publishing.Public):
		return row
	case pub.State == publishing.Public:
		row.State = page.StepDone
		if pub.SeenPrivacy != "" {
			row.note(&fault.Message{Key: "newsroom.plan.seen_privacy." + string(pub.SeenPrivacy)})
		}
	case pub.State == publishing.Blocked, pub.State == publishing.Missing:
		row.State = page.StepBlocked
		row.note(pub.Explain())
	default:
		row.State = page.StepWaiting
		row.note(pub.Explain())
	}
	row.notedAt("newsroom.plan.seen", pub.SeenAt)
	return row
}

// leaving is the way of a withdrawn video off the channel.
func leaving(pub *publishing.Publication) []planRow {
	hidden := planRow{Label: fault.Msg("newsroom.plan.hide"), State: page.StepWaiting}
	deleted := planRow{Label: fault.Msg("newsroom.plan.delete"), State: page.StepAhead}
	switch {
	case pub.State == publishing.Removed:
		hidden.State, deleted.State = page.StepDone, page.StepDone
		deleted.notedAt("newsroom.plan.deleted", &pub.Since)
	case pub.HiddenAt != nil:
		hidden.State, deleted.State = page.StepDone, page.StepWaiting
		deleted.note(pub.Explain())
	default:
		hidden.note(pub.Explain())
	}
	if pub.HiddenAt != nil {
		hidden.notedAt("newsroom.plan.hidden", pub.HiddenAt)
	}
	return []planRow{hidden, deleted}
}

// step is one more thing that the channel should have; not ok if there is
// nothing to say of it.
func (n *Newsroom) step(lang string, pub *publishing.Publication, t *testimony.Testimony, s publishing.Step) (row planRow, ok bool) {
	switch {
	case s.Wanted == "" && s.Had == "":
		return row, false
	case pub.Leaving() && (s.Kind != publishing.StepPlaylist || s.Had == ""):
		return row, false // what goes with the video needs no step of its own
	case pub.Leaving():
		s.Wanted, s.State = "", publishing.StepWaiting
	case s.Kind == publishing.StepPrivacy && s.State == publishing.StepDone:
		return row, false // the check says it
	}
	row = planRow{Label: fault.Msg("newsroom.plan." + string(s.Kind)), Of: n.stepOf(lang, t, s), Units: s.Cost()}
	if s.Wanted == "" {
		row.Label = fault.Msg("newsroom.plan." + string(s.Kind) + "_away")
	}
	switch s.State {
	case publishing.StepDone:
		row.State = page.StepDone
		return row, true
	case publishing.StepBlocked:
		row.State = page.StepBlocked
		row.note(s.Explain())
		return row, true
	}
	if pub.YoutubeID == nil || (pub.State == publishing.Processing && pub.ProcessedAt == nil && s.Kind != publishing.StepPrivacy) {
		row.State = page.StepAhead
		if with := s.WithUpload(); with && pub.YoutubeID == nil {
			if s.Kind == publishing.StepPrivacy {
				return row, false // it is asked for with the file, and checked
			}
			row.Units = 0
			row.note(&fault.Message{Key: "newsroom.plan.with_upload"})
		}
		return row, true
	}
	row.State = page.StepWaiting
	row.note(s.Explain())
	if len(row.Notes) == 0 && s.Kind == publishing.StepCaptions {
		row.note(&fault.Message{Key: "newsroom.plan.captions_last"})
	}
	return row, true
}

// stepOf names the theme, zone or language of a step.
func (n *Newsroom) stepOf(lang string, t *testimony.Testimony, s publishing.Step) string {
	switch s.Kind {
	case publishing.StepCaptions:
		return n.Pages.T(lang, "language."+s.Key)
	case publishing.StepPlaylist:
		id, slug := s.ListOf()
		if zone, err := n.Registry.Zone(slug); err == nil {
			return zone.Name
		}
		for _, theme := range t.Themes {
			if theme.ID == id {
				return theme.Name(lang)
			}
		}
		return s.Key
	}
	return ""
}

// act is an entry of the trail in words.
type act struct {
	At     time.Time
	Who    string // address of a person; empty for others
	Town   bool   // the town hall did it
	Action string // as the trail names it; empty for one that has no words yet
	Code   string
	Said   string         // what a person wrote
	Why    *fault.Message // what the portal says of it
}

// history is what happened to a publication and its testimony, the latest first.
func (n *Newsroom) history(ctx context.Context, pub *publishing.Publication) ([]act, error) {
	entries, err := n.Publisher.History(ctx, pub)
	if err != nil {
		return nil, err
	}
	lang := page.Lang(ctx)
	acts := make([]act, len(entries))
	for i, e := range entries {
		one := act{At: e.At, Town: account.ActedForTownHall(e.Actor), Code: e.Action}
		if e.Actor != audit.Portal {
			one.Who = byWhom(e.Actor)
		}
		if n.Pages.Knows(lang, "newsroom.act."+e.Action) {
			one.Action = e.Action
		}
		one.explain(e)
		acts[len(acts)-1-i] = one
	}
	return acts, nil
}

// explain reads out of the trail why something was done.
func (a *act) explain(e audit.Entry) {
	var detail struct {
		Reason string
		Why    *fault.Message
		At     *time.Time
	}
	if json.Unmarshal([]byte(e.Detail), &detail) != nil {
		return // of another kind of act, with other words
	}
	switch {
	case detail.Why != nil:
		a.Why = said(*detail.Why)
	case detail.At != nil:
		m := fault.Msg("newsroom.act.at", "At", *detail.At)
		a.Why = &m
	case e.Subject == "testimony" && detail.Reason != "" && a.Who != "":
		a.Said = detail.Reason
	}
}

// said is a sentence out of the trail, whose times are times again.
func said(m fault.Message) *fault.Message {
	m.Args = maps.Clone(m.Args)
	for name, v := range m.Args {
		if text, ok := v.(string); ok {
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				m.Args[name] = at
			}
		}
	}
	return &m
}
