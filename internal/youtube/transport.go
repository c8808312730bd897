package youtube

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"

	"golang.org/x/oauth2"
)

// expirer is a source of tokens that can be told that one is stale.
type expirer interface{ Expire(access string) }

// authorized adds a fresh token to each request and, when YouTube answers 401,
// tries once more with a new one.
type authorized struct {
	tokens oauth2.TokenSource
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	token, err := a.tokens.Token()
	if err != nil {
		return nil, &unsent{err}
	}
	resp, err := a.send(req, token)
	if dialing(err) {
		return nil, &unsent{err}
	}
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	e, ok := a.tokens.(expirer)
	if !ok {
		return resp, nil
	}
	e.Expire(token.AccessToken)
	fresh, err := a.tokens.Token()
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	// What 401 says in the body is not needed any more; reading it lets the
	// connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	resp.Body.Close()
	return a.send(req, fresh)
}

func (a *authorized) send(req *http.Request, token *oauth2.Token) (*http.Response, error) {
	out := req.Clone(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return nil, errors.New("youtube: the body of the request cannot be sent twice")
		}
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	token.SetAuthHeader(out)
	return a.base.RoundTrip(out)
}

// network is a failure to reach YouTube, with the address taken out of its text.
type network struct{ err error }

// Error implements error.
func (n *network) Error() string { return redact(n.err.Error()) }

// Unwrap gives the cause, so that errors.Is finds a context's end.
func (n *network) Unwrap() error { return n.err }

// unsent is a failure of a request that surely did not reach YouTube: there was
// no token to send it with, or no connection to send it on.
type unsent struct{ err error }

func (u *unsent) Error() string { return u.err.Error() }
func (u *unsent) Unwrap() error { return u.err }

func neverSent(err error) bool {
	_, ok := errors.AsType[*unsent](err)
	return ok
}

// dialing tells whether a request failed before there was a connection.
func dialing(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// withoutAddress takes an error of http.Client apart: url.Error prints the whole
// address, which for an upload is a secret.
func withoutAddress(err error) error {
	for {
		var u *url.Error
		if !errors.As(err, &u) {
			break
		}
		err = u.Err
	}
	if err == nil {
		err = errors.New("no reason given")
	}
	return &network{err}
}

// secrets are the shapes in which a session or a token may turn up in a text:
// upload_id of a session, Google's access tokens (ya29.…), refresh tokens (1//…)
// and whatever follows Bearer.
var secrets = regexp.MustCompile(`(?i)upload_id=[^&\s"']+|ya29\.[\w.-]+|1//[\w-]+|bearer\s+[\w.~+/=-]+`)

func redact(text string) string { return secrets.ReplaceAllString(text, "[hidden]") }
