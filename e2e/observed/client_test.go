package observed_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// client sends requests to the program, checks the responses, and counts the
// events that they stand for.
type client struct {
	*program
	events tally
	uses   map[string]int // of tokens that were accepted
}

// read requests a page with a token that the verifier accepts. A code means
// that the request is refused after that.
func (c *client) read(t *testing.T, path, token, algorithm, code string) {
	t.Helper()
	status := 200
	switch code {
	case "":
	case "insufficient_scope":
		status = 403
	default:
		status = 401
	}
	c.get(t, path, token).want(t, "GET "+path, status, code)
	// A token is remembered at its second use.
	c.events.verified("", algorithm, c.uses[token] >= 2)
	c.uses[token]++
	if code != "" {
		c.events.refused(code)
	}
}

// isRefused requests a page with a token that the verifier refuses.
func (c *client) isRefused(t *testing.T, path, token, algorithm, code string) {
	t.Helper()
	c.get(t, path, token).want(t, "GET "+path, 401, code)
	c.events.verified(code, algorithm, false)
	c.events.refused(code)
}

// login begins a session.
func (c *client) login(t *testing.T) response {
	t.Helper()
	r := c.post(t, "/login", "username=admin&password=password")
	r.want(t, "a login", 200, "")
	c.events["jwtauth_password_started_total{}"]++
	c.events.session("login", "")
	return r
}

// failLogin sends a login that is refused after the check of its password.
func (c *client) failLogin(t *testing.T, username string) {
	t.Helper()
	c.post(t, "/login", "username="+username+"&password=guess").want(t, "a guess", 401, "login_failed")
	c.events["jwtauth_password_started_total{}"]++
	c.events.refused("login_failed")
}

// refresh exchanges a refresh token.
func (c *client) refresh(t *testing.T, token, reason string) response {
	t.Helper()
	r := c.post(t, "/refresh", "refresh_token="+token)
	r.want(t, "a refresh, "+reason, 200, "")
	c.events.session("refresh", reason)
	return r
}

// refreshEnded presents a refresh token whose session has ended, or ends now.
func (c *client) refreshEnded(t *testing.T, token string) {
	t.Helper()
	c.post(t, "/refresh", "refresh_token="+token).want(t, "a refresh of a session that has ended", 401, "session_ended")
	c.events.refused("session_ended")
}

// issuer returns an issuer with the key of the program.
func issuer(t *testing.T, opts jwtauth.IssuerOptions) *jwtauth.Issuer {
	t.Helper()
	t.Setenv("TOKEN_SECRET", secret)
	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
	if err != nil {
		t.Fatal(err)
	}
	i, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// expired returns an access token of the program from an hour ago.
func expired(t *testing.T) string {
	t.Helper()
	ago := func() time.Time { return time.Now().Add(-time.Hour) }
	token, err := issuer(t, jwtauth.IssuerOptions{Now: ago}).Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// exchangedTwice returns the refresh token that a client has after two more
// refreshes at another instance of the service. The store of the program does
// not know them, as after a failover.
func exchangedTwice(t *testing.T, token string) string {
	t.Helper()
	store, now := memstore.New(), time.Now()
	err := store.Create(t.Context(), jwtauth.Session{
		ID: claimOf(t, token, "sid"), Subject: claimOf(t, token, "sub"), Revision: 1, Generation: 1,
		CreatedAt: now, RotatedAt: now, ExpiresAt: now.Add(time.Hour), EndsAt: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	other := issuer(t, jwtauth.IssuerOptions{Sessions: store, ReuseWindow: -1})
	for range 2 {
		tokens, err := other.Refresh(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		token = tokens.RefreshToken
	}
	return token
}

// claimOf returns a claim of a token.
func claimOf(t *testing.T, token, name string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	text, _ := claims[name].(string)
	if text == "" {
		t.Fatalf("the token has no %s", name)
	}
	return text
}
