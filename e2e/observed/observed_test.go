package observed_test

import (
	"strings"
	"testing"
	"time"
)

// After a run with logins, guesses, refusals, refreshes, a theft and an outage
// of a key set, a scrape shows the events that happened, and no others.
func TestScrape(t *testing.T) {
	idp := newProvider(t)
	c := &client{
		program: start(t, "-issuer", idp.url, "-keys", idp.url+"/keys", "-audience", audience, "-cooldown", "1s"),
		events: tally{
			"jwtauth_password_running{}":       0,
			"jwtauth_password_waiting{}":       0,
			"jwtauth_password_started_total{}": 0,
			"jwtauth_password_refused_total{}": 0,
		},
		uses: make(map[string]int),
	}
	want := func() tally { return c.events.with(idp) }
	c.wantCounts(t, want) // no events yet

	first, second := logins(t, c)
	c.wantCounts(t, want)
	refusals(t, c, first.AccessToken)
	c.wantCounts(t, want)
	sessions(t, c, first, second)
	c.wantCounts(t, want)
	outage(t, c, idp)
	scraped := c.wantCounts(t, want)

	if missing := dashboardOf(t, scraped); missing != "" {
		t.Errorf("the dashboard queries metrics or labels that the scrape does not have: %s", missing)
	}
	text := c.get(t, "/metrics", "").body
	for _, private := range []string{"user-1", "user-7", "admin", "mallory", claimOf(t, first.RefreshToken, "sid"), first.AccessToken, first.RefreshToken, secret} {
		if strings.Contains(text, private) {
			t.Errorf("the scrape contains %q", private)
		}
	}
	for _, private := range []string{"password=", first.AccessToken, first.RefreshToken, second.RefreshToken, secret} {
		if strings.Contains(c.logged(), private) {
			t.Errorf("the log contains %q", private)
		}
	}
	for _, logged := range []string{`"event":"reuse","reason":"stolen"`, `"msg":"guard","event":"account_paused"`, `"msg":"fetching keys failed"`, `"msg":"refused"`} {
		if !strings.Contains(c.logged(), logged) {
			t.Errorf("the log lacks %s", logged)
		}
	}
	t.Logf("%d series of events, each as expected", len(want()))
}

// logins begins two sessions, and guesses passwords until an account is paused.
func logins(t *testing.T, c *client) (first, second response) {
	first, second = c.login(t), c.login(t)
	c.failLogin(t, "admin")
	c.post(t, "/login", "username=admin").want(t, "a login without a password", 400, "body_invalid")
	c.events.refused("body_invalid")

	for range 10 {
		c.failLogin(t, "mallory")
	}
	c.events.add("jwtauth_guard_events_total", map[string]string{"jwtauth_guard_event": "account_paused"})
	c.post(t, "/login", "username=mallory&password=guess").want(t, "one guess more", 429, "too_many_attempts")
	c.events.refused("too_many_attempts")
	return first, second
}

// refusals requests a page with good and bad tokens.
func refusals(t *testing.T, c *client, token string) {
	for range 4 {
		c.read(t, "/dashboard", token, "HS256", "")
	}
	c.get(t, "/dashboard", "").want(t, "without a token", 401, "token_missing")
	c.events.refused("token_missing")
	c.isRefused(t, "/dashboard", "opaque", "", "token_invalid")
	c.isRefused(t, "/dashboard", token[:strings.LastIndex(token, ".")+1]+strings.Repeat("A", 43), "HS256", "token_invalid")
	c.isRefused(t, "/dashboard", expired(t), "HS256", "token_expired")
}

// sessions refreshes the first session until it is stolen, and ends the second.
func sessions(t *testing.T, c *client, first, second response) {
	rotated := c.refresh(t, first.RefreshToken, "rotated")
	c.refresh(t, rotated.RefreshToken, "repeated")
	c.refresh(t, first.RefreshToken, "retried")
	c.read(t, "/dashboard", rotated.AccessToken, "HS256", "")

	newest := c.refresh(t, exchangedTwice(t, first.RefreshToken), "adopted")
	c.refreshEnded(t, first.RefreshToken) // the copy of a thief
	c.events.session("reuse", "stolen")
	c.refreshEnded(t, newest.RefreshToken)
	// The token is still good, but Live refuses it.
	c.read(t, "/dashboard", newest.AccessToken, "HS256", "token_invalid")

	c.post(t, "/logout", "refresh_token="+second.RefreshToken).want(t, "a logout", 204, "")
	c.events.session("logout", "")
}

// outage verifies tokens of the provider before, during and after an outage of
// its key set.
func outage(t *testing.T, c *client, idp *provider) {
	old := idp.token(t, "reports")
	c.read(t, "/reports", old, "ES256", "")
	c.read(t, "/reports", idp.token(t, "other"), "ES256", "insufficient_scope")
	before := c.scrape(t).age()

	idp.setDown(true)
	idp.replaceKey(t)
	fresh := idp.token(t, "reports")
	c.until(t, fresh, 503)
	c.read(t, "/reports", old, "ES256", "")
	during := c.scrape(t).age()
	if before < 0 || during <= before {
		t.Errorf("the age of the keys is %v before the outage and %v in it", before, during)
	}

	restored := time.Now()
	idp.setDown(false)
	c.until(t, fresh, 200)
	if after, passed := c.scrape(t).age(), time.Since(restored).Seconds(); after < 0 || after > passed {
		t.Errorf("the age of the keys is %v after the outage, which ended %v s ago", after, passed)
	}
}

// until sends a token of a new key until the response has a status. Within a
// second of a fetch, the key is unknown (401) or the fetch has failed (503).
func (c *client) until(t *testing.T, token string, status int) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		r := c.get(t, "/reports", token)
		switch {
		case r.status == 200:
			c.events.verified("", "ES256", false)
			c.uses[token]++
		case r.status == 401 && r.code == "token_invalid", r.status == 503 && r.code == "unavailable":
			c.events.verified(r.code, "ES256", false)
			c.events.refused(r.code)
		default:
			t.Fatalf("the response is %d %q", r.status, r.code)
		}
		if r.status == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the last response is %d %q, want %d", r.status, r.code, status)
		}
		<-time.After(pause)
	}
}
