package jwtauth_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// If a session was rotated during an outage, or so shortly before that its
// window was open, the window counts from the end of the outage.
func TestOutage(t *testing.T) {
	const (
		s1   = time.Second
		m1   = time.Minute
		last = 5 * m1 // after a failure, an outage ends without calls
	)
	type moment struct {
		at time.Duration
		// rotate, lose (rotate without a response), fail, other (refresh
		// another session), ended (refresh one that has ended), or a key of
		// hang
		do string
	}
	hang := map[string]struct { // requests that wait for the store in vain
		wait time.Duration
		why  error
	}{
		"hang up":           {0, context.Canceled},
		"hang up late":      {time.Hour, context.Canceled},
		"time out":          {s1 - tick, context.DeadlineExceeded},
		"time out, patient": {s1, context.DeadlineExceeded},
	}
	retries := func(from, to, every time.Duration) (list []moment) { // that fail
		for at := from; at < to; at += every {
			list = append(list, moment{at, "fail"})
		}
		return list
	}
	parts := func(to time.Duration) (list []moment) { // of the store are down while others respond
		for at := 5 * s1; at < to; at += 20 * s1 {
			list = append(list, moment{at, "fail"}, moment{at + 19900*tick, "other"})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		moments []moment
		at      time.Duration // when the old token is presented
		want    error
	}{
		{"none", []moment{{0, "rotate"}}, retryEnd, jwtauth.ErrTokenReused},
		{"a swap without a response", []moment{{0, "lose"}, {100 * s1, "fail"}, {200 * s1, "fail"}}, 500 * s1, nil},
		{"the store is back before the client", []moment{{0, "lose"}, {200 * s1, "other"}}, 200*s1 + retryEnd - s1, nil},
		{"the window ends after the outage", []moment{{0, "lose"}, {200 * s1, "other"}}, 200*s1 + retryEnd, jwtauth.ErrTokenReused},
		{"a session that has ended is a response", []moment{{0, "lose"}, {200 * s1, "ended"}}, 200*s1 + retryEnd, jwtauth.ErrTokenReused},
		{"rotated while the window before it was open", []moment{{0, "rotate"}, {retryEnd - s1, "fail"}}, 300 * s1, nil},
		{"rotated long before", []moment{{0, "rotate"}, {retryEnd, "fail"}}, 300 * s1, jwtauth.ErrTokenReused},
		{"it goes on after a short recovery", []moment{{0, "lose"}, {200 * s1, "other"}, {200*s1 + retryEnd - s1, "fail"}}, 500 * s1, nil},
		{"another one later", []moment{{0, "rotate"}, {s1, "fail"}, {200 * s1, "other"}, {200*s1 + retryEnd, "fail"}}, 500 * s1, jwtauth.ErrTokenReused},
		{"a window that closes while the store responds", []moment{{-2 * s1, "fail"}, {-s1, "other"}, {0, "rotate"}, {58 * s1, "fail"}, {59 * s1, "other"}}, 98 * s1, jwtauth.ErrTokenReused},
		{"a failure that is reported late", []moment{{0, "lose"}, {200 * s1, "other"}, {199 * s1, "fail"}}, 300 * s1, nil},
		{"clients that hang up do not count", []moment{{0, "rotate"}, {s1, "hang up"}, {100 * s1, "other"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"nor do those that wait before they hang up", []moment{{-2 * time.Hour, "hang up late"}, {0, "rotate"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"nor do requests with a short deadline", []moment{{0, "rotate"}, {s1, "time out"}, {100 * s1, "other"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"a store that hangs for longer than requests last", []moment{{0, "rotate"}, {s1, "time out, patient"}}, 100 * s1, nil},
		{"a failure that is reported after that of a later request", []moment{{0, "rotate"}, {retryEnd, "fail"}, {retryEnd - s1, "fail"}}, 300 * s1, nil},
		{"rotated after it, in the window", []moment{{-100 * s1, "fail"}, {-50 * s1, "other"}, {0, "rotate"}}, retryEnd - s1, nil},
		{"rotated after it", []moment{{-100 * s1, "fail"}, {-50 * s1, "other"}, {0, "rotate"}}, retryEnd, jwtauth.ErrTokenReused},

		{"silence after a failure", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 20*s1 + last + retryEnd - s1, nil},
		{"a longer silence", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 20*s1 + last + retryEnd, jwtauth.ErrTokenReused},
		{"days of silence", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 6 * 24 * time.Hour, jwtauth.ErrTokenReused},
		{"a client that retries for hours", append([]moment{{0, "lose"}}, retries(last, 3*time.Hour, last)...), 3 * time.Hour, nil},
		{"a failure after a silence", []moment{{0, "rotate"}, {20 * s1, "fail"}, {20*s1 + last + retryEnd, "other"}, {20*s1 + last + retryEnd, "fail"}}, 10 * m1, jwtauth.ErrTokenReused},

		{"a part of the store stays away", append([]moment{{0, "rotate"}}, parts(15*m1)...), 15 * m1, nil},
		{"a part of the store stays away for longer", append([]moment{{0, "rotate"}}, parts(16*m1)...), 16 * m1, jwtauth.ErrTokenReused},
		{"it begins again 15 minutes after it first ended", append(append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 15*m1, m1)...),
			moment{15*m1 - s1, "other"}, moment{15*m1 + 2*s1, "fail"}), 16 * m1, jwtauth.ErrTokenReused},
		{"just before that", append(append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 15*m1, m1)...),
			moment{15*m1 - s1, "other"}, moment{15*m1 + s1, "fail"}), 16 * m1, nil},
		{"it begins again, and then the store is down for hours", append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 3*time.Hour, last)...), 3 * time.Hour, nil},
		{"the next one has as much time", append(parts(16*m1), moment{20 * m1, "rotate"}, moment{20 * m1, "fail"}, moment{20*m1 + s1, "other"},
			moment{20*m1 + 2*s1, "fail"}, moment{20*m1 + retryEnd - 10*s1, "other"}, moment{20*m1 + retryEnd, "fail"}), 22 * m1, nil},

		{"it ends while the clock is ahead", []moment{{0, "fail"}, {24 * time.Hour, "fail"}, {24 * time.Hour, "other"}, {m1, "rotate"}}, 20 * time.Hour, jwtauth.ErrTokenReused},
		{"it ends by a clock that is ahead by skew", []moment{{0, "lose"}, {100*s1 + 10*s1, "other"}}, 100 * s1, nil},
		{"the next one after such an end", []moment{{0, "fail"}, {24 * time.Hour, "fail"}, {24 * time.Hour, "other"}, {m1, "rotate"}, {10 * time.Hour, "fail"}, {10*time.Hour + s1, "other"}},
			10*time.Hour + 2*s1, jwtauth.ErrTokenReused},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			s.at(-time.Hour)
			old := s.login(t).RefreshToken
			other := s.login(t).RefreshToken
			ended := s.login(t).RefreshToken
			if err := s.Logout(t.Context(), ended); err != nil {
				t.Fatal(err)
			}
			for _, m := range c.moments {
				s.at(m.at)
				switch m.do {
				case "rotate":
					s.refresh(t, old)
				case "lose":
					s.store.after = func(op string) error {
						if op == "Swap" {
							return errDown
						}
						return nil
					}
					wantRefresh(t, m.do, s.Issuer, old, jwtauth.ErrUnavailable)
				case "fail":
					s.store.before = func(context.Context, string) error { return errDown }
					wantRefresh(t, m.do, s.Issuer, old, jwtauth.ErrUnavailable)
				case "other":
					other = s.refresh(t, other).RefreshToken
				case "ended":
					wantRefresh(t, m.do, s.Issuer, ended, jwtauth.ErrSessionEnded)
				default:
					h := hang[m.do]
					s.store.before = func(context.Context, string) error {
						s.at(m.at + h.wait)
						return h.why
					}
					ctx, cancel := context.WithCancel(t.Context())
					if h.why == context.DeadlineExceeded {
						ctx, cancel = context.WithDeadline(ctx, time.Unix(0, 0))
					}
					cancel()
					_, err := s.Refresh(ctx, old)
					wantError(t, m.do, err, jwtauth.ErrUnavailable)
				}
				s.store.before, s.store.after = nil, nil
			}
			s.at(c.at)
			generation := s.row(old).Generation
			tokens, err := s.Refresh(t.Context(), old)
			if c.want != nil {
				wantError(t, "the old token", err, c.want)
			} else if err != nil || refreshPayload(tokens.RefreshToken).Generation != generation {
				t.Errorf("the old token: %v", err)
			}
		})
	}
}

// Every operation of the store notices an outage, which begins when it was
// called: here a second before the window closes, to fail after that. Writes go
// on if the client hangs up meanwhile, so their failures count as well.
func TestOutageSeenByEachCall(t *testing.T) {
	for name, c := range storeCalls(nil) {
		for _, failing := range c.ops {
			for _, hangsUp := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s in %s, hangs up %v", name, failing, hangsUp), func(t *testing.T) {
					s := newService(t)
					s.at(-10 * time.Minute)
					old := s.login(t).RefreshToken
					tokens := s.login(t) // for the request
					s.at(0)
					s.refresh(t, old)
					s.at(retryEnd - time.Second)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					s.store.before = func(_ context.Context, op string) error {
						if op != failing {
							return nil
						}
						s.at(retryEnd + 3*time.Second)
						if hangsUp {
							cancel()
						}
						return errDown
					}
					wantError(t, name, storeCalls(s)[name].call(ctx, tokens), jwtauth.ErrUnavailable)
					s.store.before = nil
					s.at(2 * time.Minute)
					var want []error
					if hangsUp && slices.Contains([]string{"Create", "Load", "List"}, failing) {
						want = []error{jwtauth.ErrTokenReused}
					}
					wantRefresh(t, "the old token", s.Issuer, old, want...)
				})
			}
		}
	}
}

// An outage begins with the call that failed, even if the request is older.
func TestOutageBeginsWithTheCall(t *testing.T) {
	for _, failing := range []string{"Load", "Swap"} { // the operation that fails
		var slow func()
		s := newInterrupted(t, &slow)
		s.at(-time.Hour)
		old := s.login(t).RefreshToken
		other := s.login(t).RefreshToken
		if failing == "Load" {
			other = s.refresh(t, other).RefreshToken // so that it is repeated
			s.at(-time.Hour + tick)
		}
		s.at(0)
		s.refresh(t, old)
		if failing == "Load" {
			other = s.refresh(t, other).RefreshToken
		}
		s.at(window)
		slow = func() {
			s.at(10 * time.Minute)
			s.store.before = func(context.Context, string) error { return errDown }
		}
		wantRefresh(t, failing, s.Issuer, other, jwtauth.ErrUnavailable)
		if ops := s.store.took(); ops[len(ops)-1] != failing {
			t.Errorf("the store's operations are %v, want %s at the end", ops, failing)
		}
		s.store.before = nil
		s.at(10*time.Minute + time.Second)
		wantRefresh(t, "the old token, 10 minutes after its exchange", s.Issuer, old, jwtauth.ErrTokenReused)
	}
}

// An outage that ends after a request arrived, by its own slow call, has ended.
func TestOutageEndsAfterArrival(t *testing.T) {
	s := newService(t)
	s.at(-time.Hour)
	old := s.login(t).RefreshToken
	s.at(0)
	s.refresh(t, old)
	s.store.before = func(context.Context, string) error { return errDown }
	wantRefresh(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
	s.at(time.Minute)
	s.store.before = func(context.Context, string) error {
		s.at(time.Minute + 15*time.Second)
		return nil
	}
	wantRefresh(t, "the first response", s.Issuer, old)
}
