package jwtauth_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// newInterrupted returns a service that calls meanwhile during its next call of
// Claims.
func newInterrupted(t *testing.T, meanwhile *func()) *service {
	return newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) {
			if do := *meanwhile; do != nil {
				*meanwhile = nil
				do()
			}
			return nil, nil
		}
	})
}

// The store fails over to a replica without the presented generation while a
// refresh repeats it. The client gets no older token than it presented.
func TestRefreshRepeatsDuringFailover(t *testing.T) {
	var meanwhile func()
	s := newInterrupted(t, &meanwhile)
	old := s.login(t).RefreshToken
	replica := s.row(old)
	current := s.refresh(t, old).RefreshToken
	meanwhile = func() {
		if err := s.store.SessionStore.Delete(t.Context(), replica.ID); err != nil {
			t.Error(err)
		}
		if err := s.store.SessionStore.Create(t.Context(), replica); err != nil {
			t.Error(err)
		}
	}
	next := s.refresh(t, current).RefreshToken
	if got, stored := refreshPayload(next).Generation, s.row(next).Generation; got != 2 || stored != 2 {
		t.Errorf("generation %d, and %d in the store; want 2", got, stored)
	}
	s.at(repeatEnd + tick)
	s.refresh(t, next)
}

// A refresh without a write loads the session again at the end.
func TestRefreshLoadsAgain(t *testing.T) {
	for _, presented := range []int64{1, 2} {
		var meanwhile func()
		s := newInterrupted(t, &meanwhile)
		old := s.login(t).RefreshToken
		current := s.refresh(t, old).RefreshToken
		token := map[int64]string{1: old, 2: current}[presented]

		meanwhile = func() { // at another instance, whose clock is ahead
			s.at(repeatEnd + tick)
			s.refresh(t, current)
			s.at(0)
		}
		answer := s.refresh(t, token)
		if got := refreshPayload(answer.RefreshToken).Generation; got != 3 {
			t.Errorf("presented %d, the session moved on to 3: the new token has %d", presented, got)
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

// The time of a rotation is taken after the call of Claims, so that a slow call
// does not shorten the window.
func TestRefreshRotatedAtAfterClaims(t *testing.T) {
	slow := time.Duration(0)
	var s *service
	s = newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) {
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
	s.at(time.Minute + retryEnd - tick)
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("the old token is refused within its window")
	}
}

// A slow store does not make a request late: the time of its arrival counts.
func TestRefreshArrival(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	tokens := s.refresh(t, old)
	s.at(retryEnd - tick)
	s.store.before = func(_ context.Context, op string) error {
		s.at(retryEnd + 4*time.Second)
		return nil
	}
	if again := s.refresh(t, old); again.RefreshToken != tokens.RefreshToken {
		t.Error("a request that arrived within the window is refused")
	}
}

// A refresh that loses its swap decides again on the new row, up to three
// times.
func TestRefreshLostSwaps(t *testing.T) {
	for _, losses := range []int{1, 2, 3} {
		asked := 0
		s := newService(t, func(o *jwtauth.IssuerOptions) {
			o.Claims = func(context.Context, jwtauth.Session) (any, error) {
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
			row.Generation = 3 - old.Generation // the store alternates: 2, 1, 2
			row.RotatedAt = row.RotatedAt.Add(-afterwards)
			if won, err := s.store.SessionStore.Swap(ctx, old, row, s.clock.Now()); !won || err != nil {
				t.Errorf("won %v, error %v", won, err)
			}
			return nil
		}
		asked = 0
		token = s.forge(token, 2) // is adopted or rotated
		tokens, err := s.Refresh(t.Context(), token)
		// Each attempt is for another state of the session.
		if want := min(losses+1, 3); asked != want {
			t.Errorf("%d losses: %d calls of Claims, want %d", losses, asked, want)
		}
		if losses < 3 {
			if err != nil || tokens.RefreshToken == "" {
				t.Errorf("%d losses: %v", losses, err)
			}
			continue
		}
		wantError(t, "3 losses", err, jwtauth.ErrUnavailable)
		s.wantOps(t, "3 losses", "Load", "Swap", "Load", "Swap", "Load", "Swap", "Load")
		s.wantKinds(t, "3 losses")
	}
}

// The loser of a race returns the token of the winner.
func TestRefreshLoserReturnsWinner(t *testing.T) {
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
	s.wantReasons(t, "race", jwtauth.ReasonRotated, jwtauth.ReasonRetried)
}

// A request is not reuse if its token was good when it arrived, but the call of
// Claims took so long that other clients have rotated twice since.
func TestRefreshOvertaken(t *testing.T) {
	var meanwhile func()
	s := newInterrupted(t, &meanwhile)
	old := s.login(t).RefreshToken
	var latest string
	meanwhile = func() {
		latest = s.refresh(t, old).RefreshToken
		s.at(repeatEnd + tick)
		latest = s.refresh(t, latest).RefreshToken
	}
	_, err := s.Refresh(t.Context(), old)
	wantError(t, "overtaken twice", err, jwtauth.ErrUnavailable)
	s.wantKinds(t, "overtaken twice", jwtauth.EventRefresh, jwtauth.EventRefresh)
	s.refresh(t, latest)
	wantRefresh(t, "a later request", s.Issuer, old, jwtauth.ErrTokenReused)
}

// Concurrent refreshes of one token lead to one rotation and one new token.
// With the race detector this test also checks memory.
func TestRefreshConcurrently(t *testing.T) {
	var ticks atomic.Int64
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Now = func() time.Time { return start.Add(time.Duration(ticks.Add(1)) * tick) } // no two rotations at one time
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
		t.Errorf("%d different tokens, generation %d", len(different), row.Generation)
	}
	events := s.told()
	rotations := slices.DeleteFunc(slices.Clone(events), func(e jwtauth.Event) bool { return e.Reason != jwtauth.ReasonRotated })
	if len(rotations) != 1 || len(events) != clients {
		t.Errorf("%d rotations, events %v", len(rotations), events)
	}
}
