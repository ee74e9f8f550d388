// Package storetest tests implementations of guard.Store.
package storetest

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// Store has the methods of guard.Store, whose package the tests of stores need
// not import.
type Store interface {
	Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
		known bool, current, round int64, left int, wait time.Duration, err error)
	Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error
	Reset(ctx context.Context, account string, now, until time.Time) error
	Epoch(ctx context.Context, account string) (int64, error)
}

const (
	limit   = 3
	window  = time.Minute
	longest = 8 * time.Minute
)

var start = time.UnixMilli(1_800_000_000_000)

// Calls returns the error of each method with ctx.
func Calls(ctx context.Context, s Store) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_, _, _, _, _, err := s.Reserve(ctx, "account", "device", 0, start, limit, window, longest)
		_ = yield("Reserve", err) &&
			yield("Refund", s.Refund(ctx, "account", "device", 1, limit, longest)) &&
			yield("Reset", s.Reset(ctx, "account", start, start.Add(time.Hour)))
		_, err = s.Epoch(ctx, "account")
		yield("Epoch", err)
	}
}

// Run runs all tests. open returns an empty store, or one with other accounts.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("model", func(t *testing.T) { testModel(t, open(t)) })
	t.Run("parallel", func(t *testing.T) { testParallel(t, open(t)) })
}

// model is a store that is obviously correct.
type model struct {
	rule     attempts.Rule
	counters map[string]attempts.Counter // by account, and device
	epochs   map[string]int64
}

// reserved is an attempt that can be refunded.
type reserved struct {
	account, device string
	round           int64
}

// testModel compares the results of a store with those of the model, for random
// calls.
func testModel(t *testing.T, s Store) {
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(1, 2))
	m := model{attempts.NewRule(limit, window, longest), make(map[string]attempts.Counter), make(map[string]int64)}
	unique := crand.Text()[:8]
	now := start
	var open []reserved
	refused, lapsed := 0, 0
	for i := range 1500 {
		account := fmt.Sprintf("%s-%013d", unique, rng.IntN(3))
		device := ""
		if rng.IntN(2) == 0 {
			device = fmt.Sprintf("%022d", rng.IntN(2))
		}
		switch rng.IntN(12) {
		case 0:
			if err := s.Reset(ctx, account, now, now.Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			m.epochs[account] = max(m.epochs[account]+1, now.UnixMilli())
		case 1, 2:
			if len(open) == 0 {
				continue
			}
			last := len(open) - 1
			at := rng.IntN(last + 1)
			r := open[at]
			open[at], open = open[last], open[:last]
			if err := s.Refund(ctx, r.account, r.device, r.round, limit, longest); err != nil {
				t.Fatal(err)
			}
			m.counters[r.account+r.device] = m.rule.Refund(m.counters[r.account+r.device], r.round)
		case 3:
			steps := []time.Duration{0, time.Millisecond, 50 * time.Second, time.Minute, 3 * time.Minute, 20 * time.Minute}
			now = now.Add(steps[rng.IntN(len(steps))])
		default:
			epoch := m.epochs[account] - int64(rng.IntN(2))
			known, current, round, left, wait, err := s.Reserve(ctx, account, device, epoch, now, limit, window, longest)
			if err != nil {
				t.Fatal(err)
			}
			isKnown := device != "" && epoch >= m.epochs[account]
			if device != "" && !isKnown {
				device = ""
				lapsed++
			}
			next, rest, pause := m.rule.Reserve(m.counters[account+device], now.UnixMilli())
			if known != isKnown || current != m.epochs[account] || left != int(rest) || wait.Milliseconds() != pause || pause == 0 && round != next.Round {
				t.Fatalf("call %d: Reserve returned %v, %d, %d, %d, %v; want %v, %d, %d, %d, %d ms",
					i, known, current, round, left, wait, isKnown, m.epochs[account], next.Round, rest, pause)
			}
			if pause > 0 {
				refused++
				continue
			}
			m.counters[account+device] = next
			open = append(open, reserved{account, device, round})
		}
		if epoch, err := s.Epoch(ctx, account); epoch != m.epochs[account] || err != nil {
			t.Fatalf("call %d: epoch %d, %v; want %d", i, epoch, err, m.epochs[account])
		}
	}
	if refused < 100 || lapsed < 50 {
		t.Errorf("only %d refusals and %d devices of an old epoch", refused, lapsed)
	}
}

// testParallel makes attempts at the same time. The limit holds, and so does it
// when some of them succeed.
func testParallel(t *testing.T, s Store) {
	account := crand.Text()[:22]
	var mu sync.Mutex
	var wg sync.WaitGroup
	allowed := 0
	for range 60 {
		wg.Go(func() {
			_, _, round, _, wait, err := s.Reserve(t.Context(), account, "", 0, start, limit, window, longest)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case wait == 0:
				allowed++
				if round != start.UnixMilli() {
					t.Errorf("round %d", round)
				}
			}
		})
	}
	wg.Wait()
	if allowed != limit {
		t.Errorf("%d attempts allowed, want %d", allowed, limit)
	}
	for range 20 { // more refunds than attempts
		wg.Go(func() {
			if err := s.Refund(t.Context(), account, "", start.UnixMilli(), limit, longest); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	_, _, _, left, wait, err := s.Reserve(t.Context(), account, "", 0, start, limit, window, longest)
	if err != nil || left != limit-1 || wait != 0 {
		t.Errorf("after all refunds: %d left, wait %v, %v", left, wait, err)
	}
}
