package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// The version of the credential is compared after the session is in the store,
// and again at each refresh.
func TestCredentialVersion(t *testing.T) {
	version, failure := "1", error(nil)
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.CredentialVersion = func(_ context.Context, subject string) (string, error) {
			if subject != "user-1" {
				t.Errorf("the version of %q is wanted", subject)
			}
			return version, failure
		}
	})
	login := func(checked string) (jwtauth.Tokens, error) {
		return s.Login(t.Context(), "user-1", jwtauth.CredentialVersion(checked))
	}
	tokens, err := login("1")
	if err != nil {
		t.Fatal(err)
	}
	other := s.login(t) // not by a password
	s.told()
	s.store.took()

	version = "2"
	_, err = login("1")
	wantError(t, "the old password", err, jwtauth.ErrWrongPassword)
	s.wantOps(t, "the old password", "Create", "Delete")
	if e := s.told(); len(e) != 1 || e[0].Kind != jwtauth.EventDenied || e[0].Reason != jwtauth.ReasonCredentialChanged {
		t.Errorf("events %v", e)
	}

	// An outage ends no session.
	failure = errors.New("no connection")
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "outage", err, jwtauth.ErrUnavailable)
	_, err = login("2")
	wantError(t, "outage", err, jwtauth.ErrUnavailable)
	failure = nil

	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "refresh after the change", err, jwtauth.ErrSessionEnded)
	if row := s.row(tokens.RefreshToken); row.ID != "" {
		t.Error("the session of the old password goes on")
	}
	s.refresh(t, other.RefreshToken)
	if _, err := login("2"); err != nil {
		t.Error(err)
	}

	failure = jwtauth.ErrSubjectDisabled
	_, err = login("2")
	wantError(t, "disabled", err, jwtauth.ErrSubjectDisabled)
}

// Users without a version have the empty one, which is compared as well.
func TestCredentialVersionEmpty(t *testing.T) {
	version := ""
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.CredentialVersion = func(context.Context, string) (string, error) { return version, nil }
	})
	login := func() (jwtauth.Tokens, error) {
		return s.Login(t.Context(), "user-1", jwtauth.CredentialVersion(""))
	}
	tokens, err := login()
	if err != nil {
		t.Fatal(err)
	}
	tokens = s.refresh(t, tokens.RefreshToken)
	version = "1"
	_, err = login()
	wantError(t, "the old password", err, jwtauth.ErrWrongPassword)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "refresh after the change", err, jwtauth.ErrSessionEnded)
}

// A login ends the sessions that exceed the limit: never its own, never a later
// one, first the unused ones, then the ones whose rotation is longest ago.
func TestMaxSessions(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.MaxSessions = 3 })
	login := func(at time.Duration, label string) jwtauth.Tokens {
		s.at(at)
		tokens, err := s.Login(t.Context(), "user-1", jwtauth.Label(label))
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	labels := func() string {
		list, err := s.Sessions(t.Context(), "user-1")
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, row := range list {
			text += row.Label + " "
		}
		return text
	}
	phone := login(0, "phone")
	login(time.Minute, "script")
	s.at(2 * time.Minute)
	s.refresh(t, phone.RefreshToken)
	login(20*time.Minute, "laptop")
	s.told()

	// The script never refreshed, and its access token has expired.
	login(21*time.Minute, "tablet")
	if got := labels(); got != "tablet laptop phone " {
		t.Errorf("sessions %s", got)
	}
	events := s.told()
	if len(events) != 2 || events[1].Kind != jwtauth.EventLogout || events[1].Reason != jwtauth.ReasonLimit || events[1].SessionID == "" {
		t.Errorf("events %v", events)
	}
	// Of used ones, the longest without a rotation ends.
	login(22*time.Minute, "desktop")
	if got := labels(); got != "desktop tablet laptop " {
		t.Errorf("sessions %s", got)
	}
	// Two logins at one time do not end each other.
	s = newService(t, func(o *jwtauth.IssuerOptions) { o.MaxSessions = 1 })
	first, second := login(0, "a"), login(0, "b")
	if s.row(first.RefreshToken).ID == "" && s.row(second.RefreshToken).ID == "" {
		t.Error("two logins end each other")
	}
}

func TestMaxSessionsOption(t *testing.T) {
	for _, c := range []struct{ limit, logins, left int }{
		{0, 105, 100}, {-1, 105, 105}, {10_000, 5, 5},
	} {
		s := newService(t, func(o *jwtauth.IssuerOptions) { o.MaxSessions = c.limit })
		for n := range c.logins {
			s.at(time.Duration(n) * time.Second)
			s.login(t)
		}
		if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != c.left {
			t.Errorf("%d: %d sessions, %v; want %d", c.limit, len(list), err, c.left)
		}
	}
	_, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), jwtauth.IssuerOptions{MaxSessions: 5})
	checkFaults(t, err, []string{"IssuerOptions.MaxSessions: needs Sessions"})
}

// If the list cannot be read, the login succeeds all the same.
func TestMaxSessionsOutage(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.MaxSessions = 1 })
	s.store.before = func(_ context.Context, op string) error {
		if op == "List" {
			return fmt.Errorf("%w: a test", jwtauth.ErrUnavailable)
		}
		return nil
	}
	if tokens := s.login(t); tokens.RefreshToken == "" {
		t.Error("no tokens")
	}
}
