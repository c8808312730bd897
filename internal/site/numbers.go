package site

import (
	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/page"
)

// numbers is the public dashboard.
func (s *Site) numbers(c echo.Context) error {
	ctx := c.Request().Context()
	board, err := s.Dashboard.Board(ctx, dashboard.Ask{Lang: page.Lang(ctx), Path: "/numeri", Page: page.PageNumber(c)})
	if err != nil {
		return err
	}
	return s.render(c, "numbers", page.Frame{Section: "/numeri", Page: board})
}
