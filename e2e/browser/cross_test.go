package browser

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// attacks are the requests of a hostile page to the app at APP. The promise
// resolves when all of them have ended.
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
		setTimeout(done, 10_000);
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
			a := startApp(t, "-access-ttl", "10m") // so that the page does not renew the cookies
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

			p.waitForAttempts(t, "form", "fetch", "fetch-json", "beacon", "get", "image", "frame", "socket")
			withCookies := 0
			for _, r := range p.attempts() {
				if r.cookies {
					withCookies++
				}
				unsafe := strings.HasPrefix(r.what, "POST ") || r.attempt == "socket"
				switch {
				case strings.HasPrefix(r.what, "OPTIONS "): // a preflight without a request after it
				case c.sameSite && !unsafe: // an image: the page cannot read the response
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
			if c.sameSite && withCookies == 0 {
				t.Error("no request of the same site has cookies: this shows nothing")
			}
			if after := a.events(everything...); len(after) != before {
				t.Errorf("sessions changed: %q", after[before:])
			}

			// A top-level navigation by a form does not send Lax cookies.
			evil.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<form id=top method=post action="` + p.url + `/logout?try=top"></form>'); document.getElementById('top').submit()`)
			evil.wait(`!window.leaving && document.body.innerText.includes('came from another site')`)
			if after := a.events(everything...); len(after) != before {
				t.Errorf("sessions changed: %q", after[before:])
			}
			now := b.cookies()
			for name, cookie := range cookies {
				if now[name].Value != cookie.Value {
					t.Errorf("the cookie %s has changed", name)
				}
			}
			b.ask()
		})
	}
}

// TestTrustedOrigin is the recipe for an application on another origin of the
// same site.
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

	// With session.js, served by this origin itself.
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
		t.Errorf("it retries after %v, before Retry-After is over", waited)
	}
	value[bool](b, `session.refresh(true).then(() => true)`)
	value[bool](b, `session.logout().then(() => true)`)
	send(b, `send('GET', '/api/me')`, 401, "token_missing")
	send(b, `send('POST', '/login', '{"username":"admin","password":"password"}')`, 200, `{"expires_in":60}`)

	// An origin of the same site that is not listed can send requests with
	// cookies, but all of them are refused.
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

	// Browsers send no Lax cookies for a page on another site, even if it is
	// trusted.
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
