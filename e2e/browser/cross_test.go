package browser

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is what a recorder has seen pass.
type request struct {
	what    string // its method and path
	attempt string // the query parameter "try"
	cookies bool
	status  int
}

// recorder stands between browsers and the app, under the app's host name, and may hold answers back.
type recorder struct {
	url  string
	mu   sync.Mutex
	seen []request
	hold func(*http.Response) // before an answer is passed on
}

func record(t *testing.T, a *app) *recorder {
	t.Helper()
	p := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: a.addr})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(answer *http.Response) error {
			r := answer.Request
			p.mu.Lock()
			p.seen = append(p.seen, request{r.Method + " " + r.URL.Path, r.URL.Query().Get("try"), strings.Contains(r.Header.Get("Cookie"), "__Host-webapp-"), answer.StatusCode})
			hold := p.hold
			p.mu.Unlock()
			if hold != nil {
				hold(answer)
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	p.url = urlOf(server, host)
	return p
}

func (p *recorder) attempts() (list []request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.seen {
		if r.attempt != "" {
			list = append(list, r)
		}
	}
	return list
}

// origin serves an empty page of another origin, on any host name, and session.js.
func origin(t *testing.T, hostname string) string {
	t.Helper()
	server := httptest.NewServer(pages())
	t.Cleanup(server.Close)
	return urlOf(server, hostname)
}

// pages serves session.js, and else an empty page.
func pages() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "../../examples/webapp/static/session.js")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>a page</title><body>")
	})
	return mux
}

// urlOf is where browsers find a server, under a name of this machine.
func urlOf(server *httptest.Server, hostname string) string {
	scheme, addr, _ := strings.Cut(server.URL, "://")
	_, port, _ := net.SplitHostPort(addr)
	return scheme + "://" + hostname + ":" + port
}

// attacks are what a hostile page does with the app at APP. Each resolves when the browser is done with it.
const attacks = `(async () => {
	const app = 'APP';
	const posts = ['/login', '/refresh', '/logout', '/devices/end', '/devices/end-all'];
	const framed = (make) => new Promise((done) => {
		const frame = document.createElement('iframe');
		frame.name = 'f' + Math.random();
		document.body.append(frame);
		make(frame);
		let loads = 0;
		frame.onload = () => { if (++loads >= frame.loads) done(); };
		setTimeout(done, 1500);
	});
	const jobs = [];
	for (const path of posts) {
		for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data']) {
			jobs.push(framed((frame) => {
				frame.loads = 1;
				const form = document.createElement('form');
				form.method = 'post';
				form.enctype = type;
				form.action = app + path + '?try=form';
				form.target = frame.name;
				form.innerHTML = '<input name="username" value="admin"><input name="password" value="password">';
				document.body.append(form);
				form.submit();
			}));
		}
		for (const mode of ['no-cors', 'cors']) {
			jobs.push(fetch(app + path + '?try=fetch', { method: 'POST', mode, credentials: 'include', body: new URLSearchParams({ username: 'admin', password: 'password' }) }).then((r) => r.text()).catch(() => {}));
		}
		jobs.push(fetch(app + path + '?try=fetch-json', { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body: '{"username":"admin","password":"password"}' }).catch(() => {}));
		navigator.sendBeacon(app + path + '?try=beacon', 'x');
	}
	for (const mode of ['no-cors', 'cors']) {
		jobs.push(fetch(app + '/api/me?try=get', { mode, credentials: 'include' }).then((r) => r.text()).then((text) => { window.read = (window.read ?? '') + text; }).catch(() => {}));
	}
	for (const path of ['/', '/api/me']) {
		jobs.push(new Promise((done) => {
			const image = new Image();
			image.onload = image.onerror = done;
			image.src = app + path + '?try=image';
		}));
		jobs.push(framed((frame) => {
			frame.loads = 1;
			frame.src = app + path + '?try=frame';
		}));
		jobs.push(new Promise((done) => {
			const socket = new WebSocket(app.replace('http', 'ws') + path + '?try=socket');
			socket.onopen = () => { window.socket = 'open'; done(); };
			socket.onerror = socket.onclose = done;
		}));
	}
	await Promise.all(jobs);
	return window.read ?? '';
})()`

func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, host string
		sameSite   bool
	}{
		{"cross-site", "evil.localhost", false},
		{"same-site, not trusted", "evil." + host, true},
		{"same host, other port", host, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := startApp(t)
			p := record(t, a)
			b := newBrowser(t)
			b.login(a, p.url+"/login")
			before, cookies := len(a.events(everything...)), b.cookies()
			evil := b.another()
			evil.open(origin(t, c.host))
			if read := value[string](evil, strings.ReplaceAll(attacks, "APP", p.url)); read != "" {
				t.Errorf("the other page reads %q", read)
			}
			if value[bool](evil, `window.socket === 'open'`) {
				t.Error("the other page has a WebSocket")
			}

			kinds := map[string]int{}
			withCookies := 0
			for _, r := range p.attempts() {
				kinds[r.attempt]++
				if r.cookies {
					withCookies++
				}
				unsafe := strings.HasPrefix(r.what, "POST ") || r.attempt == "socket"
				switch {
				case strings.HasPrefix(r.what, "OPTIONS "): // a preflight, which nothing follows
				case c.sameSite && !unsafe: // an image, whose answer the page cannot read
				case r.status == 403, !r.cookies && (r.status == 401 || r.status == 303):
				default:
					t.Errorf("%+v", r)
				}
				if !c.sameSite && r.cookies {
					t.Errorf("the browser sends cookies: %+v", r)
				}
				if strings.HasPrefix(r.what, "POST ") && r.status != 403 && strings.Contains("/login /refresh /logout", strings.TrimPrefix(r.what, "POST ")) {
					t.Errorf("%+v, want 403 with and without cookies", r)
				}
			}
			for _, kind := range []string{"form", "fetch", "fetch-json", "beacon", "get", "image", "frame", "socket"} {
				if kinds[kind] == 0 {
					t.Errorf("no attempt by %s came through: %v", kind, kinds)
				}
			}
			if c.sameSite && withCookies == 0 {
				t.Error("no request of the same site has cookies: this shows nothing")
			}
			if after := a.events(everything...); len(after) != before {
				t.Errorf("sessions changed: %q", after[before:])
			}

			// A top-level navigation by a form, which takes Lax cookies nowhere.
			evil.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<form id=top method=post action="` + p.url + `/logout?try=top"></form>'); document.getElementById('top').submit()`)
			evil.wait(`!window.leaving && document.body.innerText.includes('came from another site')`)
			if after := a.events(everything...); len(after) != before {
				t.Errorf("sessions changed: %q", after[before:])
			}
			now := b.cookies()
			for name, cookie := range cookies {
				if now[name].Value != cookie.Value {
					t.Errorf("the cookie %s is another", name)
				}
			}
			b.ask()
		})
	}
}

// TestTrustedOrigin is the recipe for an application on another origin of the same site.
func TestTrustedOrigin(t *testing.T) {
	t.Parallel()
	trusted, other := origin(t, "client."+host), origin(t, "other."+host)
	a := startApp(t, "-trust-origin", strings.ToUpper(trusted))
	b := newBrowser(t)
	b.open(trusted)
	const client = `
		window.send = async (method, path, body, type = 'application/json') => {
			try {
				const answer = await fetch('APP' + path, { method, credentials: 'include', body, headers: body ? { 'Content-Type': type } : {} });
				return [answer.status, await answer.text()];
			} catch (error) {
				return [0, String(error)];
			}
		};`
	b.try(strings.ReplaceAll(client, "APP", a.url))
	send := func(b *tab, call string, status int, text string) {
		t.Helper()
		got := value[[2]any](b, call)
		if got[0] != float64(status) || !strings.Contains(got[1].(string), text) {
			t.Errorf("%s: answers %v, want %d %s", call, got, status, text)
		}
	}
	send(b, `send('POST', '/login', '{"username":"admin","password":"password"}')`, 200, `{"expires_in":60}`)
	send(b, `send('GET', '/api/me')`, 200, `"username":"admin"`)
	send(b, `send('POST', '/refresh')`, 200, `{"expires_in":60}`)
	send(b, `send('POST', '/devices/end', 'id=x', 'application/x-www-form-urlencoded')`, 200, "welcome to dashboard") // after a redirect
	send(b, `send('POST', '/logout')`, 204, "")

	// With session.js, which this origin serves itself.
	p := record(t, a)
	value[bool](b, strings.ReplaceAll(`import('/session.js').then(({ Session }) => {
		window.session = new Session({ base: 'APP' });
		return session.login('admin', 'password');
	}).then(() => true)`, "APP", p.url))
	send(b, `session.fetch('`+p.url+`/api/me').then(async (r) => [r.status, await r.text()])`, 200, `"username":"admin"`)
	send(b, `session.fetch('`+p.url+`/devices/end', { method: 'POST', headers: { 'X-Script': '1' }, body: new URLSearchParams({ id: 'x' }) }).then(async (r) => [r.status, await r.text()])`, 204, "")
	p.mu.Lock()
	var unavailable sync.Once
	p.hold = func(answer *http.Response) {
		unavailable.Do(func() {
			answer.StatusCode = http.StatusServiceUnavailable
			answer.Header.Set("Retry-After", "3")
		})
	}
	p.mu.Unlock()
	start := time.Now()
	send(b, `session.fetch('`+p.url+`/api/me').then(async (r) => [r.status, await r.text()])`, 200, `"username":"admin"`)
	if waited := time.Since(start); waited < 2900*time.Millisecond {
		t.Errorf("after %v it asks again, before Retry-After is over", waited)
	}
	value[bool](b, `session.refresh(true).then(() => true)`)
	value[bool](b, `session.logout().then(() => true)`)
	send(b, `send('GET', '/api/me')`, 401, "token_missing")
	send(b, `send('POST', '/login', '{"username":"admin","password":"password"}')`, 200, `{"expires_in":60}`)

	// A sibling that is not listed can send, with cookies, and gets nowhere.
	before := len(a.events(everything...))
	evil := b.another()
	evil.open(other)
	evil.try(strings.ReplaceAll(client, "APP", a.url))
	for _, call := range []string{`send('GET', '/api/me')`, `send('POST', '/refresh')`, `send('POST', '/logout')`, `send('POST', '/devices/end-all')`} {
		send(evil, call, 0, "Failed to fetch")
	}
	if after := a.events(everything...); len(after) != before {
		t.Errorf("sessions changed: %q", after[before:])
	}

	// A page on another site, were it trusted, gets no cookie sent: Lax.
	far := origin(t, "client.localhost")
	c := startApp(t, "-trust-origin", far)
	d := newBrowser(t)
	d.open(far)
	d.try(strings.ReplaceAll(client, "APP", c.url))
	send(d, `send('POST', '/login', '{"username":"admin","password":"password"}')`, 200, `{"expires_in":60}`)
	send(d, `send('GET', '/api/me')`, 401, "token_missing")
	if n := len(d.cookies()); n != 0 {
		t.Errorf("the browser keeps %d cookies", n)
	}
	// Bearer tokens work there.
	token := value[string](d, `send('POST', '/token/login', '{"username":"admin","password":"password"}').then(([, text]) => JSON.parse(text).access_token)`)
	send(d, `fetch('`+c.url+`/api/me', { headers: { Authorization: 'Bearer `+token+`' } }).then(async (r) => [r.status, await r.text()])`, 200, `"username":"admin"`)

	send(b, `send('POST', '/logout')`, 204, "")
	send(b, `send('GET', '/api/me')`, 401, "token_missing")
}

func TestCookiesInBrowser(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	b := newBrowser(t)
	b.login(a)
	jar := b.cookies()
	for _, want := range []struct {
		name string
		life float64
	}{{"__Host-webapp-access", 60}, {"__Host-webapp-refresh", 7 * 24 * 3600}} {
		c, ok := jar[want.name+" "+host+" /"] // a Domain attribute would show as a dot before the host
		now := value[float64](b, `Date.now() / 1000`)
		if !ok || !c.HTTPOnly || !c.Secure || c.SameSite != "Lax" || c.Session || c.Expires < now+want.life-30 || c.Expires > now+want.life+1 {
			t.Errorf("%s: %+v", want.name, c)
		}
	}
	if len(jar) != 2 {
		t.Errorf("the browser has %d cookies", len(jar))
	}

	// What script finds is what the page says it finds.
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

	// A sibling plants cookies of these names, by its server and by script, in every way that browsers know.
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
			t.Errorf("%s is another", name)
		}
	}
	slices.Sort(names)
	var want []string // what shows that planting works, and what servers must not take for ours
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

// TestLateRefresh has the answer of a refresh arrive after the logout.
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
			if from != b { // the lock holds the logout back, until the answer comes or its time is over
				from.wait(`navigator.locks.query().then(({ pending }) => pending.length > 0)`)
				close(release)
			}
			b.wait(atLogin + " && " + says("You are signed out"))
			if from == b {
				close(release)
			}
			// Whatever the browser made of the late answer, the session is over.
			for range 3 {
				b.open(p.url + "/")
				b.wait(atLogin)
			}
			if got := value[int](b, `fetch('/api/me').then((r) => r.status)`); got != 401 {
				t.Errorf("the API answers %d", got)
			}
			if got := value[int](b, `fetch('/refresh', { method: 'POST' }).then((r) => r.status)`); got != 401 {
				t.Errorf("refresh answers %d", got)
			}
		})
	}
}
