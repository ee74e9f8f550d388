package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

// slowHasher takes a simulated quarter of a second for 2^12 rounds.
func slowHasher(t *testing.T, opts HasherOptions) *Hasher {
	t.Helper()
	rounds := func(cost int) { time.Sleep(250 * time.Millisecond << cost >> 12) } // simulated by synctest
	h, err := newHasher(passwords.Bcrypt{
		Compare: func(hash, password []byte) error {
			cost, _ := bcrypt.Cost(hash)
			rounds(cost)
			if string(password) == "right" {
				return nil
			}
			return bcrypt.ErrMismatchedHashAndPassword
		},
		Generate: func(_ []byte, cost int) ([]byte, error) {
			rounds(cost)
			return []byte(someHash(cost)), nil
		},
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// someHash returns a well-formed hash.
func someHash(cost int) string { return fmt.Sprintf("$2b$%02d$%s", cost, strings.Repeat(".", 53)) }

// One client sends 1,000 wrong passwords a second, some of them unhashable and
// some for unknown users, while 20 others log in.
func TestHasherFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slowHasher(t, HasherOptions{MaxConcurrent: 1})
		hash := someHash(12)
		var wg sync.WaitGroup
		var mu sync.Mutex
		floods := map[error]int{}
		wg.Go(func() {
			ctx := WithClient(t.Context(), "192.0.2.1")
			for i := range 10_000 {
				wg.Go(func() {
					err := h.CheckPassword(ctx, []string{hash, "", someHash(10)}[i%3], []string{"wrong", "\x00"}[i%2])
					mu.Lock()
					defer mu.Unlock()
					for _, e := range []error{ErrWrongPassword, ErrBusy} {
						if errors.Is(err, e) {
							floods[e]++
						}
					}
				})
				time.Sleep(time.Millisecond)
			}
		})
		for i := range 20 {
			wg.Go(func() {
				ctx := WithClient(t.Context(), fmt.Sprintf("198.51.100.%d", i))
				time.Sleep(time.Duration(i) * 487 * time.Millisecond)
				if err := h.CheckPassword(ctx, hash, "right"); err != nil {
					t.Errorf("login %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		t.Log(floods)
		// 10 s at 4 a second, less the 20 logins, plus the rest of the queue.
		if got := floods[ErrWrongPassword]; got < 18 || got > 26 {
			t.Errorf("%d of the flood were checked", got)
		}
		if got := floods[ErrWrongPassword] + floods[ErrBusy]; got != 10_000 {
			t.Errorf("%d of the flood answered as expected", got)
		}
	})
}

func TestHasherQueue(t *testing.T) {
	hash := someHash(12)
	check := func(ctx context.Context, h *Hasher) error { return h.CheckPassword(ctx, hash, "right") }
	create := func(ctx context.Context, h *Hasher) error {
		_, err := h.HashPassword(ctx, "new")
		return err
	}
	for name, call := range map[string]func(context.Context, *Hasher) error{"check": check, "hash": create} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := slowHasher(t, HasherOptions{MaxConcurrent: 1, MaxWaiting: 1, MaxWait: 100 * time.Millisecond})
				go check(t.Context(), h)
				synctest.Wait()

				var waited error
				go func() { waited = call(t.Context(), h) }()
				synctest.Wait()
				full := call(t.Context(), h)
				if !errors.Is(full, ErrBusy) || !strings.Contains(full.Error(), "full") {
					t.Errorf("error %v of a full queue, want %v", full, ErrBusy)
				}
				time.Sleep(101 * time.Millisecond)
				synctest.Wait()
				if !errors.Is(waited, ErrBusy) || !strings.Contains(waited.Error(), "100ms") {
					t.Errorf("error %v after MaxWait, want %v", waited, ErrBusy)
				}

				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if err := call(ctx, h); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrBusy) {
					t.Errorf("error %v after the deadline, want %v", err, context.DeadlineExceeded)
				}
				time.Sleep(time.Second)
				if err := call(t.Context(), h); err != nil {
					t.Errorf("error %v of an idle queue", err)
				}
			})
		})
	}

	t.Run("MaxConcurrent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := slowHasher(t, HasherOptions{MaxConcurrent: 3, MaxWaiting: -1})
			for range 3 {
				go func() {
					if err := check(t.Context(), h); err != nil {
						t.Errorf("error %v of one of the first three", err)
					}
				}()
			}
			synctest.Wait()
			if err := check(t.Context(), h); !errors.Is(err, ErrBusy) {
				t.Errorf("error %v of the fourth, want %v", err, ErrBusy)
			}
			time.Sleep(time.Second)
		})
	})
	t.Run("the whole of a check is one turn", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := slowHasher(t, HasherOptions{MaxConcurrent: 1, MaxWaiting: -1})
			go h.CheckPassword(t.Context(), someHash(8), "wrong")
			for range 24 {
				time.Sleep(10 * time.Millisecond)
				if err := check(t.Context(), h); !errors.Is(err, ErrBusy) {
					t.Fatalf("error %v within the check, want %v", err, ErrBusy)
				}
			}
			time.Sleep(11 * time.Millisecond)
			if err := check(t.Context(), h); err != nil {
				t.Errorf("error %v after the check", err)
			}
		})
	})
	t.Run("a deadline shortens no refusal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := slowHasher(t, HasherOptions{})
			for _, stored := range []string{"", someHash(4), someHash(12)} {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				start := time.Now()
				err := h.CheckPassword(ctx, stored, "wrong")
				cancel()
				if d := time.Since(start).Round(time.Millisecond); d != 250*time.Millisecond || !errors.Is(err, ErrWrongPassword) {
					t.Errorf("%q: %v after %v, want %v after 250ms", stored, err, d, ErrWrongPassword)
				}
			}
		})
	})
}

// Calls of one client share a line. With one slot and one place in the queue, a
// second waiting call is refused, unless its client has fewer calls.
func TestHasherClients(t *testing.T) {
	long := strings.Repeat("x", 1000)
	none := func(ctx context.Context) context.Context { return ctx }
	client := func(name string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return WithClient(ctx, name) }
	}
	tests := []struct {
		name     string
		one, two func(context.Context) context.Context
		same     bool
	}{
		{"two", client("a"), client("b"), false},
		{"one", client("a"), client("a"), true},
		{"none set", none, none, true},
		{"empty is as none", none, client(""), true},
		{"none and one", none, client("a"), false},
		{"long, different at the end", client(long + "1"), client(long + "2"), false},
		{"long, the same", client(long), client(long), true},
		{"the inner one counts", client("a"), func(ctx context.Context) context.Context { return client("a")(client("b")(ctx)) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := slowHasher(t, HasherOptions{MaxConcurrent: 1, MaxWaiting: 1})
				hash := someHash(12)
				var cut error
				go h.CheckPassword(tt.one(t.Context()), hash, "right")
				synctest.Wait()
				go func() { cut = h.CheckPassword(tt.one(t.Context()), hash, "right") }()
				synctest.Wait()
				err := h.CheckPassword(tt.two(t.Context()), hash, "right")
				time.Sleep(time.Second)
				synctest.Wait()
				if same := errors.Is(err, ErrBusy) && cut == nil; same != tt.same {
					t.Errorf("taken for the same: %v (%v, %v)", same, cut, err)
				}
			})
		})
	}
	for _, n := range []int{0, 1, 64, 65, 100_000} {
		got := WithClient(t.Context(), strings.Repeat("x", n)).Value(passwordClientKey{}).(fairqueue.Client).Name
		if want := min(n, 64); len(got) > 64 || n <= 64 && len(got) != want {
			t.Errorf("%d bytes kept of %d", len(got), n)
		}
	}
}
