package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
)

// TestWithoutScript uses the whole application without script.
func TestWithoutScript(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "2s")
	b := newBrowser(t)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open(a.url + "/")
	b.wait(atLogin)
	if !value[bool](b, `document.querySelector('#mode').hidden`) {
		t.Fatal("script runs")
	}
	signIn := func(password string) {
		b.click("#username")
		b.write("admin")
		b.click("#password")
		b.write(password)
		b.press("Enter")
	}
	// until presses a button, and presses it again if the access token had
	// expired.
	until := func(condition, button string) {
		t.Helper()
		for range 10 {
			b.try(`window.leaving = true`)
			b.click(button)
			b.wait(`document.readyState === 'complete' && !window.leaving`)
			if value[bool](b, "Boolean("+condition+")") {
				return
			}
			b.wait(says("Please press the button again"))
		}
		b.wait(condition)
	}
	signIn("wrong")
	b.wait(says("do not match"))
	signIn("password")
	b.wait(atDashboard)
	b.wait(`document.querySelectorAll('#devices li').length === 1`)
	b.screenshot("without-script")

	// After the access cookie has expired, pages renew it.
	for i := range 2 {
		for end := time.Now().Add(patience); len(a.events("refresh")) <= i; {
			if time.Now().After(end) {
				t.Fatal("no page is renewed")
			}
			b.reload()
			b.wait(atDashboard)
		}
	}

	// A late press of a button must be repeated, but nothing is lost.
	b.waitGone("__Host-webapp-access")
	b.click("#devices button")
	b.wait(says("Please press the button again"))
	b.wait(atDashboard)

	// This browser ends the session of another one, and then all sessions.
	other := newBrowser(t)
	other.login(a)
	b.open(a.url + "/")
	b.wait(`document.querySelectorAll('#devices li').length === 2`)
	until(`document.querySelectorAll('#devices li').length === 1`, "#devices li:not(:has(.tag)) button")
	other.wait(atLogin) // it notices when it renews its token
	until(atLogin+" && "+says("You are signed out"), "#everywhere button")
	if n := len(b.cookies()); n != 0 {
		t.Errorf("%d cookies are left", n)
	}

	// This device, in the list.
	signIn("password")
	b.wait(atDashboard)
	until(atLogin+" && "+says("You are signed out"), "#devices li:has(.tag) button")

	signIn("password")
	b.wait(atDashboard)
	b.click("#logout button")
	b.wait(atLogin + " && " + says("You are signed out"))
	if n := len(b.cookies()); n != 0 {
		t.Errorf("a logout leaves %d cookies", n)
	}
	if n := len(a.events("reuse", "denied")); n > 0 {
		t.Errorf("%d sessions were denied", n)
	}
}

// waitGone waits until the browser has deleted an expired cookie.
func (b *tab) waitGone(name string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		there := false
		for key := range b.cookies() {
			there = there || strings.HasPrefix(key, name+" ")
		}
		if !there {
			return
		}
	}
	b.t.Fatalf("the cookie %s never expires", name)
}
