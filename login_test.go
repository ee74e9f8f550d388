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
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth"
)

func TestLoginBeginsSession(t *testing.T) {
	s := newService(t)
	at := start.Truncate(time.Millisecond).UTC() // whole milliseconds
	ids := map[string]bool{}
	for _, c := range []struct {
		name     string
		opts     []jwtauth.LoginOption
		label    string
		authTime time.Time
	}{
		{"plain", nil, "", at},
		{"label", []jwtauth.LoginOption{jwtauth.Label("Ann's phone")}, "Ann's phone", at},
		{"authenticated before", []jwtauth.LoginOption{jwtauth.AuthenticatedAt(start.Add(-time.Minute))}, "", at.Add(-time.Minute)},
		{"authenticated in the future", []jwtauth.LoginOption{jwtauth.AuthenticatedAt(start.Add(time.Minute))}, "", at},
		{"the last word counts", []jwtauth.LoginOption{jwtauth.Label("a"), jwtauth.Label("b")}, "b", at},
	} {
		t.Run(c.name, func(t *testing.T) {
			tokens, err := s.Login(t.Context(), "user-1", c.opts...)
			if err != nil {
				t.Fatal(err)
			}
			s.wantOps(t, "login", "Create")
			s.wantKinds(t, "login", jwtauth.EventLogin)
			row := s.row(tokens.RefreshToken)
			if !regexp.MustCompile(`^`+jwtauth.SubjectTag("user-1")+`-[A-Z2-7]{26,}$`).MatchString(row.ID) || ids[row.ID] {
				t.Errorf("session id %q", row.ID)
			}
			ids[row.ID] = true
			want := jwtauth.Session{
				ID: row.ID, Subject: "user-1", Label: c.label, Revision: 1, Generation: 1,
				CreatedAt: at, AuthTime: c.authTime, RotatedAt: at, ExpiresAt: at.Add(idle), EndsAt: at.Add(life),
			}
			if row != want || s.store.wrote != want {
				t.Errorf("the row is %+v, written as %+v, want %+v", row, s.store.wrote, want)
			}
			claims, err := s.VerifyToken(t.Context(), tokens.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != "user-1" || claims.SessionID != row.ID || claims.AuthTime.Unix() != c.authTime.Unix() || claims.ID == "" {
				t.Errorf("access token %+v", claims)
			}
			if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 {
				t.Errorf("tokens %v", tokens)
			}
		})
	}
}

// A session that is shorter than an access token's life has shorter ones; none outlives it.
func TestLoginAccessTokenWithinSession(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) { o.SessionTTL = 17 * time.Minute })
	token := s.login(t).RefreshToken
	for _, at := range []time.Duration{90 * time.Second, 5 * time.Minute, 10 * time.Minute, 16 * time.Minute} {
		s.at(at)
		tokens := s.refresh(t, token)
		token = tokens.RefreshToken
		claims, err := s.VerifyToken(t.Context(), tokens.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		want := min(900*time.Second, 17*time.Minute-at)
		if claims.ExpiresAt.After(start.Add(17*time.Minute)) || time.Duration(tokens.ExpiresIn)*time.Second != want {
			t.Errorf("%v after the login the access token lives %ds, want %v", at, tokens.ExpiresIn, want)
		}
	}
}

func TestLabel(t *testing.T) {
	const bytes = 128
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"plain", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"},
		{"other scripts", "Telefon für 田中 👩", "Telefon für 田中 👩"},
		{"space around", " \u2003a b\u00a0", "a b"},
		{"control characters", "a\x00\x1b[31mb\r\nc\x7f\u0085d\te", "a[31mbcde"},
		{"formatting characters", "a\u202eb\u200bc\ufeffd\u2028e", "abcde"},
		{"invalid UTF-8", "a\xffb\xc3c\xed\xa0\x80d", "abcd"},
		{"replacement character", "a\ufffdb", "ab"},
		{"nothing else", "\x00\x01 \n", ""},
		{"longest", strings.Repeat("x", bytes), strings.Repeat("x", bytes)},
		{"longer", strings.Repeat("x", bytes) + "y", strings.Repeat("x", bytes)},
		{"cut between characters", strings.Repeat("é", bytes/2) + "é", strings.Repeat("é", bytes/2)},
		{"not cut within one", "x" + strings.Repeat("é", bytes/2), "x" + strings.Repeat("é", bytes/2-1)},
		{"what is left out does not count", strings.Repeat("\x00", bytes) + strings.Repeat("y", bytes), strings.Repeat("y", bytes)},
		{"endless", strings.Repeat("\x00", 1<<20) + "y", ""},
		{"endless, cut within a character", strings.Repeat("x", bytes-1) + strings.Repeat("€", 1<<18), strings.Repeat("x", bytes-1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			tokens, err := s.Login(t.Context(), "user-1", jwtauth.Label(c.text))
			if err != nil {
				t.Fatal(err)
			}
			got := s.row(tokens.RefreshToken).Label
			if got != c.want || len(got) > bytes || !utf8.ValidString(got) {
				t.Errorf("label %q, want %q", got, c.want)
			}
		})
	}
}

// The row comes before the question, so that a LogoutAll finds it; refused, it is gone again.
func TestLoginRefused(t *testing.T) {
	for name, c := range map[string]struct {
		private any
		refusal error
		want    error
		event   []jwtauth.EventKind
	}{
		"disabled":          {nil, fmt.Errorf("left: %w", jwtauth.ErrSubjectDisabled), jwtauth.ErrSubjectDisabled, []jwtauth.EventKind{jwtauth.EventDenied}},
		"outage":            {nil, errDown, jwtauth.ErrUnavailable, nil},
		"claims no object":  {7, nil, nil, nil},
		"registered claims": {map[string]any{"sid": "x"}, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var s *service
			s = newService(t, func(o *jwtauth.IssuerOptions) {
				o.Claims = func(ctx context.Context, _ string) (any, error) {
					s.wantOps(t, "before the claims are asked for", "Create")
					if list, _ := s.store.SessionStore.List(ctx, "user-1", s.clock.Now()); len(list) != 1 {
						t.Errorf("%d sessions are there for a LogoutAll to find", len(list))
					}
					return c.private, c.refusal
				}
			})
			tokens, err := s.Login(t.Context(), "user-1")
			if err == nil || tokens != (jwtauth.Tokens{}) {
				t.Fatalf("tokens %v, %v", tokens, err)
			}
			if c.want != nil {
				wantError(t, name, err, c.want)
			} else {
				wantError(t, name, err)
			}
			s.wantOps(t, name, "Delete")
			s.wantKinds(t, name, c.event...)
			if list, _ := s.Sessions(t.Context(), "user-1"); len(list) != 0 {
				t.Errorf("%d sessions are left", len(list))
			}

			// What cannot be deleted is told: the session may stand.
			s.store.took()
			s.store.before = func(_ context.Context, op string) error {
				if op == "Delete" {
					return errDown
				}
				return nil
			}
			_, err = s.Login(t.Context(), "user-1")
			wantError(t, "the delete fails", err, jwtauth.ErrUnavailable)
			s.wantKinds(t, "the delete fails")
		})
	}
}

// A login whose answer is lost leaves nobody a token; the next one is another session.
func TestLoginLost(t *testing.T) {
	s := newService(t)
	s.store.after = func(op string) error { return errDown }
	tokens, err := s.Login(t.Context(), "user-1")
	wantError(t, "Create carried out, and not answered", err, jwtauth.ErrUnavailable)
	if tokens != (jwtauth.Tokens{}) {
		t.Errorf("tokens %v", tokens)
	}
	s.wantKinds(t, "lost")
	s.store.after = nil
	takes(t, "the next login", s.Issuer, s.login(t).RefreshToken)
}

func TestLoginSubjects(t *testing.T) {
	s := newService(t)
	for _, subject := range []string{"", "\xff", strings.Repeat("x", 1<<10+1)} {
		if tokens, err := s.Login(t.Context(), subject); err == nil || tokens != (jwtauth.Tokens{}) || !strings.Contains(err.Error(), "Login: subject: is ") {
			t.Errorf("subject of %d bytes: %v", len(subject), err)
		}
	}
	s.wantOps(t, "subjects that cannot be")
	s.wantKinds(t, "subjects that cannot be")
}

// Any refresh token of ours logs out, be it expired, exchanged long ago, or of a session that is over.
func TestLogout(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Duration
		do   func(s *service, first string) (token string)
	}{
		{"the one in force", 0, func(_ *service, first string) string { return first }},
		{"expired", 2 * life, func(_ *service, first string) string { return first }},
		{"exchanged long ago", afterwards, func(s *service, first string) string {
			s.refresh(t, s.refresh(t, first).RefreshToken)
			return first
		}},
		{"newer than the store knows", 0, func(s *service, first string) string { return s.forge(first, 9) }},
		{"of a session that is over", 0, func(s *service, first string) string {
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
				t.Errorf("the session stands: %+v", row)
			}
			takes(t, "afterwards", s.Issuer, first, jwtauth.ErrSessionEnded)
			takes(t, "the other session", s.Issuer, other)
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
	takes(t, "the first session", s.Issuer, first, jwtauth.ErrSessionEnded)
	takes(t, "the second session", s.Issuer, second, jwtauth.ErrSessionEnded)
	takes(t, "another subject's", s.Issuer, other.RefreshToken)
	if err := s.LogoutAll(t.Context(), "nobody"); err != nil {
		t.Errorf("a subject without sessions: %v", err)
	}
}

// Sessions come newest first, and only those that stand.
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
		t.Error("sessions of one moment come in any order")
	}
	s.at(idle + time.Minute)
	if list, err := s.Sessions(t.Context(), "user-1"); err != nil || len(list) != 3 {
		t.Errorf("when one has expired: %d sessions, %v", len(list), err)
	}
	if list, err := s.Sessions(t.Context(), "nobody"); err != nil || len(list) != 0 {
		t.Errorf("nobody's: %v, %v", list, err)
	}
}

// EndSession ends a session of that subject, and of no other.
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
		} else { // what cannot be an id of that subject no store sees
			s.wantOps(t, name)
		}
	}
	s.store.loaded = func(row *jwtauth.Session) { row.Subject = "user-2" } // whatever an id may look like
	wantError(t, "a row of another subject", s.EndSession(t.Context(), "user-1", id), jwtauth.ErrSessionEnded)
	s.store.loaded = nil
	s.wantKinds(t, "refused")
	if s.row(token).ID == "" || slices.Contains(s.store.took(), "Delete") {
		t.Fatal("it was ended all the same")
	}

	if err := s.EndSession(t.Context(), "user-1", id); err != nil {
		t.Fatal(err)
	}
	if got := s.events; len(got) != 1 || got[0] != (jwtauth.Event{Kind: jwtauth.EventLogout, Subject: "user-1", SessionID: id}) {
		t.Errorf("events %+v", got)
	}
	takes(t, "afterwards", s.Issuer, token, jwtauth.ErrSessionEnded)
	wantError(t, "again", s.EndSession(t.Context(), "user-1", id), jwtauth.ErrSessionEnded)
}

// No error of a session holds a token, or what it is made of.
func TestSessionErrorsHoldNoToken(t *testing.T) {
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, string) (any, error) { return nil, nil }
	})
	old := s.login(t)
	current := s.refresh(t, s.refresh(t, old.RefreshToken).RefreshToken)
	var errs []error
	try := func(token string) {
		_, err := s.Refresh(t.Context(), token)
		_, live := s.Live().VerifyToken(t.Context(), token)
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
			t.Errorf("an error holds %q:\n%s", secret[:20], text)
		}
	}
}
