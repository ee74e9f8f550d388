package guard_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// service is a login in simulated time.
type service struct {
	guard    *guard.Guard
	handlers *jwtauth.Handlers
	login    http.Handler
	checks   sync.Map // user name -> *atomic.Int64: the passwords that were checked
}

const right = "right"

func newService(t *testing.T, change func(*guard.Options), cookies *jwtauth.Cookies) *service {
	t.Helper()
	s := &service{guard: newGuard(t, change)}
	s.handlers = newHandlers(t, s.guard, cookies, func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
		n, _ := s.checks.LoadOrStore(username, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		time.Sleep(250 * time.Millisecond) // bcrypt, simulated by synctest
		if !strings.HasPrefix(username, "user") || password != right {
			return "", nil, jwtauth.ErrWrongPassword
		}
		return username, nil, nil
	})
	s.login = http.HandlerFunc(s.handlers.Login)
	return s
}

// newHandlers returns the handlers of a service with sessions in memory.
func newHandlers(t *testing.T, g *guard.Guard, cookies *jwtauth.Cookies,
	authenticate func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error)) *jwtauth.Handlers {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New()})
	if err != nil {
		t.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Guard: g, Cookies: cookies, Client: jwtauth.ClientFromHeader("X-Forwarded-For"), Authenticate: authenticate,
	})
	if err != nil {
		t.Fatal(err)
	}
	return handlers
}

func (s *service) checked(username string) int64 {
	n, _ := s.checks.LoadOrStore(username, new(atomic.Int64))
	return n.(*atomic.Int64).Load()
}

// client sends logins to the service. It keeps cookies if it has a jar.
type client struct {
	http    *http.Client
	address string
}

// try logs in and returns the status.
func (c client) try(t *testing.T, username, password string) int {
	body := strings.NewReader("username=" + username + "&password=" + password)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://service.example/login", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", c.address)
	response, err := c.http.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// direct calls a handler without a connection.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// pipes serves HTTP over connections in memory, which synctest can simulate.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.connections <- theirs
	return ours, nil
}

// serve returns a transport whose requests reach the handler over HTTP.
func serve(handler http.Handler) (transport http.RoundTripper, stop func()) {
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(p) }()
	t := &http.Transport{DialTLSContext: p.dial, MaxIdleConnsPerHost: 16, MaxConnsPerHost: 64}
	return t, func() {
		t.CloseIdleConnections()
		_ = server.Close()
	}
}

func browser(t *testing.T, transport http.RoundTripper) client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return client{&http.Client{Transport: transport, Jar: jar}, "198.51.100.1"}
}

// For 24 hours an attacker with 10,000 addresses guesses the password of one
// account, first with all addresses at once and then steadily. Another one
// tries one password with a thousand accounts. Everything is real HTTP, except
// for the time and the network.
func TestAttackOverHTTP(t *testing.T) {
	testAttack(t, 30*time.Second, func(h http.Handler) (http.RoundTripper, func()) { return serve(h) })
}

// The same with more guesses, without HTTP.
func TestAttack(t *testing.T) {
	testAttack(t, 5*time.Second, func(h http.Handler) (http.RoundTripper, func()) { return direct{h}, func() {} })
}

func testAttack(t *testing.T, interval time.Duration, connect func(http.Handler) (http.RoundTripper, func())) {
	const addresses, victim = 10_000, "user-0"
	synctest.Test(t, func(t *testing.T) {
		var seen events
		s := newService(t, func(o *guard.Options) { o.OnEvent = seen.record }, nil)
		transport, stop := connect(s.login)
		defer stop()
		known, confirmed := browser(t, transport), browser(t, transport)
		if status := known.try(t, victim, right); status != 200 {
			t.Fatalf("the first login: %d", status)
		}
		base := s.checked(victim)

		var wg sync.WaitGroup
		var guesses atomic.Int64
		guess := func(i int, username string) {
			address := fmt.Sprintf("203.%d.%d.%d", i/65536, i/256%256, i%256)
			if status := (client{&http.Client{Transport: transport}, address}).try(t, username, "guess"); status == 401 {
				guesses.Add(1)
			}
		}
		for i := range addresses {
			wg.Go(func() { guess(i, victim) })
		}
		wg.Go(func() {
			for i := range int(24 * time.Hour / interval) {
				time.Sleep(interval)
				guess(i%addresses, victim)
			}
		})
		sprayed := 0
		wg.Go(func() {
			time.Sleep(time.Hour)
			for i := range 1000 {
				guess(i, fmt.Sprint("user-", i+1))
			}
			for i := range 1000 { // their owners, on new devices
				if browser(t, transport).try(t, fmt.Sprint("user-", i+1), right) == 200 {
					sprayed++
				}
			}
		})
		good, all, fresh := 0, 0, 0
		for range 96 {
			time.Sleep(15*time.Minute - 500*time.Millisecond)
			all++
			if known.try(t, victim, right) == 200 {
				good++
			}
			if browser(t, transport).try(t, victim, right) == 200 {
				fresh++
			}
		}
		w := httptest.NewRecorder() // the owner opens a link in a mail
		if err := s.guard.Trust(w, request(""), victim); err != nil {
			t.Fatal(err)
		}
		r := request("")
		r.URL.Scheme, r.URL.Host = "https", "service.example"
		confirmed.http.Jar.SetCookies(r.URL, w.Result().Cookies())
		if status := confirmed.try(t, victim, right); status != 200 {
			t.Errorf("a new device after a confirmation: %d", status)
		}
		wg.Wait()

		checked := s.checked(victim) - base - int64(good+fresh+1)
		t.Logf("%d guesses at one account reached the check; logins of the owner: %d of %d with a device cookie, %d of %d without; "+
			"%d of 1000 owners of sprayed accounts; events %v", checked, good, all, fresh, all, sprayed, len(seen.list))
		if checked > 100 || checked < 10 {
			t.Errorf("%d guesses reached the check, want at most 100", checked)
		}
		if good != all {
			t.Errorf("the owner logged in %d of %d times with a device cookie", good, all)
		}
		if sprayed != 1000 {
			t.Errorf("%d of 1000 owners of sprayed accounts logged in on a new device", sprayed)
		}
		for _, e := range seen.list {
			if e != (guard.Event{Kind: guard.EventAccountPaused, Account: victim}) {
				t.Errorf("event %+v", e)
			}
		}
	})
}
