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

// More kinds of requests of a thief: refreshes that are decided by what the
// instances remember of an outage, or by a replica that has lost rotations.
const stolenAfterOutage, stolenAfterFailover = 4, 5

func init() {
	removals = append(removals,
		removal{rule: "a recovery after an outage needs the key", scenario: modelThiefOutage, keyless: stolenAfterOutage},
		removal{rule: "an adoption after a failover needs the key", scenario: modelThiefFailover, keyless: stolenAfterFailover},
	)
}

// mayUseKey reports whether the rule that the model removes is the one by which
// a request of the thief needs the key.
func (w *world) mayUseKey(kind int) bool {
	switch w.model.removed.keyless {
	case stolenAfterOutage:
		return kind == stolenRefresh && w.wasDown && !w.down
	case stolenAfterFailover:
		return kind == stolenRefresh && w.failedOver
	default:
		return kind == w.model.removed.keyless
	}
}

// The store goes down in the middle of a rotation, for longer than the window.
// A thief with all tokens, but without the key, tries before, during and after
// the outage. The victim recovers, and the thief gets nothing and ends nothing.
func TestModelThiefOutage(t *testing.T) { exploreThreeByFour(t, modelThiefOutage) }

func modelThiefOutage(w *world) {
	w.claimsTakeTime(reads)
	issuers := w.twoIssuers()
	own := context.WithValue(context.Background(), possessionKey{}, ownKey)
	tokens := w.prepare(func() []string { return w.boundTokens(own, issuers[0], 2) })
	w.outages = 1
	current := tokens[1]
	w.shared = func() string { return current }
	for n, name := range []string{"tab 1", "tab 2"} {
		w.act(name, func(ctx context.Context) {
			next, err := w.refresh(context.WithValue(ctx, possessionKey{}, ownKey), issuers[n], tokens[1])
			switch {
			case err == nil:
				current = next
			case !w.down || !errors.Is(err, jwtauth.ErrUnavailable):
				w.fault("%s: %v", name, err)
			}
			w.step(ctx, local, "the response arrives")
		})
	}
	w.thief(issuers[1], tokens)
	w.run()
	w.outages = 0
	if w.down {
		for _, issuer := range issuers { // each notices the outage
			w.stealEverything(issuer, tokens)
			if _, err := w.refresh(own, issuer, tokens[1]); !errors.Is(err, jwtauth.ErrUnavailable) {
				w.fault("the store is down: %v", err)
			}
		}
		w.now = w.now.Add(10 * modelWindow)
		w.down = false
		for _, issuer := range issuers {
			w.stealEverything(issuer, tokens)
			next, err := w.refresh(own, issuer, tokens[1])
			if err != nil {
				w.fault("the victim, when the store is back: %v", err)
			}
			current = next
		}
	}
	w.checkVictim(own, issuers[1], tokens[0], current)
}

// The store fails over to a replica without the last rotations. A thief with
// all tokens, but without the key, tries before and after that: no token of the
// thief is adopted, and the session goes on for the victim.
func TestModelThiefFailover(t *testing.T) { explore(t, modelThiefFailover) }

func modelThiefFailover(w *world) {
	issuers := w.twoIssuers()
	own := context.WithValue(context.Background(), possessionKey{}, ownKey)
	tokens := w.prepare(func() []string {
		tokens := w.boundTokens(own, issuers[0], 1)
		w.incidents = []incident{w.failover()}
		for len(tokens) < 3 {
			next, err := w.refresh(own, issuers[0], tokens[len(tokens)-1])
			check(w, err)
			tokens = append(tokens, next)
			w.now = w.now.Add(modelWindow + time.Minute)
		}
		w.now = w.now.Add(-time.Minute - modelSkew)
		return tokens
	})
	current := tokens[2]
	w.shared = func() string { return current }
	for n, token := range []string{tokens[2], tokens[1]} {
		name := fmt.Sprintf("tab %d", n+1)
		w.act(name, func(ctx context.Context) {
			next, err := w.refresh(context.WithValue(ctx, possessionKey{}, ownKey), issuers[n], token)
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			current = next
			w.step(ctx, local, "the response arrives")
		})
	}
	w.thief(issuers[1], []string{tokens[0], tokens[2]})
	w.run()
	w.checkVictim(own, issuers[1], tokens[0], current)
}

// boundTokens logs in with the key and returns the refresh tokens of the first
// generations. Each was rotated long ago.
func (w *world) boundTokens(own context.Context, issuer *instance, generations int) []string {
	first, err := issuer.Login(own, "subject", jwtauth.Confirmation("jkt", ownKey))
	check(w, err)
	w.issued[first.RefreshToken] = 1
	tokens := []string{first.RefreshToken}
	for {
		w.now = w.now.Add(modelWindow + time.Minute)
		if len(tokens) == generations {
			return tokens
		}
		next, err := w.refresh(own, issuer, tokens[len(tokens)-1])
		check(w, err)
		tokens = append(tokens, next)
	}
}

// stealEverything sends all requests of the thief with all tokens.
func (w *world) stealEverything(issuer *instance, tokens []string) {
	for _, token := range tokens {
		for _, kind := range []int{stolenRefresh, stolenUpdate, stolenLogout} {
			w.steal(context.Background(), issuer, kind, token)
		}
	}
}

// checkVictim checks that the session goes on with the current token, for the
// victim only.
func (w *world) checkVictim(own context.Context, issuer *instance, oldest, current string) {
	w.now = w.now.Add(10 * time.Minute)
	w.steal(context.Background(), issuer, stolenRefresh, oldest)
	w.steal(context.Background(), issuer, stolenRefresh, current)
	if _, err := w.refresh(own, issuer, current); err != nil {
		w.fault("the victim: %v", err)
	}
	if w.hasEnded() || slices.Contains(w.events, jwtauth.EventReuse) || slices.Contains(w.events, jwtauth.EventLogout) {
		w.fault("the thief has ended the session: %v", w.events)
	}
}
