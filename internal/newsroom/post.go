package newsroom

import (
	"context"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/page"
)

// keptMessages is how many kept messages the page shows.
const keptMessages = 50

// letter is a kept message, its text cut at its addresses so that they can be
// opened.
type letter struct {
	mail.Message
	Parts []letterPart
}

type letterPart struct {
	Text string
	Link bool
}

var address = regexp.MustCompile(`https?://\S+`)

// keptMail shows the messages that no mail server takes, on the machine of
// whoever tries the portal: to staff, and to this machine itself, since a
// sign-in link may be among them.
func (n *Newsroom) keptMail(c echo.Context) error {
	if _, err := staff(c); err != nil && !page.FromHere(c.Request()) {
		return err
	}
	list, err := n.Outbox.Recent(c.Request().Context(), keptMessages)
	if err != nil {
		return err
	}
	letters := make([]letter, 0, len(list))
	for _, m := range list {
		letters = append(letters, letter{Message: m, Parts: cut(m.Text)})
	}
	return n.show(c, http.StatusOK, "mail", page.Frame{
		Title: n.Pages.T(page.Lang(c.Request().Context()), "newsroom.mail.title"), Secret: true, Page: letters,
	})
}

func cut(text string) []letterPart {
	var parts []letterPart
	from := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		parts = append(parts, letterPart{Text: text[from:at[0]]}, letterPart{Text: text[at[0]:at[1]], Link: true})
		from = at[1]
	}
	return append(parts, letterPart{Text: text[from:]})
}

// SignIn mails a sign-in link to a member of staff, if email is one's. It
// returns fault.Invalid for what is no address.
func (n *Newsroom) SignIn(ctx context.Context, lang, email string) error {
	email, err := account.ParseEmail(email)
	if err != nil {
		return err
	}
	to, token, err := n.Accounts.SignInLink(ctx, email)
	if err != nil || token == "" {
		return err
	}
	return n.Outbox.PostNow(ctx, mail.Message{
		Recipient: to, Lang: lang, Link: n.enter(token), Action: n.Pages.T(lang, "kit.mail.enter"),
		Subject: n.Pages.T(lang, "mail.signin.subject"),
		Text:    n.Pages.T(lang, "mail.signin.text", "Link", n.enter(token), "Minutes", int(account.StaffLinkLife.Minutes())),
	})
}
