package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// service serves the handlers in cookie mode over https, with options that the
// example does not use.
type service struct {
	url     string
	mu      sync.Mutex
	changes int
	sent    map[string][]string // by path, the names of the cookies that the latest request to it had
}

func startService(t *testing.T, hostname string, opts jwtauth.CookieOptions) *service {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := jwtauth.NewCookies(opts)
	if err != nil {
		t.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Cookies: cookies,
		Authenticate: func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, nil, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{sent: map[string][]string{}}
	mux := pages()
	mux.HandleFunc("POST /auth/login", handlers.Login)
	mux.HandleFunc("POST /auth/refresh", handlers.Refresh)
	mux.HandleFunc("POST /auth/logout", handlers.Logout)
	protected := jwtauth.Verify(jwtauth.Live(issuer, store, 0), jwtauth.From(cookies.Access()))
	for _, method := range []string{"GET", "POST"} {
		mux.Handle(method+" /api", protected(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if method == "POST" {
				s.mu.Lock()
				s.changes++
				s.mu.Unlock()
			}
			w.WriteHeader(http.StatusNoContent)
		})))
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		names := []string{}
		for _, cookie := range r.Cookies() {
			names = append(names, cookie.Name)
		}
		slices.Sort(names)
		s.mu.Lock()
		s.sent[r.Method+" "+r.URL.Path] = names
		s.mu.Unlock()
		if origin := r.Header.Get("Origin"); slices.Contains(opts.TrustedOrigins, origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
		}
		if r.Method == http.MethodOptions {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = urlOf(server, hostname)
	return s
}

func (s *service) changed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changes
}

func (s *service) wantSent(t *testing.T, request string, names ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, ok := s.sent[request]; !ok || !slices.Equal(got, names) {
		t.Errorf("%s has the cookies %q, want %q", request, got, names)
	}
}

// wantCookies waits until the browser has these cookies: name, host, path and
// attributes. An access cookie may be gone until the page renews it.
func (b *tab) wantCookies(want ...string) {
	b.t.Helper()
	var got []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		got = nil
		for name, c := range b.cookies() {
			got = append(got, name+attributesOf(c))
		}
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
	}
	b.t.Errorf("the browser keeps %q, want %q", got, want)
}

// client makes the page use a session of the service with its own session.js.
func (b *tab) client(base string) {
	b.t.Helper()
	value[bool](b, `import('/session.js').then(({ Session }) => { window.session = new Session({ base: '`+base+`' }); return true; })`)
}

// outcome is the result of a call: "", a status, or the name of an error.
func (b *tab) outcome(call string) string {
	b.t.Helper()
	return value[string](b, call+`.then((answer) => String(answer?.status ?? ''), (error) => error.name)`)
}

func (b *tab) wantOutcome(call, want string) {
	b.t.Helper()
	if got := b.outcome(call); got != want {
		b.t.Errorf("%s: %q, want %q", call, got, want)
	}
}

// TestSameSiteNone uses a service from a trusted site and from a third site
// that is not trusted.
func TestSameSiteNone(t *testing.T) {
	t.Parallel()
	secure := func(hostname string) string {
		server := httptest.NewTLSServer(pages())
		t.Cleanup(server.Close)
		return urlOf(server, hostname)
	}
	trusted, other := secure("client.localhost"), secure("evil.localhost")
	s := startService(t, host, jwtauth.CookieOptions{TrustedOrigins: []string{trusted}, InsecureSameSiteNone: true})
	b := newBrowser(t)
	b.open(trusted)
	b.client(s.url + "/auth")
	b.wantOutcome(`session.login('ann', 'secret')`, "")
	const access, refresh = "__Host-jwtauth-access", "__Host-jwtauth-refresh"
	b.wantCookies(access+" "+host+" / SameSite=None Secure HttpOnly", refresh+" "+host+" / SameSite=None Secure HttpOnly")
	b.wantOutcome(`session.fetch('`+s.url+`/api', { method: 'POST' })`, "204")
	b.wantOutcome(`session.refresh(true)`, "")
	s.wantSent(t, "POST /auth/refresh", access, refresh)

	// Requests of the third site have the cookies, too, but change nothing.
	before, jar := s.changed(), b.cookies()
	if before != 1 {
		t.Errorf("%d changes, want 1", before)
	}
	evil := b.another()
	evil.open(other)
	for _, path := range []string{"/api", "/auth/login", "/auth/refresh", "/auth/logout"} {
		evil.wantOutcome(`fetch('`+s.url+path+`?', { method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams({ username: 'eve', password: 'x' }) })`, "0")
		s.wantSent(t, "POST "+path, access, refresh)
		evil.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<form method=post action="` + s.url + path + `"></form>'); document.forms[0].submit()`)
		evil.wait(`!window.leaving && document.body.innerText.includes('cross_site')`)
		evil.open(other)
	}
	evil.wantOutcome(`fetch('`+s.url+`/api', { credentials: 'include' })`, "TypeError") // the request is sent, but the page cannot read the response
	s.wantSent(t, "GET /api", access, refresh)
	if after := s.changed(); after != before {
		t.Errorf("%d changes by a site that is not trusted", after-before)
	}
	for name, cookie := range b.cookies() {
		if jar[name].Value != cookie.Value {
			t.Errorf("the cookie %s is another", name)
		}
	}
	b.wantOutcome(`session.fetch('`+s.url+`/api')`, "204")
	b.wantOutcome(`session.logout()`, "")
	b.wantCookies()
}

// TestInsecureHTTP opens the example over plain HTTP at a remote name. There
// browsers keep no Secure cookies, have no Web Locks, and send no
// Sec-Fetch-Site.
func TestInsecureHTTP(t *testing.T) {
	t.Parallel()
	const hostname = "app.example.test"
	at := func(a *app) string { return strings.Replace(a.url, host, hostname, 1) }
	a := startApp(t, "-insecure-http", "-access-ttl", "2s")
	b := newBrowser(t)
	b.login(a, at(a)+"/login")
	if value[bool](b, `isSecureContext || 'locks' in navigator`) {
		t.Error("the browser takes this for a good connection")
	}
	b.wantCookies("webapp-access "+hostname+" / SameSite=Lax HttpOnly", "webapp-refresh "+hostname+" / SameSite=Lax HttpOnly")
	b.ask()
	b.reload()
	b.wait(atDashboard)
	b.wait(`document.querySelector('#renewals').textContent > 0`)

	before := len(a.events("login", "logout"))
	evil := b.another()
	evil.open(strings.Replace(origin(t, host), host, "evil."+hostname, 1))
	evil.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<form method=post action="` + at(a) + `/logout"></form>'); document.forms[0].submit()`)
	evil.wait(`!window.leaving && document.body.innerText.includes('came from another site')`)
	if after := len(a.events("login", "logout")); after != before {
		t.Error("sessions changed")
	}
	b.ask()
	b.click("#logout button")
	b.wait(atLogin + " && " + says("You are signed out"))
	b.wantCookies()

	c := startApp(t)
	b.open(at(c) + "/login")
	b.fillIn("password")
	b.press("Enter")
	b.wait(says("Over plain HTTP this browser drops the cookies of a sign-in"))
	b.wantCookies()
}
