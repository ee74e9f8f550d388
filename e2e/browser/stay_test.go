package browser

import (
	"fmt"
	"testing"
	"time"
)

func TestStaysLoggedIn(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "2s")
	b := newBrowser(t)
	b.open(a.url + "/")
	b.wait(atLogin)
	b.fillIn("wrong")
	b.press("Enter")
	b.wait(says("do not match"))
	if n := len(b.cookies()); n != 0 {
		t.Errorf("a wrong password leaves %d cookies", n)
	}
	b.login(a)
	b.reload()
	b.wait(atDashboard)
	b.ask()

	a.stop()
	a.start()
	b.reload()
	b.wait(atDashboard)
	b.ask()

	// The access token expires while the page is open and is not renewed. The
	// next click renews it.
	b.click("#silent")
	b.wait(`!document.querySelector('#silent').checked && (window.same = true)`)
	b.wait(`document.querySelector('#remaining').textContent === 'expired'`)
	b.ask()
	if !value[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
	if n := len(a.events("login")); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}

	// Silent renewal happens before the user notices.
	b.reload()
	b.wait(`Number(document.querySelector('#renewals').textContent) >= 2`)
	b.wait(atDashboard)
}

// TestTabs keeps three tabs open over many expiries, with and without Web
// Locks.
func TestTabs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		expiries int
		each     int // refreshes at each, at the most
		prelude  string
	}{
		{"locks", 50, 1, ""},
		{"no locks", 15, 3, `Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const window = time.Second
			a := startApp(t, "-access-ttl", "2s", "-reuse-window", window.String())
			first := newBrowser(t)
			tabs := []*tab{first, first.another(), first.another()}
			for i, b := range tabs {
				if c.prelude != "" {
					b.prelude(c.prelude)
				}
				if i == 0 {
					b.login(a)
				} else {
					b.open(a.url + "/")
				}
				b.wait(atDashboard + ` && (window.same = true)`)
			}
			if c.prelude != "" && !value[bool](first, `navigator.locks === undefined`) {
				t.Error("there are locks")
			}
			// Responses in quick succession belong to one expiry: a token is
			// renewed at least 1.6 s after the previous one.
			start := time.Now()
			count := func() (answers, expiries int) {
				var first time.Time
				lines := a.events("refresh")
				for _, line := range lines {
					if at := logTime(t, line); at.Sub(first) > time.Second {
						expiries++
						first = at
					}
				}
				return len(lines), expiries
			}
			answers, expiries := count()
			for ; expiries < c.expiries; answers, expiries = count() {
				if time.Since(start) > time.Duration(c.expiries)*8*time.Second {
					t.Fatalf("%d expiries in %v", expiries, time.Since(start))
				}
				time.Sleep(200 * time.Millisecond)
			}
			// A tab may see a change of localStorage late: there is no
			// guarantee.
			if most := expiries*c.each + expiries/2; answers > most {
				t.Errorf("%d refreshes at %d expiries, want %d at each", answers, expiries, c.each)
			}
			for i, b := range tabs {
				if !value[bool](b, `window.same === true && `+atDashboard) {
					t.Errorf("tab %d was loaded anew", i)
				}
				b.ask()
			}
			if n := len(a.events("reuse", "logout", "denied")); n > 0 {
				t.Errorf("%d sessions ended", n)
			}
			// A generation lasts at least for the window and 30 s of repeated
			// responses. The log may be late by a few seconds.
			var last time.Time
			for _, line := range a.events("rotated") {
				at := logTime(t, line)
				if !last.IsZero() && at.Sub(last) < window+20*time.Second {
					t.Errorf("two rotations within %v", at.Sub(last))
				}
				last = at
			}
			t.Logf("%d expiries, %d answers, %d rotations in %v", expiries, answers, len(a.events("rotated")), time.Since(start).Round(time.Second))
		})
	}
}

func logTime(t *testing.T, line string) time.Time {
	t.Helper()
	at, err := time.Parse("time=2006-01-02T15:04:05.000Z07:00", line[:len("time=2006-01-02T15:04:05.000Z")])
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestSignOutElsewhere(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, other := newBrowser(t), newBrowser(t)
	one.login(a)
	other.login(a)

	// One device, in the list.
	one.ask()
	one.wait(`document.querySelectorAll('#devices li').length === 2`)
	one.click("#devices li:not(:has(.tag)) button")
	one.wait(`document.querySelectorAll('#devices li').length === 1`)
	one.wait(says("is signed out"))
	other.click("#ask")
	other.wait(atLogin + " && " + says("Your session has ended"))

	// All devices: here the user did it, elsewhere it is news.
	other.login(a)
	one.ask()
	one.click("#everywhere button")
	one.wait(atLogin + " && " + says("You are signed out"))
	if n := len(one.cookies()); n != 0 {
		t.Errorf("%d cookies are left", n)
	}
	other.click("#ask")
	other.wait(atLogin + " && " + says("Your session has ended"))
	for _, b := range []*tab{one, other} {
		b.open(a.url + "/")
		b.wait(atLogin)
	}

	// This device, in the list.
	one.login(a)
	one.click("#devices li:has(.tag) button")
	one.wait(atLogin + " && " + says("You are signed out"))

	// Other tabs of the browser notice without a request.
	one.login(a)
	second := one.another()
	second.open(a.url + "/")
	second.wait(atDashboard)
	one.click("#logout button")
	one.wait(atLogin + " && " + says("You are signed out"))
	second.wait(atLogin)
	if n := len(one.cookies()); n != 0 {
		t.Errorf("a logout leaves %d cookies", n)
	}
}

// In TestPasswordChange the browser that changes the password stays logged in,
// with its other tabs, and another one does not.
func TestPasswordChange(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	one, other := newBrowser(t), newBrowser(t)
	one.login(a)
	other.login(a)
	second := one.another()
	second.open(a.url + "/")
	second.wait(loaded)
	change := func(current string) {
		t.Helper()
		one.click("#current")
		one.write(current)
		one.click("#new")
		one.write("another password")
		one.press("Enter")
	}
	change("wrong")
	one.wait(says("not your current password") + " && " + loaded)
	change("password")
	one.wait(says("Your password is changed") + " && " + loaded)
	one.ask()
	second.ask()
	one.wait(`document.querySelectorAll('#devices li').length === 1`)
	other.click("#ask")
	other.wait(atLogin + " && " + says("Your session has ended"))
	other.fillIn("password")
	other.press("Enter")
	other.wait(says("do not match"))
	other.write("another password") // replaces the old text
	other.submit(atDashboard)
	if n := len(a.events("reuse", "denied")); n > 0 {
		t.Errorf("%d sessions were denied", n)
	}
}

// In TestOpeningTabs, a page that opens is not a renewal for the other tabs.
func TestOpeningTabs(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "10m")
	b := newBrowser(t)
	b.login(a)
	for range 2 {
		other := b.another()
		other.open(a.url + "/")
		other.wait(loaded)
		other.ask()
	}
	b.ask()
	renewals, answers := value[string](b, `document.querySelector('#renewals').textContent`), len(a.events("refresh"))
	if renewals != "0" || answers != 0 {
		t.Errorf("the page tells of %s renewals, the server of %d", renewals, answers)
	}
}

// TestSignOutFails signs out and switches while the server is down. The session
// continues in all tabs.
func TestSignOutFails(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	b := newBrowser(t)
	b.login(a)
	other := b.another()
	other.open(a.url + "/")
	other.wait(atDashboard + " && " + loaded + ` && (window.same = true)`)
	a.stop()
	for _, button := range []string{"#logout button", "#switch", "#devices li:has(.tag) button", "#everywhere button"} {
		b.watchConnection()
		b.click(button)
		b.wait(connection("That was not done"))
	}
	a.start()
	b.wait(connection("The server is back."))
	b.ask()
	other.ask()
	if !value[bool](other, `window.same === true`) {
		t.Error("the other tab was loaded anew")
	}

	// The page still shows an end that it did not cause.
	elsewhere := newBrowser(t)
	elsewhere.login(a)
	elsewhere.click("#everywhere button")
	elsewhere.wait(atLogin)
	b.click("#ask")
	b.wait(atLogin + " && " + says("Your session has ended"))
}

// In TestServerBusy the server responds that it is unavailable or has failed.
// The page shows the failed action, and does not say that the server is away
// and back.
func TestServerBusy(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.login(startApp(t))
	for status, want := range map[int]string{503: "the server is busy", 500: "the server responded with 500"} {
		b.try(fmt.Sprintf(`globalThis.fetch = (to) => Promise.resolve(new Response(null, { status: String(to.url ?? to).includes('/api/me') ? %d : 204 }))`, status))
		b.watchConnection()
		b.click("#ask")
		b.wait(says(want))
		b.wait(`document.querySelector('#ask').ariaDisabled === 'false'`)
		b.wait(fmt.Sprintf(`(globalThis.since%d ??= Date.now()) < Date.now() - 3500`, status)) // longer than the page waits before the next attempt
		if heard := value[int](b, `heard.length`); heard != 0 {
			t.Errorf("%d: the page tells of the connection: %s", status, value[string](b, `heard.join()`))
		}
	}
}

func TestServerDownAndBack(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "2s")
	b := newBrowser(t)
	b.login(a)
	b.wait(`(window.same = true)`)
	b.watchConnection()
	a.stop()
	b.wait(connection("cannot be reached"))
	b.click("#ask")
	b.wait(connection("That was not done"))
	b.wait(`document.querySelector('#remaining').textContent === 'expired'`)
	a.start()
	b.wait(connection("The server is back."))
	b.wait(`document.querySelector('#remaining').textContent !== 'expired'`)
	b.ask()
	b.wait(`document.querySelector('#connection').textContent === ''`)
	if !value[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
}
