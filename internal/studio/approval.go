package studio

import (
	"cmp"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"gorm.io/gorm"

	"github.com/voci-in-comune/voci/internal/fault"
	"github.com/voci-in-comune/voci/internal/mail"
	"github.com/voci-in-comune/voci/internal/notices"
	"github.com/voci-in-comune/voci/internal/page"
	"github.com/voci-in-comune/voci/internal/testimony"
)

// approvalPage is where a town hall asks whoever speaks to approve.
type approvalPage struct {
	Crumbs    []page.Crumb
	Testimony *testimony.Testimony
	Title     string
	Action    string
	Form      *page.Form
	Missing   *page.Form // what is wanting of the testimony, if anything is
	Stands    *notice    // of the request made, if one was
	Asked     *fault.Message
	Days      int
	MaxName   int
	Editable  bool
	Languages []page.Option // that whoever speaks can be written to in
}

// approvalKey is the last part of the keys of where a request stands.
func approvalKey(t *testimony.Testimony, now time.Time) string {
	switch a := t.Approval; {
	case a.State == testimony.ApprovalRefused && a.Holds(t):
		return "refused"
	case t.State.Editable() && !a.Holds(t):
		return "changed"
	case a.Expired(now):
		return "expired"
	case a.State == testimony.ApprovalGiven && t.SubmittedAt == nil:
		return "given"
	case a.State == testimony.ApprovalGiven:
		return "done"
	default:
		return "asked"
	}
}

// approvalNotice is what a town hall should know of its request to approve.
func approvalNotice(t *testimony.Testimony, now time.Time) *notice {
	a, key := t.Approval, approvalKey(t, now)
	n := &notice{
		Kind: "warning", What: fault.Msg("approval.notice."+key, "Name", a.Name), Do: message("approval.notice."+key+"_do", "Name", a.Name),
		Button: message("approval.notice." + key + "_button"), Part: "/approvazione",
	}
	switch key {
	case "asked":
		n.Kind = "info"
		n.What = fault.Msg("approval.notice.asked", "Name", a.Name, "At", a.AskedAt)
		if t.SubmittedAt != nil {
			n.Do = message("approval.notice.asked_submitted", "Name", a.Name)
		}
	case "refused":
		n.Quote, n.Part = a.Objection, ""
	case "given", "done":
		n.Kind, n.Part = "info", ""
		if a.AnsweredAt != nil {
			n.What = fault.Msg("approval.notice."+key, "Name", a.Name, "At", *a.AnsweredAt)
		}
	}
	return n
}

// approvalStep is the station on the way where whoever speaks approves.
func approvalStep(t *testimony.Testimony, now time.Time) page.Step {
	a := t.Approval
	step := page.Step{Label: fault.Msg("approval.step", "Name", a.Name), State: page.StepWaiting, At: a.AskedAt, Note: askedBy(a)}
	switch approvalKey(t, now) {
	case "given", "done":
		step.Label, step.State, step.At = fault.Msg("approval.step_given", "Name", a.Name), page.StepDone, at(a.AnsweredAt)
	case "refused":
		step.Label, step.State, step.At = fault.Msg("approval.step_refused", "Name", a.Name), page.StepBlocked, at(a.AnsweredAt)
	case "changed", "expired":
		step.State, step.Note = page.StepBlocked, message("approval.step_again")
	}
	if !t.State.Editable() && step.State != page.StepDone {
		step.State = page.StepAhead // it went its way without
	}
	return step
}

// askedBy says who asked, and when.
func askedBy(a *testimony.Approval) *fault.Message { return wordsOfAsking(a, "approval.asked_by") }

func (s *Studio) approval(c echo.Context) error {
	return s.showApproval(c, http.StatusOK, nil)
}

// showApproval shows where the request stands and the fields of a new one; form is
// one that was refused.
func (s *Studio) showApproval(c echo.Context, status int, form *page.Form) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	title := s.pages.T(page.Lang(ctx), "approval.title")
	view := approvalPage{
		Testimony: t, Title: s.titleOf(ctx, t), Action: address(t.ID), Form: form, Editable: t.State.Editable(),
		Days: int(testimony.ApprovalLife.Hours() / 24), MaxName: testimony.MaxName,
		Crumbs: []page.Crumb{hallCrumb(p, m), {Label: s.titleOf(ctx, t), Href: address(t.ID)}, {Label: title}},
	}
	if t.Approval != nil {
		view.Stands, view.Asked = approvalNotice(t, s.clock()), askedBy(t.Approval)
		view.Stands.Button = nil
	}
	for _, code := range notices.Languages() {
		view.Languages = append(view.Languages, page.Option{Value: code, Label: s.pages.T(page.Lang(ctx), "language."+code)})
	}
	missing, err := s.testimonies.Unready(ctx, t)
	if err != nil {
		return err
	}
	if view.Editable && len(missing) > 0 {
		view.Missing = page.NewForm(nil, missing.Err())
	}
	return s.pages.Render(c, status, "studio/approval", page.Frame{
		Title: title, Section: "/comune", Robots: "noindex", Canonical: address(t.ID) + "/approvazione", Page: view,
	})
}

// askApproval mails a link to whoever speaks.
func (s *Studio) askApproval(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	values, err := page.Values(c)
	if err != nil {
		return err
	}
	m, err := s.registry.Municipality(p.MunicipalityCode)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	who := testimony.Asked{Name: values.Get("name"), Email: values.Get("email"), Language: cmp.Or(values.Get("language"), page.Lang(ctx))}
	_, err = s.testimonies.AskApproval(ctx, p.Actor(), p.MunicipalityCode, t.ID, who, func(tx *gorm.DB, t *testimony.Testimony, token string) error {
		link := s.baseURL + page.Localize(who.Language, "/approva/"+token)
		return s.outbox.Post(tx, mail.Message{
			Recipient: t.Approval.Email, Lang: who.Language, Link: link, Action: s.pages.T(who.Language, "approval.mail.action"),
			Subject: s.pages.T(who.Language, "approval.mail.subject", "Title", t.Title),
			Text: s.pages.T(who.Language, "approval.mail.text", "Name", t.Approval.Name, "By", p.Name, "Municipality", m.Name, "Title", t.Title,
				"Days", int(testimony.ApprovalLife.Hours()/24), "Link", link),
		})
	})
	if page.Refused(err) {
		return s.showApproval(c, http.StatusUnprocessableEntity, page.NewForm(values, err))
	}
	if err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "approval.sent")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}

func (s *Studio) takeBackApproval(c echo.Context) error {
	p, t, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if _, err := s.testimonies.TakeBackApproval(ctx, p.Actor(), p.MunicipalityCode, t.ID); err != nil {
		return err
	}
	s.sessions.SetFlash(ctx, "approval.took_back")
	return c.Redirect(http.StatusSeeOther, localized(c, address(t.ID)))
}
