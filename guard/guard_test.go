package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// The budget of unknown devices ends in pauses that get longer. A known device
// has a budget of its own, and so has another account.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen events
		g := newGuard(t, func(o *guard.Options) { o.OnEvent = seen.record })
		cookie := login(t, g, "ann", "")
		for i, pause := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
			if n := exhaust(t, g, "ann", ""); n != 10 {
				t.Errorf("round %d: %d attempts, want 10", i, n)
			}
			_, err := attempt(g, request(""), "ann", nil)
			p := jwtauth.ProblemOf(err)
			if !errors.Is(err, guard.ErrPaused) || p.Status != 429 || p.Code != "too_many_attempts" || p.Header.Get("Retry-After") != fmt.Sprint(pause.Seconds()) {
				t.Errorf("round %d: %v, %+v; want a pause of %v", i, err, p, pause)
			}
			time.Sleep(pause)
		}
		cookie = login(t, g, "ann", cookie)
		login(t, g, "ben", "")
		seen.want(t, guard.EventAccountPaused, guard.EventAccountPaused, guard.EventAccountPaused)

		if n := exhaust(t, g, "ann", cookie); n != 10 {
			t.Errorf("a known device: %d attempts, want 10", n)
		}
		if last := seen.list[3]; last != (guard.Event{Kind: guard.EventDevicePaused, Account: "ann"}) {
			t.Errorf("event %+v", last)
		}
		login(t, g, "ann", "") // only the device is paused
	})
}

// A success, a busy queue and an outage take back their own attempt only.
func TestResults(t *testing.T) {
	unknown := errors.New("the claims are too long")
	for _, c := range []struct {
		result  error
		counted bool
	}{
		{nil, false},
		{jwtauth.ErrBusy, false},
		{fmt.Errorf("%w: users", jwtauth.ErrUnavailable), false},
		{context.Canceled, false},
		{context.DeadlineExceeded, false},
		{jwtauth.ErrWrongPassword, true},
		{fmt.Errorf("%w: %w", jwtauth.ErrWrongPassword, context.Canceled), true},
		{jwtauth.ErrSubjectDisabled, true},
		{unknown, true},
	} {
		t.Run(fmt.Sprint(c.result), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuard(t, nil)
				for range 5 {
					_, _ = attempt(g, request(""), "ann", jwtauth.ErrWrongPassword)
				}
				for range 3 {
					_, _ = attempt(g, request(""), "ann", c.result)
				}
				want := 5
				if c.counted {
					want = 2
				}
				if n := exhaust(t, g, "ann", ""); n != want {
					t.Errorf("%d more attempts, want %d", n, want)
				}
			})
		})
	}
}

// Attempts that run at the same time never exceed the budget, and the success
// of an attacker's own account gives nothing.
func TestParallelAttempts(t *testing.T) {
	g := newGuard(t, nil)
	var checked, successes atomic.Int64
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			result, username := jwtauth.ErrWrongPassword, "ann"
			if i%3 == 0 {
				result, username = nil, "mallory"
			}
			r := request("")
			ctx, err := g.Allow(r, username)
			if err != nil {
				return
			}
			if username == "ann" {
				checked.Add(1)
			} else {
				successes.Add(1)
			}
			g.Report(httptest.NewRecorder(), r.WithContext(ctx), username, result)
		})
	}
	wg.Wait()
	if checked.Load() != 10 || successes.Load() == 0 {
		t.Errorf("%d guesses, want 10; %d logins of another account", checked.Load(), successes.Load())
	}
}

// An attempt that is never reported counts, and a second report changes
// nothing.
func TestReportsOnce(t *testing.T) {
	g := newGuard(t, nil)
	for range 9 {
		if _, err := g.Allow(request(""), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	r := request("")
	ctx, err := g.Allow(r, "ann")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.Report(httptest.NewRecorder(), r.WithContext(ctx), "ann", jwtauth.ErrBusy)
	}
	if n := exhaust(t, g, "ann", ""); n != 1 {
		t.Errorf("%d attempts left, want 1", n)
	}
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "does not carry the context that Guard.Allow returned") {
			t.Errorf("panic %q", text)
		}
	}()
	g.Report(httptest.NewRecorder(), r, "ann", nil)
}

// Reset makes the devices of one account unknown, and Trust makes one known
// again, even while the account is paused.
func TestResetAndTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		both := login(t, g, "ben", login(t, g, "ann", ""))
		late := request("") // began before the reset
		ctx, err := g.Allow(late, "ann")
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Reset(t.Context(), "Ann"); err != nil {
			t.Fatal(err)
		}
		exhaust(t, g, "ann", "")
		if _, err := attempt(g, request(both), "ann", nil); !isPaused(err) {
			t.Errorf("a device from before the reset: %v", err)
		}
		exhaust(t, g, "ben", "")
		both = login(t, g, "ben", both) // another account

		w := httptest.NewRecorder()
		g.Report(w, late.WithContext(ctx), "ann", nil)
		exhaust(t, g, "ann", "") // uses the attempt that was taken back
		if _, err := attempt(g, request(w.Result().Cookies()[0].Value), "ann", nil); !isPaused(err) {
			t.Errorf("a device whose login began before the reset: %v", err)
		}

		w = httptest.NewRecorder()
		if err := g.Trust(w, request(both), "ann"); err != nil {
			t.Fatal(err)
		}
		both = w.Result().Cookies()[0].Value
		both = login(t, g, "ann", both)
		login(t, g, "ben", both)
		if err := g.Reset(t.Context(), "ann"); err != nil { // within the same millisecond
			t.Fatal(err)
		}
		if _, err := attempt(g, request(both), "ann", nil); !isPaused(err) {
			t.Errorf("a device from before the second reset: %v", err)
		}
	})
}

// Reset concerns the account, in any spelling of its name: all devices that
// have logged in with any spelling become unknown.
func TestResetOfSimilarNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spellings := []string{"ann", "Ann", " ANN ", "ａｎｎ", "Änn"}
		for _, name := range spellings {
			g := newGuard(t, nil)
			var cookies []string
			for _, spelling := range spellings {
				cookies = append(cookies, login(t, g, spelling, ""))
			}
			other := login(t, g, "anna", "")
			exhaust(t, g, "ann", "")
			exhaust(t, g, "anna", "")
			if err := g.Reset(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			for i, spelling := range spellings {
				if _, err := attempt(g, request(cookies[i]), spelling, nil); !isPaused(err) {
					t.Errorf("Reset(%q): the device of %q: %v", name, spelling, err)
				}
			}
			login(t, g, "anna", other)
		}
	})
}

// Devices stay unknown after Reset, also those that became known when DeviceTTL
// was longer.
func TestResetOutlivesDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := guard.NewMemory(0)
		long := newGuard(t, func(o *guard.Options) { o.Store, o.DeviceTTL = store, 400*24*time.Hour })
		short := newGuard(t, func(o *guard.Options) { o.Store, o.DeviceTTL = store, 24*time.Hour })
		cookie := login(t, long, "ann", "")
		if err := short.Reset(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		for range 399 {
			time.Sleep(24 * time.Hour)
			exhaust(t, short, "ben", "")
		}
		exhaust(t, short, "ann", "")
		if _, err := attempt(short, request(cookie), "ann", nil); !isPaused(err) {
			t.Errorf("a device from before the reset: %v", err)
		}
	})
}

// A login calls the store once before the check and once after it. A failure
// calls it once.
func TestStoreCalls(t *testing.T) {
	store := &storeCalls{Store: guard.NewMemory(0)}
	g := newGuard(t, func(o *guard.Options) { o.Store = store })
	cookie := login(t, g, "ann", "")
	login(t, g, "ann", cookie)
	_, _ = attempt(g, request(""), "ann", jwtauth.ErrWrongPassword)
	_, _ = attempt(g, request(cookie), "ann", jwtauth.ErrBusy)
	want := []string{"Reserve", "Refund", "Reserve", "Refund", "Reserve", "Reserve", "Refund"}
	if !slices.Equal(store.calls, want) {
		t.Errorf("calls %v, want %v", store.calls, want)
	}
}

// A refused attempt changes no counter.
func TestRefusedAttemptsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		exhaust(t, g, "ann", "")
		for range 100 {
			if _, err := attempt(g, request(""), "ann", nil); !isPaused(err) {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Minute)
		if n := exhaust(t, g, "ann", ""); n != 10 {
			t.Errorf("%d attempts after the pause, want 10", n)
		}
	})
}

func TestNewNamesAllFaults(t *testing.T) {
	var none *guard.Memory
	_, err := guard.New(guard.Options{
		Secret: make([]byte, 31), OldSecrets: [][]byte{{1}, nil, nil, nil, nil}, Store: none,
		Failures: 2, Window: time.Second, MaxPause: time.Hour * 24 * 8, DeviceTTL: time.Hour,
		CookieName: "__Host-" + strings.Repeat("x", 122) + ";", Header: "a b",
	})
	for _, part := range []string{
		"guard.Options.Secret: has 31 bytes", "guard.Options.OldSecrets: has 5 elements", "OldSecrets: has an element of 1 bytes",
		"guard.Options.Store: is a nil pointer", "guard.Options.Failures: 2 is below the minimum of 3",
		"guard.Options.Window: 1s is below the minimum of 1m0s", "guard.Options.MaxPause: 192h0m0s exceeds the maximum of 168h0m0s",
		"guard.Options.DeviceTTL: 1h0m0s is below the minimum of 24h0m0s", "guard.Options.CookieName: is not a cookie name",
		"CookieName: is 130 bytes long", "CookieName: has a prefix", "guard.Options.Header: is not a header name",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	if _, err := guard.New(guard.Options{Secret: secret, Window: 24 * time.Hour}); err != nil {
		t.Errorf("the longest window: %v", err)
	}
}
