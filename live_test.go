package jwtauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// eachLive runs a test with both verifiers that check sessions: that of the
// Issuer and that of another service.
func eachLive(t *testing.T, test func(*testing.T, *service, jwtauth.TokenVerifier)) {
	for _, own := range []bool{true, false} {
		name := "Verifier"
		if own {
			name = "Issuer"
		}
		t.Run(name, func(t *testing.T) {
			key := generate(t, jwtauth.ES256)
			s := newService(t, named("https://issuer.example"), func(o *jwtauth.IssuerOptions) { o.Audience = []string{"api"} })
			if err := s.SetKeys(key); err != nil {
				t.Fatal(err)
			}
			if own {
				test(t, s, s.live())
				return
			}
			opts := options()
			opts.Now = s.clock.Now
			test(t, s, jwtauth.Live(newVerifier(t, staticKeys(t, key), opts), s.store, 0))
		})
	}
}

func TestLive(t *testing.T) {
	eachLive(t, func(t *testing.T, s *service, live jwtauth.TokenVerifier) {
		check := func(what, token string, want ...error) {
			t.Helper()
			claims, err := live.VerifyToken(t.Context(), token)
			wantError(t, what, err, want...)
			if (claims != nil) != (len(want) == 0) {
				t.Errorf("%s: claims %v", what, claims)
			}
		}
		over := []error{jwtauth.ErrTokenInvalid, jwtauth.ErrSessionEnded}

		tokens := s.login(t)
		check("while the session is active", tokens.AccessToken)
		s.wantOps(t, "one token", "Load")
		check("each time", tokens.AccessToken) // also for a cached token
		s.wantOps(t, "each time", "Load")
		check("of a token that is not good", tokens.AccessToken+"x", jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		s.wantOps(t, "of a token that is not good")

		current := s.refresh(t, tokens.RefreshToken)
		check("the older token", tokens.AccessToken)
		check("the newer token", current.AccessToken)
		s.store.loaded = func(row *jwtauth.Session) { row.Subject = "user-2" }
		check("the row is another subject's", current.AccessToken, over...)
		s.store.loaded = nil

		if err := s.Logout(t.Context(), current.RefreshToken); err != nil {
			t.Fatal(err)
		}
		check("after the logout", current.AccessToken, over...)
		check("after the logout, the older token", tokens.AccessToken, over...)
		if _, err := s.VerifyToken(t.Context(), current.AccessToken); err != nil {
			t.Errorf("a verifier without a store: %v", err)
		}

		tokens = s.login(t)
		if err := s.LogoutAll(t.Context(), "user-1"); err != nil {
			t.Fatal(err)
		}
		check("after LogoutAll", tokens.AccessToken, over...)

		tokens = s.login(t)
		if err := s.EndSession(t.Context(), "user-1", refreshPayload(tokens.RefreshToken).SessionID); err != nil {
			t.Fatal(err)
		}
		check("after EndSession", tokens.AccessToken, over...)

		tokens = s.login(t)
		s.refresh(t, s.refresh(t, tokens.RefreshToken).RefreshToken)
		s.at(5 * time.Minute)
		s.refresh(t, s.forge(tokens.RefreshToken, 2))
		check("before the alarm", tokens.AccessToken)
		wantRefresh(t, "a stolen token", s.Issuer, tokens.RefreshToken, jwtauth.ErrTokenReused)
		check("after the alarm", tokens.AccessToken, over...)

		// A token without a session is refused without a call of the store.
		token, err := s.Sign("user-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		s.store.took()
		check("without a session", token, over...)
		s.wantOps(t, "without a session")
	})
}

// If the store fails, every token is refused.
func TestLiveFailsClosed(t *testing.T) {
	eachLive(t, func(t *testing.T, s *service, live jwtauth.TokenVerifier) {
		tokens := s.login(t)
		s.store.before = func(context.Context, string) error { return errDown }
		claims, err := live.VerifyToken(t.Context(), tokens.AccessToken)
		wantError(t, "the store is down", err, jwtauth.ErrUnavailable)
		if claims != nil {
			t.Errorf("claims %v", claims)
		}
		s.store.before = func(ctx context.Context, _ string) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 5*time.Second {
				t.Errorf("the store may take until %v", deadline)
			}
			return ctx.Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = live.VerifyToken(ctx, tokens.AccessToken)
		wantError(t, "the client has gone", err, jwtauth.ErrUnavailable)
		_, err = live.VerifyToken(t.Context(), tokens.AccessToken)
		wantError(t, "all is well", err)
	})
}

// A token that is refused without a call of the store does not end an outage.
func TestLiveUnasked(t *testing.T) {
	s := newService(t)
	s.at(-time.Hour)
	old := s.login(t).RefreshToken
	s.at(0)
	token, err := s.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.refresh(t, old)
	s.store.before = func(context.Context, string) error { return errDown }
	wantRefresh(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
	_, err = s.live().VerifyToken(t.Context(), token)
	wantError(t, "a token without a session", err, jwtauth.ErrTokenInvalid, jwtauth.ErrSessionEnded)
	s.store.before = nil
	s.at(5 * time.Minute)
	wantRefresh(t, "the old token, when the store is back", s.Issuer, old)
}

// An outage that only Live notices counts for refreshes of the same Issuer.
func TestLiveSharesOutages(t *testing.T) {
	s := newService(t)
	live := s.live()
	old := s.login(t).RefreshToken
	current := s.refresh(t, old)
	s.store.before = func(context.Context, string) error { return errDown }
	_, err := live.VerifyToken(t.Context(), current.AccessToken)
	wantError(t, "during the outage", err, jwtauth.ErrUnavailable)
	s.store.before = nil
	s.at(5 * time.Minute)
	wantRefresh(t, "the old token, when the store is back", s.Issuer, old)
}
