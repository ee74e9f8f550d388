package browser

import (
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

	// The access token expires while the page is open and nobody renews it: the next click does.
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

	// With silent renewal, it is done before anybody notices.
	b.reload()
	b.wait(`Number(document.querySelector('#renewals').textContent) >= 2`)
	b.wait(atDashboard)
}

// TestTabs keeps three tabs open over many expiries, with Web Locks and without.
func TestTabs(t *testing.T) {
	for _, c := range []struct {
		name     string
		expiries int
		prelude  string
	}{
		{"locks", 50, ""},
		{"no locks", 15, `Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })`},
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
			// Each answered refresh replaces a token that is about to expire.
			const kinds = "refresh coalesced recovered"
			start := time.Now()
			want := c.expiries
			if c.prelude != "" {
				want *= len(tabs) // each tab asks for itself
			}
			for len(a.events("refresh", "coalesced", "recovered")) < want {
				if time.Since(start) > time.Duration(c.expiries)*4*time.Second {
					t.Fatalf("%d %s in %v", len(a.events("refresh", "coalesced", "recovered")), kinds, time.Since(start))
				}
				time.Sleep(200 * time.Millisecond)
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
			// A generation lasts at least for the window and the 30 s in which it is answered again.
			var last time.Time
			for _, line := range a.events("refresh") {
				at := logTime(t, line)
				if !last.IsZero() && at.Sub(last) < window+29*time.Second {
					t.Errorf("two rotations within %v", at.Sub(last))
				}
				last = at
			}
			t.Logf("%d answers, %d rotations in %v", len(a.events("refresh", "coalesced", "recovered")), len(a.events("refresh")), time.Since(start).Round(time.Second))
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

	// One device, by the list.
	one.ask()
	one.wait(`document.querySelectorAll('#devices li').length === 2`)
	one.click("#devices li:not(:has(.tag)) button")
	one.wait(`document.querySelectorAll('#devices li').length === 1`)
	one.wait(says("is signed out"))
	other.click("#ask")
	other.wait(atLogin + " && " + says("Your session has ended"))

	other.login(a)
	one.ask()
	one.click("#everywhere button")
	one.wait(atLogin + " && " + says("You are signed out"))
	other.click("#ask")
	other.wait(atLogin + " && " + says("Your session has ended"))
	for _, b := range []*tab{one, other} {
		b.open(a.url + "/")
		b.wait(atLogin)
	}

	// Tabs of one browser hear of it by themselves.
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

func TestServerDownAndBack(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "2s")
	b := newBrowser(t)
	b.login(a)
	b.wait(`(window.same = true)`)
	a.stop()
	b.wait(`!document.querySelector('#connection').hidden && document.querySelector('#connection').textContent.includes('cannot be reached')`)
	b.click("#ask")
	b.wait(says("That was not done"))
	b.wait(`document.querySelector('#remaining').textContent === 'expired'`)
	b.screenshot("server-down")
	a.start()
	b.wait(`document.querySelector('#connection').textContent === 'The server is back.'`)
	b.wait(`document.querySelector('#remaining').textContent !== 'expired'`)
	b.wait(`!document.querySelector('#messages p')`)
	b.ask()
	b.wait(`document.querySelector('#connection').hidden`)
	if !value[bool](b, `window.same === true`) {
		t.Error("the page was loaded anew")
	}
}
