package browser

import (
	"strings"
	"testing"
)

// startRealtime runs examples/realtime, and returns its URL on a host name that
// has siblings.
func startRealtime(t *testing.T, args ...string) (url string, log *logBuffer) {
	t.Helper()
	url, log = startExample(t, "realtime", args...)
	return strings.Replace(url, "127.0.0.1", host, 1), log
}

// enter signs in and waits until both connections are open.
func (b *tab) enter(url, mode string) {
	b.t.Helper()
	b.open(url + "/login")
	b.wait(`!document.querySelector('#mode').hidden`) // the script has started
	b.click(`input[value=` + mode + `]`)
	b.click("#username")
	b.write("admin")
	b.click("#password")
	b.write("password")
	b.submit(`document.querySelector('#socket-state')?.textContent === 'open' && document.querySelector('#events-state').textContent === 'open'`)
}

// sendMessage sends a text over the WebSocket of the page, again if that is not
// open at the moment, and waits until it has arrived by both connections.
func (b *tab) sendMessage(text string) {
	b.t.Helper()
	arrived := `[...document.querySelectorAll('#list tr')].some((row) => row.innerText.startsWith('` + text + `') && row.innerText.includes('WebSocket') && row.innerText.includes('Server-Sent Events'))`
	for range 10 {
		b.try(`document.querySelector('#messages').replaceChildren()`)
		b.wait(`document.querySelector('#socket-state').textContent === 'open'`)
		b.click("#text")
		b.try(`document.querySelector('#text').value = ''`)
		b.write(text)
		b.press("Enter")
		b.wait(`(` + arrived + `) || ` + says("not open at the moment"))
		if value[bool](b, arrived) {
			return
		}
	}
	b.wait(arrived)
}

// TestRealtime keeps a page open for longer than its token is valid. Both
// connections end with the token. The page renews it and connects again.
func TestRealtime(t *testing.T) {
	t.Parallel()
	for mode, path := range map[string]string{"cookies": "/", "tokens": "/tokens"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url, log := startRealtime(t, "-access-ttl", "4s")
			b := newBrowser(t)
			b.open(url + "/login")
			if mode == "cookies" {
				b.look("realtime-login")
			}
			b.enter(url, mode)
			if at := value[string](b, `location.pathname`); at != path {
				t.Errorf("the page is %s, want %s", at, path)
			}
			b.sendMessage("first")
			b.wait(`document.querySelector('#socket-end').textContent.startsWith('closed with 4401 token_expired')`)
			b.wait(`document.querySelector('#events-end').textContent.startsWith('event end: token_expired')`)
			b.wait(`Number(document.querySelector('#renewals').textContent) >= 1`)
			b.wait(`Number(document.querySelector('#socket-opened').textContent) >= 2 && Number(document.querySelector('#events-opened').textContent) >= 2`)
			b.sendMessage("second")
			// The rows are complete, and only those of the messages.
			if rows := value[[]string](b, `[...document.querySelectorAll('#list tr th')].map((cell) => cell.textContent)`); len(rows) < 2 || rows[len(rows)-1] != "first" {
				t.Errorf("the page shows %q", rows)
			}
			for _, id := range []string{"#socket-received", "#events-received"} {
				b.wait(`Number(document.querySelector('` + id + `').textContent) === document.querySelectorAll('#list tr').length`)
			}
			b.look("realtime-" + mode)
			if readable := value[string](b, `document.cookie + localStorage.getItem('realtime-cookies')`); mode == "cookies" && strings.Contains(readable, "eyJ") {
				t.Error("a script of the page can read a token")
			}
			waitForLog(t, log, `msg=closed route="GET /socket" code=4401 reason=token_expired`)
			waitForLog(t, log, `msg=closed route="GET /events" code=4401 reason=token_expired`)
			if text := log.String(); strings.Contains(text, "eyJ") {
				t.Error("the log contains a token")
			}

			b.click("#logout button")
			b.wait(`location.pathname === '/login' && ` + says("You are signed out"))
		})
	}
}

// connections opens a WebSocket and an EventSource from the page of a tab. It
// resolves when both are open or have failed.
const connections = `(async () => {
	const app = 'APP';
	globalThis.ends = {};
	const socket = new WebSocket(app.replace('http', 'ws') + '/socket', ['room']);
	const source = new EventSource(app + '/events', { withCredentials: true });
	const opened = [socket, source].map((connection, i) => new Promise((done) => {
		connection.onopen = () => done(['socket', 'events'][i]);
		connection.onerror = () => done('');
	}));
	socket.onclose = ({ code, reason }) => { ends.socket = code + ' ' + reason; };
	source.addEventListener('end', ({ data }) => { ends.events = data; source.close(); });
	return (await Promise.all(opened)).join(' ').trim();
})()`

// TestRealtimeConnections opens connections without a token, from other
// origins, and in a session that ends.
func TestRealtimeConnections(t *testing.T) {
	t.Parallel()
	url, log := startRealtime(t, "-access-ttl", "10m", "-max-delay", "2s")
	open := strings.ReplaceAll(connections, "APP", url)
	stranger := newBrowser(t)
	stranger.open(url + "/login")
	if opened := value[string](stranger, open); opened != "" {
		t.Errorf("without a token, %s is open", opened)
	}
	waitForLog(t, log, `msg=refused method=GET route="GET /socket" err="jwtauth: no token`)
	waitForLog(t, log, `msg=refused method=GET route="GET /events" err="jwtauth: no token`)

	b := newBrowser(t)
	b.enter(url, "cookies")
	// A sibling is of the same site, so the browser attaches the cookies.
	sibling := b.another()
	sibling.open(origin(t, "evil."+host))
	if opened := value[string](sibling, open); opened != "" {
		t.Errorf("on a sibling, %s is open", opened)
	}
	waitForLog(t, log, `msg=refused method=GET route="GET /socket" err="jwtauth: cross-site request`)
	foreign := b.another()
	foreign.open(origin(t, "evil.localhost"))
	if opened := value[string](foreign, open); opened != "" {
		t.Errorf("on another site, %s is open", opened)
	}

	own := b.another()
	own.open(url + "/login")
	if opened := value[string](own, open); opened != "socket events" {
		t.Fatalf("on the own page, %q is open", opened)
	}
	b.click("#logout button")
	b.wait(says("You are signed out"))
	own.wait(`ends.socket === '4401 token_invalid' && ends.events === 'token_invalid'`)
	if opened := value[string](own, open); opened != "" {
		t.Errorf("after the logout, %s is open", opened)
	}
}
