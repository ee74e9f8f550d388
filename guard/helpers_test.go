package guard_test

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
	"github.com/seed-0a072700/jwtauth/guard"
)

var secret = []byte(strings.Repeat("s", 32))

const cookieName = "__Host-jwtauth-device"

// newGuard returns a Guard with changed options.
func newGuard(t testing.TB, change func(*guard.Options)) *guard.Guard {
	t.Helper()
	opts := guard.Options{Secret: secret}
	if change != nil {
		change(&opts)
	}
	g, err := guard.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// request returns a login with a device cookie, or without one if it is empty.
func request(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/login", nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
	}
	return r
}

// attempt makes an attempt. It returns the error of Allow, or the result of the
// check, and the device cookie after the response.
func attempt(g *guard.Guard, r *http.Request, username string, result error) (cookie string, err error) {
	ctx, err := g.Allow(r, username)
	if err != nil {
		return "", err
	}
	w := httptest.NewRecorder()
	g.Report(w, r.WithContext(ctx), username, result)
	for _, c := range w.Result().Cookies() {
		if c.Name == cookieName {
			cookie = c.Value
		}
	}
	return cookie, result
}

// login makes a successful attempt and returns the device cookie.
func login(t testing.TB, g *guard.Guard, username, cookie string) string {
	t.Helper()
	next, err := attempt(g, request(cookie), username, nil)
	if err != nil {
		t.Fatal(err)
	}
	if next == "" || next == cookie {
		t.Fatal("a login adds no new device cookie")
	}
	return next
}

// exhaust makes failing attempts until they are refused, and returns their
// number.
func exhaust(t testing.TB, g *guard.Guard, username, cookie string) (n int) {
	t.Helper()
	for {
		_, err := attempt(g, request(cookie), username, jwtauth.ErrWrongPassword)
		if err != jwtauth.ErrWrongPassword {
			if !isPaused(err) {
				t.Fatalf("refused with %v", err)
			}
			return n
		}
		if n++; n > 1000 {
			t.Fatal("attempts are not limited")
		}
	}
}

func isPaused(err error) bool {
	return jwtauth.ProblemOf(err).Status == http.StatusTooManyRequests
}

// events records events.
type events struct {
	mu   sync.Mutex
	list []guard.Event
}

func (e *events) record(_ context.Context, event guard.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *events) kinds() (kinds []guard.EventKind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.list {
		kinds = append(kinds, event.Kind)
	}
	return kinds
}

func (e *events) want(t *testing.T, kinds ...guard.EventKind) {
	t.Helper()
	if got := e.kinds(); !slices.Equal(got, kinds) {
		t.Errorf("events %v, want %v", got, kinds)
	}
}

// storeCalls counts the calls of a store and fails them with its error.
type storeCalls struct {
	guard.Store
	mu    sync.Mutex
	calls []string
	fail  error
}

func (s *storeCalls) call(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, name)
	return s.fail
}

func (s *storeCalls) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	if err := s.call("Reserve"); err != nil {
		return false, 0, 0, 0, 0, err
	}
	return s.Store.Reserve(ctx, account, device, epoch, now, limit, window, longest)
}

func (s *storeCalls) Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error {
	if err := s.call("Refund"); err != nil {
		return err
	}
	return s.Store.Refund(ctx, account, device, round, limit, longest)
}

func (s *storeCalls) Reset(ctx context.Context, account string, now, until time.Time) error {
	if err := s.call("Reset"); err != nil {
		return err
	}
	return s.Store.Reset(ctx, account, now, until)
}

func (s *storeCalls) Epoch(ctx context.Context, account string) (int64, error) {
	if err := s.call("Epoch"); err != nil {
		return 0, err
	}
	return s.Store.Epoch(ctx, account)
}
