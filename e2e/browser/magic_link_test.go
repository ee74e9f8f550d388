package browser

import (
	"strings"
	"testing"
)

// TestMagicLink signs in by links, which come from a web mail on another site.
func TestMagicLink(t *testing.T) {
	t.Parallel()
	url, log := startExample(t, "magic-link", "-access-ttl", "4s")
	mail := origin(t, "evil.localhost")
	b := newBrowser(t)
	request := func(b *tab, address string) (link string) {
		t.Helper()
		b.open(url + "/login")
		b.click("#email")
		b.write(address)
		b.press("Enter")
		b.wait(`location.pathname === '/login/sent'`)
		return waitForLog(t, log, `msg=mail to=`+address+` link="?([^"\s]+)`)[1]
	}
	follow := func(b *tab, link string) {
		t.Helper()
		b.open(mail)
		b.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<a href="` + link + `">sign in</a>'); document.querySelector('a').click()`)
		b.wait(`location.pathname === '/link' && document.readyState === 'complete'`)
	}
	atAccount := func(address string) string {
		return `location.pathname === '/' && document.querySelector('#name')?.textContent === '` + address + `'`
	}

	link := request(b, "ann@example.com")
	b.look("magic-link-sent")
	for range 2 { // opening it does not use it up
		follow(b, link)
		b.wait(`document.querySelector('#email').textContent === 'ann@example.com'`)
	}
	b.look("magic-link-button")
	other := newBrowser(t)
	follow(other, link)
	other.wait(says("only in the browser in which it was requested"))
	other.wantCookiesOf("127.0.0.1")

	b.click("button")
	b.wait(atAccount("ann@example.com"))
	b.wantCookiesOf("127.0.0.1", "__Host-magic-link-access / SameSite=Lax Secure HttpOnly", "__Host-magic-link-refresh / SameSite=Lax Secure HttpOnly")
	if acr := value[string](b, `document.querySelector('#acr').textContent`); acr != "email-link" {
		t.Errorf("the authentication context is %q", acr)
	}
	b.wait(`Number(document.querySelector('#renewals').textContent) >= 1`)
	b.click("#ask")
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are ann@example.com.')`)
	b.look("magic-link-account")
	follow(b, link)
	b.wait(says("That link was used"))

	// Of two presses of the button, at most one counts: the browser may cancel
	// the first request. Then a new link helps.
	const logins = "event=login"
	before := strings.Count(log.String(), logins)
	second := request(b, "ann@example.com")
	follow(b, second)
	b.try(`window.leaving = true; document.querySelector('form').submit(); document.querySelector('form').submit()`)
	b.wait(`!window.leaving && document.readyState === 'complete' && location.pathname !== '/link' || ` + says("That link was used"))
	follow(b, second)
	b.wait(says("That link was used"))
	if n := strings.Count(log.String(), logins) - before; n > 1 {
		t.Errorf("two presses began %d sessions", n)
	}
	third := request(b, "ann@example.com")
	follow(b, third)
	b.click("button")
	b.wait(atAccount("ann@example.com") + ` && !document.querySelector('.script[hidden]')`)

	b.click("#delete button")
	b.wait(says("Your account is deleted"))
	b.wantCookiesOf("127.0.0.1")
	b.look("magic-link-login")
}
