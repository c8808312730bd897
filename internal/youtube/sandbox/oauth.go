package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The scopes: https://developers.google.com/youtube/v3/guides/auth/server-side-web-apps
const (
	scopePrefix   = "https://www.googleapis.com/auth/"
	scopeYouTube  = scopePrefix + "youtube"
	scopeForceSSL = scopePrefix + "youtube.force-ssl"
	scopeReadonly = scopePrefix + "youtube.readonly"
	scopeUpload   = scopePrefix + "youtube.upload"
)

const (
	accessLife = time.Hour
	codeLife   = 10 * time.Minute
	// Beyond this many the oldest refresh token of a client stops working:
	// https://developers.google.com/identity/protocols/oauth2#expiration
	maxRefreshTokens = 100
)

func knownScope(scope string) bool {
	switch scope {
	case scopeYouTube, scopeForceSSL, scopeReadonly, scopeUpload, "openid", "email", "profile",
		scopePrefix + "userinfo.email", scopePrefix + "userinfo.profile":
		return true
	}
	return false
}

// oauthState is all that the authorization server remembers. Secrets are keyed
// by their SHA-256.
type oauthState struct {
	Codes  map[string]*code   `json:"codes"`
	Grants map[string]*grant  `json:"grants"` // by id
	Access map[string]*access `json:"access"`
}

// code is an authorization code waiting to be exchanged.
type code struct {
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Scopes    []string  `json:"scopes"`
	Challenge string    `json:"challenge,omitempty"` // PKCE, RFC 7636
	Method    string    `json:"method,omitempty"`
	Refresh   bool      `json:"refresh"` // whether a refresh token comes with it
	Expires   time.Time `json:"expires"`
}

// grant is a consent that was given and not revoked.
type grant struct {
	Client  string    `json:"client"` // empty until first used, if the sandbox gave it itself
	Secret  string    `json:"secret"` // hash of the client's
	Scopes  []string  `json:"scopes"`
	Refresh string    `json:"refresh,omitempty"` // hash
	Given   time.Time `json:"given"`
	Ends    time.Time `json:"ends"`            // of the refresh token; zero: never
	Other   bool      `json:"other,omitempty"` // the person chose the other channel
}

// access is a token that opens the API for an hour.
type access struct {
	Grant   string    `json:"grant"`
	Expires time.Time `json:"expires"`
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// IssueToken gives a refresh token without a human on a consent page, so that a
// portal can connect the sandbox by itself. Without scopes it allows everything.
// The client that uses it first owns it.
func (s *Sandbox) IssueToken(scopes ...string) (refresh string) {
	if len(scopes) == 0 {
		scopes = []string{scopeForceSSL, scopeYouTube, scopeUpload, scopeReadonly}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	refresh = "1//" + random(32)
	s.oauth.Grants[random(12)] = &grant{Scopes: scopes, Refresh: hash(refresh), Given: s.now()}
	if err := s.saveOAuth(); err != nil {
		s.log.Error("the sandbox could not keep a grant", "error", err) // it works until a restart
	}
	return refresh
}

// authorize checks the bearer token and that one of the scopes was granted.
func (s *Sandbox) authorize(c *call) error {
	scopes := c.m.scopes
	kind, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") || token == "" {
		return &apiError{
			Code: http.StatusUnauthorized, Domain: "global", Reason: "required", Detail: "Login Required.",
			Message:  "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
			Location: "Authorization", LocationType: "header",
			Header: map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/"`},
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.oauth.Access[hash(token)]
	if a == nil || !s.now().Before(a.Expires) || s.oauth.Grants[a.Grant] == nil {
		return unauthorized()
	}
	g := s.oauth.Grants[a.Grant]
	c.other = g.Other
	if c.other && c.m.name != "channels.list" {
		return &apiError{
			Code: http.StatusForbidden, Domain: "youtube.common", Reason: "forbidden",
			Message: "Of the other channel this sandbox knows the name only.",
		}
	}
	if slices.ContainsFunc(g.Scopes, func(scope string) bool { return slices.Contains(scopes, scope) }) {
		return nil
	}
	return &apiError{
		Code: http.StatusForbidden, Domain: "global", Reason: "insufficientPermissions",
		Message: "Request had insufficient authentication scopes.", Detail: "Insufficient Permission",
		Details: []obj{{
			"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com",
		}},
		Header: map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="` + strings.Join(scopes, " ") + `"`},
	}
}

func unauthorized() *apiError {
	return &apiError{
		Code: http.StatusUnauthorized, Domain: "global", Reason: "authError", Detail: "Invalid Credentials",
		Message:  "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
		Location: "Authorization", LocationType: "header",
		Header: map[string]string{"WWW-Authenticate": `Bearer realm="https://accounts.google.com/", error="invalid_token"`},
	}
}

// tokenError is a refusal of the token endpoint, RFC 6749 §5.2.
type tokenError struct {
	code                int
	reason, description string
}

func invalidGrant(description string) *tokenError {
	return &tokenError{http.StatusBadRequest, "invalid_grant", description}
}

func answerToken(w http.ResponseWriter, code int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // a client that went away is not ours to mend
}

// serveToken exchanges a code or a refresh token:
// https://developers.google.com/identity/protocols/oauth2/web-server
func (s *Sandbox) serveToken(w http.ResponseWriter, r *http.Request) {
	if err := s.count("token"); err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := s.faults.before(&call{w: w, r: r, m: &method{name: "token"}}); err != nil {
		s.refuse(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	answer, refusal, err := s.token(r)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case refusal != nil:
		answerToken(w, refusal.code, obj{"error": refusal.reason, "error_description": refusal.description})
	default:
		answerToken(w, http.StatusOK, answer)
	}
}

func (s *Sandbox) token(r *http.Request) (obj, *tokenError, error) {
	if err := r.ParseForm(); err != nil {
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "The form cannot be read."}, nil
	}
	client, secret, basic := r.BasicAuth()
	if !basic {
		client, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	switch {
	case client == "":
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "Could not determine client ID from request."}, nil
	case secret == "":
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "client_secret is missing."}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, hit := s.faults.take(Refuse, "token"); hit {
		return nil, &tokenError{f.Status, f.Reason, f.Message}, nil
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		return s.exchangeCode(r, client, secret)
	case "refresh_token":
		return s.refresh(r.PostForm.Get("refresh_token"), client, secret)
	}
	return nil, &tokenError{http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: " + r.PostForm.Get("grant_type")}, nil
}

func (s *Sandbox) exchangeCode(r *http.Request, client, secret string) (obj, *tokenError, error) {
	key := hash(r.PostForm.Get("code"))
	c := s.oauth.Codes[key]
	switch {
	case c == nil || !s.now().Before(c.Expires):
		return nil, invalidGrant("Malformed auth code."), nil
	case c.Client != client:
		return nil, &tokenError{http.StatusUnauthorized, "unauthorized_client", "Unauthorized"}, nil
	case c.Redirect != r.PostForm.Get("redirect_uri"):
		return nil, &tokenError{http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request"}, nil
	case !c.verifies(r.PostForm.Get("code_verifier")):
		return nil, invalidGrant("Invalid code verifier."), nil
	}
	delete(s.oauth.Codes, key) // it works once
	id := random(12)
	g := &grant{Client: client, Secret: hash(secret), Scopes: c.Scopes, Given: s.now()}
	_, g.Other = s.faults.take(OtherGrant, "token")
	s.oauth.Grants[id] = g
	_, none := s.faults.take(NoRefreshToken, "token")
	if f, hit := s.faults.take(ShortGrant, "token"); hit {
		g.Ends = g.Given.Add(f.delay())
	}
	answer := s.issue(id, g)
	if c.Refresh && !none {
		refresh := "1//" + random(32)
		g.Refresh = hash(refresh)
		answer["refresh_token"] = refresh
		s.dropOldest(client)
	}
	return answer, nil, s.saveOAuth()
}

// verifies checks the proof key of RFC 7636.
func (c *code) verifies(verifier string) bool {
	switch c.Method {
	case "S256":
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	case "":
		return verifier == ""
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(c.Challenge)) == 1
}

func (s *Sandbox) refresh(token, client, secret string) (obj, *tokenError, error) {
	if token == "" {
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "Missing required parameter: refresh_token"}, nil
	}
	if _, hit := s.faults.take(InvalidGrant, "token"); hit {
		return nil, invalidGrant("Token has been expired or revoked."), nil
	}
	key := hash(token)
	for id, g := range s.oauth.Grants {
		if g.Refresh != key || (!g.Ends.IsZero() && !s.now().Before(g.Ends)) {
			continue
		}
		if g.Client == "" {
			g.Client, g.Secret = client, hash(secret)
		}
		if g.Client != client {
			return nil, &tokenError{http.StatusUnauthorized, "unauthorized_client", "Unauthorized"}, nil
		}
		if g.Secret != hash(secret) {
			return nil, &tokenError{http.StatusUnauthorized, "invalid_client", "Unauthorized"}, nil
		}
		return s.issue(id, g), nil, s.saveOAuth()
	}
	return nil, invalidGrant("Token has been expired or revoked."), nil
}

// issue makes an access token and forgets those that have ended.
func (s *Sandbox) issue(id string, g *grant) obj {
	now := s.now()
	for key, a := range s.oauth.Access {
		if !now.Before(a.Expires) {
			delete(s.oauth.Access, key)
		}
	}
	token := "ya29." + random(48)
	s.oauth.Access[hash(token)] = &access{Grant: id, Expires: now.Add(accessLife)}
	answer := obj{
		"access_token": token, "expires_in": int(accessLife.Seconds()),
		"scope": strings.Join(g.Scopes, " "), "token_type": "Bearer",
	}
	if !g.Ends.IsZero() {
		answer["refresh_token_expires_in"] = int(g.Ends.Sub(now).Seconds())
	}
	return answer
}

// dropOldest silently ends refresh tokens beyond the limit, as Google does.
func (s *Sandbox) dropOldest(client string) {
	var live []*grant
	for _, g := range s.oauth.Grants {
		if g.Client == client && g.Refresh != "" {
			live = append(live, g)
		}
	}
	slices.SortFunc(live, func(a, b *grant) int { return a.Given.Compare(b.Given) })
	for len(live) > maxRefreshTokens {
		live[0].Refresh = ""
		live = live[1:]
	}
}

// serveRevoke ends a grant by its refresh token or one of its access tokens.
func (s *Sandbox) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if err := s.count("revoke"); err != nil {
		s.refuse(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	key := hash(r.FormValue("token"))
	s.mu.Lock()
	defer s.mu.Unlock()
	found := ""
	if a := s.oauth.Access[key]; a != nil {
		found = a.Grant
	}
	for id, g := range s.oauth.Grants {
		if g.Refresh == key {
			found = id
		}
	}
	if s.oauth.Grants[found] == nil {
		answerToken(w, http.StatusBadRequest, obj{"error": "invalid_token", "error_description": "Token expired or revoked"})
		return
	}
	s.drop(func(id string) bool { return id == found })
	if err := s.saveOAuth(); err != nil {
		s.refuse(w, r, err)
		return
	}
	answerToken(w, http.StatusOK, obj{})
}

// drop ends grants with all their access tokens.
func (s *Sandbox) drop(which func(id string) bool) {
	for key, a := range s.oauth.Access {
		if which(a.Grant) {
			delete(s.oauth.Access, key)
		}
	}
	for id := range s.oauth.Grants {
		if which(id) {
			delete(s.oauth.Grants, id)
		}
	}
}
