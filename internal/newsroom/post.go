package newsroom

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

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
	if _, err := staff(c); err != nil && !fromHere(c.Request()) {
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
	return n.Pages.Render(c, http.StatusOK, "newsroom/mail", page.Frame{
		Title: n.Pages.T(page.Lang(c.Request().Context()), "newsroom.mail.title"), Robots: "noindex", Secret: true, Page: letters,
	})
}

// proxied are the headers by which proxies tell for whom they ask.
var proxied = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"}

// fromHere tells whether the request comes from this machine without a proxy,
// and from a page of this machine: a name that leads here may be anybody's.
func fromHere(r *http.Request) bool {
	for _, name := range proxied {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(client) && loopback((&url.URL{Host: r.Host}).Hostname())
}

func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

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
	token, known, err := n.Accounts.SignInLink(ctx, email)
	if err != nil {
		return err
	}
	if !known {
		_, err := account.ParseEmail(email)
		return err
	}
	return n.Outbox.PostNow(ctx, mail.Message{
		Recipient: strings.TrimSpace(email),
		Subject:   n.Pages.T(lang, "mail.signin.subject"),
		Text:      n.Pages.T(lang, "mail.signin.text", "Link", n.enter(token), "Minutes", int(account.StaffLinkLife.Minutes())),
	})
}
