package jwtauth_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// If the store has lost a rotation and adopts it from the browser's token, the
// browser keeps that token. It lasts until the next refresh, even in the last
// second of the session.
func TestCookieModeRefreshAdopts(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	row := s.row(s.jar[refreshCookie])
	const ttl, week = 15 * time.Minute, 7 * 24 * time.Hour
	s.at(ttl)
	a := s.refreshes()
	kept := s.clock.Now().Add(time.Duration(a.Cookies()[1].MaxAge) * time.Second)
	s.store.SessionStore = memstore.New() // a backup
	if err := s.store.Create(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	s.told()
	s.at(week - time.Second)
	wantAnswer(t, "adopted", s.refreshes(), 200, "", accessCookie)
	s.wantReasons(t, "adopted", jwtauth.ReasonAdopted)
	if row = s.row(s.jar[refreshCookie]); row.ExpiresAt.Before(kept) {
		t.Errorf("the browser keeps the token until %v, the store the session until %v", kept, row.ExpiresAt)
	}
	s.at(week - time.Second + ttl)
	if now := s.clock.Now(); !now.Before(kept) {
		t.Errorf("the browser has dropped the refresh token at %v, the access token expires at %v", kept, now)
	}
	wantAnswer(t, "the next refresh", s.refreshes(), 200, "", accessCookie, refreshCookie)
	s.wantKinds(t, "the next refresh", jwtauth.EventRefresh)
}

// In the last second of a session, a refresh still sets the refresh cookie. A
// Max-Age of 0 would delete it.
func TestCookieModeRefreshLastSecond(t *testing.T) {
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.SessionTTL, i.IdleTTL = time.Hour, time.Hour
	})
	s.clock.Set(start.Truncate(time.Second))
	s.login(t)
	s.clock.Set(start.Truncate(time.Second).Add(time.Hour - time.Millisecond))
	wantAnswer(t, "in the last second", s.refreshes(), 200, "", accessCookie, refreshCookie)
}

func TestCookieModeRefresh(t *testing.T) {
	s := newCookieSite(t)
	wantAnswer(t, "without a cookie", s.refreshes(), 401, "token_missing")
	s.login(t)
	first := s.jar[refreshCookie]

	body := `{"refresh_token":"` + first + `"}`
	delete(s.jar, refreshCookie)
	wantAnswer(t, "with a token in the body", s.send(http.HandlerFunc(s.handlers.Refresh), "POST", body, sameOrigin, typeJSON), 401, "token_missing")
	s.jar[refreshCookie] = first

	wantAnswer(t, "two cookies", s.refreshes("Cookie: "+refreshCookie+"=planted"), 400, "invalid_request")
	wantAnswer(t, "two on one line", s.refreshes("Cookie: a=b; "+refreshCookie+"="+first), 400, "invalid_request")

	wantAnswer(t, "first", s.refreshes("Cookie: other=one"), 200, "", accessCookie, refreshCookie)
	second := s.jar[refreshCookie]
	wantAnswer(t, "again, as by a second tab", s.refreshes(), 200, "", accessCookie)
	s.jar[refreshCookie] = first
	wantAnswer(t, "with the token before, as after a lost answer", s.refreshes(), 200, "", accessCookie, refreshCookie)
	if s.jar[refreshCookie] != second {
		t.Error("the lost answer is not answered again")
	}
	s.wantReasons(t, "three refreshes", jwtauth.ReasonRotated, jwtauth.ReasonRepeated, jwtauth.ReasonRetried)

	// After these failures the browser keeps its cookies.
	good := s.jar[refreshCookie]
	s.jar[refreshCookie] = good + "x"
	wantAnswer(t, "does not verify", s.refreshes(), 401, "token_invalid")
	s.jar[refreshCookie] = first
	s.at(time.Hour)
	wantAnswer(t, "too late", s.refreshes(), 401, "session_ended")
	s.jar[refreshCookie] = good
	wantAnswer(t, "over", s.refreshes(), 401, "session_ended")
	s.login(t)
	s.fails("Load")
	wantAnswer(t, "store down", s.refreshes(), 503, "unavailable")
}

// The presented generation is not set again, even if its token differs because
// the key has changed.
func TestCookieModeRefreshNewKey(t *testing.T) {
	keys := []jwtauth.Key{generate(t, jwtauth.HS256), generate(t, jwtauth.HS256)}
	s := newCookieSite(t, func(o *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		o.RefreshKeys = nil
	})
	if err := s.SetKeys(keys[0]); err != nil {
		t.Fatal(err)
	}
	s.login(t)
	wantAnswer(t, "rotation", s.refreshes(), 200, "", accessCookie, refreshCookie)
	if err := s.SetKeys(keys[1], keys[0]); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "coalesced", s.refreshes(), 200, "", accessCookie)
}

func TestCookieModeLogout(t *testing.T) {
	s := newCookieSite(t, func(_ *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		h.AfterLogout = "/bye"
	})
	gone := []string{"-" + accessCookie, "-" + refreshCookie}
	s.login(t)
	s.fails("Delete")
	wantAnswer(t, "store down", s.logsOut(), 503, "unavailable")
	s.store.before = nil
	good, access := s.jar[refreshCookie], s.jar[accessCookie]
	s.jar[refreshCookie] = good + "x"
	delete(s.jar, accessCookie)
	wantAnswer(t, "does not verify", s.logsOut(), 401, "token_invalid")
	s.jar[refreshCookie], s.jar[accessCookie] = good, access
	wantAnswer(t, "two cookies", s.logsOut("Cookie: "+refreshCookie+"=planted"), 400, "invalid_request")
	s.wantKinds(t, "until here")

	wantAnswer(t, "logout", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "logout", jwtauth.EventLogout)
	if len(s.jar) != 0 {
		t.Errorf("the browser still holds %v", s.jar)
	}
	wantAnswer(t, "once more", s.logsOut(), 204, "", gone...)
	s.jar[refreshCookie] = good
	wantAnswer(t, "of a session that is over", s.logsOut(), 204, "", gone...)
	a := s.logsOut(typeForm)
	wantAnswer(t, "by a form", a, 303, "", gone...)
	if got := a.Header.Get("Location"); got != "/bye" {
		t.Errorf("a form leads to %q", got)
	}
}

// Without a refresh cookie, a login or logout finds the session by the access
// cookie.
func TestCookieModeWithoutRefreshCookie(t *testing.T) {
	s := newCookieSite(t)
	sessions := func(what string, want int) {
		t.Helper()
		if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != want {
			t.Errorf("%s: %d sessions, want %d; %v", what, len(list), want, err)
		}
		s.told()
	}
	login := func() {
		delete(s.jar, refreshCookie)
		s.login(t)
		delete(s.jar, refreshCookie)
	}
	gone := []string{"-" + accessCookie, "-" + refreshCookie}

	login()
	login()
	sessions("two logins", 1)
	good := s.jar[accessCookie]
	s.fails("Delete")
	wantAnswer(t, "store down", s.logsOut(), 503, "unavailable")
	s.store.before = nil
	wantAnswer(t, "two access cookies", s.logsOut("Cookie: "+accessCookie+"=planted"), 400, "invalid_request")
	sessions("refused", 1)
	wantAnswer(t, "logout", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "logout", jwtauth.EventLogout)
	sessions("logout", 0)
	s.jar[accessCookie] = good
	wantAnswer(t, "session that is over", s.logsOut(), 204, "", gone...)
	s.jar[accessCookie] = keyMust(s.Sign("user-1", nil))
	wantAnswer(t, "token without a session", s.logsOut(), 204, "", gone...)
	s.jar[accessCookie] = "nonsense"
	wantAnswer(t, "nonsense", s.logsOut(), 204, "", gone...)
	s.wantKinds(t, "no session")
}

// If the refresh cookie does not verify, a logout falls back to the access
// cookie.
func TestCookieModeLogoutBadRefreshCookie(t *testing.T) {
	gone := []string{"-" + accessCookie, "-" + refreshCookie}
	for _, c := range []struct {
		name    string
		prepare func(*cookieSite)
		status  int
		code    string
		cookies []string
		events  []jwtauth.EventKind
	}{
		{"good access cookie", func(*cookieSite) {}, 204, "", gone, []jwtauth.EventKind{jwtauth.EventLogout}},
		{"session that is over", func(s *cookieSite) {
			_ = s.LogoutAll(t.Context(), "user-1")
			s.told()
		}, 204, "", gone, nil},
		{"store down", func(s *cookieSite) { s.fails("Delete") }, 503, "unavailable", nil, nil},
		{"no access cookie", func(s *cookieSite) { delete(s.jar, accessCookie) }, 401, "token_invalid", nil, nil},
		{"bad access cookie", func(s *cookieSite) { s.jar[accessCookie] = "nonsense" }, 401, "token_invalid", nil, nil},
		{"expired access cookie", func(s *cookieSite) { s.at(time.Hour) }, 401, "token_invalid", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCookieSite(t)
			s.login(t)
			s.jar[refreshCookie] = "nonsense"
			c.prepare(s)
			wantAnswer(t, "logout", s.logsOut(), c.status, c.code, c.cookies...)
			s.wantKinds(t, "logout", c.events...)
		})
	}
}
