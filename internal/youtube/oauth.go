package youtube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Scope is the one permission we ask for: it covers uploading, reading, editing
// and captions, and being alone it cannot be granted in part.
const Scope = "https://www.googleapis.com/auth/youtube.force-ssl"

const oauthTimeout = 30 * time.Second

// OAuth connects and disconnects a channel.
// https://developers.google.com/identity/protocols/oauth2/web-server
type OAuth struct {
	settings Settings
	config   *oauth2.Config
	client   *http.Client
}

// NewOAuth makes an OAuth of the settings. Of hc only the transport is used; nil
// means Go's own.
func NewOAuth(s Settings, hc *http.Client) *OAuth {
	s = s.withDefaults()
	client := &http.Client{Timeout: oauthTimeout}
	if hc != nil {
		client.Transport = hc.Transport
	}
	return &OAuth{
		settings: s,
		client:   client,
		config: &oauth2.Config{
			ClientID:     s.ClientID,
			ClientSecret: s.ClientSecret,
			RedirectURL:  s.RedirectURL,
			Scopes:       []string{Scope},
			Endpoint: oauth2.Endpoint{
				AuthURL:  s.AuthURL,
				TokenURL: s.TokenURL,
				// Finding out by trying would send the code twice, and it serves once.
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
	}
}

// ConsentURL is where the administrator's browser goes to choose a channel and
// to consent. The state comes back with the answer; the verifier, made by
// oauth2.GenerateVerifier, is kept and given to Exchange.
func (o *OAuth) ConsentURL(state, verifier string) string {
	return o.config.AuthCodeURL(state,
		oauth2.AccessTypeOffline,
		// Without consent a second connection brings no refresh token; without
		// select_account Google may take the person's own channel.
		oauth2.SetAuthURLParam("prompt", "consent select_account"),
		oauth2.S256ChallengeOption(verifier))
}

// Exchange turns the code that the browser brought back into a token. It refuses
// with ErrNoRefreshToken or ErrMissingScope what would stop working in an hour.
func (o *OAuth) Exchange(ctx context.Context, code, verifier string) (*oauth2.Token, error) {
	token, err := o.config.Exchange(o.with(ctx), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, failure(ctx, "exchanging the code", "", time.Now(), err)
	}
	if !slices.Contains(Scopes(token), Scope) {
		return nil, ErrMissingScope
	}
	if token.RefreshToken == "" {
		return nil, ErrNoRefreshToken
	}
	return token, nil
}

// Scopes are what was granted with a token that Exchange got.
func Scopes(token *oauth2.Token) []string {
	scopes, _ := token.Extra("scope").(string)
	if scopes == "" {
		return []string{Scope} // all that we asked for: RFC 6749, section 5.1
	}
	return strings.Fields(scopes)
}

// TokenEnd is when the refresh token of a token that Exchange got stops working,
// zero if it has no such time. Google limits the access of apps that are still
// being tested to seven days, and that of who consented for some time only.
// https://developers.google.com/identity/protocols/oauth2#expiration
func TokenEnd(token *oauth2.Token) time.Time {
	seconds, ok := token.Extra("refresh_token_expires_in").(float64)
	if !ok || seconds <= 0 || token.Expiry.IsZero() {
		return time.Time{}
	}
	got := token.Expiry.Add(-time.Duration(token.ExpiresIn) * time.Second)
	return got.Add(time.Duration(seconds) * time.Second).UTC()
}

// Revoke ends our access to the channel. A token that Google no longer knows is
// as good as revoked.
// https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
func (o *OAuth) Revoke(ctx context.Context, refreshToken string) error {
	const doing = "revoking the access"
	form := url.Values{"token": {refreshToken}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.settings.RevokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return failure(ctx, doing, "", time.Now(), err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := o.client.Do(req)
	if err != nil {
		return failure(ctx, doing, "", time.Now(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return failure(ctx, doing, "", time.Now(), err)
	}
	if resp.StatusCode/100 == 2 {
		return nil
	}
	e := parseError(resp.StatusCode, resp.Header, body, time.Now())
	if e.Status == http.StatusBadRequest && e.Reason == "invalid_token" {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, e)
}

// TokenSource gives access tokens for as long as the refresh token is good. The
// context must live as long as the source. Once Google has said that the access
// is gone, the source does not ask again: only a new connection helps.
func (o *OAuth) TokenSource(ctx context.Context, token *oauth2.Token) oauth2.TokenSource {
	s := &source{oauth: o, ctx: ctx}
	if token != nil {
		s.token = *token
	}
	return s
}

func (o *OAuth) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, o.client)
}

// source is a token source that can be told that a token is stale.
type source struct {
	oauth *OAuth
	ctx   context.Context

	mu    sync.Mutex
	token oauth2.Token
	gone  error
}

// Token implements oauth2.TokenSource.
func (s *source) Token() (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone != nil {
		return nil, s.gone
	}
	if s.token.Valid() {
		token := s.token
		return &token, nil
	}
	if s.token.RefreshToken == "" {
		return nil, ErrNoRefreshToken
	}
	fresh, err := s.oauth.config.TokenSource(s.oauth.with(s.ctx), &oauth2.Token{RefreshToken: s.token.RefreshToken}).Token()
	if err != nil {
		err = failure(s.ctx, "refreshing the access", "", time.Now(), err)
		if ClassOf(err) == ClassDisconnected {
			s.gone = err
		}
		return nil, err
	}
	s.token = *fresh
	return fresh, nil
}

// Expire has the next Token refresh, unless that was already done.
func (s *source) Expire(access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.AccessToken == access {
		s.token.AccessToken = ""
	}
}
