package jwtauth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A client that keeps retrying goes on after an outage in which its token
// expired, if its swap succeeded and the session is active.
func TestOutageOutlastsToken(t *testing.T) {
	for _, c := range []struct {
		name     string
		lost     bool          // the swap succeeds, and its response is lost
		after    time.Duration // from the token's expiry to the store's return
		retries  time.Duration // from then to the client's return
		want     error
		failures int
	}{
		{"at once", true, time.Hour, 0, nil, 1},
		{"at the end of the window", true, time.Hour, retryEnd - time.Second, nil, 1},
		{"after the window", true, time.Hour, retryEnd, jwtauth.ErrSessionEnded, 1},
		{"the session is over, too", true, idle, 0, jwtauth.ErrSessionEnded, 1},
		{"no swap", false, time.Hour, 0, jwtauth.ErrSessionEnded, 1},
		{"no outage", true, time.Hour, 0, jwtauth.ErrSessionEnded, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			old := s.login(t).RefreshToken
			other := s.refresh(t, s.login(t).RefreshToken).RefreshToken
			s.at(idle / 2)
			other = s.refresh(t, other).RefreshToken
			s.at(idle - time.Second)
			if c.lost {
				s.refresh(t, old)
			}
			s.store.before = func(context.Context, string) error { return errDown }
			for n := range c.failures {
				s.at(idle - time.Second + time.Duration(n)*time.Hour)
				wantRefresh(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
			}
			if c.failures > 0 {
				s.at(idle + c.after - time.Second)
				wantRefresh(t, "during the outage, after the token's expiry", s.Issuer, old, jwtauth.ErrUnavailable)
			}
			s.store.before = nil
			s.at(idle + c.after)
			if c.retries > 0 {
				s.refresh(t, other) // the store is back
				s.at(idle + c.after + c.retries)
			}
			_, err := s.Refresh(t.Context(), old)
			if c.want != nil {
				wantError(t, "the old token", err, c.want)
			} else if err != nil {
				t.Errorf("the old token: %v", err)
			}
		})
	}
}

// An instance without a request during the outage does not notice it, so the
// window counts from the rotation. With one request, it counts from the store's
// return.
func TestOutageUnseen(t *testing.T) {
	for _, called := range []bool{true, false} {
		s := newService(t)
		other := newIssuer(t, generate(t, jwtauth.HS256), withSessions(s.store), refreshKeys(s.forger.key), func(o *jwtauth.IssuerOptions) { o.Now = s.clock.Now })
		old := s.login(t).RefreshToken
		s.store.after = func(op string) error {
			if op == "Swap" {
				return errDown
			}
			return nil
		}
		wantRefresh(t, "the swap", s.Issuer, old, jwtauth.ErrUnavailable)
		s.store.after = nil
		if called {
			s.store.before = func(context.Context, string) error { return errDown }
			_, err := other.Sessions(t.Context(), "subject")
			wantError(t, "another request", err, jwtauth.ErrUnavailable)
			s.store.before = nil
		}
		s.at(5 * time.Minute)
		if called {
			wantRefresh(t, "an instance with a request", other, old)
		} else {
			wantRefresh(t, "an instance without one", other, old, jwtauth.ErrTokenReused)
		}
	}
}

// After an outage a current token is repeated for longer. But the session never
// ends for a client that refreshes when its access token expires, or a window
// later.
func TestOutageRunsOutNoSession(t *testing.T) {
	const shortest = 17 * time.Minute // AccessTTL + 2·(ReuseWindow + 30 s)
	for ended := time.Minute; ended < shortest; ended += 10 * time.Second {
		for _, late := range []time.Duration{0, repeatEnd - tick} {
			s := newService(t, func(o *jwtauth.IssuerOptions) { o.IdleTTL = shortest })
			token := s.refresh(t, s.login(t).RefreshToken).RefreshToken
			s.store.before = func(context.Context, string) error { return errDown }
			for _, at := range []time.Duration{window, ended - tick} {
				s.at(at)
				wantRefresh(t, "during the outage", s.Issuer, token, jwtauth.ErrUnavailable)
			}
			s.store.before = nil
			at := ended
			for range 5 {
				s.at(at)
				tokens, err := s.Refresh(t.Context(), token)
				if err != nil {
					t.Fatalf("the store was back after %v: a client that refreshes in time, or %v late, is refused after %v: %v", ended, late, at, err)
				}
				token = tokens.RefreshToken
				at += time.Duration(tokens.ExpiresIn)*time.Second + late
			}
		}
	}
}

// Three tabs return after an outage in which a response was lost. The second
// presents the token of the first, and the third the one from before the
// outage. Before the absolute end no rotation is forced, because it would gain
// nothing.
func TestOutageTabs(t *testing.T) {
	for _, c := range []struct {
		name  string
		login time.Duration // before the outage
		idle  time.Duration
		third []error
	}{
		{"long before the end", time.Hour, idle, nil},
		{"near the absolute end", life - 21*time.Minute, life, nil},
		{"near the idle end", time.Minute, 17 * time.Minute, []error{jwtauth.ErrTokenReused}}, // the price of TestOutageRunsOutNoSession
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, func(o *jwtauth.IssuerOptions) { o.IdleTTL = c.idle })
			s.at(-c.login)
			old := s.login(t).RefreshToken
			s.at(0)
			s.store.after = func(op string) error {
				if op == "Swap" {
					return errDown
				}
				return nil
			}
			wantRefresh(t, "the swap", s.Issuer, old, jwtauth.ErrUnavailable)
			s.store.before = func(context.Context, string) error { return errDown }
			for _, at := range []time.Duration{5 * time.Minute, 10*time.Minute - time.Second} {
				s.at(at)
				wantRefresh(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
			}
			s.store.before, s.store.after = nil, nil
			s.at(10 * time.Minute)
			first := s.refresh(t, old)
			s.at(10*time.Minute + 2*time.Second)
			wantRefresh(t, "the second tab", s.Issuer, first.RefreshToken)
			s.at(10*time.Minute + 5*time.Second)
			wantRefresh(t, "the third tab", s.Issuer, old, c.third...)
		})
	}
}

// A store that fails now and then for a moment does not hold the windows open:
// reuse of an old token is noticed, and a client that keeps refreshing stays
// logged in.
func TestOutagesNowAndThen(t *testing.T) {
	w := newWorld(newModel(removal{}), &schedule{})
	issuer := w.issuer(0)
	stolen := w.login(issuer)
	latest, err := w.refresh(t.Context(), issuer, stolen)
	if err != nil {
		t.Fatal(err)
	}
	for at := range 60 { // 50 minutes, within the lifetime of the stolen token
		w.now = w.now.Add(50 * time.Second)
		w.down = true
		_, _ = issuer.Sessions(t.Context(), "subject")
		if _, err := issuer.Refresh(t.Context(), latest); !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Fatal(err)
		}
		w.down = false
		if at%5 == 0 {
			if latest, err = w.refresh(t.Context(), issuer, latest); err != nil {
				t.Fatalf("the client is refused after %v: %v", w.now.Sub(modelStart), err)
			}
		}
	}
	if generation := refreshPayload(latest).Generation; generation < 5 { // the others were repeated
		t.Errorf("after 12 refreshes the session is at generation %d", generation)
	}
	if _, err := issuer.Refresh(t.Context(), stolen); !errors.Is(err, jwtauth.ErrTokenReused) {
		t.Errorf("the stolen token: %v", err)
	}
}
