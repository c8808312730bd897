package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const back = "http://127.0.0.1:9/ritorno"

func consentQuery(changes ...string) url.Values {
	q := url.Values{
		"client_id": {"portal"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {scopeForceSSL},
		"state": {"stato &1"}, "access_type": {"offline"}, "prompt": {"consent select_account"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
	}
	return q
}

// press fills in the consent page as a browser does and presses a button.
func (w *world) press(page response, button string, untick ...string) url.Values {
	w.t.Helper()
	if page.code != http.StatusOK {
		w.t.Fatalf("no consent page: %d %s", page.code, page.body)
	}
	form := url.Values{"decision": {button}}
	input := regexp.MustCompile(`<input type="(hidden|checkbox)" name="([^"]*)" value="([^"]*)"`)
	for _, m := range input.FindAllStringSubmatch(string(page.body), -1) {
		value := html.UnescapeString(m[3])
		if m[1] == "checkbox" && slices.Contains(untick, value) {
			continue
		}
		form.Add(html.UnescapeString(m[2]), value)
	}
	return w.returned(w.form("/o/oauth2/v2/auth", form))
}

// returned is what a redirect carries back to the client.
func (w *world) returned(r response) url.Values {
	w.t.Helper()
	if r.code != http.StatusFound || !strings.HasPrefix(r.header.Get("Location"), back+"?") {
		w.t.Fatalf("not sent back: %d %s", r.code, r.header.Get("Location"))
	}
	to, err := url.Parse(r.header.Get("Location"))
	if err != nil {
		w.t.Fatal(err)
	}
	return to.Query()
}

func (w *world) exchange(code string, changes ...string) response {
	w.t.Helper()
	v := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {back}, "client_id": {"portal"}, "client_secret": {"s"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return w.form("/token", v)
}

func (w *world) renew(refresh string, changes ...string) response {
	w.t.Helper()
	v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {"portal"}, "client_secret": {"s"}}
	for i := 0; i+1 < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
	}
	return w.form("/token", v)
}

func (w *world) wantToken(r response, code int, reason string) response {
	w.t.Helper()
	if r.code != code || r.find("error") != reason {
		w.t.Fatalf("got %d %q, want %d %q: %s", r.code, r.find("error"), code, reason, r.body)
	}
	return r
}

func TestConsentAndTokens(t *testing.T) {
	w := newWorld(t, Options{})
	verifier := strings.Repeat("v", 43)
	sha := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sha[:])
	page := w.get("/o/oauth2/v2/auth?" + consentQuery("code_challenge", challenge, "code_challenge_method", "S256").Encode())
	for _, text := range []string{"Canale di prova", ">Consenti<", ">Rifiuta<", `lang="it"`} {
		if !strings.Contains(string(page.body), text) {
			t.Errorf("the page does not show %q", text)
		}
	}
	if q := w.press(page, "deny"); q.Get("error") != "access_denied" || q.Get("state") != "stato &1" || q.Has("code") {
		t.Errorf("refused: %v", q)
	}
	q := w.press(page, "allow")
	if q.Get("state") != "stato &1" || q.Get("code") == "" {
		t.Fatalf("allowed: %v", q)
	}
	code := q.Get("code")
	w.wantToken(w.exchange(code), http.StatusBadRequest, "invalid_grant")
	w.wantToken(w.exchange(code, "code_verifier", "wrong"), http.StatusBadRequest, "invalid_grant")
	w.wantToken(w.exchange(code, "code_verifier", verifier, "client_id", "another"), http.StatusUnauthorized, "unauthorized_client")
	w.wantToken(w.exchange(code, "code_verifier", verifier, "redirect_uri", back+"/"), http.StatusBadRequest, "redirect_uri_mismatch")
	w.wantToken(w.exchange(code, "code_verifier", verifier, "client_secret", ""), http.StatusBadRequest, "invalid_request")
	r := w.wantToken(w.exchange(code, "code_verifier", verifier), http.StatusOK, "")
	refresh := r.find("refresh_token")
	if refresh == "" || r.find("expires_in") != "3600" || r.find("token_type") != "Bearer" || r.find("scope") != scopeForceSSL {
		t.Errorf("token: %s", r.body)
	}
	w.wantToken(w.exchange(code, "code_verifier", verifier), http.StatusBadRequest, "invalid_grant") // once only

	w.bearer = r.find("access_token")
	const channels = "/youtube/v3/channels?part=id&mine=true"
	w.want(w.get(channels), http.StatusOK, "")
	w.restart()
	w.want(w.get(channels), http.StatusOK, "")
	w.tick(time.Hour)
	stale := w.want(w.get(channels), http.StatusUnauthorized, "authError")
	if stale.location() != "Authorization" || stale.find("error", "errors", "0", "locationType") != "header" ||
		stale.find("error", "errors", "0", "domain") != "global" || stale.find("error", "status") != "UNAUTHENTICATED" ||
		stale.find("error", "code") != "401" || stale.header.Get("WWW-Authenticate") == "" {
		t.Errorf("stale: %s", stale.body)
	}

	w.wantToken(w.renew(refresh, "client_secret", "other"), http.StatusUnauthorized, "invalid_client")
	w.wantToken(w.renew(refresh, "client_id", "other"), http.StatusUnauthorized, "unauthorized_client")
	w.wantToken(w.renew("nonsense"), http.StatusBadRequest, "invalid_grant")
	w.wantToken(w.renew(refresh, "grant_type", "password"), http.StatusBadRequest, "unsupported_grant_type")
	r = w.wantToken(w.renew(refresh), http.StatusOK, "")
	if r.find("refresh_token") != "" {
		t.Error("a refresh brings no refresh token")
	}
	w.bearer = r.find("access_token")
	w.want(w.get(channels), http.StatusOK, "")

	w.fault(Fault{Name: InvalidGrant})
	w.wantToken(w.renew(refresh), http.StatusBadRequest, "invalid_grant")
	w.wantToken(w.renew(refresh), http.StatusOK, "")

	w.wantToken(w.form("/revoke", url.Values{"token": {refresh}}), http.StatusOK, "")
	w.wantToken(w.form("/revoke", url.Values{"token": {refresh}}), http.StatusBadRequest, "invalid_token")
	w.wantToken(w.renew(refresh), http.StatusBadRequest, "invalid_grant")
	w.want(w.get(channels), http.StatusUnauthorized, "authError")
}

func TestCodeExpires(t *testing.T) {
	w := newWorld(t, Options{})
	code := w.press(w.get("/o/oauth2/v2/auth?"+consentQuery().Encode()), "allow").Get("code")
	w.tick(codeLife)
	w.wantToken(w.exchange(code), http.StatusBadRequest, "invalid_grant")
}

func TestRefreshTokenIsGivenOnce(t *testing.T) {
	w := newWorld(t, Options{})
	token := func(code string) string {
		t.Helper()
		return w.wantToken(w.exchange(code), http.StatusOK, "").find("refresh_token")
	}
	ask := func(changes ...string) response {
		t.Helper()
		return w.get("/o/oauth2/v2/auth?" + consentQuery(changes...).Encode())
	}
	if token(w.press(ask("access_type", "online"), "allow").Get("code")) != "" {
		t.Error("online access brings no refresh token")
	}
	w.fault(Fault{Name: Revoke})
	if token(w.press(ask("prompt", ""), "allow").Get("code")) == "" {
		t.Error("the first consent brings a refresh token")
	}
	// Consent is known: there is no page, and no refresh token.
	if token(w.returned(ask("prompt", "")).Get("code")) != "" {
		t.Error("a known consent brings no second refresh token")
	}
	if token(w.press(ask("prompt", "select_account"), "allow").Get("code")) != "" {
		t.Error("choosing the account brings no second refresh token")
	}
	if token(w.press(ask("prompt", "consent"), "allow").Get("code")) == "" {
		t.Error("prompt=consent brings a refresh token")
	}
}

func TestScopesCanBeUnticked(t *testing.T) {
	w := newWorld(t, Options{})
	page := w.get("/o/oauth2/v2/auth?" + consentQuery("scope", scopeUpload+" "+scopeReadonly).Encode())
	r := w.wantToken(w.exchange(w.press(page, "allow", scopeUpload).Get("code")), http.StatusOK, "")
	if r.find("scope") != scopeReadonly {
		t.Errorf("scope is %q", r.find("scope"))
	}
	w.bearer = r.find("access_token")
	w.want(w.get("/youtube/v3/channels?part=id&mine=true"), http.StatusOK, "")
	short := w.want(w.tryInitiate(insertAddress, goodMetadata, 1), http.StatusForbidden, "insufficientPermissions")
	if short.find("error", "status") != "PERMISSION_DENIED" {
		t.Errorf("%s", short.body)
	}
	if q := w.press(page, "allow", scopeUpload, scopeReadonly); q.Get("error") != "access_denied" {
		t.Errorf("nothing ticked: %v", q)
	}
}

func TestConsentIsStrict(t *testing.T) {
	w := newWorld(t, Options{})
	for reason, change := range map[string][2]string{
		"redirect_uri_mismatch":     {"redirect_uri", "http://example.org/ritorno"},
		"invalid_scope":             {"scope", "https://www.googleapis.com/auth/nonsense"},
		"unsupported_response_type": {"response_type", "token"},
		"invalid_request":           {"client_id", ""},
	} {
		r := w.get("/o/oauth2/v2/auth?" + consentQuery(change[0], change[1]).Encode())
		if r.code != http.StatusBadRequest || !strings.Contains(string(r.body), reason) || r.header.Get("Location") != "" {
			t.Errorf("%v: %d %s", change, r.code, r.body)
		}
	}
}

func TestIssuedTokens(t *testing.T) {
	w := newWorld(t, Options{})
	refresh := w.box.IssueToken(scopeReadonly)
	w.restart()
	w.bearer = w.wantToken(w.renew(refresh), http.StatusOK, "").find("access_token")
	w.want(w.get("/youtube/v3/channels?part=id&mine=true"), http.StatusOK, "")
	w.want(w.send(http.MethodDelete, "/youtube/v3/videos?id=a", ""), http.StatusForbidden, "insufficientPermissions")
	w.wantToken(w.renew(refresh, "client_id", "another"), http.StatusUnauthorized, "unauthorized_client")
	w.bearer = ""
	w.want(w.get("/youtube/v3/channels?part=id&mine=true"), http.StatusUnauthorized, "required")

	w.fault(Fault{Name: Revoke})
	w.wantToken(w.renew(refresh), http.StatusBadRequest, "invalid_grant")
}

func TestOldestRefreshTokenEnds(t *testing.T) {
	w := newWorld(t, Options{})
	var first string
	for i := range maxRefreshTokens + 1 {
		code := w.press(w.get("/o/oauth2/v2/auth?"+consentQuery().Encode()), "allow").Get("code")
		refresh := w.wantToken(w.exchange(code), http.StatusOK, "").find("refresh_token")
		if i == 0 {
			first = refresh
			w.wantToken(w.renew(first), http.StatusOK, "")
		}
		w.tick(time.Second)
	}
	w.wantToken(w.renew(first), http.StatusBadRequest, "invalid_grant")
}
