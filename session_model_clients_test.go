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

// Three tabs refresh one token at once: all of them go on, with one rotation.
func TestModelThreeTabs(t *testing.T) { explore(t, modelThreeTabs) }

func modelThreeTabs(w *world) {
	w.claimsTakeTime(reads)
	issuer := w.issuer(0)
	token := w.prepare(func() []string { return []string{w.login(issuer)} })[0]
	tokens := map[string]bool{}
	for _, name := range []string{"tab 1", "tab 2", "tab 3"} {
		w.act(name, func(ctx context.Context) {
			next, err := w.refresh(ctx, issuer, token)
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			tokens[next] = true
		})
	}
	w.run()
	if len(tokens) != 1 || w.generation() != 2 {
		w.fault("%d different responses, generation %d", len(tokens), w.generation())
	}
}

// Two refreshes and a logout: in every order the session has ended afterwards,
// and no refresh that reads the store after the logout gets tokens.
func TestModelLogoutWins(t *testing.T) {
	for _, generation := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("generation %d", generation), func(t *testing.T) {
			explore(t, modelLogoutWins(generation))
		})
	}
}

func modelLogoutWins(generation int) func(*world) {
	return func(w *world) {
		w.claimsTakeTime(reads)
		issuer := w.issuer(0)
		tokens := w.prepare(func() []string {
			tokens := []string{w.login(issuer)}
			for range generation - 1 { // then one refresh repeats, and the other retries or is refused
				w.now = w.now.Add(modelWindow + time.Minute)
				next, _ := w.refresh(context.Background(), issuer, tokens[len(tokens)-1])
				tokens = append(tokens, next)
			}
			return tokens
		})
		oldest, current := tokens[0], tokens[len(tokens)-1]
		refresh := func(name, token string) {
			w.act(name, func(ctx context.Context) {
				if _, err := w.refresh(ctx, issuer, token); err == nil && w.hasEnded() {
					// Between its last operation and its response no other
					// actor runs.
					w.fault("%s got tokens after the logout", name)
				}
			})
		}
		refresh("tab 1", current)
		refresh("tab 2", oldest)
		w.act("logout", func(ctx context.Context) {
			if err := issuer.Logout(ctx, current); err != nil {
				w.fault("logout: %v", err)
			}
		})
		w.run()
		if !w.hasEnded() {
			w.fault("the session was not ended")
		}
	}
}

// A client whose response is lost, or whose instance crashes before one of its
// steps, turns to another instance with another clock, while time passes. As
// long as it is within the window, it goes on.
func TestModelLostResponses(t *testing.T) {
	explore(t, modelLostResponses(modelWindow-time.Millisecond))
}

func modelLostResponses(by time.Duration) func(*world) {
	return func(w *world) {
		w.claimsTakeTime(reads)
		issuers := w.twoIssuers()
		token := w.prepare(func() []string { return []string{w.login(issuers[0])} })[0]
		w.incidents = []incident{jump(by)}
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

// Three tabs refresh, and one of their instances dies before one of its steps.
func TestModelCrash(t *testing.T) { explore(t, modelCrash) }

func modelCrash(w *world) {
	w.shared = leaveNothing
	issuers := w.twoIssuers()
	token := w.prepare(func() []string { return []string{w.login(issuers[0])} })[0]
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

// Tabs share a cookie jar, and a response that arrives late replaces the
// cookie. Repeating lasts longer than the window, so that the cookie is never
// too old.
func TestModelLateResponse(t *testing.T) { explore(t, modelLateResponse) }

func modelLateResponse(w *world) {
	issuers := w.twoIssuers()
	tokens := w.prepare(func() []string {
		old := w.login(issuers[0])
		current, err := w.refresh(context.Background(), issuers[0], old)
		if err != nil {
			w.fault("%v", err)
		}
		w.now = w.now.Add(modelWindow + modelSkew - time.Millisecond) // the window is about to close
		return []string{old, current}
	})
	old, jar := tokens[0], tokens[1]
	w.shared = func() string { return jar }
	w.incidents = []incident{jump(time.Second), jump(10 * time.Second)}
	tab := func(name string, issuer *instance, token func() string) {
		w.act(name, func(ctx context.Context) {
			next, err := w.refresh(ctx, issuer, token())
			if err == nil {
				w.step(ctx, changes, "the response arrives")
				jar = next
			}
		})
	}
	tab("late tab", issuers[0], func() string { return old })
	tab("tab", issuers[1], func() string { return jar })
	w.run()
	if w.hasEnded() {
		return // the old token came after its window, which no honest tab does
	}
	w.now = w.now.Add(10 * time.Minute)
	_, err := w.refresh(context.Background(), issuers[0], jar)
	w.mustGoOn("the browser", err)
}

// A thief has a copy of a token. The one who comes second, and late, ends the
// session of both.
func TestModelTheft(t *testing.T) { explore(t, modelTheft) }

func modelTheft(w *world) {
	issuer := w.issuer(0)
	token := w.prepare(func() []string { return []string{w.login(issuer)} })[0]
	for _, name := range []string{"victim", "thief"} {
		w.act(name, func(ctx context.Context) {
			mine := token
			for range 2 {
				next, err := w.refresh(ctx, issuer, mine)
				if err != nil {
					return
				}
				mine = next
			}
		})
	}
	w.run()
	// Long after, one refreshes the newest token, and the other presents an old
	// one.
	w.now = w.now.Add(10 * time.Minute)
	latest := ""
	for issued, generation := range w.issued {
		if generation == w.generation() {
			latest = issued
		}
	}
	for range 2 {
		if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
			w.fault("the newest token is refused")
		}
		w.now = w.now.Add(10 * time.Minute)
	}
	if _, err := w.refresh(context.Background(), issuer, token); !errors.Is(err, jwtauth.ErrTokenReused) {
		w.fault("the stolen token: %v", err)
	}
	if _, err := w.refresh(context.Background(), issuer, latest); !errors.Is(err, jwtauth.ErrSessionEnded) {
		w.fault("the newest token after the reuse: %v", err)
	}
	if !slices.Contains(w.events, jwtauth.EventReuse) {
		w.fault("no event reports the reuse: %v", w.events)
	}
}

// The current token, the previous one and an older one arrive at once, around
// the end of the window. The oldest is always refused, and once it has ended
// the session, so are the others.
func TestModelOldTokens(t *testing.T) { explore(t, modelOldTokens) }

func modelOldTokens(w *world) {
	w.shared = leaveNothing
	issuers := w.twoIssuers()
	tokens := w.prepare(func() []string {
		tokens := []string{w.login(issuers[0])}
		for n := range 2 {
			w.now = w.now.Add(modelWindow + time.Minute)
			next, _ := w.refresh(context.Background(), issuers[n], tokens[n])
			tokens = append(tokens, next)
		}
		w.now = w.now.Add(modelWindow - time.Second)
		return tokens
	})
	w.incidents = []incident{jump(2*modelSkew + 2*time.Second), jump(time.Minute)}
	for n, token := range tokens {
		w.act(fmt.Sprintf("holder of %d", n+1), func(ctx context.Context) {
			_, err := w.refresh(ctx, issuers[n%2], token)
			switch {
			case err == nil && w.hasEnded():
				w.fault("generation %d was accepted after the reuse", n+1)
			case n == 0 && !errors.Is(err, jwtauth.ErrTokenReused) && !errors.Is(err, jwtauth.ErrSessionEnded):
				w.fault("the oldest token: %v", err)
			}
		})
	}
	w.run()
	if !w.hasEnded() {
		w.fault("the session goes on")
	}
}

// A subject is disabled and logged out everywhere while it logs in: no session
// is left.
func TestModelLoginAgainstLogoutAll(t *testing.T) { explore(t, modelLoginAgainstLogoutAll) }

func modelLoginAgainstLogoutAll(w *world) {
	w.shared = leaveNothing
	disabled := false
	issuers := w.twoIssuers()
	w.claims = func(ctx context.Context) error {
		w.step(ctx, reads, "get the claims")
		if disabled {
			return jwtauth.ErrSubjectDisabled
		}
		return nil
	}
	for n, name := range []string{"login 1", "login 2"} {
		w.act(name, func(ctx context.Context) { _, _ = issuers[n].Login(ctx, "subject") })
	}
	w.act("administrator", func(ctx context.Context) {
		w.step(ctx, changes, "disables the subject")
		disabled = true
		if err := issuers[0].LogoutAll(ctx, "subject"); err != nil {
			w.fault("LogoutAll: %v", err)
		}
	})
	w.run()
	if len(w.rows) > 0 {
		w.fault("%d sessions are left of a disabled subject", len(w.rows))
	}
}

// A holder of an old token presents it again and again. That extends neither
// the window nor the session.
func TestModelReplayExtendsNothing(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 7 * time.Second, modelWindow + modelSkew - time.Millisecond} {
		t.Run(every.String(), func(t *testing.T) { explore(t, modelReplayExtendsNothing(every)) })
	}
}

func modelReplayExtendsNothing(every time.Duration) func(*world) {
	return func(w *world) {
		issuers := w.twoIssuers()
		replayed := issuers[w.schedule.choose(2)]
		old := w.login(issuers[0])
		id := refreshPayload(old).SessionID
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
