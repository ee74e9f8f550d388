package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A swap succeeds, and the store goes down before it responds, for longer than
// the window. A client that keeps retrying goes on, also at an instance that
// saw the store fail only later.
func TestModelOutage(t *testing.T) {
	t.Parallel()
	for _, one := range []bool{true, false} {
		t.Run(fmt.Sprintf("one instance %v", one), func(t *testing.T) {
			exploreThreeByFour(t, modelOutage(one))
		})
	}
}

func modelOutage(one bool) func(*world) {
	return func(w *world) {
		issuers := w.twoIssuers()
		if one {
			issuers[1] = issuers[0]
		}
		w.claimsTakeTime(reads)
		token := w.prepare(func() []string { return []string{w.login(issuers[0])} })[0]
		w.outages = 1
		lost := false
		for n, name := range []string{"tab 1", "tab 2", "tab 3"} {
			w.act(name, func(ctx context.Context) {
				_, err := w.refresh(ctx, issuers[n%2], token)
				w.step(ctx, local, "the response arrives")
				w.mustGoOn(name, err)
				if err != nil {
					if !errors.Is(err, jwtauth.ErrUnavailable) {
						w.fault("%s: %v", name, err)
					}
					lost = true
				}
			})
		}
		w.run()
		if !lost {
			return
		}
		for _, later := range []time.Duration{time.Second, 10 * modelWindow, time.Minute / 2} {
			w.now = w.now.Add(later)
			if later == time.Minute/2 {
				w.down = false
			}
			for _, issuer := range issuers {
				_, err := w.refresh(context.Background(), issuer, token)
				w.mustGoOn("the client", err)
				if w.down == (err == nil) {
					w.fault("down is %v, response %v", w.down, err)
				}
			}
		}
		if w.generation() > 3 {
			w.fault("generation %d", w.generation())
		}
	}
}

// A response is lost on its way, and before the client retries, well within the
// window, the store goes down for long. That is no reuse either.
func TestModelOutageAfterLostResponse(t *testing.T) { explore(t, modelOutageAfterLostResponse) }

func modelOutageAfterLostResponse(w *world) {
	issuers := w.twoIssuers()
	first, second := issuers[w.schedule.choose(2)], issuers[w.schedule.choose(2)]
	token := w.login(first)
	if _, err := w.refresh(context.Background(), first, token); err != nil {
		w.fault("%v", err)
	}
	w.now = w.now.Add(modelWindow - time.Millisecond)
	w.down, w.wasDown = true, true
	if _, err := w.refresh(context.Background(), second, token); !errors.Is(err, jwtauth.ErrUnavailable) {
		w.fault("the store is down, response %v", err)
	}
	w.now = w.now.Add(10 * modelWindow)
	w.down = false
	if _, err := w.refresh(context.Background(), second, token); err != nil {
		w.fault("the client: %v", err)
	}
	w.now = w.now.Add(modelWindow + modelSkew)
	if _, err := w.refresh(context.Background(), second, token); !errors.Is(err, jwtauth.ErrTokenReused) {
		w.fault("the window does not close after the outage: %v", err)
	}
}

// A clock is set back by half an hour while tabs refresh. They stay logged in,
// and the session goes on rotating, with rotations in the past again.
func TestModelClockSetBack(t *testing.T) { explore(t, modelClockSetBack) }

func modelClockSetBack(w *world) {
	const back = 30 * time.Minute
	issuer := w.issuer(0)
	jar := w.prepare(func() []string {
		w.now = w.now.Add(back)
		token := w.login(issuer)
		w.now = w.now.Add(2 * time.Minute)
		token, _ = w.refresh(context.Background(), issuer, token)
		w.now = w.now.Add(2 * time.Minute)
		return []string{token}
	})[0]
	w.incidents = []incident{jump(-back), jump(-modelSkew)}
	w.shared = func() string { return jar }
	for _, name := range []string{"tab 1", "tab 2"} {
		w.act(name, func(ctx context.Context) {
			next, err := w.refresh(ctx, issuer, jar)
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			jar = next
		})
	}
	w.run()
	for range 2 {
		w.now = w.now.Add(2 * time.Minute)
		before := w.generation()
		next, err := w.refresh(context.Background(), issuer, jar)
		if err != nil || w.generation() != before+1 {
			w.fault("after the clock was set back: generation %d to %d, %v", before, w.generation(), err)
			return
		}
		jar = next
		if row := w.rows[refreshPayload(jar).SessionID]; !row.RotatedAt.Equal(w.now) {
			w.fault("rotated %v from now", row.RotatedAt.Sub(w.now))
		}
	}
}

// The store fails over to a replica without the last rotations, while tabs with
// the current and the previous token refresh. The session goes on. Responses
// arrive in the order of the calls, or in any order at a client that keeps a
// response only if it still holds the token that it presented.
func TestModelFailover(t *testing.T) {
	t.Parallel()
	for _, known := range []int64{1, 2, 3} {
		t.Run(fmt.Sprintf("the replica has generation %d", known), func(t *testing.T) {
			exploreThreeByFour(t, modelFailover(known))
		})
	}
}

func modelFailover(known int64) func(*world) {
	return func(w *world) {
		w.claimsTakeTime(local)
		issuers := w.twoIssuers()
		tokens := w.prepare(func() []string {
			tokens := []string{w.login(issuers[0])}
			if known == 1 {
				w.incidents = []incident{w.failover()}
			}
			for generation := int64(2); generation <= 3; generation++ {
				w.now = w.now.Add(2 * time.Minute)
				next, _ := w.refresh(context.Background(), issuers[0], tokens[len(tokens)-1])
				tokens = append(tokens, next)
				if known == generation {
					w.incidents = []incident{w.failover()}
				}
			}
			w.now = w.now.Add(modelWindow / 2)
			return tokens
		})
		previous, jar := tokens[1], tokens[2]
		w.shared = func() string { return jar }
		inOrder := w.schedule.choose(2) == 1
		tab := func(name string, issuer *instance, token string) {
			w.act(name, func(ctx context.Context) {
				next, err := w.refresh(ctx, issuer, token)
				if !inOrder {
					w.step(ctx, delivers, "the response arrives")
				}
				if err != nil {
					w.fault("%s: %v", name, err)
				}
				if inOrder || jar == token {
					jar = next
				}
			})
		}
		tab("tab 1", issuers[0], jar)
		tab("tab 2", issuers[1], jar)
		tab("late tab", issuers[1], previous)
		w.run()
		for range 2 {
			w.now = w.now.Add(10 * time.Minute)
			next, err := w.refresh(context.Background(), issuers[0], jar)
			if err != nil {
				w.fault("after the failover: %v", err)
			}
			jar = next
		}
	}
}

// Around the end of a session, by idling or by age, no tokens are issued after
// it. But a client whose refresh was in time and whose response was lost goes
// on.
func TestModelEnd(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"idle", "absolute"} {
		t.Run(end, func(t *testing.T) {
			explore(t, modelEnd(end))
		})
	}
}

func modelEnd(end string) func(*world) {
	return func(w *world) {
		issuer := w.issuer(0)
		ends := modelStart.Add(modelIdle)
		if end == "absolute" {
			ends = modelStart.Add(modelLife)
		}
		token := w.prepare(func() []string {
			token := w.login(issuer)
			for end == "absolute" && w.now.Add(modelIdle).Before(ends) {
				w.now = w.now.Add(modelIdle / 2)
				token, _ = w.refresh(context.Background(), issuer, token)
			}
			w.now = ends.Add(-1500 * time.Millisecond)
			return []string{token}
		})[0]
		generation := w.generation()
		w.incidents = []incident{jump(time.Second), jump(1500 * time.Millisecond), jump(modelWindow)}
		w.crashes = 1
		for _, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				next, err := w.refresh(ctx, issuer, token)
				if err == errCrashed {
					rotated := w.generation() > generation
					observe(ctx, uint64(w.generation()))
					next, err = w.refresh(ctx, issuer, token)
					if rotated && end == "idle" && err != nil {
						w.fault("%s is logged out: %v", name, err)
					}
				}
				if err != nil && !errors.Is(err, jwtauth.ErrSessionEnded) {
					w.fault("%s: %v", name, err)
				}
				if err == nil && w.generation() == generation {
					w.fault("%s got tokens without a rotation: %v", name, next)
				}
			})
		}
		w.run()
		if end == "absolute" {
			w.now = ends
		} else {
			w.now = w.now.Add(modelIdle)
		}
		for issued := range w.issued {
			if _, err := w.refresh(context.Background(), issuer, issued); !errors.Is(err, jwtauth.ErrSessionEnded) {
				w.fault("after the end: %v", err)
			}
		}
	}
}
