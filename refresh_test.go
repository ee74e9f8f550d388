package jwtauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	window     = 30 * time.Second        // the default of IssuerOptions.ReuseWindow
	retryEnd   = window + 10*time.Second // after a rotation, the previous token is accepted until then
	repeatEnd  = window + 30*time.Second // and the current token is repeated until then
	idle       = 7 * 24 * time.Hour
	life       = 30 * 24 * time.Hour
	tick       = time.Millisecond
	afterwards = time.Hour // after every window
)

func TestRefreshRotates(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.Audience = []string{"api"} })
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.Label("a device"), jwtauth.AuthenticatedAt(start.Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	first := s.row(tokens.RefreshToken)
	s.wantOps(t, "login", "Create", "List")

	for _, c := range []struct {
		at      time.Duration
		expires time.Duration
	}{
		{time.Hour, time.Hour + idle},
		{2 * time.Hour, 2*time.Hour + idle},
		{6 * 24 * time.Hour, 13 * 24 * time.Hour},
		{12 * 24 * time.Hour, 19 * 24 * time.Hour},
		{18 * 24 * time.Hour, 25 * 24 * time.Hour},
		{24 * 24 * time.Hour, life}, // the absolute end comes first
		{life - 7*time.Minute, life},
	} {
		s.at(c.at)
		before := s.row(tokens.RefreshToken)
		s.store.took()
		s.told()
		next := s.refresh(t, tokens.RefreshToken)
		s.wantOps(t, "refresh", "Load", "Swap")
		s.wantKinds(t, "refresh", jwtauth.EventRefresh)

		want := first
		want.Revision = before.Revision + 1
		want.Generation = before.Generation + 1
		want.RotatedAt = start.Add(c.at).Truncate(time.Millisecond).UTC()
		want.ExpiresAt = start.Add(c.expires).Truncate(time.Millisecond).UTC()
		row := s.row(next.RefreshToken)
		if row != want || s.store.wrote != want { // times are in whole milliseconds
			t.Errorf("the row is %+v, written as %+v, want %+v", row, s.store.wrote, want)
		}
		claims, err := s.VerifyToken(t.Context(), next.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		if claims.Subject != "user-1" || claims.SessionID != row.ID || !claims.AuthTime.Equal(start.Add(-time.Hour).Truncate(time.Second)) ||
			claims.ExpiresAt.After(row.EndsAt) || int(claims.ExpiresAt.Sub(claims.IssuedAt)/time.Second) != next.ExpiresIn {
			t.Errorf("access token %+v, expires in %d", claims, next.ExpiresIn)
		}
		if want := min(15*time.Minute, row.EndsAt.Truncate(time.Second).Sub(start.Add(c.at).Truncate(time.Second))); time.Duration(next.ExpiresIn)*time.Second != want {
			t.Errorf("the access token lives %ds, want %v", next.ExpiresIn, want)
		}
		if got := refreshPayload(next.RefreshToken); got.Generation != row.Generation || got.Expires != row.ExpiresAt.Unix()+1 {
			t.Errorf("refresh token %+v, row %+v", got, row)
		}
		tokens = next
	}

	s.at(life - 100*tick) // less than a second for an access token
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "a tenth of a second before the end", err, jwtauth.ErrSessionEnded)
	s.at(life)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "at the end", err, jwtauth.ErrSessionEnded)
}

func TestRefreshRepeats(t *testing.T) {
	s := newService(t)
	tokens := s.refresh(t, s.login(t).RefreshToken)
	row := s.row(tokens.RefreshToken)
	s.told()
	for _, at := range []time.Duration{-10 * time.Second, 0, tick, window, retryEnd, repeatEnd - tick} {
		s.at(at)
		s.store.took()
		again := s.refresh(t, tokens.RefreshToken)
		if again.RefreshToken != tokens.RefreshToken || s.row(tokens.RefreshToken) != row {
			t.Errorf("%v after the rotation the session moved on", at)
		}
		s.wantOps(t, at.String(), "Load", "Load")
		s.wantReasons(t, at.String(), jwtauth.ReasonRepeated)
		if _, err := s.VerifyToken(t.Context(), again.AccessToken); err != nil || again.AccessToken == tokens.AccessToken {
			t.Errorf("access token: %v", err)
		}
	}
	for _, at := range []time.Duration{repeatEnd + tick, -10*time.Second - 2*tick} { // the row has whole milliseconds
		s := newService(t)
		tokens := s.refresh(t, s.login(t).RefreshToken)
		s.at(at)
		s.refresh(t, tokens.RefreshToken)
		if row := s.row(tokens.RefreshToken); row.Generation != 3 {
			t.Errorf("%v after the rotation the session does not move on", at)
		}
	}
}

func TestRefreshRetries(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	row := s.row(old)
	s.told()
	for _, at := range []time.Duration{-time.Hour, 0, window, retryEnd - tick} {
		s.at(at)
		s.store.took()
		again := s.refresh(t, old)
		if again.RefreshToken != tokens.RefreshToken || s.row(old) != row {
			t.Errorf("%v after the rotation: not the current generation", at)
		}
		s.wantOps(t, at.String(), "Load", "Load")
		s.wantReasons(t, at.String(), jwtauth.ReasonRetried)
	}
	s.at(retryEnd)
	_, err := s.Refresh(t.Context(), old)
	wantError(t, "after the window", err, jwtauth.ErrTokenReused)
}

func TestRefreshWindow(t *testing.T) {
	for _, c := range []struct {
		set, is time.Duration
	}{{0, 30 * time.Second}, {time.Second, time.Second}, {5 * time.Minute, 5 * time.Minute}} {
		s := newService(t, func(o *jwtauth.IssuerOptions) { o.ReuseWindow = c.set })
		old := s.login(t).RefreshToken
		s.refresh(t, old)
		s.at(c.is + 10*time.Second - tick)
		s.refresh(t, old)
		s.at(c.is + 10*time.Second)
		_, err := s.Refresh(t.Context(), old)
		wantError(t, "window "+c.is.String(), err, jwtauth.ErrTokenReused)
	}
}

// Without a window every token is accepted exactly once.
func TestRefreshWindowNone(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.ReuseWindow = -1 })
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	tokens = s.refresh(t, tokens.RefreshToken)
	if row := s.row(old); row.Generation != 3 {
		t.Errorf("generation %d, want 3", row.Generation)
	}
	s.told()
	_, err := s.Refresh(t.Context(), s.forge(old, 2))
	wantError(t, "the previous token", err, jwtauth.ErrTokenReused)
	s.wantKinds(t, "the previous token", jwtauth.EventReuse)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "the current token", err, jwtauth.ErrSessionEnded)
}

// Reuse ends the session for every holder, without a call of Claims.
func TestRefreshReuse(t *testing.T) {
	asked := 0
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) {
			asked++
			return nil, nil
		}
	})
	for _, presented := range []int64{1, 2} {
		old := s.login(t).RefreshToken
		tokens := s.refresh(t, old)
		s.at(afterwards)
		tokens = s.refresh(t, tokens.RefreshToken)
		s.at(2 * afterwards)
		asked = 0
		s.store.took()
		s.told()

		answer, err := s.Refresh(t.Context(), s.forge(old, presented))
		wantError(t, "reuse", err, jwtauth.ErrTokenReused)
		if answer != (jwtauth.Tokens{}) || asked > 0 {
			t.Errorf("tokens %v, %d calls of Claims", answer, asked)
		}
		s.wantOps(t, "reuse", "Load", "Delete")
		s.wantKinds(t, "reuse", jwtauth.EventReuse)
		for _, token := range []string{tokens.RefreshToken, old} {
			_, err = s.Refresh(t.Context(), token)
			wantError(t, "afterwards", err, jwtauth.ErrSessionEnded)
		}
		s.wantKinds(t, "afterwards")
		s.at(0)
	}
}

// If the session cannot be ended, the client gets ErrUnavailable and may retry.
func TestRefreshReuseNotDeleted(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, s.refresh(t, old).RefreshToken)
	s.at(afterwards)
	s.told()
	s.store.before = func(_ context.Context, op string) error {
		if op == "Delete" {
			return errDown
		}
		return nil
	}
	_, err := s.Refresh(t.Context(), old)
	wantError(t, "the delete fails", err, jwtauth.ErrUnavailable)
	s.wantKinds(t, "the delete fails")
	s.store.before = nil
	_, err = s.Refresh(t.Context(), old)
	wantError(t, "again", err, jwtauth.ErrTokenReused)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "the other holder", err, jwtauth.ErrSessionEnded)
}

// The store may have lost a generation that a token proves, after a failover or
// a restored backup.
func TestRefreshAdopts(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.at(afterwards)
	for _, presented := range []int64{2, 7, 1<<53 - 1} {
		newer := s.forge(token, presented)
		tokens := s.refresh(t, newer)
		row := s.row(token)
		if row.Generation != presented || refreshPayload(tokens.RefreshToken).Generation != presented {
			t.Errorf("presented %d, the row has %d, the new token %d", presented, row.Generation, refreshPayload(tokens.RefreshToken).Generation)
		}
		if !row.RotatedAt.Equal(s.clock.Now().Truncate(time.Millisecond)) || !row.ExpiresAt.Equal(row.RotatedAt.Add(idle)) {
			t.Errorf("row %+v", row)
		}
		s.wantOps(t, "adopt", "Load", "Swap")
		s.wantReasons(t, "adopt", jwtauth.ReasonAdopted)
		if again := s.refresh(t, newer); again.RefreshToken != tokens.RefreshToken {
			t.Error("the same token again leads to another one")
		}
		s.store.took()
		s.told()
	}
	s.at(2 * afterwards)
	_, err := s.Refresh(t.Context(), s.forge(token, 1<<53-1))
	if err == nil {
		t.Fatal("the session has a generation after the last")
	}
	wantError(t, "no further generation", err)
	s.wantOps(t, "no further generation", "Load")
}

// A row of another subject is ignored, such as after a mix-up of two stores.
func TestRefreshSubject(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.store.loaded = func(row *jwtauth.Session) { row.Subject = "user-2" }
	_, err := s.Refresh(t.Context(), token)
	wantError(t, "another subject's row", err, jwtauth.ErrSessionEnded)
	s.wantOps(t, "another subject's row", "Load")
}

// An expired token is refused, and does not count as reuse.
func TestRefreshExpired(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	for at := time.Duration(0); at < idle; at += 2 * 24 * time.Hour { // the session goes on
		s.at(at + afterwards)
		tokens = s.refresh(t, tokens.RefreshToken)
	}
	s.told()
	s.store.took()
	s.at(idle + time.Minute)
	_, err := s.Refresh(t.Context(), old)
	wantError(t, "expired", err, jwtauth.ErrSessionEnded)
	s.wantOps(t, "expired", "Load")
	s.wantKinds(t, "expired")
	s.refresh(t, tokens.RefreshToken)

	// But a client that refreshed at the last moment, and lost the response,
	// goes on.
	s = newService(t)
	old = s.login(t).RefreshToken
	s.at(idle - time.Second)
	tokens = s.refresh(t, old)
	s.at(idle - time.Second + window)
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("the response has another token")
	}
}

// The row decides when a session ends, not the token.
func TestRefreshRowExpired(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.at(idle - time.Second)
	s.refresh(t, token)
	s = newService(t)
	token = s.login(t).RefreshToken
	s.at(idle + tick) // the token's expiry is rounded up to seconds
	_, err := s.Refresh(t.Context(), token)
	wantError(t, "idle for too long", err, jwtauth.ErrSessionEnded)
}
