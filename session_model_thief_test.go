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

// possessionKey is the key in a context for the thumbprint of the key whose
// possession the requests prove.
type possessionKey struct{}

const ownKey, otherKey = "key of the client", "key of the thief"

// The kinds of requests of a thief. Each can be refused only because of the
// key.
const stolenRefresh, stolenUpdate, stolenLogout = 1, 2, 3

var keyRemovals = []removal{
	{rule: "a refresh of a bound session needs the key", scenario: modelThiefWithoutKey, keyless: stolenRefresh},
	{rule: "an update of a bound session needs the key", scenario: modelThiefWithoutKey, keyless: stolenUpdate},
	{rule: "a logout of a bound session needs the key", scenario: modelThiefWithoutKey, keyless: stolenLogout},
}

func init() { removals = append(removals, keyRemovals...) }

// Two tabs of the victim refresh, retry and update a bound session. A thief has
// all its tokens, but not its key, and refreshes, updates and logs out: three
// actors with four steps each. No request of the thief is accepted, and the
// session goes on.
func TestModelThiefWithoutKey(t *testing.T) {
	exploreThreeByFour(t, modelThiefWithoutKey)
}

func modelThiefWithoutKey(w *world) {
	w.shared = leaveNothing
	w.claimsTakeTime(reads)
	issuers := w.twoIssuers()
	own := context.WithValue(context.Background(), possessionKey{}, ownKey)
	tokens := w.prepare(func() []string {
		first, err := issuers[0].Login(own, "subject", jwtauth.Confirmation("jkt", ownKey))
		check(w, err)
		w.issued[first.RefreshToken] = 1
		tokens := []string{first.RefreshToken}
		for n := range 2 {
			w.now = w.now.Add(modelWindow + time.Minute)
			next, err := w.refresh(own, issuers[0], tokens[n])
			check(w, err)
			tokens = append(tokens, next)
		}
		w.now = w.now.Add(modelWindow - modelSkew)
		return tokens
	})
	tab := func(n int, token, label string) {
		name := fmt.Sprintf("tab %d", n+1)
		w.act(name, func(ctx context.Context) {
			_, err := w.send(context.WithValue(ctx, possessionKey{}, ownKey), issuers[n], token, label)
			w.step(ctx, local, "the response arrives")
			if err != nil {
				w.fault("%s: %v", name, err)
			}
			w.mustGoOn(name, err)
		})
	}
	second := tokens[1] // is retried, while the other tab repeats
	if w.schedule.choose(2) == 1 {
		second = tokens[2] // one tab rotates, and the other gets the same response
		w.now = w.now.Add(modelWindow + time.Minute)
	}
	tab(0, tokens[2], "")
	tab(1, second, "label")
	w.thief(issuers[0], tokens)
	w.run()
	w.checkThief(issuers, tokens)
}

// thief adds the actor without the key. It sends its three kinds of requests
// with one of the tokens, beginning with another kind for each token, and then
// a refresh with the newest token.
func (w *world) thief(issuer *instance, tokens []string) {
	n := w.schedule.choose(len(tokens))
	kinds := []int{stolenRefresh, stolenUpdate, stolenLogout}
	order := append(kinds[n:len(kinds):len(kinds)], kinds[:n]...)
	w.act("thief", func(ctx context.Context) {
		for _, kind := range order {
			w.steal(ctx, issuer, kind, tokens[n])
		}
		w.steal(ctx, issuer, stolenRefresh, w.newest())
	})
}

// steal sends a request without the key. It must be refused, unless the store
// is down.
func (w *world) steal(ctx context.Context, issuer *instance, kind int, token string) {
	key := otherKey
	if w.mayUseKey(kind) {
		key = ownKey
	}
	ctx = context.WithValue(ctx, possessionKey{}, key)
	var err error
	switch kind {
	case stolenRefresh:
		_, err = w.refresh(ctx, issuer, token)
	case stolenUpdate:
		_, err = w.send(ctx, issuer, token, "thief")
	case stolenLogout:
		w.step(ctx, reads, "log out with a stolen token")
		err = issuer.Logout(ctx, token, jwtauth.ConfirmedBy("jkt", key))
	}
	if !errors.Is(err, jwtauth.ErrTokenInvalid) && !(w.down && errors.Is(err, jwtauth.ErrUnavailable)) {
		w.fault("the thief's request %d: %v", kind, err)
	}
}

// newest returns the refresh token of the latest generation.
func (w *world) newest() (newest string) {
	for token, generation := range w.issued {
		if newest == "" || generation > w.issued[newest] || generation == w.issued[newest] && token > newest {
			newest = token
		}
	}
	return newest
}

// checkThief checks that the session goes on for the victim only.
func (w *world) checkThief(issuers []*instance, tokens []string) {
	own := context.WithValue(context.Background(), possessionKey{}, ownKey)
	w.now = w.now.Add(10 * time.Minute)
	newest := w.newest()
	for _, token := range append(tokens, newest) {
		for _, kind := range []int{stolenRefresh, stolenUpdate, stolenLogout} {
			w.steal(context.Background(), issuers[1], kind, token)
		}
	}
	if _, err := w.refresh(own, issuers[1], newest); err != nil {
		w.fault("the victim: %v", err)
	}
	if w.hasEnded() || slices.Contains(w.events, jwtauth.EventReuse) || slices.Contains(w.events, jwtauth.EventLogout) {
		w.fault("the thief has ended the session: %v", w.events)
	}
}
