package site

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/card"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// groupSize is how many testimonies are read at a time.
const groupSize = 500

// openTestimony is a testimony as open data. The names are a contract.
type openTestimony struct {
	ID           int64      `json:"id"`
	Title        string     `json:"title"`
	Municipality string     `json:"municipality"` // ISTAT code
	Themes       []string   `json:"themes"`
	Tags         []string   `json:"tags"`
	Language     string     `json:"language"`
	PublishedAt  *time.Time `json:"published_at"`
	YoutubeID    *string    `json:"youtube_id"` // null while it is not on the channel
	Views        *int64     `json:"views"`      // null: YouTube has not said
	ViewsAt      *time.Time `json:"views_at"`
	URL          string     `json:"url"`
}

// data writes all that is public as a list in JSON, a group at a time: however
// many there are, only one group is held here.
func (s *Site) data(c echo.Context) error {
	ctx := c.Request().Context()
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "application/json; charset=utf-8")
	w.Header().Set(echo.HeaderAccessControlAllowOrigin, "*") // open data, for pages elsewhere too
	before := "[\n"
	err := s.Testimonies.EachShown(ctx, groupSize, func(group []testimony.Testimony) error {
		rows, err := s.open(ctx, group)
		if err != nil {
			return err
		}
		for _, row := range rows {
			line, err := json.Marshal(row)
			if err != nil {
				return fmt.Errorf("write testimony %d: %w", row.ID, err)
			}
			if _, err := w.Write(append([]byte(before), line...)); err != nil {
				return fmt.Errorf("send the open data: %w", err)
			}
			before = ",\n"
		}
		return nil
	})
	if err != nil {
		return err
	}
	end := "\n]\n"
	if before == "[\n" {
		end = "[]\n"
	}
	if _, err := w.Write([]byte(end)); err != nil {
		return fmt.Errorf("send the open data: %w", err)
	}
	return nil
}

// open turns testimonies into open data, with two queries.
func (s *Site) open(ctx context.Context, group []testimony.Testimony) ([]openTestimony, error) {
	ids := make([]int64, len(group))
	for i, t := range group {
		ids[i] = t.ID
	}
	publications, err := s.Publisher.Of(ctx, ids)
	if err != nil {
		return nil, err
	}
	counts, err := s.Views.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]openTestimony, len(group))
	for i := range group {
		t := &group[i]
		m, err := s.Registry.Shown(t.MunicipalityCode)
		if err != nil {
			return nil, err
		}
		rows[i] = openTestimony{
			ID: t.ID, Title: t.Title, Municipality: m.IstatCode, Themes: []string{}, Tags: append([]string{}, t.Tags...),
			Language: t.Language, PublishedAt: t.PublishedAt, URL: s.BaseURL + card.Address(t),
		}
		for _, th := range t.Themes {
			rows[i].Themes = append(rows[i].Themes, th.Slug)
		}
		if pub := publications[t.ID]; pub.Playable() {
			rows[i].YoutubeID = pub.YoutubeID
		}
		if n := counts[t.ID]; n.Views != nil {
			rows[i].Views, rows[i].ViewsAt = n.Views, &n.At
		}
	}
	return rows, nil
}

// robots tells search engines to leave the rooms of town halls and staff alone.
// What has an address but is in no list says so itself.
func robots(c echo.Context) error {
	return c.String(http.StatusOK, `User-agent: *
Disallow: /redazione
Disallow: /comune/
Disallow: /comune$
Disallow: /entra
Disallow: /caricamenti/
Disallow: /posta
`)
}

// favicon is for those who do not read the page first.
func favicon(c echo.Context) error {
	return c.Redirect(http.StatusMovedPermanently, "/static/favicon.svg")
}
