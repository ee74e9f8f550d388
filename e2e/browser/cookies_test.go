package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCookiesInBrowser(t *testing.T) {
	t.Parallel()
	const lifetime = 10 * time.Minute // so that the page does not renew the cookies
	a := startApp(t, "-access-ttl", lifetime.String())
	b := newBrowser(t)
	b.login(a)
	jar := b.cookies()
	for _, want := range []struct {
		name string
		life float64
	}{{"__Host-webapp-access", lifetime.Seconds()}, {"__Host-webapp-refresh", 7 * 24 * 3600}} {
		c, ok := jar[want.name+" "+host+" /"] // a Domain attribute would show as a dot before the host
		now := value[float64](b, `Date.now() / 1000`)
		if !ok || !c.HTTPOnly || !c.Secure || c.SameSite != "Lax" || c.Session || c.Expires < now+want.life-300 || c.Expires > now+want.life+1 {
			t.Errorf("%s: %+v", want.name, c)
		}
	}
	if len(jar) != 2 {
		t.Errorf("the browser has %d cookies", len(jar))
	}

	// Scripts read as little as the page says.
	if got := value[string](b, `document.cookie`); got != "" {
		t.Errorf("script reads %q", got)
	}
	if got := value[int](b, `cookieStore.getAll().then((all) => all.length)`); got != 0 {
		t.Errorf("script reads %d cookies", got)
	}
	everywhere := value[string](b, `document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.documentElement.outerHTML`)
	for name, c := range jar {
		if strings.Contains(everywhere, c.Value) {
			t.Errorf("script finds %s", name)
		}
	}
	if got := value[string](b, `document.querySelector('#readable').innerText`); strings.Count(got, "nothing") != 5 {
		t.Errorf("the page says %q", got)
	}

	// A host of the same site plants cookies of these names, by its server and
	// by script, with all attributes that browsers know.
	plant := func(name string) (list []string) {
		for _, attributes := range []string{"", "; Secure", "; Secure; HttpOnly"} {
			for _, path := range []string{"/", "/api", "/refresh"} {
				list = append(list, name+"=planted; Domain="+host+"; Path="+path+attributes)
			}
		}
		return list
	}
	var planted []string
	for _, name := range []string{"__Host-webapp-access", "__Host-webapp-refresh", "__host-webapp-access", "=__Host-webapp-access", "\u2000__Host-webapp-access", "ordinary"} {
		planted = append(planted, plant(name)...)
	}
	sibling := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = planted
		w.Header().Set("Content-Type", "text/html")
	}))
	t.Cleanup(sibling.Close)
	evil := b.another()
	evil.open(urlOf(sibling, "evil."+host))
	for _, cookie := range planted {
		evil.try(fmt.Sprintf("document.cookie = %q", strings.ReplaceAll(cookie, "; HttpOnly", "")))
	}
	after := b.cookies()
	var names []string
	for name, c := range after {
		if c.Value == "planted" {
			names = append(names, name)
		} else if c.Value != jar[name].Value {
			t.Errorf("%s has changed", name)
		}
	}
	slices.Sort(names)
	var want []string // planting works, and servers must not mistake these for ours
	for _, name := range []string{"ordinary", "\u2000__Host-webapp-access"} {
		for _, path := range []string{"/", "/api", "/refresh"} {
			want = append(want, name+" .app.localhost "+path)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("planted: %q, want %q", names, want)
	}
	b.ask()
	b.reload()
	b.wait(atDashboard)
}

// In TestLateRefresh the response of a refresh arrives after the logout.
func TestLateRefresh(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	for _, c := range []struct{ name, refresh string }{
		{"any client", `fetch('/refresh', { method: 'POST' })`},
		{"this client", `import('/static/session.js').then(({ Session }) => new Session({ name: 'webapp-cookies' }).refresh(true))`},
		{"this client in another tab", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := record(t, a)
			b := newBrowser(t)
			b.login(a, p.url+"/login")
			held, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			p.mu.Lock()
			p.hold = func(answer *http.Response) {
				if answer.Request.URL.Path == "/refresh" {
					once.Do(func() { close(held) })
					<-release
				}
			}
			p.mu.Unlock()
			t.Cleanup(sync.OnceFunc(func() {
				select {
				case <-release:
				default:
					close(release)
				}
			}))
			from := b
			if c.refresh == "" {
				from = b.another()
				from.open(p.url + "/")
				from.wait(atDashboard)
				c.refresh = `import('/static/session.js').then(({ Session }) => new Session({ name: 'webapp-cookies' }).refresh(true))`
			}
			from.try(`window.late = ` + c.refresh + `.then(() => 'done', (error) => error.name).then((how) => { window.how = how; }); 0`)
			<-held
			b.click("#logout button")
			if from != b { // the lock delays the logout until the response or a timeout
				from.waitAsync(`navigator.locks.query().then(({ pending }) => pending.length > 0)`)
				close(release)
			}
			b.wait(atLogin + " && " + says("You are signed out"))
			if from == b {
				close(release)
			}
			// However the browser handled the late response, the session has
			// ended.
			for range 3 {
				b.open(p.url + "/")
				b.wait(atLogin)
			}
			if got := value[int](b, `fetch('/api/me').then((r) => r.status)`); got != 401 {
				t.Errorf("the API responds %d", got)
			}
			if got := value[int](b, `fetch('/refresh', { method: 'POST' }).then((r) => r.status)`); got != 401 {
				t.Errorf("refresh responds %d", got)
			}
		})
	}
}
