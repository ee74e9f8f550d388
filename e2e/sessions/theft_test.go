package sessions_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A copy of a refresh token is used after the window: either the copy or the
// victim's token comes later. The session ends for both.
func TestStolenToken(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		s := newSetup()
		here, there := s.instance(t, p.open(t), 0), s.instance(t, p.open(t), 0)
		for _, late := range []string{"thief", "victim"} {
			s.events.forget()
			stolen := login(t, here.url, "ada", "secret")
			elsewhere := login(t, here.url, "ada", "secret") // another device of hers
			s.clock.advance(5 * time.Minute)

			first := refresh(t, here.url, stolen.RefreshToken) // the first of the two, in time
			first.want(t, "the first to refresh", 200, "")
			get(t, here.url+"/dashboard", first.tokens.AccessToken).want(t, "before", 200, "")
			s.clock.advance(recovers)
			refresh(t, there.url, stolen.RefreshToken).want(t, "the "+late+", after the window", 401, "session_ended")

			reuse := s.events.of(jwtauth.EventReuse)
			if len(reuse) != 1 || reuse[0].Subject != "ada" || reuse[0].SessionID != read(t, stolen.RefreshToken).SID {
				t.Errorf("events of reuse: %+v; want one, of this session", reuse)
			}
			for _, i := range []instance{here, there} {
				get(t, i.url+"/dashboard", first.tokens.AccessToken).want(t, "behind Live, with the newest access token", 401, "token_invalid")
				get(t, i.url+"/dashboard", stolen.AccessToken).want(t, "behind Live, with the stolen access token", 401, "token_invalid")
				get(t, i.url+"/catalog", first.tokens.AccessToken).want(t, "not behind Live, until the token expires", 200, "")
				refresh(t, i.url, first.tokens.RefreshToken).want(t, "the newest refresh token", 401, "session_ended")
				refresh(t, i.url, stolen.RefreshToken).want(t, "the stolen refresh token", 401, "session_ended")
			}
			get(t, there.url+"/dashboard", elsewhere.AccessToken).want(t, "her other device", 200, "")
			if n := s.events.count(jwtauth.EventReuse); n != 1 {
				t.Errorf("%d alarms; want one", n)
			}
			t.Logf("the %s came %v after the rotation: session ended for both, event %+v, refused behind Live at once", late, recovers, reuse)
		}
	})
}
