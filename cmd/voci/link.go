package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/voci-in-comune/voci/internal/account"
	"github.com/voci-in-comune/voci/internal/app"
	"github.com/voci-in-comune/voci/internal/config"
)

// actor is who links are made by, in the trail.
const actor = "voci link"

type linkCmd struct {
	Municipality string       `help:"ISTAT code of the municipality whose personal link to print, such as 001272; asked twice it is the same." placeholder:"CODE"`
	Staff        string       `help:"Mail address of the member of staff to let in once, within half an hour; the account is made if there is none." placeholder:"EMAIL"`
	Role         account.Role `help:"What the member of staff may do: moderator or administrator." placeholder:"ROLE"`
}

// Run prints the link, and nothing else.
func (c *linkCmd) Run(ctx context.Context, s *config.Settings, log *slog.Logger) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	a, err := app.Open(ctx, *s, quiet(log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	token, err := c.token(ctx, a.Accounts)
	if err != nil {
		return err
	}
	fmt.Printf("%s/entra/%s\n", s.BaseURL, token)
	return nil
}

func (c *linkCmd) check() error {
	switch {
	case c.Municipality == "" && c.Staff == "":
		return errors.New("say whose link: --municipality CODE, or --staff EMAIL --role ROLE")
	case c.Municipality != "" && (c.Staff != "" || c.Role != ""):
		return errors.New("--municipality goes without --staff and --role: a link is a town hall's or a member of staff's")
	case c.Staff != "" && c.Role == "":
		return errors.New("say what the member of staff may do: --role moderator or --role administrator")
	}
	return nil
}

func (c *linkCmd) token(ctx context.Context, accounts *account.Store) (string, error) {
	if c.Staff != "" {
		return accounts.StaffLink(ctx, actor, c.Staff, c.Role)
	}
	return accounts.PersonalLink(ctx, actor, c.Municipality)
}
