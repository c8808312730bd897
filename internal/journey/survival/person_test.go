package survival

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// person is somebody at a browser, who signed in once.
type person struct {
	base string
	http *http.Client

	mu   sync.Mutex
	acts map[string]int // posts that were answered, by path
}

// signIn opens an address that lets somebody in, and presses its button.
func signIn(t *testing.T, base, address string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// A line that was kept open over a kill fails in ways that say nothing about
	// the portal.
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	p := &person{base: base, http: &http.Client{Jar: jar, Transport: transport}, acts: map[string]int{}}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.post(t.Context(), u.Path, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	body []byte
}

// do sends a request as a page of the portal does. An error means that there
// was no answer.
func (p *person) do(ctx context.Context, method, path string, header http.Header, body io.Reader) (reply, error) {
	address := path
	if !strings.Contains(path, "://") {
		address = p.base + path
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return reply{}, err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	r, err := p.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return reply{r, text}, err
}

// refused is an answer that says no: a test that gets one has found something.
type refused struct{ text string }

func (e *refused) Error() string { return e.text }

func (r reply) refusal() error {
	return &refused{fmt.Sprintf("%s %s: %s\n%.2000s", r.Request.Method, r.Request.URL.Path, r.Status, r.body)}
}

// post sends a form as the page's script does, and counts its answer.
func (p *person) post(ctx context.Context, path string, form url.Values) (reply, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range form {
		for _, v := range values {
			if err := w.WriteField(name, v); err != nil {
				return reply{}, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return reply{}, err
	}
	r, err := p.do(ctx, http.MethodPost, path, http.Header{"Content-Type": {w.FormDataContentType()}, "Accept": {"application/json"}}, &body)
	if err != nil {
		return r, err
	}
	if r.StatusCode != http.StatusOK {
		return r, r.refusal()
	}
	p.mu.Lock()
	p.acts[path]++
	p.mu.Unlock()
	return r, nil
}

// once posts a form. If there was no answer the script waits for the portal and
// looks whether it was done, before it would post again.
func (p *person) once(ctx context.Context, path string, form url.Values, done func() (bool, error)) error {
	for {
		_, err := p.post(ctx, path, form)
		if err == nil {
			return nil
		}
		var no *refused
		if errors.As(err, &no) {
			return err
		}
		if err := p.awaitPortal(ctx); err != nil {
			return err
		}
		if yes, err := done(); err != nil || yes {
			return err
		}
	}
}

// awaitPortal waits until the portal answers again.
func (p *person) awaitPortal(ctx context.Context) error {
	return until(ctx, "the portal answers", func() (bool, error) {
		r, err := p.do(ctx, http.MethodGet, "/healthz", nil, nil)
		return err == nil && r.StatusCode == http.StatusOK, ctx.Err()
	})
}

// draft starts a testimony and returns its id.
func (p *person) draft(t *testing.T, title string) int64 {
	t.Helper()
	r, err := p.post(t.Context(), "/comune/testimonianze", url.Values{
		"title": {title}, "description": {"Perché nessuno resti al freddo."}, "language": {"it"}, "speaker_name": {"Persona di esempio"},
		"speaker_role": {"Sindaca (esempio)"}, "recorded_on": {"2026-11-20"}, "themes": {"solidarieta", "volontariato"},
		"tags": {"legna, montagna"}, "visibility": {"public"}, "release": {"people", "publication", "youtube"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var saved struct {
		ID    int64             `json:"id"`
		Wrong map[string]string `json:"wrong"`
	}
	if err := json.Unmarshal(r.body, &saved); err != nil || saved.ID == 0 {
		t.Fatalf("the draft was not kept: %v\n%s", err, r.body)
	}
	delete(saved.Wrong, "video") // it comes now
	if len(saved.Wrong) > 0 {
		t.Fatalf("the form is not complete: %v", saved.Wrong)
	}
	return saved.ID
}

// progress is what a testimony's page shows to its town hall.
type progress struct {
	State    string
	Awaits   bool
	Video    string
	Reason   string
	Arriving *struct{ Offset, Size int64 }
}

func (p *person) progress(ctx context.Context, id int64) (shown progress, err error) {
	r, err := p.do(ctx, http.MethodGet, fmt.Sprintf("/comune/testimonianze/%d/stato", id), nil, nil)
	if err != nil {
		return shown, err
	}
	if r.StatusCode != http.StatusOK {
		return shown, r.refusal()
	}
	return shown, json.Unmarshal(r.body, &shown)
}

// askReview asks for a testimony's review.
func (p *person) askReview(ctx context.Context, id int64) error {
	return p.once(ctx, fmt.Sprintf("/comune/testimonianze/%d/invia", id), nil, func() (bool, error) {
		shown, err := p.progress(ctx, id)
		return shown.State == "in_review" || shown.Awaits, err
	})
}

// withdraw takes a testimony back.
func (p *person) withdraw(ctx context.Context, id int64) error {
	_, err := p.post(ctx, fmt.Sprintf("/comune/testimonianze/%d/ritira", id), url.Values{"reason": {"Non serve più."}})
	return err
}

// approve is what a moderator does.
func (p *person) approve(ctx context.Context, id int64) error {
	_, err := p.post(ctx, fmt.Sprintf("/redazione/revisione/%d/approva", id), nil)
	return err
}

// connect walks an administrator through connecting the channel: the portal
// leads to the consent page, whose button leads back.
func (p *person) connect(t *testing.T) {
	t.Helper()
	stay := *p.http
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := stay.Get(p.base + "/redazione/youtube/collega")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	consent, err := r.Location()
	if err != nil {
		t.Fatalf("no consent page: %s %v", r.Status, err)
	}
	form := consent.Query()
	form.Set("decision", "allow")
	consent.RawQuery = ""
	r, err = p.http.PostForm(consent.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK || r.Request.URL.Path != "/redazione/youtube" {
		t.Fatalf("the channel is not connected: %s %s %v\n%.2000s", r.Request.URL, r.Status, err, text)
	}
}
