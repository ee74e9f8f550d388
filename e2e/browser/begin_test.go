package browser

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

const (
	accessName  = "__Host-jwtauth-access"
	refreshName = "__Host-jwtauth-refresh"
	attributes  = " / SameSite=Lax Secure HttpOnly"
)

// TestBeginSession begins a session in a GET callback that a page of another
// site leads to, and ends it with the account.
func TestBeginSession(t *testing.T) {
	t.Parallel()
	s := startSite(t, jwtauth.IssuerOptions{})
	provider := httptest.NewTLSServer(pages())
	t.Cleanup(provider.Close)
	b := newBrowser(t)
	callback := func(subject string) {
		t.Helper()
		b.open(urlOf(provider, "provider.localhost"))
		b.try(`location.assign('` + s.url + `/callback?subject=` + subject + `')`)
		b.wait(atAccountOf(subject))
	}
	callback("ann")
	b.wantCookiesOf(host, accessName+attributes, refreshName+attributes)
	first := b.cookies()
	for name, cookie := range first {
		if cookie.Session || cookie.Expires <= value[float64](b, `Date.now() / 1000`) {
			t.Errorf("%s ends with the browser (%v) or at %v", name, cookie.Session, cookie.Expires)
		}
	}

	// The browser's old session ends, also that of another subject.
	callback("bob")
	if old, now := s.sessions("ann"), s.sessions("bob"); old != 0 || now != 1 {
		t.Errorf("%d sessions of ann, want 0, and %d of bob, want 1", old, now)
	}
	for name, cookie := range b.cookies() {
		if first[name].Value == cookie.Value {
			t.Errorf("%s is still the old one", name)
		}
	}
	if got := b.outcome(`fetch('/refresh', { method: 'POST' })`); got != "200" {
		t.Errorf("refresh responds %s", got)
	}

	// The account is deleted, with a second session elsewhere.
	other := newBrowser(t)
	other.signIn(s, "bob", true)
	b.try(`window.leaving = true; document.body.innerHTML = '<form method="post" action="/delete"></form>'; document.forms[0].submit()`)
	b.wait(`!window.leaving && location.pathname === '/' && document.readyState === 'complete'`)
	b.wantCookiesOf(host)
	if n := s.sessions("bob"); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	other.wantOutcome(`fetch('/codes')`, "401")
	other.wantOutcome(`fetch('/refresh', { method: 'POST' })`, "401")
}

// In TestStepUp a session by e-mail link needs a passkey for some pages, however
// fresh it is.
func TestStepUp(t *testing.T) {
	t.Parallel()
	s := startSite(t, jwtauth.IssuerOptions{})
	b := newBrowser(t)
	b.open(s.url + "/callback?subject=ann")
	b.wait(atAccountOf("ann"))
	codes := func(want string) {
		t.Helper()
		const call = `fetch('/codes').then(async (r) => [r.ok ? '' : (await r.json()).code, r.headers.get('WWW-Authenticate') ?? ''])`
		got := value[[2]string](b, call)
		if got[0] != want || want != "" && !strings.Contains(got[1], `acr_values="phr"`) {
			t.Errorf("the codes: %q, want %q", got, want)
		}
	}
	passkey := func(subject, ago, want string) {
		t.Helper()
		b.wantOutcome(`fetch('/passkey', { method: 'POST', body: new URLSearchParams({ subject: '`+subject+`', ago: '`+ago+`' }) })`, want)
	}
	const insufficient = "insufficient_user_authentication"
	codes(insufficient)
	passkey("bob", "0s", "403")
	codes(insufficient)
	passkey("ann", "0s", "200")
	codes("")
	b.wantOutcome(`fetch('/refresh', { method: 'POST' })`, "200")
	codes("")
	passkey("ann", "6m", "200")
	codes(insufficient)
	b.wantOutcome(`fetch('/refresh', { method: 'POST' })`, "200")
	codes(insufficient)
}

// TestRemember closes and reopens the browser after logins with and without
// "remember me", which were also refreshed.
func TestRemember(t *testing.T) {
	t.Parallel()
	program := need.Binary(t, "chromium")
	folder, err := newProfile()
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*tab, func()) {
		ctx, closeBrowser, err := launch(program, folder)
		if err != nil {
			closeBrowser()
			t.Fatal(err)
		}
		t.Cleanup(closeBrowser)
		return openTab(t, ctx), closeBrowser
	}
	sites := map[string]*site{} // by the name of the user
	for _, name := range []string{"kept", "kept-refreshed", "brief", "brief-refreshed"} {
		s := startSite(t, jwtauth.IssuerOptions{})
		s.url = strings.Replace(s.url, host, name+".localhost", 1) // cookies know no ports
		sites[name] = s
	}
	b, closeBrowser := open()
	for name, s := range sites {
		remember := strings.HasPrefix(name, "kept")
		b.signIn(s, name, remember)
		if strings.HasSuffix(name, "-refreshed") {
			for range 2 {
				b.wantOutcome(`fetch('/refresh', { method: 'POST' })`, "200")
			}
			b.open(s.url + "/account")
			b.wait(atAccountOf(name))
		}
		for _, c := range b.cookies() {
			if c.Domain == name+".localhost" && c.Session == remember {
				t.Errorf("%s: %s ends with the browser: %v", name, c.Name, c.Session)
			}
		}
	}
	closeBrowser()

	b, _ = open()
	for name, s := range sites {
		b.open(s.url + "/account")
		if strings.HasPrefix(name, "kept") {
			b.wait(atAccountOf(name))
		} else {
			b.wait(`document.body?.innerText.includes('token_missing')`)
			b.wantCookiesOf(name + ".localhost")
		}
	}
}

// TestRenewKeeps shows that Renew keeps pages logged in behind a proxy with
// Basic authentication, after new keys, and with a new audience.
func TestRenewKeeps(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	opts := jwtauth.IssuerOptions{AccessTTL: 2 * time.Second, Leeway: -1, RefreshKeys: []jwtauth.Key{newKey(t)}, Audience: []string{"https://old.example"}}
	s := startSite(t, opts)
	s.configure(key, opts)
	b := newBrowser(t)
	b.signIn(s, "ann", true)

	// renewed opens the page again and reports whether a new token was needed.
	renewed := func() bool {
		t.Helper()
		before := b.accessToken()
		b.open(s.url + "/account")
		b.wait(atAccountOf("ann"))
		return b.accessToken() != before
	}
	s.proxied.Store(true)
	b.open(strings.Replace(s.url, "https://", "https://staff:proxy@", 1) + "/account")
	b.wait(atAccountOf("ann"))
	b.waitGone(accessName)
	if !renewed() {
		t.Error("behind the proxy, the page has no new token")
	}
	s.proxied.Store(false)

	opts.AccessTTL = time.Hour
	s.configure(key, opts)
	b.waitGone(accessName)
	if !renewed() || renewed() {
		t.Error("only the first of two pages should be renewed")
	}
	if err := s.issuer.SetKeys(newKey(t)); err != nil {
		t.Fatal(err)
	}
	if !renewed() || renewed() {
		t.Error("after SetKeys, only the first of two pages should be renewed")
	}
	key = newKey(t)
	if err := s.issuer.SetKeys(key); err != nil {
		t.Fatal(err)
	}
	renewed()
	opts.Audience = []string{"https://new.example"}
	s.configure(key, opts)
	if !renewed() || renewed() {
		t.Error("with a new audience, only the first of two pages should be renewed")
	}
	if n := s.sessions("ann"); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// accessToken returns the value of the access cookie, or "".
func (b *tab) accessToken() string {
	b.t.Helper()
	for _, cookie := range b.cookies() {
		if cookie.Name == accessName {
			return cookie.Value
		}
	}
	return ""
}
