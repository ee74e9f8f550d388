package guard_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// aheadStore is a store as an instance with a fast clock calls it.
type aheadStore struct {
	guard.Store
	by time.Duration
}

func (s aheadStore) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	return s.Store.Reserve(ctx, account, device, epoch, now.Add(s.by), limit, window, longest)
}

func (s aheadStore) Reset(ctx context.Context, account string, now, until time.Time) error {
	return s.Store.Reset(ctx, account, now.Add(s.by), until.Add(s.by))
}

// instances returns two guards with one store. The clock of the second one is
// ahead.
func instances(t *testing.T, ahead time.Duration) [2]*guard.Guard {
	t.Helper()
	store := guard.NewMemory(0)
	return [2]*guard.Guard{
		newGuard(t, func(o *guard.Options) { o.Store = store }),
		newGuard(t, func(o *guard.Options) { o.Store = aheadStore{store, ahead} }),
	}
}

// attackBoth guesses at one account through both instances, while its owner
// logs in with a known device. It returns the number of guesses, and how long
// the owner then has to wait at each instance with a new device.
func attackBoth(t *testing.T, ahead, lasting time.Duration) (guesses int, waits [2]time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		both := instances(t, ahead)
		cookie := login(t, both[0], "ann", "")
		for i := range int(lasting / (30 * time.Second)) {
			for _, g := range both {
				if _, err := attempt(g, request(""), "ann", jwtauth.ErrWrongPassword); err == jwtauth.ErrWrongPassword {
					guesses++
				}
				if i%100 == 0 {
					cookie = login(t, g, "ann", cookie)
				}
			}
			time.Sleep(30 * time.Second)
		}
		for i, g := range both {
			_, err := attempt(g, request(""), "ann", nil)
			if isPaused(err) {
				seconds, err := strconv.Atoi(jwtauth.ProblemOf(err).Header.Get("Retry-After"))
				if err != nil {
					t.Fatal(err)
				}
				waits[i] = time.Duration(seconds) * time.Second
			}
		}
		for i, g := range both {
			if i == 0 {
				time.Sleep(max(waits[0], waits[1]))
			}
			login(t, g, "ann", "")
		}
	})
	return guesses, waits
}

// If the clocks of two instances differ by at most Options.MaxPause, an
// attacker gains as much as if the difference had passed, once. The owner waits
// longer by the difference at the instance with the slow clock. A known device
// never waits. With a larger difference the budget does not hold, but the owner
// waits no longer than Options.MaxPause.
func TestClocksOfInstances(t *testing.T) {
	const maxPause, lasting = 24 * time.Hour, 24 * time.Hour
	for _, ahead := range []time.Duration{0, time.Second, time.Minute, time.Hour, 12 * time.Hour, maxPause, maxPause + time.Minute, 1000 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			guesses, waits := attackBoth(t, ahead, lasting)
			t.Logf("%d guesses; then pauses of %v and %v", guesses, waits[0], waits[1])
			if ahead <= maxPause {
				// This attacker does not have the best strategy, so the
				// comparison allows one round more. All strategies are in
				// attempts.TestClocksDiffer.
				if most, _ := attackBoth(t, 0, lasting+ahead); guesses > most+10 {
					t.Errorf("%d guesses, more than the %d that one clock allows in %v", guesses, most, lasting+ahead)
				}
				if waits[0] > maxPause+ahead {
					t.Errorf("the owner waits for %v at the instance with the slow clock", waits[0])
				}
			} else if waits[0] > maxPause {
				t.Errorf("the owner waits for %v at the instance with the slow clock", waits[0])
			}
			if waits[1] > maxPause {
				t.Errorf("the owner waits for %v at the instance with the fast clock", waits[1])
			}
		})
	}
}
