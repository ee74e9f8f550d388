package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	window     = 30 * time.Second        // IssuerOptions.ReuseWindow by default
	recovers   = window + 10*time.Second // after a rotation, for so long the token before it is answered
	coalesces  = window + 30*time.Second // and so long no other rotation begins
	idle       = 7 * 24 * time.Hour
	life       = 30 * 24 * time.Hour
	tick       = time.Millisecond
	afterwards = time.Hour // when no window is open any more
)

func TestRefreshRotates(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.Audience = []string{"api"} })
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.Label("a device"), jwtauth.AuthenticatedAt(start.Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	first := s.row(tokens.RefreshToken)
	s.wantOps(t, "login", "Create")

	for _, c := range []struct {
		at      time.Duration
		expires time.Duration
	}{
		{time.Hour, time.Hour + idle},
		{2 * time.Hour, 2*time.Hour + idle},
		{6 * 24 * time.Hour, 13 * 24 * time.Hour},
		{12 * 24 * time.Hour, 19 * 24 * time.Hour},
		{18 * 24 * time.Hour, 25 * 24 * time.Hour},
		{24 * 24 * time.Hour, life}, // here the absolute end is the nearer one
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
		if row != want || s.store.wrote != want { // no store need cut times to milliseconds
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

	s.at(life - 100*tick) // no access token would fit any more
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "a tenth of a second before the end", err, jwtauth.ErrSessionEnded)
	s.at(life)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "at the end", err, jwtauth.ErrSessionEnded)
}

func TestRefreshCoalesces(t *testing.T) {
	s := newService(t)
	tokens := s.refresh(t, s.login(t).RefreshToken)
	row := s.row(tokens.RefreshToken)
	s.told()
	for _, at := range []time.Duration{-10 * time.Second, 0, tick, window, recovers, coalesces - tick} {
		s.at(at)
		s.store.took()
		again := s.refresh(t, tokens.RefreshToken)
		if again.RefreshToken != tokens.RefreshToken || s.row(tokens.RefreshToken) != row {
			t.Errorf("%v after the rotation the session moved on", at)
		}
		s.wantOps(t, at.String(), "Load", "Load")
		s.wantRefreshes(t, at.String(), jwtauth.ReasonRepeated)
		if _, err := s.VerifyToken(t.Context(), again.AccessToken); err != nil || again.AccessToken == tokens.AccessToken {
			t.Errorf("access token: %v", err)
		}
	}
	for _, at := range []time.Duration{coalesces + tick, -10*time.Second - 2*tick} { // the row is cut to milliseconds
		s := newService(t)
		tokens := s.refresh(t, s.login(t).RefreshToken)
		s.at(at)
		s.refresh(t, tokens.RefreshToken)
		if row := s.row(tokens.RefreshToken); row.Generation != 3 {
			t.Errorf("%v after the rotation the session does not move on", at)
		}
	}
}

func TestRefreshRecovers(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	row := s.row(old)
	s.told()
	for _, at := range []time.Duration{-time.Hour, 0, window, recovers - tick} {
		s.at(at)
		s.store.took()
		again := s.refresh(t, old)
		if again.RefreshToken != tokens.RefreshToken || s.row(old) != row {
			t.Errorf("%v after the rotation: not the generation in force", at)
		}
		s.wantOps(t, at.String(), "Load", "Load")
		s.wantRefreshes(t, at.String(), jwtauth.ReasonRetried)
	}
	s.at(recovers)
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

// Without a window every token counts once, at once.
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
	wantError(t, "the one before", err, jwtauth.ErrTokenReused)
	s.wantKinds(t, "the one before", jwtauth.EventReuse)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "the one in force", err, jwtauth.ErrSessionEnded)
}

// Reuse ends the session for every holder, and asks nobody for claims before it does.
func TestRefreshReuse(t *testing.T) {
	asked := 0
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, string) (any, error) {
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
			t.Errorf("tokens %v, claims asked %d times", answer, asked)
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

// Where the session cannot be ended the client is not told that it was; it may ask again.
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

// A refresh that answers without a write looks at the session again when all else is done.
func TestRefreshLoadsAgain(t *testing.T) {
	for _, presented := range []int64{1, 2} {
		var meanwhile func()
		s := newInterrupted(t, &meanwhile)
		old := s.login(t).RefreshToken
		current := s.refresh(t, old).RefreshToken
		token := map[int64]string{1: old, 2: current}[presented]

		meanwhile = func() { // another instance, whose clock is ahead
			s.at(coalesces + tick)
			s.refresh(t, current)
			s.at(0)
		}
		answer := s.refresh(t, token)
		if got := refreshPayload(answer.RefreshToken).Generation; got != 3 {
			t.Errorf("presented %d, the session moved on to 3: answered %d", presented, got)
		}

		s = newInterrupted(t, &meanwhile)
		old = s.login(t).RefreshToken
		current = s.refresh(t, old).RefreshToken
		token = map[int64]string{1: old, 2: current}[presented]
		meanwhile = func() {
			if err := s.Logout(t.Context(), current); err != nil {
				t.Error(err)
			}
		}
		s.told()
		answer, err := s.Refresh(t.Context(), token)
		wantError(t, fmt.Sprintf("presented %d, logged out meanwhile", presented), err, jwtauth.ErrSessionEnded)
		if answer != (jwtauth.Tokens{}) {
			t.Errorf("tokens %v", answer)
		}
		s.wantKinds(t, "logged out meanwhile", jwtauth.EventLogout)
	}
}

// newInterrupted returns a service during whose next question for claims something else happens.
func newInterrupted(t *testing.T, meanwhile *func()) *service {
	return newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, string) (any, error) {
			if do := *meanwhile; do != nil {
				*meanwhile = nil
				do()
			}
			return nil, nil
		}
	})
}

// The rotation's time is that after the claims were had, so that a slow answer takes nothing from the window.
func TestRefreshRotatedAtAfterClaims(t *testing.T) {
	slow := time.Duration(0)
	var s *service
	s = newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, string) (any, error) {
			s.clock.Set(s.clock.Now().Add(slow))
			return nil, nil
		}
	})
	old := s.login(t).RefreshToken
	slow = time.Minute
	tokens := s.refresh(t, old)
	if row := s.row(old); !row.RotatedAt.Equal(start.Add(time.Minute).Truncate(time.Millisecond)) {
		t.Errorf("rotated at %v, want a minute later", row.RotatedAt)
	}
	slow = 0
	s.at(time.Minute + recovers - tick)
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("the old token is not answered in its window")
	}
}

// What counts is when a request arrived, not when the store found time for it.
func TestRefreshArrival(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	s.at(recovers - tick)
	s.store.before = func(_ context.Context, op string) error {
		s.at(recovers + 4*time.Second)
		return nil
	}
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("a request that arrived in the window is not answered")
	}
}

// A refresh that lost its swap decides again on the row it finds, and gives up after the third.
func TestRefreshLostSwaps(t *testing.T) {
	for _, losses := range []int{1, 2, 3} {
		asked := 0
		s := newService(t, func(o *jwtauth.IssuerOptions) {
			o.Claims = func(context.Context, string) (any, error) {
				asked++
				return nil, nil
			}
		})
		token := s.login(t).RefreshToken
		lost := 0
		s.store.before = func(ctx context.Context, op string) error {
			if op != "Swap" || lost == losses {
				return nil
			}
			lost++
			old := s.row(token)
			row := old
			row.Revision++
			row.Generation = 3 - old.Generation // a store that goes to and fro: 2, 1, 2
			row.RotatedAt = row.RotatedAt.Add(-afterwards)
			if won, err := s.store.SessionStore.Swap(ctx, old, row, s.clock.Now()); !won || err != nil {
				t.Errorf("won %v, error %v", won, err)
			}
			return nil
		}
		asked = 0
		token = s.forge(token, 2) // to be adopted, or rotated
		tokens, err := s.Refresh(t.Context(), token)
		if asked != 1 {
			t.Errorf("%d losses: asked for claims %d times", losses, asked)
		}
		if losses < 3 {
			if err != nil || tokens.RefreshToken == "" {
				t.Errorf("%d losses: %v", losses, err)
			}
			continue
		}
		wantError(t, "3 losses", err, jwtauth.ErrUnavailable)
		s.wantOps(t, "3 losses", "Load", "Swap", "Load", "Swap", "Load", "Swap")
		s.wantKinds(t, "3 losses")
	}
}

// A loser answers what the winner made.
func TestRefreshLoserAnswersWinner(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	var winner jwtauth.Tokens
	s.store.before = func(_ context.Context, op string) error {
		if op == "Swap" {
			s.store.before = nil
			s.at(tick)
			winner = s.refresh(t, token)
		}
		return nil
	}
	loser := s.refresh(t, token)
	if loser.RefreshToken != winner.RefreshToken || s.row(token).Generation != 2 {
		t.Error("winner and loser have different tokens")
	}
	s.wantRefreshes(t, "race", jwtauth.ReasonRotated, jwtauth.ReasonRetried)
}

// What a token proves, the store may have lost: it failed over, or a backup was restored.
func TestRefreshAdopts(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.at(afterwards)
	for _, presented := range []int64{2, 7, 1<<53 - 1} {
		newer := s.forge(token, presented)
		tokens := s.refresh(t, newer)
		row := s.row(token)
		if row.Generation != presented || refreshPayload(tokens.RefreshToken).Generation != presented {
			t.Errorf("presented %d, the row has %d, answered %d", presented, row.Generation, refreshPayload(tokens.RefreshToken).Generation)
		}
		if !row.RotatedAt.Equal(s.clock.Now().Truncate(time.Millisecond)) || !row.ExpiresAt.Equal(row.RotatedAt.Add(idle)) {
			t.Errorf("row %+v", row)
		}
		s.wantOps(t, "adopt", "Load", "Swap")
		s.wantRefreshes(t, "adopt", jwtauth.ReasonAdopted)
		if again := s.refresh(t, newer); again.RefreshToken != tokens.RefreshToken {
			t.Error("the same token again is answered otherwise")
		}
		s.store.took()
		s.told()
	}
	s.at(2 * afterwards)
	_, err := s.Refresh(t.Context(), s.forge(token, 1<<53-1))
	if err == nil {
		t.Fatal("there is a generation after the last")
	}
	wantError(t, "no further generation", err)
	s.wantOps(t, "no further generation", "Load")
}

// A row that is not the subject's, because two stores were mixed up, say, is nobody's.
func TestRefreshSubject(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.store.loaded = func(row *jwtauth.Session) { row.Subject = "user-2" }
	_, err := s.Refresh(t.Context(), token)
	wantError(t, "another subject's row", err, jwtauth.ErrSessionEnded)
	s.wantOps(t, "another subject's row", "Load")
}

func TestRefreshClaims(t *testing.T) {
	var private any
	var refusal error
	var mark struct{ a int }
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(ctx context.Context, subject string) (any, error) {
			if subject != "user-1" || ctx.Value(&mark) != nil && ctx.Value(&mark) != "here" {
				t.Errorf("asked for %q with %v", subject, ctx)
			}
			return private, refusal
		}
	})
	private = map[string]any{"role": "a"}
	token := s.login(t).RefreshToken

	private = map[string]any{"role": "b"}
	tokens, err := s.Refresh(context.WithValue(t.Context(), &mark, "here"), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, payload := parts(t, tokens.AccessToken); payload["role"] != "b" {
		t.Errorf("claims %v are not the new ones", payload)
	}

	row := s.row(token)
	s.at(afterwards)
	s.told()
	for name, c := range map[string]struct {
		private any
		refusal error
		want    []error
	}{
		"outage":               {nil, errDown, []error{jwtauth.ErrUnavailable}},
		"a session that ended": {nil, jwtauth.ErrSessionEnded, []error{jwtauth.ErrUnavailable}},
		"no object":            {7, nil, nil},
		"registered claims":    {map[string]any{"sub": "admin"}, nil, nil},
	} {
		private, refusal = c.private, c.refusal
		s.store.took()
		answer, err := s.Refresh(t.Context(), tokens.RefreshToken)
		if err == nil || answer != (jwtauth.Tokens{}) {
			t.Errorf("%s: answered", name)
		}
		wantError(t, name, err, c.want...)
		s.wantOps(t, name, "Load")
		s.wantKinds(t, name)
		if s.row(token) != row {
			t.Errorf("%s: the row changed", name)
		}
	}

	private, refusal = nil, fmt.Errorf("user-1 left: %w", jwtauth.ErrSubjectDisabled)
	s.store.before = func(_ context.Context, op string) error {
		if op == "Delete" {
			return errDown
		}
		return nil
	}
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "disabled, and the delete fails", err, jwtauth.ErrUnavailable)
	s.wantKinds(t, "disabled, and the delete fails")
	s.store.before = nil
	s.store.took()
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "disabled", err, jwtauth.ErrSessionEnded, jwtauth.ErrSubjectDisabled)
	s.wantOps(t, "disabled", "Load", "Delete")
	s.wantKinds(t, "disabled", jwtauth.EventDenied)
	if row := s.row(token); row.ID != "" {
		t.Errorf("the session of a disabled subject stands: %+v", row)
	}
}

// An expired token is of no use to anybody, and no alarm.
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

	// But a client that refreshed in the last moment, and missed the answer, is as welcome as any.
	s = newService(t)
	old = s.login(t).RefreshToken
	s.at(idle - time.Second)
	tokens = s.refresh(t, old)
	s.at(idle - time.Second + window)
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("the answer is another one")
	}
}

// The store's word on the end of a session counts, whatever the token says.
func TestRefreshRowExpired(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.at(idle - time.Second)
	s.refresh(t, token)
	s = newService(t)
	token = s.login(t).RefreshToken
	s.at(idle + tick) // the token's date is in whole seconds, rounded up
	_, err := s.Refresh(t.Context(), token)
	wantError(t, "idle for too long", err, jwtauth.ErrSessionEnded)
}

func TestRefreshClientHangsUp(t *testing.T) {
	t.Run("before the swap", func(t *testing.T) {
		ctx, hangUp := context.WithCancel(t.Context())
		asked := 0
		s := newService(t, func(o *jwtauth.IssuerOptions) {
			o.Claims = func(context.Context, string) (any, error) {
				if asked++; asked == 2 {
					hangUp()
				}
				return nil, nil
			}
		})
		token := s.login(t).RefreshToken
		_, err := s.Refresh(ctx, token)
		wantError(t, "hung up", err, jwtauth.ErrUnavailable)
		s.wantOps(t, "hung up", "Load")
		s.wantKinds(t, "hung up")
		if row := s.row(token); row.Generation != 1 {
			t.Errorf("the session moved on to %d", row.Generation)
		}
	})
	for _, op := range []string{"Swap", "Delete", "Delete for a disabled subject", "Logout", "LogoutAll", "EndSession", "Login"} {
		t.Run("during "+op, func(t *testing.T) {
			type key struct{}
			ctx, hangUp := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
			var disabled error
			s := newService(t, func(o *jwtauth.IssuerOptions) {
				o.Claims = func(context.Context, string) (any, error) { return nil, disabled }
			})
			token := s.login(t).RefreshToken
			id := s.row(token).ID
			if op == "Delete" {
				s.refresh(t, s.refresh(t, token).RefreshToken)
				s.at(afterwards)
			}
			writes := 0
			s.store.before = func(ctx context.Context, op string) error {
				if op == "Load" || op == "Create" {
					return ctx.Err()
				}
				writes++
				hangUp()
				if ctx.Value(key{}) != "kept" {
					t.Error("the context's values are lost")
				}
				if _, ok := ctx.Deadline(); !ok {
					t.Error("nothing bounds the operation")
				}
				return ctx.Err()
			}
			switch op {
			case "Swap":
				if _, err := s.Refresh(ctx, token); err != nil {
					t.Error(err)
				}
				if row := s.row(token); row.Generation != 2 {
					t.Errorf("generation %d, want 2", row.Generation)
				}
			case "Delete":
				_, err := s.Refresh(ctx, token)
				wantError(t, op, err, jwtauth.ErrTokenReused)
			case "Delete for a disabled subject":
				disabled = jwtauth.ErrSubjectDisabled
				_, err := s.Refresh(ctx, token)
				wantError(t, op, err, jwtauth.ErrSubjectDisabled, jwtauth.ErrSessionEnded)
			case "Logout":
				wantError(t, op, s.Logout(ctx, token))
			case "LogoutAll":
				wantError(t, op, s.LogoutAll(ctx, "user-1"))
			case "EndSession":
				wantError(t, op, s.EndSession(ctx, "user-1", id))
			case "Login":
				disabled = jwtauth.ErrSubjectDisabled
				_, err := s.Login(ctx, "user-1")
				wantError(t, op, err, jwtauth.ErrSubjectDisabled)
				s.store.before = nil
				if list, _ := s.Sessions(t.Context(), "user-1"); len(list) != 1 {
					t.Errorf("%d sessions, want that of before", len(list))
				}
			}
			if row := s.row(token); op != "Swap" && op != "Login" && row.ID != "" {
				t.Errorf("the session stands: %+v", row)
			}
			if writes != 1 || ctx.Err() == nil {
				t.Errorf("%d writes, context %v", writes, ctx.Err())
			}
		})
	}
}

// storeCalls are all calls of an issuer that ask its store, and what the store is asked for.
func storeCalls(s *service) map[string]struct {
	ops  []string
	call func(ctx context.Context, tokens jwtauth.Tokens) error
} {
	type c = struct {
		ops  []string
		call func(ctx context.Context, tokens jwtauth.Tokens) error
	}
	return map[string]c{
		"Login": {[]string{"Create"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			_, err := s.Login(ctx, "user-1")
			return err
		}},
		"Refresh": {[]string{"Load", "Swap"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			_, err := s.Refresh(ctx, tokens.RefreshToken)
			return err
		}},
		"Logout": {[]string{"Delete"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			return s.Logout(ctx, tokens.RefreshToken)
		}},
		"LogoutAll": {[]string{"DeleteSubject"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			return s.LogoutAll(ctx, "user-1")
		}},
		"Sessions": {[]string{"List"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			_, err := s.Sessions(ctx, "user-1")
			return err
		}},
		"EndSession": {[]string{"Load", "Delete"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			return s.EndSession(ctx, "user-1", refreshPayload(tokens.RefreshToken).SessionID)
		}},
		"Live": {[]string{"Load"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			_, err := s.Live().VerifyToken(ctx, tokens.AccessToken)
			return err
		}},
	}
}

// A store that does not answer is given up after five seconds, whatever it was asked.
func TestStoreHangs(t *testing.T) {
	for name, c := range storeCalls(nil) {
		for _, hanging := range c.ops {
			t.Run(name+" in "+hanging, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newService(t, func(o *jwtauth.IssuerOptions) { o.Now = time.Now })
					tokens := s.login(t)
					s.store.before = func(ctx context.Context, op string) error {
						if op != hanging {
							return nil
						}
						<-ctx.Done()
						return ctx.Err()
					}
					began := time.Now()
					err := storeCalls(s)[name].call(t.Context(), tokens)
					wantError(t, name, err, jwtauth.ErrUnavailable)
					if took := time.Since(began); took != 5*time.Second {
						t.Errorf("given up after %v, want 5s", took)
					}
					s.wantKinds(t, name)
				})
			})
		}
	}
}

// Whatever a store says that its contract does not name is an outage, and none of its errors gets out.
func TestStoreFails(t *testing.T) {
	own := errors.New("dial tcp: connection refused")
	for name, c := range storeCalls(nil) {
		for _, failing := range c.ops {
			failures := []error{own, context.DeadlineExceeded, fmt.Errorf("try later: %w", jwtauth.ErrUnavailable), jwtauth.ErrTokenReused,
				fmt.Errorf("%w: %w", jwtauth.ErrUnavailable, jwtauth.ErrSessionEnded)}
			if failing != "Load" { // which alone may say so
				failures = append(failures, jwtauth.ErrSessionEnded)
			}
			for _, failure := range failures {
				s := newService(t)
				tokens := s.login(t)
				s.store.before = func(_ context.Context, op string) error {
					if op == failing {
						return failure
					}
					return nil
				}
				err := storeCalls(s)[name].call(t.Context(), tokens)
				what := fmt.Sprintf("%s: %s returns %v", name, failing, failure)
				wantError(t, what, err, jwtauth.ErrUnavailable)
				if errors.Is(err, own) || !strings.Contains(err.Error(), failure.Error()) {
					t.Errorf("%s: %v", what, err)
				}
				s.wantKinds(t, what)
			}
		}
	}
}

// The store names one error: it says what it says everywhere.
func TestStoreSaysEnded(t *testing.T) {
	for name, want := range map[string][]error{
		"Refresh":    {jwtauth.ErrSessionEnded},
		"EndSession": {jwtauth.ErrSessionEnded},
		"Live":       {jwtauth.ErrSessionEnded, jwtauth.ErrTokenInvalid},
		"Logout":     nil, // what is over need not be ended
		"LogoutAll":  nil,
		"Sessions":   nil,
		"Login":      nil,
	} {
		s := newService(t)
		tokens := s.login(t)
		if err := s.store.SessionStore.DeleteSubject(t.Context(), "user-1"); err != nil {
			t.Fatal(err)
		}
		wantError(t, name, storeCalls(s)[name].call(t.Context(), tokens), want...)
	}
}

// During an outage time stands still for windows: what was rotated in it, or with its window still open,
// counts from the end of it.
func TestOutage(t *testing.T) {
	const (
		s1   = time.Second
		m1   = time.Minute
		last = 5 * m1 // after a failure, an outage ends where nobody asks
	)
	type moment struct {
		at time.Duration
		do string // "rotate", "lose" (rotate, and lose the answer), "fail", "other" (another session's refresh), "ended" (that of one that is over), or one of hang
	}
	hang := map[string]struct { // requests whose store hangs: for how long, and why they give up
		wait time.Duration
		why  error
	}{
		"hang up":           {0, context.Canceled},
		"hang up late":      {time.Hour, context.Canceled},
		"time out":          {s1 - tick, context.DeadlineExceeded},
		"time out, patient": {s1, context.DeadlineExceeded},
	}
	retries := func(from, to, every time.Duration) (list []moment) { // all in vain
		for at := from; at < to; at += every {
			list = append(list, moment{at, "fail"})
		}
		return list
	}
	parts := func(to time.Duration) (list []moment) { // of a store that stay away, while others answer; the first at 25 s
		for at := 5 * s1; at < to; at += 20 * s1 {
			list = append(list, moment{at, "fail"}, moment{at + 19900*tick, "other"})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		moments []moment
		at      time.Duration // when the old token comes back
		want    error
	}{
		{"none", []moment{{0, "rotate"}}, recovers, jwtauth.ErrTokenReused},
		{"swap carried out and not answered", []moment{{0, "lose"}, {100 * s1, "fail"}, {200 * s1, "fail"}}, 500 * s1, nil},
		{"the store is back before the client", []moment{{0, "lose"}, {200 * s1, "other"}}, 200*s1 + recovers - s1, nil},
		{"the window ends after the outage", []moment{{0, "lose"}, {200 * s1, "other"}}, 200*s1 + recovers, jwtauth.ErrTokenReused},
		{"a session that is over is an answer", []moment{{0, "lose"}, {200 * s1, "ended"}}, 200*s1 + recovers, jwtauth.ErrTokenReused},
		{"rotated while the window before it was open", []moment{{0, "rotate"}, {recovers - s1, "fail"}}, 300 * s1, nil},
		{"rotated long before", []moment{{0, "rotate"}, {recovers, "fail"}}, 300 * s1, jwtauth.ErrTokenReused},
		{"it goes on after a short recovery", []moment{{0, "lose"}, {200 * s1, "other"}, {200*s1 + recovers - s1, "fail"}}, 500 * s1, nil},
		{"another one later", []moment{{0, "rotate"}, {s1, "fail"}, {200 * s1, "other"}, {200*s1 + recovers, "fail"}}, 500 * s1, jwtauth.ErrTokenReused},
		{"a window that is over while the store answers", []moment{{-2 * s1, "fail"}, {-s1, "other"}, {0, "rotate"}, {58 * s1, "fail"}, {59 * s1, "other"}}, 98 * s1, jwtauth.ErrTokenReused},
		{"a failure that is told late", []moment{{0, "lose"}, {200 * s1, "other"}, {199 * s1, "fail"}}, 300 * s1, nil},
		{"clients that hang up are none", []moment{{0, "rotate"}, {s1, "hang up"}, {100 * s1, "other"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"nor are those that wait before they do", []moment{{-2 * time.Hour, "hang up late"}, {0, "rotate"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"requests that give up are none", []moment{{0, "rotate"}, {s1, "time out"}, {100 * s1, "other"}}, 100 * s1, jwtauth.ErrTokenReused},
		{"a store that hangs for longer than requests last", []moment{{0, "rotate"}, {s1, "time out, patient"}}, 100 * s1, nil},
		{"a failure that is told after that of a later request", []moment{{0, "rotate"}, {recovers, "fail"}, {recovers - s1, "fail"}}, 300 * s1, nil},
		{"rotated after it, in the window", []moment{{-100 * s1, "fail"}, {-50 * s1, "other"}, {0, "rotate"}}, recovers - s1, nil},
		{"rotated after it", []moment{{-100 * s1, "fail"}, {-50 * s1, "other"}, {0, "rotate"}}, recovers, jwtauth.ErrTokenReused},

		{"silence after a failure", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 20*s1 + last + recovers - s1, nil},
		{"a longer silence", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 20*s1 + last + recovers, jwtauth.ErrTokenReused},
		{"days of silence", []moment{{0, "rotate"}, {20 * s1, "fail"}}, 6 * 24 * time.Hour, jwtauth.ErrTokenReused},
		{"a client that retries for hours", append([]moment{{0, "lose"}}, retries(last, 3*time.Hour, last)...), 3 * time.Hour, nil},
		{"a failure after a silence", []moment{{0, "rotate"}, {20 * s1, "fail"}, {20*s1 + last + recovers, "other"}, {20*s1 + last + recovers, "fail"}}, 10 * m1, jwtauth.ErrTokenReused},

		{"a part of the store stays away", append([]moment{{0, "rotate"}}, parts(15*m1)...), 15 * m1, nil},
		{"a part of the store stays away for longer", append([]moment{{0, "rotate"}}, parts(16*m1)...), 16 * m1, jwtauth.ErrTokenReused},
		{"it begins again 15 minutes after it first ended", append(append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 15*m1, m1)...),
			moment{15*m1 - s1, "other"}, moment{15*m1 + 2*s1, "fail"}), 16 * m1, jwtauth.ErrTokenReused},
		{"just before that", append(append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 15*m1, m1)...),
			moment{15*m1 - s1, "other"}, moment{15*m1 + s1, "fail"}), 16 * m1, nil},
		{"it begins again, and then nothing answers for hours", append([]moment{{0, "rotate"}, {s1, "fail"}, {2 * s1, "other"}}, retries(3*s1, 3*time.Hour, last)...), 3 * time.Hour, nil},
		{"the next one has as much time", append(parts(16*m1), moment{20 * m1, "rotate"}, moment{20 * m1, "fail"}, moment{20*m1 + s1, "other"},
			moment{20*m1 + 2*s1, "fail"}, moment{20*m1 + recovers - 10*s1, "other"}, moment{20*m1 + recovers, "fail"}), 22 * m1, nil},

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
					takes(t, m.do, s.Issuer, old, jwtauth.ErrUnavailable)
				case "fail":
					s.store.before = func(context.Context, string) error { return errDown }
					takes(t, m.do, s.Issuer, old, jwtauth.ErrUnavailable)
				case "other":
					other = s.refresh(t, other).RefreshToken
				case "ended":
					takes(t, m.do, s.Issuer, ended, jwtauth.ErrSessionEnded)
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
				t.Errorf("the old token is answered %v", err)
			}
		})
	}
}

// Each call tells of an outage, from when it was made: here a second before the window is over, to fail after it. A client that hangs
// up meanwhile does not excuse a write, which goes on without it.
func TestOutageSeenByEachCall(t *testing.T) {
	for name, c := range storeCalls(nil) {
		for _, failing := range c.ops {
			for _, hangsUp := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s in %s, hangs up %v", name, failing, hangsUp), func(t *testing.T) {
					s := newService(t)
					s.at(-10 * time.Minute)
					old := s.login(t).RefreshToken
					tokens := s.login(t) // of the request
					s.at(0)
					s.refresh(t, old)
					s.at(recovers - time.Second)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					s.store.before = func(_ context.Context, op string) error {
						if op != failing {
							return nil
						}
						s.at(recovers + 3*time.Second)
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
					takes(t, "the old token", s.Issuer, old, want...)
				})
			}
		}
	}
}

// What went before the call that failed is no outage, however long it took.
func TestOutageBeginsWithTheCall(t *testing.T) {
	for _, failing := range []string{"Load", "Swap"} { // the first to follow
		var slow func()
		s := newInterrupted(t, &slow)
		s.at(-time.Hour)
		old := s.login(t).RefreshToken
		other := s.login(t).RefreshToken
		if failing == "Load" {
			other = s.refresh(t, other).RefreshToken // so that it coalesces
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
		takes(t, failing, s.Issuer, other, jwtauth.ErrUnavailable)
		if ops := s.store.took(); ops[len(ops)-1] != failing {
			t.Errorf("the store was asked to %v, last %s", ops, failing)
		}
		s.store.before = nil
		s.at(10*time.Minute + time.Second)
		takes(t, "the old token, 10 minutes after its exchange", s.Issuer, old, jwtauth.ErrTokenReused)
	}
}

// An end that was noted after a request arrived, whose own call was the slow one, is not yet to come.
func TestOutageEndsAfterArrival(t *testing.T) {
	s := newService(t)
	s.at(-time.Hour)
	old := s.login(t).RefreshToken
	s.at(0)
	s.refresh(t, old)
	s.store.before = func(context.Context, string) error { return errDown }
	takes(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
	s.at(time.Minute)
	s.store.before = func(context.Context, string) error {
		s.at(time.Minute + 15*time.Second)
		return nil
	}
	takes(t, "the first answer", s.Issuer, old)
}

// A client that kept retrying goes on after an outage in which its token's own date has passed: the swap was carried out,
// and the session stands. What no outage excuses is over all the same.
func TestOutageOutlastsToken(t *testing.T) {
	for _, c := range []struct {
		name     string
		lost     bool          // whether the swap was carried out, and the answer lost
		after    time.Duration // from the token's end to the store's return
		retries  time.Duration // from then to the client's return
		want     error
		failures int
	}{
		{"at once", true, time.Hour, 0, nil, 1},
		{"at the end of the window", true, time.Hour, recovers - time.Second, nil, 1},
		{"after the window", true, time.Hour, recovers, jwtauth.ErrSessionEnded, 1},
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
			for n := range c.failures { // until long after the token's date
				s.at(idle - time.Second + time.Duration(n)*time.Hour)
				takes(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
			}
			if c.failures > 0 {
				s.at(idle + c.after - time.Second)
				takes(t, "during the outage, after the token's date", s.Issuer, old, jwtauth.ErrUnavailable)
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

// Of an outage in which it was not asked for anything, an instance does not know: the answer that was lost counts from the
// rotation there, and from the store's return where somebody has asked.
func TestOutageUnseen(t *testing.T) {
	for _, asked := range []bool{true, false} {
		s := newService(t)
		other := newIssuer(t, generate(t, jwtauth.HS256), withSessions(s.store), refreshKeys(s.forger.key), func(o *jwtauth.IssuerOptions) { o.Now = s.clock.Now })
		old := s.login(t).RefreshToken
		s.store.after = func(op string) error {
			if op == "Swap" {
				return errDown
			}
			return nil
		}
		takes(t, "the swap", s.Issuer, old, jwtauth.ErrUnavailable)
		s.store.after = nil
		if asked {
			s.store.before = func(context.Context, string) error { return errDown }
			_, err := other.Sessions(t.Context(), "somebody")
			wantError(t, "another request", err, jwtauth.ErrUnavailable)
			s.store.before = nil
		}
		s.at(5 * time.Minute)
		if asked {
			takes(t, "an instance that was asked", other, old)
		} else {
			takes(t, "an instance that was not", other, old, jwtauth.ErrTokenReused)
		}
	}
}

// After an outage a token in force is answered without a rotation for longer than else, but
// never so that the session runs out of a client that refreshes when its access token expires, or a window later.
func TestOutageRunsOutNoSession(t *testing.T) {
	const shortest = 17 * time.Minute // AccessTTL + 2·(ReuseWindow + 30 s)
	for ended := time.Minute; ended < shortest; ended += 10 * time.Second {
		for _, late := range []time.Duration{0, coalesces - tick} {
			s := newService(t, func(o *jwtauth.IssuerOptions) { o.IdleTTL = shortest })
			token := s.refresh(t, s.login(t).RefreshToken).RefreshToken
			s.store.before = func(context.Context, string) error { return errDown }
			for _, at := range []time.Duration{window, ended - tick} {
				s.at(at)
				takes(t, "during the outage", s.Issuer, token, jwtauth.ErrUnavailable)
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

// Three tabs come back after an outage that lost the answer of one: the first is answered, the second presents what it got, the
// third what it sent during the outage. Towards the absolute end no rotation is forced, since it would gain nothing.
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
			takes(t, "the swap", s.Issuer, old, jwtauth.ErrUnavailable)
			s.store.before = func(context.Context, string) error { return errDown }
			for _, at := range []time.Duration{5 * time.Minute, 10*time.Minute - time.Second} {
				s.at(at)
				takes(t, "during the outage", s.Issuer, old, jwtauth.ErrUnavailable)
			}
			s.store.before, s.store.after = nil, nil
			s.at(10 * time.Minute)
			first := s.refresh(t, old)
			s.at(10*time.Minute + 2*time.Second)
			takes(t, "the second tab", s.Issuer, first.RefreshToken)
			s.at(10*time.Minute + 5*time.Second)
			takes(t, "the third tab", s.Issuer, old, c.third...)
		})
	}
}

// A request that was in order when it arrived is no reuse when the question for claims took so long that others
// have rotated twice meanwhile.
func TestRefreshOvertaken(t *testing.T) {
	var meanwhile func()
	s := newInterrupted(t, &meanwhile)
	old := s.login(t).RefreshToken
	var latest string
	meanwhile = func() {
		latest = s.refresh(t, old).RefreshToken
		s.at(coalesces + tick)
		latest = s.refresh(t, latest).RefreshToken
	}
	_, err := s.Refresh(t.Context(), old)
	wantError(t, "overtaken twice", err, jwtauth.ErrUnavailable)
	s.wantKinds(t, "overtaken twice", jwtauth.EventRefresh, jwtauth.EventRefresh)
	s.refresh(t, latest)
	takes(t, "a later request", s.Issuer, old, jwtauth.ErrTokenReused)
}

// Refreshes of one token at the same time, on several instances: one step, one answer. With -race this is also about memory.
func TestRefreshConcurrently(t *testing.T) {
	var ticks atomic.Int64
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Now = func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * tick) } // no two rotations alike
	})
	old := s.login(t).RefreshToken
	answers := make(chan string)
	const clients = 50
	for range clients {
		go func() {
			tokens, err := s.Refresh(t.Context(), old)
			if err != nil {
				t.Error(err)
			}
			answers <- tokens.RefreshToken
		}()
	}
	different := map[string]bool{}
	for range clients {
		different[<-answers] = true
	}
	if row := s.row(old); len(different) != 1 || row.Generation != 2 {
		t.Errorf("%d different answers, generation %d", len(different), row.Generation)
	}
	events := s.told()
	rotations := slices.DeleteFunc(slices.Clone(events), func(e jwtauth.Event) bool { return e.Reason != jwtauth.ReasonRotated })
	if len(rotations) != 1 || len(events) != clients {
		t.Errorf("%d rotations, events %v", len(rotations), events)
	}
}

func TestWithoutSessions(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	_, refresh := issuer.Refresh(t.Context(), "x")
	_, sessions := issuer.Sessions(t.Context(), "user-1")
	for name, err := range map[string]error{
		"Refresh": refresh, "Sessions": sessions, "Logout": issuer.Logout(t.Context(), "x"),
		"LogoutAll": issuer.LogoutAll(t.Context(), "user-1"), "EndSession": issuer.EndSession(t.Context(), "user-1", "x"),
	} {
		if err == nil || err.Error() != "jwtauth: IssuerOptions.Sessions is not set" {
			t.Errorf("%s: %v", name, err)
		}
		wantError(t, name, err)
	}
	mustPanic(t, "Live: IssuerOptions.Sessions is not set", func() { issuer.Live() })
}

// A store that fails now and then, each time for a moment, does not hold the windows open: a token that is
// days old stays reused, and a client that keeps refreshing stays logged in.
func TestOutagesNowAndThen(t *testing.T) {
	w := newWorld(newModel(removal{}), &schedule{})
	issuer := w.issuer(0)
	stolen := w.login(issuer)
	latest, err := w.refresh(t.Context(), issuer, stolen)
	if err != nil {
		t.Fatal(err)
	}
	for at := range 60 { // 50 minutes, within the life of the stolen token
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
	if generation := refreshPayload(latest).Generation; generation < 5 { // the others coalesced
		t.Errorf("after 12 refreshes the session stands at generation %d", generation)
	}
	if _, err := issuer.Refresh(t.Context(), stolen); !errors.Is(err, jwtauth.ErrTokenReused) {
		t.Errorf("the stolen token: %v", err)
	}
}
