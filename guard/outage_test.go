package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// While the store fails, known devices log in and have a budget, and unknown
// ones are refused. Afterwards everything is as before.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storeCalls{Store: guard.NewMemory(0)}
		var seen events
		g := newGuard(t, func(o *guard.Options) { o.Store, o.OnEvent = store, seen.record })
		cookie := login(t, g, "ann", "")
		_, _ = attempt(g, request(""), "ann", jwtauth.ErrWrongPassword)

		store.fail = errors.New("connection refused")
		_, err := attempt(g, request(""), "ann", nil)
		if !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), "guard.Options.Store: connection refused") {
			t.Errorf("an unknown device: %v", err)
		}
		for range 20 {
			cookie = login(t, g, "ann", cookie)
		}
		if n := exhaust(t, g, "ann", cookie); n != 10 {
			t.Errorf("a known device: %d attempts, want 10", n)
		}
		if err := g.Reset(t.Context(), "ann"); !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("Reset: %v", err)
		}
		w := httptest.NewRecorder()
		if err := g.Trust(w, request(""), "ann"); !errors.Is(err, jwtauth.ErrUnavailable) || len(w.Result().Cookies()) > 0 {
			t.Errorf("Trust: %v, %v", err, w.Result().Cookies())
		}
		seen.want(t, guard.EventOutage, guard.EventDevicePaused)
		if !errors.Is(seen.list[0].Err, store.fail) {
			t.Errorf("event %+v", seen.list[0])
		}

		store.fail = nil
		cookie = login(t, g, "ann", cookie)
		if n := exhaust(t, g, "ann", ""); n != 9 {
			t.Errorf("after the outage: %d attempts, want 9", n)
		}
		login(t, g, "ann", cookie)

		store.fail = errors.New("connection refused")
		_, _ = attempt(g, request(""), "ann", nil)
		seen.want(t, guard.EventOutage, guard.EventDevicePaused, guard.EventAccountPaused, guard.EventOutage)
	})
}

// With AdmitInOutage, unknown devices have a budget in the process. They do not
// become known, because the epoch of the account is unknown.
func TestAdmitInOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storeCalls{Store: guard.NewMemory(0), fail: errors.New("connection refused")}
		g := newGuard(t, func(o *guard.Options) { o.Store, o.AdmitInOutage = store, true })
		cookie, err := attempt(g, request(""), "ann", nil)
		if cookie != "" || err != nil {
			t.Errorf("cookie %q, %v", cookie, err)
		}
		if n := exhaust(t, g, "ann", ""); n != 10 {
			t.Errorf("%d attempts, want 10", n)
		}
	})
}

// If the store fails after the check, the attempt counts, and the login
// succeeds.
func TestOutageDuringCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storeCalls{Store: guard.NewMemory(0)}
		var seen events
		g := newGuard(t, func(o *guard.Options) { o.Store, o.OnEvent = store, seen.record })
		r := request("")
		ctx, err := g.Allow(r, "ann")
		if err != nil {
			t.Fatal(err)
		}
		store.fail = errors.New("connection refused")
		w := httptest.NewRecorder()
		g.Report(w, r.WithContext(ctx), "ann", nil)
		store.fail = nil
		if len(w.Result().Cookies()) != 1 {
			t.Error("the device is not known")
		}
		if n := exhaust(t, g, "ann", ""); n != 9 {
			t.Errorf("%d attempts, want 9", n)
		}
		seen.want(t, guard.EventOutage, guard.EventAccountPaused)
	})
}

// hanging is a store that does not respond.
type hanging struct{ guard.Store }

func (hanging) Reserve(ctx context.Context, _, _ string, _ int64, _ time.Time, _ int, _, _ time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	<-ctx.Done()
	return false, 0, 0, 0, 0, ctx.Err()
}

// A store that does not respond holds up a login for two seconds. A client that
// gives up is no outage.
func TestHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen events
		g := newGuard(t, func(o *guard.Options) { o.Store, o.OnEvent = hanging{}, seen.record })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := g.Allow(request("").WithContext(ctx), "ann")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		seen.want(t)
		began := time.Now()
		if _, err := g.Allow(request(""), "ann"); !errors.Is(err, jwtauth.ErrUnavailable) || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		seen.want(t, guard.EventOutage)
	})
}

// A success is taken back even if the client has gone.
func TestRefundWithoutClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		r := request("").WithContext(ctx)
		ctx, err := g.Allow(r, "ann")
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		g.Report(httptest.NewRecorder(), r.WithContext(ctx), "ann", ctx.Err())
		if n := exhaust(t, g, "ann", ""); n != 10 {
			t.Errorf("%d attempts, want 10", n)
		}
	})
}

// losing is a store whose responses to Reserve or Refund are lost after it has
// counted.
type losing struct {
	guard.Store
	reserve, refund bool
}

var errLost = errors.New("connection reset")

func (s *losing) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	known, current, round, left, wait, err = s.Store.Reserve(ctx, account, device, epoch, now, limit, window, longest)
	if s.reserve {
		return false, 0, 0, 0, 0, errLost
	}
	return known, current, round, left, wait, err
}

func (s *losing) Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error {
	err := s.Store.Refund(ctx, account, device, round, limit, longest)
	if s.refund {
		return errLost
	}
	return err
}

// An attempt whose response is lost is refused, and counts like a failure: it
// uses one attempt of the budget and makes pauses no longer than a failure
// would. The response to a refund changes nothing if it is lost.
func TestLostResponses(t *testing.T) {
	for lost := range 15 {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &losing{Store: guard.NewMemory(0)}
				g := newGuard(t, func(o *guard.Options) { o.Store = store })
				failing := newGuard(t, nil) // the same with failures
				store.reserve = true
				for range lost {
					if _, err := attempt(g, request(""), "ann", nil); !errors.Is(err, jwtauth.ErrUnavailable) {
						t.Fatalf("a lost response: %v", err)
					}
					_, _ = attempt(failing, request(""), "ann", jwtauth.ErrWrongPassword)
				}
				store.reserve, store.refund = false, true
				for range 20 { // successes, whose refunds are counted
					_, _ = attempt(g, request(""), "ann", nil)
				}
				store.refund = false
				for round, pause := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour} {
					got, want := exhaust(t, g, "ann", ""), exhaust(t, failing, "ann", "")
					if got != want || round == 0 && got != max(0, 10-lost) {
						t.Errorf("round %d: %d attempts, want %d as after %d failures", round, got, want, lost)
					}
					_, err := attempt(g, request(""), "ann", nil)
					if wait := jwtauth.ProblemOf(err).Header.Get("Retry-After"); wait != fmt.Sprint(pause.Seconds()) {
						t.Errorf("round %d: a pause of %s s, want %v", round, wait, pause)
					}
					time.Sleep(pause)
				}
				time.Sleep(10 * 24 * time.Hour)
				if n := exhaust(t, g, "ann", ""); n != 10 {
					t.Errorf("%d attempts after ten days, want 10", n)
				}
				if _, err := attempt(g, request(""), "ann", nil); jwtauth.ProblemOf(err).Header.Get("Retry-After") != "1800" {
					t.Errorf("the first pause after ten days: %v", jwtauth.ProblemOf(err).Header)
				}
			})
		})
	}
}

// A known device whose response is lost logs in. The lost response costs its
// own budget one attempt, and the account none.
func TestLostResponsesOfKnownDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &losing{Store: guard.NewMemory(0)}
		g := newGuard(t, func(o *guard.Options) { o.Store = store })
		cookie := login(t, g, "ann", "")
		store.reserve = true
		for range 3 {
			if _, err := attempt(g, request(cookie), "ann", nil); err != nil {
				t.Fatal(err)
			}
		}
		store.reserve = false
		if n := exhaust(t, g, "ann", cookie); n != 7 {
			t.Errorf("%d attempts with the device, want 7", n)
		}
		if n := exhaust(t, g, "ann", ""); n != 10 {
			t.Errorf("%d attempts without the device, want 10", n)
		}
	})
}
