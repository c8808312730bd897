package newsroom

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/dashboard"
	"github.com/voci-in-comune/voci/internal/page"
)

// dashboard shows staff the numbers, and how fresh they are.
func (n *Newsroom) dashboard(c echo.Context) error {
	if _, err := staff(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	board, err := n.Dashboard.Board(ctx, dashboard.Ask{
		Lang: page.Lang(ctx), Path: "/redazione/cruscotto", Page: page.PageNumber(c), Staff: true,
	})
	if err != nil {
		return err
	}
	return n.render(c, http.StatusOK, "dashboard", "/redazione/cruscotto", "dashboard.title", board)
}
