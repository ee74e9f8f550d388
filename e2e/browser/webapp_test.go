package browser

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var webapp struct {
	once   sync.Once
	folder string
	output []byte
	err    error
}

// app is the example server as a process. It can be stopped and started again
// at the same address.
type app struct {
	t    *testing.T
	addr string // 127.0.0.1:PORT
	url  string // as pages see it, on a host name that has siblings
	args []string
	cmd  *exec.Cmd
	log  *logBuffer
}

// host is a host name of this machine. Its siblings (other.app.localhost) are
// of the same site, and other names (evil.localhost) are not.
const host = "app.localhost"

func startApp(t *testing.T, args ...string) *app {
	t.Helper()
	webapp.once.Do(func() {
		if webapp.folder, webapp.err = os.MkdirTemp("", "jwtauth-webapp-"); webapp.err == nil {
			build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(webapp.folder, "webapp"), ".")
			build.Dir = "../../examples/webapp"
			webapp.output, webapp.err = build.CombinedOutput()
		}
	})
	if webapp.err != nil {
		t.Fatalf("go build: %v\n%s", webapp.err, webapp.output)
	}
	port := freePort(t)
	a := &app{t: t, addr: "127.0.0.1:" + port, log: &logBuffer{}}
	a.args = append([]string{"-data", t.TempDir(), "-url", "http://" + host + ":" + port}, args...)
	a.start()
	t.Cleanup(func() {
		a.stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", a.log)
		}
	})
	return a
}

// start starts the server, at its old address if it had one.
func (a *app) start() {
	a.t.Helper()
	from := a.log.len()
	a.cmd = exec.Command(filepath.Join(webapp.folder, "webapp"), append([]string{"-addr", a.addr}, a.args...)...)
	a.cmd.Env = append(os.Environ(), "TOKEN_SECRET=")
	a.cmd.Stderr = a.log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, rest, ok := strings.Cut(a.log.from(from), "url=http://"); ok && strings.Contains(rest, "\n") {
			a.addr = rest[:strings.IndexByte(rest, '\n')]
			break
		}
		if time.Now().After(end) {
			a.t.Fatalf("the server does not listen:\n%s", a.log)
		}
	}
	_, port, _ := net.SplitHostPort(a.addr)
	a.url = "http://" + host + ":" + port
}

func (a *app) stop() {
	a.t.Helper()
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(patience, func() { _ = a.cmd.Process.Kill() })
	if err := a.cmd.Wait(); err != nil {
		a.t.Errorf("the server ends with %v", err)
	}
	kill.Stop()
	a.cmd = nil
}

// events returns the lines of the log about events of these kinds, or for these
// reasons.
func (a *app) events(names ...string) (lines []string) {
	for line := range strings.Lines(a.log.from(0)) {
		for _, name := range names {
			isEvent := strings.Contains(line, "msg=session event=")
			if isEvent && (strings.Contains(line, " event="+name+" ") || strings.Contains(line, " reason="+name+" ")) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// everything lists the kinds of events that change a session.
var everything = []string{"login", "refresh", "reuse", "logout", "denied"}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *logBuffer) from(start int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[start:])
}

func (l *logBuffer) len() int       { return len(l.from(0)) }
func (l *logBuffer) String() string { return l.from(0) }

// login logs in with the form.
func (b *tab) login(a *app, at ...string) {
	b.t.Helper()
	url := a.url + "/login"
	if len(at) > 0 {
		url = at[0]
	}
	b.open(url)
	b.fillIn("password")
	b.submit(atDashboard + ` && document.querySelector('#name').textContent === 'admin'`)
	b.wait(loaded)
}

// submit sends the login form and waits for a condition. A machine under load
// refuses passwords for a while: then it sends the form again.
func (b *tab) submit(condition string) {
	b.t.Helper()
	for range 10 {
		b.press("Enter")
		b.wait("(" + condition + ") || " + says("busy"))
		if value[bool](b, "!("+says("busy")+")") {
			return
		}
		b.try(`document.querySelector('#messages').replaceChildren()`)
	}
	b.wait(condition)
}

func (b *tab) fillIn(password string) {
	b.t.Helper()
	b.wait(`!document.querySelector('#mode').hidden`) // the script has started
	b.click("#username")
	b.write("admin")
	b.click("#password")
	b.write(password)
}

// ask presses the button that sends a request and waits for the response.
func (b *tab) ask() {
	b.t.Helper()
	b.wait(`(document.querySelector('#answer').textContent = 'asking') && true`)
	b.click("#ask")
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are admin.')`)
}

const (
	atDashboard = `location.pathname === '/' && document.body?.dataset.page === 'dashboard'`
	atLogin     = `location.pathname === '/login' && document.body?.dataset.page === 'login'`

	// loaded says that the script of the dashboard has got its data. The buttons
	// of the server's page have no data-id.
	loaded = `!document.querySelector('.script[hidden]') && document.querySelector('#devices button[data-id]')`
)

func says(text string) string {
	return `document.querySelector('#messages')?.innerText.includes('` + text + `')`
}

// connection returns whether the page has shown a text about the connection to
// the server since watchConnection. Such a text may disappear after a while.
func connection(text string) string {
	return `globalThis.heard.some((text) => text.includes('` + text + `'))`
}

// watchConnection forgets the texts about the connection so far.
func (b *tab) watchConnection() {
	b.t.Helper()
	value[bool](b, `{
		globalThis.heard = [];
		globalThis.observer ??= new MutationObserver(() => heard.push(document.querySelector('#connection').textContent));
		observer.observe(document.querySelector('#connection'), { childList: true, characterData: true, subtree: true });
		true
	}`)
}
