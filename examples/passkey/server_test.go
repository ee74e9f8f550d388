package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	insufficient = `"code":"insufficient_user_authentication"`
	refused      = `"code":"passkey_refused"`
)

func TestPasswordIsNotAPasskey(t *testing.T) {
	b := newSite(t, time.Hour).browser(t)
	b.want("GET", "/api/codes", "", 401, "token_missing")
	b.password("ann")
	if me := b.me(); me.AuthContext != acrPassword || !slices.Equal(me.AuthMethods, []string{"pwd"}) {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 401, insufficient)
	b.addPasskey()
	b.want("GET", "/api/codes", "", 401, insufficient) // added is not used
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

func TestSignIn(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/logout", "", 204, "")
	b.want("POST", "/passkey/sign-in/finish", b.use("/passkey/sign-in"), 204, "")
	me := b.me()
	if me.Name != "ann" || me.AuthContext != acrPasskey || !slices.Equal(me.AuthMethods, []string{"hwk", "mfa"}) || time.Since(me.AuthTime) > time.Minute {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 200, "4711")
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 200, "4711")
}

func TestStepUp(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	if me := b.me(); me.Name != "ann" || me.AuthContext != acrPasskey {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 200, "4711")
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 200, "4711")
	// A new session by password is not raised.
	b.password("ann")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

// A passkey of someone else does not raise a session, and does not change who
// is signed in.
func TestStepUpOfAnotherUser(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.password("bob") // the authenticator still holds ann's passkey
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 403, "")
	if me := b.me(); me.Name != "bob" || me.AuthContext != acrPassword {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 401, insufficient)
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

func TestFreshnessEnds(t *testing.T) {
	const fresh = time.Second
	s := newSite(t, fresh)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.want("GET", "/api/codes", "", 200, "4711")
	untilStale := func(b *browser, method, path string) { // by the real clock
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for {
			status, body := b.send(method, path, "application/json", "")
			if status == 401 && strings.Contains(body, insufficient) {
				return
			}
			if status == 401 || time.Now().After(deadline) {
				t.Fatalf("%d: %s", status, body)
			}
		}
	}
	untilStale(b, "GET", "/api/codes")
	other := s.browser(t)
	other.password("bob") // who has no passkey yet
	untilStale(other, "POST", "/passkey/add/finish")
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.want("GET", "/api/codes", "", 200, "4711")
}

// A further passkey needs a passkey: a stolen password is not enough to add
// one.
func TestFurtherPasskey(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	thief := s.browser(t)
	thief.password("ann")
	thief.want("POST", "/passkey/add/begin", "", 401, insufficient)
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.addPasskey()
	if me := b.me(); me.Passkeys != 2 {
		t.Errorf("%+v", me)
	}
}

// After a change of the password, a session that began with the old one ends at
// its next refresh. A session that began with a passkey goes on.
func TestPasswordChange(t *testing.T) {
	s := newSite(t, time.Hour)
	b, other := s.browser(t), s.browser(t)
	b.password("ann")
	b.addPasskey()
	other.authenticator = b.authenticator
	other.want("POST", "/passkey/sign-in/finish", other.use("/passkey/sign-in"), 204, "")
	s.users.mu.Lock()
	s.users.rows[0].passwordVersion = "2"
	s.users.mu.Unlock()
	b.want("POST", "/refresh", "", 401, "session_ended")
	other.want("POST", "/refresh", "", 200, "")
	b.password("ann")
	b.want("POST", "/refresh", "", 200, "")
}

func TestRefusedCeremonies(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	const stepUp = "/passkey/step-up"

	b.want("POST", stepUp+"/finish", "{}", 403, refused) // not begun
	response := b.use(stepUp)
	b.want("POST", stepUp+"/finish", response, 204, "")
	b.want("POST", stepUp+"/finish", response, 403, refused) // a second time

	b.password("ann")
	b.want("POST", stepUp+"/finish", b.use("/passkey/sign-in"), 403, refused) // another purpose
	b.authenticator.Options.UserNotVerified = true
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.authenticator.Options.UserNotVerified = false
	b.origin = "https://evil.example"
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.origin = s.url
	b.authenticator.Credentials[0].Counter = 0 // a copy of the passkey from before its last use
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.authenticator.Credentials[0].Counter = 100
	b.want("GET", "/api/codes", "", 401, insufficient)

	// The ceremony of another browser.
	other := s.browser(t)
	other.authenticator = b.authenticator
	stolen := other.use("/passkey/sign-in")
	b.want("POST", "/passkey/sign-in/finish", stolen, 403, refused)
	b.use("/passkey/sign-in")
	b.want("POST", "/passkey/sign-in/finish", stolen, 403, refused)
	other.want("POST", "/passkey/sign-in/finish", stolen, 204, "")

	// The pages of other sites.
	for _, path := range []string{"/passkey/sign-in/begin", "/passkey/sign-in/finish", stepUp + "/begin", stepUp + "/finish", "/passkey/add/begin", "/passkey/add/finish"} {
		b.want("POST", path, "{}", 403, "cross_site", "Origin: https://evil.example")
	}
	// Without a session.
	visitor := s.browser(t)
	for _, path := range []string{stepUp + "/begin", stepUp + "/finish", "/passkey/add/begin", "/passkey/add/finish"} {
		visitor.want("POST", path, "{}", 401, "token_missing")
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	form := func(body string) (int, string) {
		return b.send("POST", "/login", "application/x-www-form-urlencoded", body)
	}
	for body, want := range map[string]int{
		"username=ann&password=wrong":    401,
		"username=eve&password=password": 401,
		"username=ann":                   400,
		"username=Ann&password=password": 200,
	} {
		if status, page := form(body); status != want {
			t.Errorf("%s: %d, want %d:\n%s", body, status, want, page)
		}
	}
	b.want("GET", "/", "", 200, `<span id="name">ann</span>`)
	base, _ := url.Parse(s.url)
	b.client.Jar.SetCookies(base, []*http.Cookie{{Name: "__Host-passkey-access", Path: "/", MaxAge: -1, Secure: true}})
	b.want("GET", "/", "", 200, `<span id="name">ann</span>`) // Renew
	b.want("POST", "/logout", "", 204, "")
	b.want("GET", "/", "", 200, "Sign in with a passkey")
}
