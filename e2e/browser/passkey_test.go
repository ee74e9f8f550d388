package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
)

// authenticator gives a tab an authenticator of its own, as it is built into a
// phone: it verifies its user without a question.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	return call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol:                    webauthn.AuthenticatorProtocolCtap2,
			Transport:                   webauthn.AuthenticatorTransportInternal,
			HasResidentKey:              true,
			HasUserVerification:         true,
			IsUserVerified:              true,
			AutomaticPresenceSimulation: true,
		},
	}).AuthenticatorID
}

// TestPasskey adds passkeys, signs in with them, and steps a session up.
func TestPasskey(t *testing.T) {
	t.Parallel()
	const fresh = 20 * time.Second // longer than the steps of a slow machine
	url, log := startExample(t, "passkey", "-access-ttl", "4s", "-fresh", fresh.String())
	atAccount := func(name string) string {
		return `location.pathname === '/' && document.querySelector('#name')?.textContent === '` + name + `' && !document.querySelector('.script[hidden]')`
	}
	password := func(b *tab, name string) {
		t.Helper()
		b.open(url + "/login")
		b.click("#username")
		b.write(name)
		b.click("#password")
		b.write("password")
		b.press("Enter")
		b.wait(atAccount(name))
	}
	text := func(b *tab, id string) string {
		return value[string](b, `document.querySelector('#`+id+`').textContent`)
	}
	send := func(b *tab, method, path string) string { // the code of the refusal, or 200
		t.Helper()
		return value[string](b, `fetch('`+path+`', { method: '`+method+`' }).then(async (r) => (r.ok ? String(r.status) : (await r.json()).code))`)
	}
	codes := func(b *tab) string {
		t.Helper()
		return send(b, "GET", "/api/codes")
	}
	const insufficient = "insufficient_user_authentication"
	stale := func(b *tab) {
		t.Helper()
		b.waitAsync(`fetch('/api/codes').then(async (r) => !r.ok && (await r.json()).code === '` + insufficient + `')`)
	}
	const shown = `document.querySelector('#codes').textContent.includes('4711')`

	// A session by password never shows the codes, however fresh: it has no
	// passkey.
	ann := newBrowser(t)
	ann.authenticator()
	password(ann, "ann")
	ann.look("passkey-account")
	if got := text(ann, "acr"); got != "password" {
		t.Errorf("acr is %q", got)
	}
	ann.click("#show")
	ann.wait(`location.href.endsWith('/login?fresh')`)
	ann.look("passkey-login")

	// The first passkey needs a recent sign-in. With it, the session is raised.
	password(ann, "ann")
	ann.click("#add")
	ann.wait(says("Your passkey is added"))
	if text(ann, "passkeys") != "1" || text(ann, "acr") != "password" {
		t.Errorf("after the addition: %s passkeys, acr %s", text(ann, "passkeys"), text(ann, "acr"))
	}
	if got := codes(ann); got != insufficient {
		t.Errorf("a fresh session by password: %s", got)
	}
	ann.click("#show")
	ann.wait(shown)
	ann.wait(`document.querySelector('#acr').textContent === 'phr'`)
	ann.look("passkey-codes")

	// It stays raised over refreshes, until the maximum age.
	ann.reload()
	ann.wait(atAccount("ann"))
	if got := text(ann, "acr"); got != "phr" {
		t.Errorf("after a reload: acr is %q", got)
	}
	stale(ann)
	if got := text(ann, "acr"); got != "phr" {
		t.Errorf("after the maximum age: acr is %q", got)
	}
	ann.click("#show") // the passkey is used again
	ann.wait(shown)

	// A session that begins with the passkey needs no password, and no step-up.
	ann.click("#logout button")
	ann.wait(says("You are signed out"))
	ann.click("#sign-in")
	ann.wait(atAccount("ann"))
	if got := codes(ann); got != "200" {
		t.Errorf("a session by passkey: %s", got)
	}
	ann.wantCookiesOf("localhost", "__Host-passkey-access / SameSite=Lax Secure HttpOnly", "__Host-passkey-refresh / SameSite=Lax Secure HttpOnly")

	// A further passkey needs the one that is there.
	stale(ann)
	if got := send(ann, "POST", "/passkey/add/begin"); got != insufficient {
		t.Errorf("a further passkey: %s", got)
	}
	ann.click("#add")
	ann.wait(says("already has a passkey"))

	// A passkey of someone else does not raise a session. Bob's own is in
	// another browser.
	bob := newBrowser(t)
	bob.authenticator()
	password(bob, "bob")
	bob.click("#add")
	bob.wait(says("Your passkey is added"))
	ann.click("#logout button")
	ann.wait(says("You are signed out"))
	password(ann, "bob")
	ann.click("#show")
	ann.wait(says("not accepted for this account"))
	if got := codes(ann); got != insufficient {
		t.Errorf("after the passkey of someone else: %s", got)
	}
	ann.reload()
	ann.wait(atAccount("bob"))
	if got := text(ann, "acr"); got != "password" {
		t.Errorf("after the passkey of someone else: acr is %q", got)
	}
	if text := log.String(); strings.Contains(text, "eyJ") {
		t.Errorf("the log holds a token:\n%s", text)
	}
}
