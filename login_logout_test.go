package jwtauth_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Every refresh token of the issuer logs out: expired, rotated long ago, or of
// a session that has ended.
func TestLogout(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Duration
		do   func(s *service, first string) (token string)
	}{
		{"current", 0, func(_ *service, first string) string { return first }},
		{"expired", 2 * life, func(_ *service, first string) string { return first }},
		{"rotated long ago", afterwards, func(s *service, first string) string {
			s.refresh(t, s.refresh(t, first).RefreshToken)
			return first
		}},
		{"newer than the stored session", 0, func(s *service, first string) string { return s.forge(first, 9) }},
		{"of a session that has ended", 0, func(s *service, first string) string {
			if err := s.Logout(t.Context(), first); err != nil {
				t.Error(err)
			}
			return first
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			first := s.login(t).RefreshToken
			other := s.login(t).RefreshToken
			token := c.do(s, first)
			s.at(c.at)
			s.store.took()
			s.told()
			if err := s.Logout(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			s.wantOps(t, "logout", "Delete")
			s.wantKinds(t, "logout", jwtauth.EventLogout)
			s.at(0)
			if row := s.row(first); row.ID != "" {
				t.Errorf("the session is active: %+v", row)
			}
			wantRefresh(t, "afterwards", s.Issuer, first, jwtauth.ErrSessionEnded)
			wantRefresh(t, "the other session", s.Issuer, other)
		})
	}
}

func TestLogoutAll(t *testing.T) {
	s := newService(t)
	first, second := s.login(t).RefreshToken, s.login(t).RefreshToken
	other, err := s.Login(t.Context(), "user-10")
	if err != nil {
		t.Fatal(err)
	}
	s.told()
	if err := s.LogoutAll(t.Context(), "user-1"); err != nil {
		t.Fatal(err)
	}
	if got := s.events; len(got) != 1 || got[0] != (jwtauth.Event{Kind: jwtauth.EventLogout, Subject: "user-1"}) {
		t.Errorf("events %+v", got)
	}
	wantRefresh(t, "the first session", s.Issuer, first, jwtauth.ErrSessionEnded)
	wantRefresh(t, "the second session", s.Issuer, second, jwtauth.ErrSessionEnded)
	wantRefresh(t, "another subject's", s.Issuer, other.RefreshToken)
	if err := s.LogoutAll(t.Context(), "nobody"); err != nil {
		t.Errorf("a subject without sessions: %v", err)
	}
}
