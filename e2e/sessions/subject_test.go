package sessions_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// The effect of the callback Claims at a refresh.
func TestClaimsAtRefresh(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		var says atomic.Pointer[error]
		s := newSetup()
		s.claims = func(context.Context, jwtauth.Session) (any, error) {
			if err := says.Load(); err != nil {
				return nil, *err
			}
			return nil, nil
		}
		here, there := s.instance(t, p.open(t), 0), s.instance(t, p.open(t), 0)
		tokens := login(t, here.url, "ada", "secret")
		sid := read(t, tokens.RefreshToken).SID
		row := func() jwtauth.Session {
			t.Helper()
			list, err := there.Sessions(t.Context(), "ada")
			check(t, err)
			if len(list) != 1 || list[0].ID != sid {
				t.Fatalf("sessions: %+v", list)
			}
			return list[0]
		}

		// A failure ends no session, however long it lasts.
		before := row()
		down := errors.New("the user database is down")
		says.Store(&down)
		const tries = 20
		for range tries {
			if a := refresh(t, here.url, tokens.RefreshToken); !a.isOutage() {
				t.Errorf("an error in Claims: %+v; want 503 with Retry-After", a)
			}
			s.clock.advance(10 * time.Second)
		}
		if after := row(); after != before {
			t.Errorf("the session has changed: %+v; it was %+v", after, before)
		}
		get(t, there.url+"/dashboard", tokens.AccessToken).want(t, "meanwhile", 200, "")
		says.Store(nil)
		a := refresh(t, there.url, tokens.RefreshToken)
		a.want(t, "afterwards", 200, "")
		t.Logf("an error in Claims: %d times 503, then the same token is refreshed to generation %d; events: %v",
			tries, read(t, a.tokens.RefreshToken).Gen, s.told())

		// That holds for a repeated old token, too.
		says.Store(&down)
		if a := refresh(t, here.url, tokens.RefreshToken); !a.isOutage() {
			t.Errorf("an error in Claims, again: %+v; want 503", a)
		}
		if n := s.events.count(jwtauth.EventReuse); n != 0 {
			t.Errorf("%d alarms", n)
		}

		// A disabled subject is refused, and the session ends.
		disabled := errors.New("left the company")
		disabled = errors.Join(jwtauth.ErrSubjectDisabled, disabled)
		says.Store(&disabled)
		s.clock.advance(coalesces)
		get(t, there.url+"/dashboard", a.tokens.AccessToken).want(t, "before the next refresh", 200, "")
		refresh(t, here.url, a.tokens.RefreshToken).want(t, "a disabled subject", 401, "session_ended")
		denied := s.events.of(jwtauth.EventDenied)
		if len(denied) != 1 || denied[0].SessionID != sid {
			t.Errorf("events: %+v; want one, of this session", denied)
		}
		if list, err := there.Sessions(t.Context(), "ada"); err != nil || len(list) != 0 {
			t.Errorf("sessions: %+v, %v; want none", list, err)
		}
		get(t, there.url+"/dashboard", a.tokens.AccessToken).want(t, "behind Live", 401, "token_invalid")
		call(t, "POST", here.url+"/login", "", map[string]string{"username": "ada", "password": "secret"}).want(t, "its login", 401, "login_failed")
		says.Store(nil)
		refresh(t, there.url, a.tokens.RefreshToken).want(t, "enabled again, with the old token", 401, "session_ended")
		t.Logf("a disabled subject: refused at the refresh, session gone, events: %v", s.told())
	})
}
