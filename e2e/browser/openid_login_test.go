package browser

import (
	"strings"
	"testing"
)

// TestOpenIDLogin signs in through a real provider on another site.
func TestOpenIDLogin(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	port := freePort(t)
	url := "http://" + host + ":" + port
	issuer := startProvider(t, url+"/callback")
	_, log := startExample(t, "openid-login", "-addr", "127.0.0.1:"+port, "-base-url", url,
		"-issuer", issuer, "-client-id", "app", "-access-ttl", "4s")
	const atLogin = `location.pathname === '/login' && document.querySelector('#start')`
	const atAccount = `location.pathname === '/' && document.querySelector('#name')?.textContent === 'ann of the provider'`

	b.open(url)
	b.wait(atLogin)
	b.look("openid-login")
	b.click("#start")
	b.wait(`location.origin === '` + issuer + `' && document.querySelector('[name=login]')`)
	b.click("[name=login]")
	b.write("ann")
	b.click("[name=password]")
	b.write("any")
	b.press("Enter")
	b.wait(`document.querySelector('[name=prompt][value=consent]')`)
	b.click("[type=submit]")
	b.wait(atAccount)
	const access, refresh = "__Host-openid-login-access", "__Host-openid-login-refresh"
	b.wantCookiesOf(host, access+" / SameSite=Lax Secure HttpOnly", refresh+" / SameSite=Lax Secure HttpOnly")

	// The script keeps the session alive, with the facts of the sign-in.
	b.wait(`Number(document.querySelector('#renewals').textContent) >= 2`)
	b.click("#ask")
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are ann of the provider.')`)
	b.look("openid-account")

	// A second sign-in ends the browser's old session.
	before := waitForLog(t, log, `event=login subject=ann id=(\S+)`)[1]
	b.open(url + "/login")
	b.click("#start")
	b.wait(atAccount) // the provider still knows the user
	after := waitForLog(t, log, `event=login subject=ann id=(\S+)`)[1]
	if before == after || waitForLog(t, log, `event=logout subject=ann id=(\S+)`)[1] != before {
		t.Errorf("the sign-in after %s began %s and did not end the former", before, after)
	}

	// Another browser cannot finish a sign-in.
	other := newBrowser(t)
	other.open(url + "/callback?code=x&state=y")
	other.wait(says("was not started in this browser"))
	other.wantCookiesOf(host)
	other.look("openid-refused")

	// A sign-out at the provider ends the session here.
	leaving := b.another()
	leaving.open(issuer + "/session/end")
	leaving.click("[name=logout]")
	waitForLog(t, log, `event=logout subject=ann id=""`)
	b.wait(`location.href.endsWith('/login?ended')`)

	b.open(url + "/login")
	b.click("#start")
	b.wait(`location.origin === '` + issuer + `' && document.querySelector('a[href$="/abort"]')`)
	b.click(`a[href$="/abort"]`)
	b.wait(says("The provider did not sign you in"))

	if text := log.String(); strings.Contains(text, "eyJ") || strings.Contains(text, "app-secret") {
		t.Errorf("the log holds a token or a secret:\n%s", text)
	}
}
