package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Three tabs hold one token and refresh it at once: all of them go on, in one step of the generation.
func TestModelThreeTabs(t *testing.T) { explore(t, modelThreeTabs) }

func modelThreeTabs(w *world) {
	w.claimsTakeTime()
	issuer := w.issuer(0)
	token, _ := w.login(issuer)
	answers := map[string]bool{}
	for _, name := range []string{"tab 1", "tab 2", "tab 3"} {
		w.act(name, func(ctx context.Context) {
			answer, err := w.refresh(ctx, issuer, token)
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			answers[answer] = true
		})
	}
	w.run()
	if len(answers) != 1 || w.generation() != 2 {
		w.fault("%d different answers, generation %d", len(answers), w.generation())
	}
}

// Two refreshes and a logout: whatever the order, the session is over afterwards, and nobody who asks
// the store after the logout is answered.
func TestModelLogoutWins(t *testing.T) {
	for _, generation := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("generation %d", generation), func(t *testing.T) {
			explore(t, modelLogoutWins(generation))
		})
	}
}

func modelLogoutWins(generation int) func(*world) {
	return func(w *world) {
		w.claimsTakeTime()
		issuer := w.issuer(0)
		token, id := w.login(issuer)
		old := token
		for range generation - 1 { // one refresh coalesces then; the other recovers, or is refused
			w.now = w.now.Add(modelWindow + time.Minute)
			token, _ = w.refresh(context.Background(), issuer, token)
		}
		refresh := func(name, token string) {
			w.act(name, func(ctx context.Context) {
				if _, err := w.refresh(ctx, issuer, token); err == nil && w.ended[id] {
					// Between its last operation and its answer nothing else runs.
					w.fault("%s was answered after the logout", name)
				}
			})
		}
		refresh("tab 1", token)
		refresh("tab 2", old)
		w.act("logout", func(ctx context.Context) {
			if err := issuer.Logout(ctx, token); err != nil {
				w.fault("logout: %v", err)
			}
		})
		w.run()
		if !w.ended[id] {
			w.fault("the session was not ended")
		}
	}
}

// Clients whose answers are lost, or whose instance crashes before any of its steps, go to another instance, whose
// clock is another, while time passes: as long as they are still within the window, they go on.
func TestModelLostAnswers(t *testing.T) {
	for _, jump := range []time.Duration{modelWindow / 2, modelWindow - time.Millisecond} {
		t.Run(jump.String(), func(t *testing.T) {
			explore(t, modelLostAnswers(jump))
		})
	}
}

func modelLostAnswers(jump time.Duration) func(*world) {
	return func(w *world) {
		w.claimsTakeTime()
		issuers := w.twoIssuers()
		token, _ := w.login(issuers[0])
		w.incidents = []incident{w.jump(jump)}
		w.crashes = 1
		for n, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				_, err := w.refresh(ctx, issuers[n], token)
				if err == errCrashed {
					_, err = w.refresh(ctx, issuers[1-n], token)
				}
				if err != nil {
					w.fault("%s: %v", name, err)
				}
			})
		}
		w.run()
	}
}

// Three tabs, and one of the instances that they speak to dies before any of its steps.
func TestModelCrash(t *testing.T) { explore(t, modelCrash) }

func modelCrash(w *world) {
	issuers := w.twoIssuers()
	token, _ := w.login(issuers[0])
	w.crashes = 1
	for n, name := range []string{"tab 1", "tab 2", "tab 3"} {
		w.act(name, func(ctx context.Context) {
			_, err := w.refresh(ctx, issuers[n%2], token)
			if err == errCrashed {
				_, err = w.refresh(ctx, issuers[1-n%2], token)
			}
			if err != nil {
				w.fault("%s: %v", name, err)
			}
		})
	}
	w.run()
	if w.generation() != 2 {
		w.fault("generation %d", w.generation())
	}
}

// A swap is carried out, and the store goes down before it says so, for longer than the window. A
// client that kept retrying goes on, also at an instance that saw the store fail only later.
func TestModelOutage(t *testing.T) {
	for _, one := range []bool{true, false} {
		t.Run(fmt.Sprintf("one instance %v", one), func(t *testing.T) {
			explore(t, modelOutage(one))
		})
	}
}

func modelOutage(one bool) func(*world) {
	return func(w *world) {
		issuers := w.twoIssuers()
		if one {
			issuers[1] = issuers[0]
		}
		token, _ := w.login(issuers[0])
		w.outages = 1
		lost := false
		for n, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				_, err := w.refresh(ctx, issuers[n], token)
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
					w.fault("down is %v, answer %v", w.down, err)
				}
			}
		}
		if w.generation() > 3 {
			w.fault("generation %d", w.generation())
		}
	}
}

// An answer is lost on its way, and before the client retries, well within the window, the store
// goes down for long. Nor is that a reuse.
func TestModelOutageAfterLostAnswer(t *testing.T) { explore(t, modelOutageAfterLostAnswer) }

func modelOutageAfterLostAnswer(w *world) {
	issuers := w.twoIssuers()
	first, second := issuers[w.schedule.choose(2)], issuers[w.schedule.choose(2)]
	token, _ := w.login(first)
	if _, err := w.refresh(context.Background(), first, token); err != nil {
		w.fault("%v", err)
	}
	w.now = w.now.Add(modelWindow - time.Millisecond)
	w.down, w.wasDown = true, true
	if _, err := w.refresh(context.Background(), second, token); !errors.Is(err, jwtauth.ErrUnavailable) {
		w.fault("the store is down, answer %v", err)
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

// Tabs share a cookie jar, and an answer that is on its way for long replaces what is in it. Coalescing
// outlasts recovery, so that this is never something older.
func TestModelLateAnswer(t *testing.T) { explore(t, modelLateAnswer) }

func modelLateAnswer(w *world) {
	issuers := w.twoIssuers()
	old, id := w.login(issuers[0])
	jar, err := w.refresh(context.Background(), issuers[0], old)
	if err != nil {
		w.fault("%v", err)
	}
	w.now = w.now.Add(modelWindow + modelSkew - time.Millisecond) // recovery is about to end
	w.incidents = []incident{w.jump(time.Second), w.jump(10 * time.Second)}
	tab := func(name string, issuer *jwtauth.Issuer, token func() string) {
		w.act(name, func(ctx context.Context) {
			answer, err := w.refresh(ctx, issuer, token())
			if err == nil {
				w.step(ctx, changes, "the answer arrives")
				jar = answer
			}
		})
	}
	tab("late tab", issuers[0], func() string { return old })
	tab("tab", issuers[1], func() string { return jar })
	w.run()
	if w.ended[id] {
		return // the old token came after its window, as no honest tab's does
	}
	w.now = w.now.Add(10 * time.Minute)
	_, err = w.refresh(context.Background(), issuers[0], jar)
	w.mustGoOn("the browser", err)
}

// A thief has a copy. Whoever comes second, and late, ends the session for both.
func TestModelTheft(t *testing.T) { explore(t, modelTheft) }

func modelTheft(w *world) {
	issuer := w.issuer(0)
	token, _ := w.login(issuer)
	for _, name := range []string{"victim", "thief"} {
		w.act(name, func(ctx context.Context) {
			mine := token
			for range 2 {
				answer, err := w.refresh(ctx, issuer, mine)
				if err != nil {
					return
				}
				mine = answer
			}
		})
	}
	w.run()
	// Long after, each refreshes what it has, the victim something old: the alarm goes off.
	w.now = w.now.Add(10 * time.Minute)
	latest := ""
	for issued, generation := range w.issued {
		if generation == w.generation() {
			latest = issued
		}
	}
	if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
		w.fault("the newest token is refused")
	}
	w.now = w.now.Add(10 * time.Minute)
	if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
		w.fault("the newest token is refused")
	}
	if _, err := w.refresh(context.Background(), issuer, token); !errors.Is(err, jwtauth.ErrTokenReused) {
		w.fault("the stolen token: %v", err)
	}
	if _, err := w.refresh(context.Background(), issuer, latest); !errors.Is(err, jwtauth.ErrSessionEnded) {
		w.fault("the other one after the alarm: %v", err)
	}
	if !slices.Contains(w.events, jwtauth.EventReuse) {
		w.fault("no event names the reuse: %v", w.events)
	}
}

// The token in force, the one before it and one that is older come at once, around the end of the
// window: the oldest is never answered, and nobody is once it has ended the session.
func TestModelOldTokens(t *testing.T) { explore(t, modelOldTokens) }

func modelOldTokens(w *world) {
	issuers := w.twoIssuers()
	tokens := make([]string, 3)
	var id string
	tokens[0], id = w.login(issuers[0])
	for n := range 2 {
		w.now = w.now.Add(modelWindow + time.Minute)
		tokens[n+1], _ = w.refresh(context.Background(), issuers[n], tokens[n])
	}
	w.now = w.now.Add(modelWindow - time.Second)
	w.incidents = []incident{w.jump(2*modelSkew + 2*time.Second), w.jump(time.Minute)}
	for n, token := range tokens {
		w.act(fmt.Sprintf("holder of %d", n+1), func(ctx context.Context) {
			_, err := w.refresh(ctx, issuers[n%2], token)
			switch {
			case err == nil && w.ended[id]:
				w.fault("generation %d was answered after the alarm", n+1)
			case n == 0 && !errors.Is(err, jwtauth.ErrTokenReused) && !errors.Is(err, jwtauth.ErrSessionEnded):
				w.fault("the oldest token: %v", err)
			}
		})
	}
	w.run()
	if !w.ended[id] {
		w.fault("the session goes on")
	}
}

// The subject is disabled and logged out everywhere while it logs in: no session is left.
func TestModelLoginAgainstLogoutAll(t *testing.T) { explore(t, modelLoginAgainstLogoutAll) }

func modelLoginAgainstLogoutAll(w *world) {
	disabled := false
	issuer := w.issuer(0)
	w.claims = func(ctx context.Context) error {
		w.step(ctx, reads, "ask for the claims")
		if disabled {
			return jwtauth.ErrSubjectDisabled
		}
		return nil
	}
	for _, name := range []string{"login 1", "login 2"} {
		w.act(name, func(ctx context.Context) { _, _ = issuer.Login(ctx, "subject") })
	}
	w.act("administrator", func(ctx context.Context) {
		w.step(ctx, changes, "disables the subject")
		disabled = true
		if err := issuer.LogoutAll(ctx, "subject"); err != nil {
			w.fault("LogoutAll: %v", err)
		}
	})
	w.run()
	if len(w.rows) > 0 {
		w.fault("%d sessions are left of a disabled subject", len(w.rows))
	}
}

// A clock is set back by half an hour while tabs refresh: nobody is logged out, and the session goes on
// rotating, with rotations that lie in the past again.
func TestModelClockSetBack(t *testing.T) { explore(t, modelClockSetBack) }

func modelClockSetBack(w *world) {
	const back = 30 * time.Minute
	w.now = w.now.Add(back)
	issuer := w.issuer(0)
	jar, _ := w.login(issuer)
	w.now = w.now.Add(2 * time.Minute)
	jar, _ = w.refresh(context.Background(), issuer, jar)
	w.now = w.now.Add(2 * time.Minute)
	w.incidents = []incident{w.jump(-back), w.jump(-modelSkew)}
	for _, name := range []string{"tab 1", "tab 2"} {
		w.act(name, func(ctx context.Context) {
			answer, err := w.refresh(ctx, issuer, jar)
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			jar = answer
		})
	}
	w.run()
	for range 2 {
		w.now = w.now.Add(2 * time.Minute)
		before := w.generation()
		answer, err := w.refresh(context.Background(), issuer, jar)
		if err != nil || w.generation() != before+1 {
			w.fault("after the clock was set back: generation %d to %d, %v", before, w.generation(), err)
			return
		}
		jar = answer
		if row := w.rows[refreshPayload(jar).SessionID]; !row.RotatedAt.Equal(w.now) {
			w.fault("rotated %v from now", row.RotatedAt.Sub(w.now))
		}
	}
}

// The store fails over to a replica that has not heard of the last rotations, while tabs with the token in force
// and the one before it refresh: the session goes on.
func TestModelFailover(t *testing.T) {
	for _, known := range []int64{1, 2, 3} {
		t.Run(fmt.Sprintf("the replica knows %d", known), func(t *testing.T) {
			explore(t, modelFailover(known))
		})
	}
}

func modelFailover(known int64) func(*world) {
	return func(w *world) {
		issuers := w.twoIssuers()
		var previous string
		jar, _ := w.login(issuers[0])
		if known == 1 {
			w.incidents = []incident{w.failover()}
		}
		for generation := int64(2); generation <= 3; generation++ {
			w.now = w.now.Add(2 * time.Minute)
			previous = jar
			jar, _ = w.refresh(context.Background(), issuers[0], jar)
			if known == generation {
				w.incidents = []incident{w.failover()}
			}
		}
		w.now = w.now.Add(modelWindow / 2)
		tab := func(name string, issuer *jwtauth.Issuer, token string) {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token)
				if err != nil {
					w.fault("%s: %v", name, err)
				}
				jar = answer
			})
		}
		tab("tab 1", issuers[0], jar)
		tab("tab 2", issuers[1], jar)
		tab("late tab", issuers[1], previous)
		w.run()
		for range 2 {
			w.now = w.now.Add(10 * time.Minute)
			answer, err := w.refresh(context.Background(), issuers[0], jar)
			if err != nil {
				w.fault("after the failover: %v", err)
			}
			jar = answer
		}
	}
}

// Around the end of a session, by idling or by age, nobody is answered after it; but a client whose refresh was in time,
// and which missed the answer, goes on.
func TestModelEnd(t *testing.T) {
	for _, end := range []string{"idle", "absolute"} {
		t.Run(end, func(t *testing.T) {
			explore(t, modelEnd(end))
		})
	}
}

func modelEnd(end string) func(*world) {
	return func(w *world) {
		issuer := w.issuer(0)
		token, _ := w.login(issuer)
		ends := modelStart.Add(modelIdle)
		if end == "absolute" {
			ends = modelStart.Add(modelLife)
			for w.now.Add(modelIdle).Before(ends) {
				w.now = w.now.Add(modelIdle / 2)
				token, _ = w.refresh(context.Background(), issuer, token)
			}
		}
		generation := w.generation()
		w.now = ends.Add(-1500 * time.Millisecond)
		w.incidents = []incident{w.jump(time.Second), w.jump(1500 * time.Millisecond), w.jump(modelWindow)}
		w.crashes = 1
		for _, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token)
				if err == errCrashed {
					rotated := w.generation() > generation
					answer, err = w.refresh(ctx, issuer, token)
					if rotated && end == "idle" && err != nil {
						w.fault("%s is logged out: %v", name, err)
					}
				}
				if err != nil && !errors.Is(err, jwtauth.ErrSessionEnded) {
					w.fault("%s: %v", name, err)
				}
				if err == nil && w.generation() == generation {
					w.fault("%s was answered without a rotation: %v", name, answer)
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

// A holder of an old token presents it again and again: neither the window nor the session gets any longer by that.
func TestModelReplayExtendsNothing(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 7 * time.Second, modelWindow + modelSkew - time.Millisecond} {
		explore(t, modelReplayExtendsNothing(every))
	}
}

func modelReplayExtendsNothing(every time.Duration) func(*world) {
	return func(w *world) {
		issuers := w.twoIssuers()
		replayed := issuers[w.schedule.choose(2)]
		old, id := w.login(issuers[0])
		current, _ := w.refresh(context.Background(), issuers[0], old)
		began := w.rows[id]
		for {
			w.now = w.now.Add(every)
			_, err := w.refresh(context.Background(), replayed, old)
			if errors.Is(err, jwtauth.ErrTokenReused) {
				break
			}
			_, again := w.refresh(context.Background(), issuers[0], current)
			if err != nil || again != nil || w.rows[id] != began {
				w.fault("%v after the rotation: %v, %v, row %+v, want %+v", w.now.Sub(modelStart), err, again, w.rows[id], began)
				break
			}
		}
		if after := w.now.Sub(modelStart); after < modelWindow || after-every >= modelWindow+2*modelSkew {
			w.fault("the window closes after %v", after)
		}
	}
}
