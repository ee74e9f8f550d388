package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func TestSubjectTag(t *testing.T) {
	// Stored sessions contain tags, so they must never change.
	for subject, want := range map[string]string{"user-1": "OLZXU6RG", "": "VJNLPV2T"} {
		if got := jwtauth.SubjectTag(subject); got != want {
			t.Errorf("SubjectTag(%q) = %q, want %q", subject, got, want)
		}
	}
	form := regexp.MustCompile(`^[A-Z2-7]{8}$`)
	seen := map[string]bool{}
	for _, subject := range []string{"a", "b", "A", "a ", "\xff", "é", "user-10", "user-11"} {
		tag := jwtauth.SubjectTag(subject)
		if !form.MatchString(tag) || seen[tag] {
			t.Errorf("SubjectTag(%q) = %q", subject, tag)
		}
		seen[tag] = true
	}
}

func TestSessionOptions(t *testing.T) {
	const day = 24 * time.Hour
	type opts = jwtauth.IssuerOptions
	store := memstore.New()
	for _, c := range []struct {
		name       string
		opts       opts
		idle, life time.Duration // of a session
		want       []string
	}{
		{"defaults", opts{}, 7 * day, 30 * day, nil},
		{"IdleTTL beyond the default of SessionTTL", opts{IdleTTL: 90 * day}, 90 * day, 90 * day, nil},
		{"SessionTTL below the default of IdleTTL", opts{SessionTTL: day}, day, day, nil},
		{"both", opts{IdleTTL: time.Hour, SessionTTL: day}, time.Hour, day, nil},
		{"the longest", opts{SessionTTL: 10 * 366 * day}, 7 * day, 10 * 366 * day, nil},
		{"longer", opts{SessionTTL: 10*366*day + 1}, 0, 0, []string{"IssuerOptions.SessionTTL: 87840h0m0.000000001s exceeds the maximum of 87840h0m0s"}},
		{"IdleTTL beyond SessionTTL", opts{IdleTTL: 2 * day, SessionTTL: day}, 0, 0, []string{"IssuerOptions.IdleTTL: 48h0m0s exceeds SessionTTL (24h0m0s)"}},
		{"the shortest IdleTTL", opts{IdleTTL: 17 * time.Minute}, 17 * time.Minute, 30 * day, nil},
		{"shorter", opts{IdleTTL: 17*time.Minute - 1}, 0, 0, []string{"IssuerOptions.IdleTTL: 16m59.999999999s is below the minimum of 17m0s: AccessTTL + 2·(ReuseWindow + 30s)"}},
		{"the shortest by SessionTTL", opts{SessionTTL: 16 * time.Minute}, 0, 0, []string{"IssuerOptions.SessionTTL: 16m0s is below the minimum of 17m0s"}},
		{"the shortest with long access tokens", opts{AccessTTL: 8 * day}, 0, 0, []string{"IssuerOptions.IdleTTL: 168h0m0s is below"}},
		{"the shortest without a window", opts{ReuseWindow: -1, IdleTTL: 16 * time.Minute}, 16 * time.Minute, 30 * day, nil},
		{"the shortest with the longest window", opts{ReuseWindow: 5 * time.Minute, IdleTTL: 26 * time.Minute}, 26 * time.Minute, 30 * day, nil},
		{"shorter with the longest window", opts{ReuseWindow: 5 * time.Minute, IdleTTL: 26*time.Minute - 1}, 0, 0, []string{"IssuerOptions.IdleTTL: "}},
		{"negative IdleTTL", opts{IdleTTL: -1}, 0, 0, []string{"IssuerOptions.IdleTTL: -1ns is below"}},
		{"negative SessionTTL", opts{SessionTTL: -1}, 0, 0, []string{"IssuerOptions.SessionTTL: -1ns is below"}},
		{"negative SessionTTL, with IdleTTL", opts{IdleTTL: time.Hour, SessionTTL: -1}, 0, 0, []string{"IssuerOptions.SessionTTL: -1ns is below", "IssuerOptions.IdleTTL: 1h0m0s exceeds SessionTTL (-1ns)"}},
		{"longer window", opts{ReuseWindow: 5*time.Minute + 1}, 0, 0, []string{"IssuerOptions.ReuseWindow: 5m0.000000001s exceeds the maximum of 5m0s"}},
		{"all at once", opts{AccessTTL: -1, ReuseWindow: time.Hour, SessionTTL: 1e6 * time.Hour, IdleTTL: 2e6 * time.Hour, RefreshKeys: []jwtauth.Key{{}}}, 0, 0, []string{
			"IssuerOptions.AccessTTL: ", "IssuerOptions.ReuseWindow: ", "IssuerOptions.SessionTTL: ", "IssuerOptions.IdleTTL: ", "IssuerOptions.RefreshKeys[0]: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Sessions = store
			c.opts.Now = func() time.Time { return time.Unix(now, 0) }
			issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), c.opts)
			checkFaults(t, err, c.want)
			if err != nil || len(c.want) > 0 {
				return
			}
			loginTo(t, issuer)
			list, err := issuer.Sessions(t.Context(), "user-1")
			if err != nil || len(list) != 1 {
				t.Fatalf("%d sessions, %v", len(list), err)
			}
			if idle, life := list[0].ExpiresAt.Sub(list[0].CreatedAt), list[0].EndsAt.Sub(list[0].CreatedAt); idle != c.idle || life != c.life {
				t.Errorf("a session lives %v idling, %v at most; want %v, %v", idle, life, c.idle, c.life)
			}
			if err := issuer.LogoutAll(t.Context(), "user-1"); err != nil {
				t.Error(err)
			}
		})
	}

	// A nil pointer is a fault.
	_, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), opts{Sessions: (*memstore.Store)(nil)})
	checkFaults(t, err, []string{"IssuerOptions.Sessions: is a nil *memstore.Store"})

	// Options for sessions need Sessions.
	_, err = jwtauth.NewIssuer(generate(t, jwtauth.HS256), opts{IdleTTL: 1, SessionTTL: 1, ReuseWindow: -1, RefreshKeys: []jwtauth.Key{{}}})
	checkFaults(t, err, []string{
		"IssuerOptions.IdleTTL: needs Sessions, a SessionStore, which is not set", "IssuerOptions.SessionTTL: needs Sessions, a SessionStore, which is not set",
		"IssuerOptions.ReuseWindow: needs Sessions, a SessionStore, which is not set", "IssuerOptions.RefreshKeys: needs Sessions, a SessionStore, which is not set",
	})
}

// Sessions returns active sessions only, the latest login first.
func TestSessions(t *testing.T) {
	s := newService(t)
	var labels []string
	for n, after := range []time.Duration{0, 2 * time.Hour, time.Hour, 2 * time.Hour} {
		s.at(after)
		if _, err := s.Login(t.Context(), "user-1", jwtauth.Label(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Login(t.Context(), "user-2"); err != nil {
		t.Fatal(err)
	}
	list, err := s.Sessions(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, session := range list {
		labels = append(labels, session.Label)
	}
	if !slices.Equal(labels, []string{"1", "3", "2", "0"}) && !slices.Equal(labels, []string{"3", "1", "2", "0"}) {
		t.Errorf("order %v", labels)
	}
	if list[0].CreatedAt.Equal(list[1].CreatedAt) && list[0].ID > list[1].ID {
		t.Error("sessions of one time are not sorted")
	}
	s.at(idle + time.Minute)
	if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != 3 {
		t.Errorf("when one has expired: %d sessions, %v", len(list), err)
	}
	if list, err := s.Sessions(t.Context(), "nobody"); err != nil || len(list) != 0 {
		t.Errorf("nobody's: %v, %v", list, err)
	}
}

// EndSession ends sessions of that subject only.
func TestEndSession(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	id := refreshPayload(token).SessionID
	for name, c := range map[string]struct{ subject, id string }{
		"another subject": {"user-2", id},
		"no subject":      {"", id},
		"unknown id":      {"user-1", jwtauth.SubjectTag("user-1") + "-AAAA"},
		"no id":           {"user-1", ""},
		"odd id":          {"user-1", id + "\x00"},
	} {
		s.store.took()
		wantError(t, name, s.EndSession(t.Context(), c.subject, c.id), jwtauth.ErrSessionEnded)
		if name == "unknown id" {
			s.wantOps(t, name, "Load")
		} else { // the store does not see IDs that cannot belong to the subject
			s.wantOps(t, name)
		}
	}
	s.store.loaded = func(row *jwtauth.Session) { row.Subject = "user-2" }
	wantError(t, "a row of another subject", s.EndSession(t.Context(), "user-1", id), jwtauth.ErrSessionEnded)
	s.store.loaded = nil
	s.wantKinds(t, "refused")
	if s.row(token).ID == "" || slices.Contains(s.store.took(), "Delete") {
		t.Fatal("the session was ended")
	}

	if err := s.EndSession(t.Context(), "user-1", id); err != nil {
		t.Fatal(err)
	}
	if got := s.events; len(got) != 1 || got[0] != (jwtauth.Event{Kind: jwtauth.EventLogout, Subject: "user-1", SessionID: id}) {
		t.Errorf("events %+v", got)
	}
	wantRefresh(t, "afterwards", s.Issuer, token, jwtauth.ErrSessionEnded)
	wantError(t, "again", s.EndSession(t.Context(), "user-1", id), jwtauth.ErrSessionEnded)
}

// No error of a session contains a token or a part of one.
func TestSessionErrorsHoldNoToken(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) { return nil, nil }
	})
	old := s.login(t)
	current := s.refresh(t, s.refresh(t, old.RefreshToken).RefreshToken)
	var errs []error
	try := func(token string) {
		_, err := s.Refresh(t.Context(), token)
		_, live := s.live().VerifyToken(t.Context(), token)
		errs = append(errs, err, live, s.Logout(t.Context(), token+"x"), s.EndSession(t.Context(), "user-1", token))
	}
	s.store.before = func(context.Context, string) error { return errDown }
	try(current.RefreshToken)
	try(current.AccessToken)
	s.store.before = nil
	s.at(afterwards)
	for _, token := range []string{old.RefreshToken, current.RefreshToken, current.AccessToken, old.RefreshToken[:40], current.RefreshToken + "x"} {
		try(token)
	}
	secrets := []string{refreshPayload(old.RefreshToken).SessionID}
	for _, token := range []string{old.RefreshToken, current.RefreshToken, current.AccessToken} {
		secrets = append(secrets, strings.Split(token, ".")...)
	}
	text := errors.Join(errs...).Error()
	for _, secret := range secrets {
		if strings.Contains(text, secret[:20]) {
			t.Errorf("an error contains %q:\n%s", secret[:20], text)
		}
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
}
