package sandbox

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed consent.html
var consentHTML string

// consentPage is what consent.html shows.
type consentPage struct {
	Problem, Reason string
	Channel         string
	Hidden          map[string]string
	Choice          bool // several scopes: each can be unticked
	Scopes          []consentScope
}

type consentScope struct{ Scope, Text string }

// consentText says in plain Italian what a scope allows.
func consentText(scope string) string {
	switch scope {
	case scopeYouTube, scopeForceSSL:
		return "vedere, modificare ed eliminare i video, i commenti e i sottotitoli del canale"
	case scopeReadonly:
		return "vedere il canale e i suoi numeri"
	case scopeUpload:
		return "caricare video sul canale"
	}
	return "sapere chi sei"
}

// consentRequest is an authorization request that was found in order.
type consentRequest struct {
	client, redirect, state string
	scopes                  []string
	offline                 bool
	prompt                  []string
	challenge, method       string
}

// carried are the parameters that travel through the page's form.
func carried() []string {
	return []string{
		"client_id", "redirect_uri", "response_type", "scope", "state",
		"access_type", "prompt", "code_challenge", "code_challenge_method",
	}
}

// readConsent checks an authorization request. What is wrong with it is said to
// the person, never to the redirect address, which cannot be trusted yet.
func readConsent(q url.Values) (consentRequest, *consentPage) {
	no := func(reason, problem string) (consentRequest, *consentPage) {
		return consentRequest{}, &consentPage{Reason: reason, Problem: problem}
	}
	c := consentRequest{
		client: q.Get("client_id"), redirect: q.Get("redirect_uri"), state: q.Get("state"),
		scopes: strings.Fields(q.Get("scope")), prompt: strings.Fields(q.Get("prompt")),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
	}
	if c.client == "" {
		return no("invalid_request", "Manca il parametro client_id.")
	}
	back, err := url.Parse(c.redirect)
	if err != nil || back.Host == "" || (back.Scheme != "http" && back.Scheme != "https") || back.Fragment != "" {
		return no("redirect_uri_mismatch", "L'indirizzo di ritorno (redirect_uri) non è valido.")
	}
	if host := back.Hostname(); back.Scheme == "http" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return no("redirect_uri_mismatch", "L'indirizzo di ritorno deve usare https, salvo che su questo computer.")
	}
	if q.Get("response_type") != "code" {
		return no("unsupported_response_type", "Il parametro response_type deve essere code.")
	}
	if len(c.scopes) == 0 {
		return no("invalid_request", "Manca il parametro scope.")
	}
	for _, scope := range c.scopes {
		if !knownScope(scope) {
			return no("invalid_scope", "Il permesso richiesto non esiste: "+scope)
		}
	}
	switch q.Get("access_type") {
	case "", "online":
	case "offline":
		c.offline = true
	default:
		return no("invalid_request", "Il parametro access_type deve essere online oppure offline.")
	}
	switch {
	case c.challenge == "" && c.method != "":
		return no("invalid_request", "Manca il parametro code_challenge.")
	case c.challenge != "" && c.method == "":
		c.method = "plain" // RFC 7636 §4.3
	case c.method != "" && c.method != "S256" && c.method != "plain":
		return no("invalid_request", "Il parametro code_challenge_method deve essere S256 oppure plain.")
	}
	return c, nil
}

// askConsent shows the page, unless the answer is already known.
func (s *Sandbox) askConsent(w http.ResponseWriter, r *http.Request) {
	c, problem := readConsent(r.URL.Query())
	if problem != nil {
		s.showConsent(w, r, http.StatusBadRequest, problem)
		return
	}
	s.mu.Lock()
	known := s.consented(c.client, c.scopes)
	s.mu.Unlock()
	if known && !slices.Contains(c.prompt, "consent") && !slices.Contains(c.prompt, "select_account") {
		s.sendBack(w, r, c, c.scopes)
		return
	}
	page := &consentPage{Channel: channelTitle, Hidden: map[string]string{}, Choice: len(c.scopes) > 1}
	for _, name := range carried() {
		if v := r.URL.Query().Get(name); v != "" {
			page.Hidden[name] = v
		}
	}
	if page.Choice {
		page.Hidden["granular"] = "yes" // unticked boxes are not sent: this says that there were some
	}
	for _, scope := range c.scopes {
		page.Scopes = append(page.Scopes, consentScope{scope, consentText(scope)})
	}
	s.showConsent(w, r, http.StatusOK, page)
}

func (s *Sandbox) showConsent(w http.ResponseWriter, r *http.Request, code int, page *consentPage) {
	t, err := template.New("consent").Parse(consentHTML)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(code)
	if err := t.Execute(w, page); err != nil {
		s.log.ErrorContext(r.Context(), "show the consent page", "error", err)
	}
}

// decideConsent takes the person's answer back to the client.
func (s *Sandbox) decideConsent(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.showConsent(w, r, http.StatusBadRequest, &consentPage{Reason: "invalid_request", Problem: "Il modulo non si può leggere."})
		return
	}
	c, problem := readConsent(r.Form)
	if problem != nil {
		s.showConsent(w, r, http.StatusBadRequest, problem)
		return
	}
	granted := c.scopes
	if r.PostForm.Get("granular") != "" {
		granted = nil
		for _, scope := range c.scopes {
			if slices.Contains(r.PostForm["granted"], scope) {
				granted = append(granted, scope)
			}
		}
	}
	if r.PostForm.Get("decision") != "allow" || len(granted) == 0 {
		c.back(w, r, url.Values{"error": {"access_denied"}})
		return
	}
	s.sendBack(w, r, c, granted)
}

// consented tells whether a client already has a grant for all the scopes.
func (s *Sandbox) consented(client string, scopes []string) bool {
	for _, g := range s.oauth.Grants {
		if g.Client == client && !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(g.Scopes, scope) }) {
			return true
		}
	}
	return false
}

// sendBack gives the client a code. A refresh token will come with it only for
// offline access, and only the first time or when consent was asked for again.
func (s *Sandbox) sendBack(w http.ResponseWriter, r *http.Request, c consentRequest, scopes []string) {
	s.mu.Lock()
	now := s.now()
	for key, old := range s.oauth.Codes {
		if !now.Before(old.Expires) {
			delete(s.oauth.Codes, key)
		}
	}
	given := "4/0" + random(32)
	s.oauth.Codes[hash(given)] = &code{
		Client: c.client, Redirect: c.redirect, Scopes: scopes, Challenge: c.challenge, Method: c.method,
		Refresh: c.offline && (slices.Contains(c.prompt, "consent") || !s.consented(c.client, scopes)),
		Expires: now.Add(codeLife),
	}
	err := s.saveOAuth()
	s.mu.Unlock()
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	c.back(w, r, url.Values{"code": {given}, "scope": {strings.Join(scopes, " ")}})
}

func (c consentRequest) back(w http.ResponseWriter, r *http.Request, q url.Values) {
	to, err := url.Parse(c.redirect)
	if err != nil { // readConsent has parsed it before
		http.Error(w, "redirect_uri", http.StatusBadRequest)
		return
	}
	all := to.Query()
	for k, v := range q {
		all[k] = v
	}
	if c.state != "" {
		all.Set("state", c.state)
	}
	to.RawQuery = all.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}
