package newsroom

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// shownAtOnce is how many publications the page of today shows before one asks
// for more.
const shownAtOnce = 8

// todayPage is what needs a person now, and the registry below it.
type todayPage struct {
	Waiting int64      // testimonies to review
	Oldest  *time.Time // since when the first of them waits
	Channel channelState
	Queue   []queued       // publications on their way, those that need a person first
	More    []queued       // the rest of them, folded away
	Blocked int            // how many of them need a person
	Differ  int64          // differences between portal and channel
	Testing *fault.Message // the channel's permission ends, and when
	Nothing bool           // nothing needs a person
	Synced  *time.Time
	List    municipalitiesPage
}

// channelState is whether the channel can be used.
type channelState struct {
	Kind    string // sandbox, live or off
	Channel *publishing.Channel
	Trouble *fault.Message // why it cannot, if so
}

// queued is a publication with its testimony.
type queued struct {
	publishing.Publication
	queueItem
	Explain   *fault.Message
	Blocked   bool
	RetryHref string // empty if there is nothing to try again
	PlanHref  string
	HandHref  string         // without a channel: where it is published by hand
	Expected  *fault.Message // when it goes on; nil where Explain says so
}

func (n *Newsroom) today(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	var view todayPage
	first, total, err := n.Testimonies.InReviewQueue(ctx, 0, 1)
	if err != nil {
		return err
	}
	view.Waiting = total
	if len(first) > 0 {
		view.Oldest = first[0].SubmittedAt
	}
	if view.Channel, err = n.channelState(ctx); err != nil {
		return err
	}
	if view.Queue, err = n.queue(ctx); err != nil {
		return err
	}
	if view.Differ, err = n.Publisher.OpenFindings(ctx); err != nil {
		return err
	}
	for _, q := range view.Queue {
		if q.Blocked {
			view.Blocked++
		}
	}
	if most := max(shownAtOnce, view.Blocked); len(view.Queue) > most {
		view.Queue, view.More = view.Queue[:most], view.Queue[most:]
	}
	view.Testing = ends(view.Channel.Channel)
	view.Nothing = view.Waiting == 0 && view.Blocked == 0 && view.Differ == 0 && view.Testing == nil && view.Channel.Trouble == nil
	fresh, err := n.Insight.Freshness(ctx)
	if err != nil {
		return err
	}
	view.Synced = fresh.SyncedAt
	if view.List, err = n.list(c); err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "today", "/redazione", "newsroom.today.title", view)
}

// ends says when the permission of a channel ends, nil if it does not.
func ends(ch *publishing.Channel) *fault.Message {
	if ch == nil || ch.TokenEndsAt == nil {
		return nil
	}
	m := fault.Msg("newsroom.today.testing", "Until", *ch.TokenEndsAt)
	return &m
}

func (n *Newsroom) channelState(ctx context.Context) (channelState, error) {
	state := channelState{Kind: n.YouTube}
	if n.Channels == nil {
		return state, nil
	}
	current, err := n.Channels.Current(ctx)
	if fault.Of(err) == fault.NotFound {
		m := fault.Msg("newsroom.channel.none")
		state.Trouble = &m
		return state, nil
	}
	if err != nil {
		return state, err
	}
	state.Channel = current
	if current.Trouble != "" {
		m := fault.Msg(current.Trouble, "Name", current.Title)
		state.Trouble = &m
	}
	return state, nil
}

// queue lists the publications that are not out yet, those that need a person
// first.
func (n *Newsroom) queue(ctx context.Context) ([]queued, error) {
	list, err := n.Publisher.Queue(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, each := range list {
		ids[i] = each.TestimonyID
	}
	testimonies, err := n.Testimonies.ByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	expected, err := n.Publisher.Expect(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]queued, 0, len(list))
	for _, each := range list {
		t, ok := testimonies[each.TestimonyID]
		if !ok {
			continue
		}
		items, err := n.items([]testimony.Testimony{t})
		if err != nil {
			return nil, err
		}
		row := queued{Publication: each, queueItem: items[0], Explain: each.Explain(), Blocked: each.State == publishing.Blocked}
		row.PlanHref = publicationAddress(each.ID)
		if n.Channels == nil && each.Handable() {
			row.HandHref = row.PlanHref + "/a-mano"
		}
		if e, ok := expected[each.ID]; ok && n.Channels != nil {
			row.Expected = e.Explain()
		}
		if row.Blocked {
			row.RetryHref = row.PlanHref + "/riprova"
		}
		rows = append(rows, row)
	}
	return rows, nil
}
