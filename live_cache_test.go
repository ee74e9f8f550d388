package jwtauth_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// maxDelay is longer than any test takes, because it also counts by the
// monotonic clock.
const maxDelay = 10 * time.Minute

// cachedLive is a service whose sessions another instance remembers.
type cachedLive struct {
	*service
	other *service // shares the store and the clock
	live  jwtauth.TokenVerifier
}

func newCachedLive(t *testing.T) *cachedLive {
	t.Helper()
	key := generate(t, jwtauth.HS256)
	c := &cachedLive{service: newService(t, func(o *jwtauth.IssuerOptions) { o.AccessTTL = time.Hour })}
	c.other = newService(t, func(o *jwtauth.IssuerOptions) {
		o.Sessions, o.Now, o.RefreshKeys = c.store, c.clock.Now, []jwtauth.Key{c.forger.key}
	})
	for _, s := range []*service{c.service, c.other} {
		if err := s.SetKeys(key); err != nil {
			t.Fatal(err)
		}
	}
	c.live = jwtauth.Live(c.Issuer, c.store, maxDelay)
	return c
}

// check verifies a token and expects this many calls of the store.
func (c *cachedLive) check(t *testing.T, what, token string, calls int, want ...error) {
	t.Helper()
	c.store.took()
	_, err := c.live.VerifyToken(t.Context(), token)
	wantError(t, what, err, want...)
	if got := c.store.took(); len(got) != calls {
		t.Errorf("%s: calls %v of the store, want %d", what, got, calls)
	}
}

// externally changes the store without the knowledge of this process.
func (c *cachedLive) externally(t *testing.T, change func(store jwtauth.SessionStore) error) {
	t.Helper()
	if err := change(c.store.SessionStore); err != nil {
		t.Fatal(err)
	}
}

var sessionOver = []error{jwtauth.ErrTokenInvalid, jwtauth.ErrSessionEnded}

// A session is remembered for maxDelay from the call of the store on. A logout
// elsewhere takes effect within that time.
func TestLiveRemembers(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	id := refreshPayload(tokens.RefreshToken).SessionID
	c.check(t, "first", tokens.AccessToken, 1)
	c.check(t, "second", tokens.AccessToken, 0)
	c.at(maxDelay - 1)
	c.check(t, "just before maxDelay", tokens.AccessToken, 0)
	c.at(maxDelay)
	c.check(t, "at maxDelay", tokens.AccessToken, 1)

	c.externally(t, func(store jwtauth.SessionStore) error { return store.Delete(t.Context(), id) })
	c.at(2*maxDelay - 1)
	c.check(t, "before maxDelay, ended elsewhere", tokens.AccessToken, 0)
	c.at(2 * maxDelay)
	c.check(t, "at maxDelay, ended elsewhere", tokens.AccessToken, 1, sessionOver...)
	c.check(t, "ended, again", tokens.AccessToken, 1, sessionOver...)
}

// The age counts from the moment at which the store was called.
func TestLiveCountsFromTheCall(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.store.before = func(context.Context, string) error {
		c.at(maxDelay - 1)
		return nil
	}
	c.check(t, "slow store", tokens.AccessToken, 1)
	c.store.before = nil
	c.check(t, "just before maxDelay", tokens.AccessToken, 0)
	c.at(maxDelay)
	c.check(t, "at maxDelay", tokens.AccessToken, 1)
}

// A clock that is set back makes no result younger.
func TestLiveClockSetBack(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.at(time.Minute)
	c.check(t, "first", tokens.AccessToken, 1)
	c.at(time.Minute - 1)
	c.check(t, "set back", tokens.AccessToken, 1)
}

// Once the store has said that a session has ended, no earlier result is used,
// wherever the clock goes.
func TestLiveForgetsEnded(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.at(time.Minute)
	c.check(t, "first", tokens.AccessToken, 1)
	id := refreshPayload(tokens.RefreshToken).SessionID
	c.externally(t, func(store jwtauth.SessionStore) error { return store.Delete(t.Context(), id) })
	c.at(time.Minute - 1)
	c.check(t, "set back, ended elsewhere", tokens.AccessToken, 1, sessionOver...)
	c.at(time.Minute)
	c.check(t, "set forward again", tokens.AccessToken, 1, sessionOver...)
}

// Once the store has said that a session was updated, a token from before it is
// refused, even if another session ends while the store is called.
func TestLiveForgetsBeforeUpdate(t *testing.T) {
	c := newCachedLive(t)
	old, other := c.login(t), c.login(t)
	row := c.row(old.RefreshToken)
	last := c.update(t, old.RefreshToken)
	updated := c.row(old.RefreshToken)
	swap := func(from, to jwtauth.Session) {
		c.externally(t, func(store jwtauth.SessionStore) error {
			_, err := store.Swap(t.Context(), from, to, c.clock.Now())
			return err
		})
	}
	swap(updated, row)
	c.check(t, "before an update elsewhere", old.AccessToken, 1)
	swap(row, updated)
	c.store.before = func(ctx context.Context, _ string) error {
		c.store.before = nil
		return c.EndSession(ctx, "user-1", refreshPayload(other.RefreshToken).SessionID)
	}
	if _, err := c.live.VerifyToken(t.Context(), last.AccessToken); err != nil {
		t.Error(err)
	}
	c.check(t, "old token", old.AccessToken, 1, jwtauth.ErrTokenInvalid)
}

// Sessions that end or change in this process are forgotten at once, whichever
// Issuer of the process does it.
func TestLiveForgets(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, by *service, tokens jwtauth.Tokens) error{
		"Logout": func(ctx context.Context, by *service, tokens jwtauth.Tokens) error {
			return by.Logout(ctx, tokens.RefreshToken)
		},
		"LogoutAll": func(ctx context.Context, by *service, _ jwtauth.Tokens) error { return by.LogoutAll(ctx, "user-1") },
		"EndSession": func(ctx context.Context, by *service, tokens jwtauth.Tokens) error {
			return by.EndSession(ctx, "user-1", refreshPayload(tokens.RefreshToken).SessionID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCachedLive(t)
			for _, by := range []*service{c.service, c.other} {
				tokens := c.login(t)
				c.check(t, "first", tokens.AccessToken, 1)
				c.check(t, "second", tokens.AccessToken, 0)
				if err := end(t.Context(), by, tokens); err != nil {
					t.Fatal(err)
				}
				c.check(t, "afterwards", tokens.AccessToken, 1, sessionOver...)
			}
		})
	}
}

// A logout whose outcome is unknown counts as well.
func TestLiveForgetsAfterError(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.check(t, "first", tokens.AccessToken, 1)
	c.store.after = func(op string) error {
		if op == "Delete" {
			return errDown
		}
		return nil
	}
	wantError(t, "logout", c.Logout(t.Context(), tokens.RefreshToken), jwtauth.ErrUnavailable)
	c.check(t, "afterwards", tokens.AccessToken, 1, sessionOver...)
}

// A logout while the store is called does not lead to a result that is older
// than the logout.
func TestLiveForgetsCallsInProgress(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.store.loaded = func(*jwtauth.Session) {
		c.store.loaded = nil
		if err := c.Logout(t.Context(), tokens.RefreshToken); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.live.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("the store was read before the logout: %v", err)
	}
	c.check(t, "after the logout", tokens.AccessToken, 1, sessionOver...)
}

// A token from before the last update is refused, here or elsewhere, and a
// token from after it makes Live call the store.
func TestLiveUpdates(t *testing.T) {
	for _, remembers := range []bool{false, true} {
		t.Run(fmt.Sprint("remembers ", remembers), func(t *testing.T) {
			c := newCachedLive(t)
			calls := 0
			if !remembers {
				c.live, calls = c.service.live(), 1
			}
			before := c.login(t)
			c.check(t, "before the update", before.AccessToken, 1)
			c.check(t, "before the update, again", before.AccessToken, calls)
			after := c.update(t, before.RefreshToken)
			c.check(t, "old token", before.AccessToken, 1, jwtauth.ErrTokenInvalid)
			c.check(t, "new token", after.AccessToken, calls)
			c.check(t, "old token, again", before.AccessToken, 1, jwtauth.ErrTokenInvalid)

			// An update elsewhere is noticed with the first new token.
			row := c.row(before.RefreshToken)
			last := c.update(t, before.RefreshToken)
			updated := c.row(before.RefreshToken)
			c.externally(t, func(store jwtauth.SessionStore) error {
				_, err := store.Swap(t.Context(), updated, row, c.clock.Now())
				return err
			})
			c.check(t, "before an update elsewhere", after.AccessToken, 1)
			c.externally(t, func(store jwtauth.SessionStore) error {
				_, err := store.Swap(t.Context(), row, updated, c.clock.Now())
				return err
			})
			if remembers {
				c.check(t, "old token within maxDelay", after.AccessToken, 0)
			}
			c.check(t, "token of the update elsewhere", last.AccessToken, 1)
			c.check(t, "old token afterwards", after.AccessToken, 1, jwtauth.ErrTokenInvalid)
		})
	}
}

func (c *cachedLive) update(t *testing.T, token string) jwtauth.Tokens {
	t.Helper()
	tokens, err := c.Refresh(t.Context(), token, jwtauth.Relabel("phone"))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// A failover can take an update back. The token of the update goes on.
func TestLiveLostUpdate(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	row := c.row(tokens.RefreshToken)
	updated := c.update(t, tokens.RefreshToken)
	lost := c.row(tokens.RefreshToken)
	c.check(t, "updated", updated.AccessToken, 1)
	c.externally(t, func(store jwtauth.SessionStore) error {
		_, err := store.Swap(t.Context(), lost, row, c.clock.Now())
		return err
	})
	c.check(t, "the token of the update", updated.AccessToken, 0)
	c.check(t, "the token before it", tokens.AccessToken, 1)
	c.check(t, "the token of the update", updated.AccessToken, 1)
}

// An outage is not remembered, and a remembered session goes on during one.
func TestLiveOutage(t *testing.T) {
	c := newCachedLive(t)
	tokens := c.login(t)
	c.check(t, "first", tokens.AccessToken, 1)
	c.store.before = func(context.Context, string) error { return errDown }
	c.check(t, "remembered", tokens.AccessToken, 0)
	c.at(maxDelay)
	c.check(t, "down", tokens.AccessToken, 1, jwtauth.ErrUnavailable)
	c.check(t, "down, again", tokens.AccessToken, 1, jwtauth.ErrUnavailable)
	c.store.before = nil
	c.check(t, "back", tokens.AccessToken, 1)
	c.check(t, "back, again", tokens.AccessToken, 0)
}

// A remembered session ends when it expires, even if the leeway lets its token
// live on.
func TestLiveExpiry(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.AccessTTL, o.SessionTTL = 15*time.Minute, 17*time.Minute })
	c := &cachedLive{service: s, live: jwtauth.Live(s.Issuer, s.store, time.Hour)}
	tokens := c.login(t)
	ends := c.row(tokens.RefreshToken).EndsAt
	c.at(10 * time.Minute)
	tokens = c.refresh(t, tokens.RefreshToken)
	c.check(t, "first", tokens.AccessToken, 1)
	c.clock.Set(ends.Add(-1))
	c.check(t, "just before the end", tokens.AccessToken, 0)
	c.clock.Set(ends)
	c.check(t, "at the end", tokens.AccessToken, 1, sessionOver...)
	if _, err := c.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
		t.Errorf("without Live: %v", err)
	}
}

// The age also counts by the monotonic clock: here the wall clock stands still.
func TestLiveMonotonicClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCachedLive(t)
		tokens := c.login(t)
		c.check(t, "first", tokens.AccessToken, 1)
		time.Sleep(maxDelay - 1)
		c.check(t, "just before maxDelay", tokens.AccessToken, 0)
		time.Sleep(time.Nanosecond)
		c.check(t, "at maxDelay", tokens.AccessToken, 1)
	})
}

// Live works around any verifier. Its clock is then time.Now.
func TestLiveAnyVerifier(t *testing.T) {
	store := &spyStore{SessionStore: memstore.New()}
	issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.Sessions, o.Now = store, nil })
	tokens, err := issuer.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	c := &cachedLive{service: &service{store: store}, live: jwtauth.Live(wrappedVerifier{issuer}, store, maxDelay)}
	c.check(t, "first", tokens.AccessToken, 1)
	c.check(t, "second", tokens.AccessToken, 0)
	c.check(t, "invalid", "x", 0, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenMalformed)
	c.live = jwtauth.Live(wrappedVerifier{}, store, maxDelay)
	c.check(t, "no claims", "x", 0, jwtauth.ErrUnavailable)
}

// wrappedVerifier returns what the other one returns, or neither claims nor an
// error.
type wrappedVerifier struct{ jwtauth.TokenVerifier }

func (f wrappedVerifier) VerifyToken(ctx context.Context, token string) (*jwtauth.Claims, error) {
	if f.TokenVerifier == nil {
		return nil, nil
	}
	return f.TokenVerifier.VerifyToken(ctx, token)
}

// ByIssuer knows the issuer of a verifier behind Live.
func TestLiveByIssuer(t *testing.T) {
	s := newService(t, named("https://issuer.example"))
	if _, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": s.live()}); err != nil {
		t.Error(err)
	}
	_, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://other.example": s.live()})
	checkFaults(t, err, []string{`ByIssuer: verifiers["https://other.example"]: is configured for the issuer "https://issuer.example"`})
}

func TestLivePanics(t *testing.T) {
	s := newService(t)
	for name, wire := range map[string]func(){
		"Live: v is nil":                  func() { jwtauth.Live(nil, s.store, 0) },
		"Live: v is nil, or was not":      func() { jwtauth.Live(&jwtauth.Verifier{}, s.store, 0) },
		"Live: store is nil":              func() { jwtauth.Live(s.Issuer, nil, 0) },
		"Live: maxDelay: -1s is negative": func() { jwtauth.Live(s.Issuer, s.store, -time.Second) },
	} {
		mustPanic(t, name, wire)
	}
	mustPanic(t, "Live: store is nil", func() { jwtauth.Live(s.Issuer, (*memstore.Store)(nil), 0) })
}
