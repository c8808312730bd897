package newsroom

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/insight"
	"github.com/voci-in-comune/voci/internal/publishing"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// todayPage is what needs a person now, and the registry below it.
type todayPage struct {
	Waiting   int64      // testimonies to review
	Oldest    *time.Time // since when the first of them waits
	Channel   channelState
	Queue     []queued // publications on their way, those that need a person first
	Freshness insight.Freshness
	List      municipalitiesPage
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
	Explain *fault.Message
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
	if view.Channel, err = n.channelState(c); err != nil {
		return err
	}
	if view.Queue, err = n.queue(c); err != nil {
		return err
	}
	if view.Freshness, err = n.Insight.Freshness(ctx); err != nil {
		return err
	}
	if view.List, err = n.list(c); err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "today", "/redazione", "newsroom.today.title", view)
}

func (n *Newsroom) channelState(c echo.Context) (channelState, error) {
	state := channelState{Kind: n.YouTube}
	if n.Channels == nil {
		return state, nil
	}
	current, err := n.Channels.Current(c.Request().Context())
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
		m := fault.Msg(current.Trouble)
		state.Trouble = &m
	}
	return state, nil
}

// queue lists the publications that are not out yet.
func (n *Newsroom) queue(c echo.Context) ([]queued, error) {
	ctx := c.Request().Context()
	list, err := n.Publisher.Queue(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, p := range list {
		ids[i] = p.TestimonyID
	}
	testimonies, err := n.Testimonies.ByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	var rows []queued
	for _, p := range list {
		t, ok := testimonies[p.TestimonyID]
		if !ok {
			continue
		}
		items, err := n.items([]testimony.Testimony{t})
		if err != nil {
			return nil, err
		}
		rows = append(rows, queued{Publication: p, queueItem: items[0], Explain: p.Explain()})
	}
	return rows, nil
}
