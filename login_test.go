package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth"
)

func TestLogin(t *testing.T) {
	at := time.Unix(now, 250e6)
	var asked string
	type mark struct{}
	issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) {
		o.Now = func() time.Time { return at }
		o.AccessTTL = time.Minute
		o.Claims = func(ctx context.Context, session jwtauth.Session) (any, error) {
			subject := session.Subject
			asked = fmt.Sprint(subject, " ", ctx.Value(mark{}))
			return map[string]any{"name": "Ann"}, nil
		}
	})
	tokens, err := issuer.Login(context.WithValue(t.Context(), mark{}, "here"), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	if asked != "user-1 here" {
		t.Errorf("the callback was called with %q", asked)
	}
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 60 || tokens.RefreshToken != "" {
		t.Errorf("tokens %v", tokens)
	}
	_, payload := parts(t, tokens.AccessToken)
	delete(payload, "jti")
	if want := (map[string]any{"sub": "user-1", "iat": float64(now), "exp": float64(now + 60), "auth_time": float64(now), "name": "Ann"}); fmt.Sprint(payload) != fmt.Sprint(want) {
		t.Errorf("payload %v, want %v", payload, want)
	}
	if _, err := issuer.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
		t.Error(err)
	}

	for _, c := range []struct {
		at, want int64
	}{{now - 3600, now - 3600}, {now + 3600, now}, {0, 0}, {-5, time.Time{}.Unix()}, {time.Time{}.Unix() - 1, time.Time{}.Unix()}} {
		tokens, err := issuer.Login(t.Context(), "user-1", jwtauth.AuthenticatedAt(time.Unix(c.at, 0)))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := issuer.VerifyToken(t.Context(), tokens.AccessToken)
		if err != nil || claims.AuthTime.Unix() != c.want {
			t.Errorf("logged in at %d, auth_time is %v, %v", c.at, claims.AuthTime.Unix(), err)
		}
	}
}

func TestLoginClaimsErrors(t *testing.T) {
	outage := errors.New("dial tcp: connection refused")
	disabled := fmt.Errorf("user-1: %w", jwtauth.ErrSubjectDisabled)
	for _, c := range []struct {
		name   string
		result any
		err    error
		want   error
		text   string
	}{
		{"disabled", nil, disabled, jwtauth.ErrSubjectDisabled, "user-1"},
		{"disabled, and yet claims", map[string]any{"a": 1}, disabled, jwtauth.ErrSubjectDisabled, "user-1"},
		{"outage", nil, outage, jwtauth.ErrUnavailable, "IssuerOptions.Claims: dial tcp"},
		{"cancelled", nil, context.Canceled, jwtauth.ErrUnavailable, "canceled"},
		{"refusal of a token is an outage here", nil, jwtauth.ErrTokenExpired, jwtauth.ErrUnavailable, "expired"},
		{"claims that are no object", 7, nil, nil, "strict JSON object"},
		{"registered claims", map[string]any{"exp": 1}, nil, nil, "cannot be set"},
		{"none", nil, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) {
				o.Claims = func(context.Context, jwtauth.Session) (any, error) { return c.result, c.err }
			})
			tokens, err := issuer.Login(t.Context(), "user-1")
			if c.text == "" {
				if err != nil || tokens.AccessToken == "" {
					t.Errorf("tokens %v, error %v", tokens, err)
				}
				return
			}
			if err == nil || tokens != (jwtauth.Tokens{}) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("tokens %v, error %v, want %q", tokens, err, c.text)
			}
			for _, sentinel := range []error{jwtauth.ErrSubjectDisabled, jwtauth.ErrUnavailable, jwtauth.ErrTokenInvalid} {
				if is := errors.Is(err, sentinel); is != (sentinel == c.want) {
					t.Errorf("errors.Is(%v, %v) is %v", err, sentinel, is)
				}
			}
			if c.err == outage && errors.Is(err, outage) {
				t.Error("the callback's own error is wrapped")
			}
		})
	}
}

func TestLoginBeginsSession(t *testing.T) {
	s := newService(t)
	at := start.Truncate(time.Millisecond).UTC()
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
		{"the last option counts", []jwtauth.LoginOption{jwtauth.Label("a"), jwtauth.Label("b")}, "b", at},
	} {
		t.Run(c.name, func(t *testing.T) {
			tokens, err := s.Login(t.Context(), "user-1", c.opts...)
			if err != nil {
				t.Fatal(err)
			}
			s.wantOps(t, "login", "Create", "List")
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

// No access token outlives its session.
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

// The session is created before the call of Claims, so that a LogoutAll finds
// it. It is deleted if the login is refused.
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
				o.Claims = func(ctx context.Context, _ jwtauth.Session) (any, error) {
					s.wantOps(t, "before the call of Claims", "Create")
					if list, _ := s.store.SessionStore.List(ctx, "user-1", s.clock.Now()); len(list) != 1 {
						t.Errorf("a LogoutAll would find %d sessions", len(list))
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

			// If the session cannot be deleted, the error says that it may
			// remain.
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

// If the response of the store is lost, no token is issued. The next login is
// another session.
func TestLoginLost(t *testing.T) {
	s := newService(t)
	s.store.after = func(op string) error { return errDown }
	tokens, err := s.Login(t.Context(), "user-1")
	wantError(t, "Create without a response", err, jwtauth.ErrUnavailable)
	if tokens != (jwtauth.Tokens{}) {
		t.Errorf("tokens %v", tokens)
	}
	s.wantKinds(t, "lost")
	s.store.after = nil
	wantRefresh(t, "the next login", s.Issuer, s.login(t).RefreshToken)
}

func TestLoginSubjects(t *testing.T) {
	s := newService(t)
	for _, subject := range []string{"", "\xff", strings.Repeat("x", 1<<10+1)} {
		if tokens, err := s.Login(t.Context(), subject); err == nil || tokens != (jwtauth.Tokens{}) || !strings.Contains(err.Error(), "Login: subject: is ") {
			t.Errorf("subject of %d bytes: %v", len(subject), err)
		}
	}
	s.wantOps(t, "invalid subjects")
	s.wantKinds(t, "invalid subjects")
}
