package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// recordingGuard is a LoginGuard that refuses with its error, if it has one.
type recordingGuard struct {
	refusal error
	calls   []string
}

type guardKey struct{}

func (g *recordingGuard) Allow(r *http.Request, username string) (context.Context, error) {
	g.calls = append(g.calls, "Allow "+username)
	return context.WithValue(r.Context(), guardKey{}, g), g.refusal
}

func (g *recordingGuard) Report(w http.ResponseWriter, r *http.Request, username string, err error) {
	if r.Context().Value(guardKey{}) != g {
		g.calls = append(g.calls, "Report without the context of Allow")
	}
	result := "success"
	if err != nil {
		result = err.Error()
	}
	g.calls = append(g.calls, "Report "+username+": "+result)
	w.Header().Set("Guard", "reported")
}

func TestLoginGuard(t *testing.T) {
	const login = `{"username":"ann","password":"secret"}`
	for _, c := range []struct {
		name, body string
		prepare    func(s *endpoints, g *recordingGuard)
		status     int
		checked    bool // whether Authenticate is called
		calls      []string
	}{
		{"right password", login, nil, 200, true, []string{"Allow ann", "Report ann: success"}},
		{"wrong password", `{"username":"ann","password":"x"}`, nil, 401, true, []string{"Allow ann", "Report ann: jwtauth: wrong user or password"}},
		{"disabled after the check", login, func(s *endpoints, _ *recordingGuard) { s.disabled = jwtauth.ErrSubjectDisabled }, 401, true,
			[]string{"Allow ann", "Report ann: jwtauth: subject disabled"}},
		{"refused", login, func(_ *endpoints, g *recordingGuard) { g.refusal = jwtauth.ErrBusy }, 503, false, []string{"Allow ann"}},
		{"body without a password", `{"username":"ann"}`, nil, 400, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			guard := &recordingGuard{}
			var seen any
			s := newEndpoints(t, func(o *jwtauth.HandlerOptions) {
				o.Guard = guard
				check := o.Authenticate
				o.Authenticate = func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
					seen = ctx.Value(guardKey{})
					return check(ctx, username, password)
				}
			})
			if c.prepare != nil {
				c.prepare(s, guard)
			}
			w := s.post("/login", asJSON, c.body)
			if w.Code != c.status || !slices.Equal(guard.calls, c.calls) {
				t.Errorf("answers %d after the calls %q, want %d after %q", w.Code, guard.calls, c.status, c.calls)
			}
			if (seen == guard) != c.checked || (len(s.authenticated) > 0) != c.checked {
				t.Errorf("the password was checked %d times, with the guard's context: %v", len(s.authenticated), seen == guard)
			}
			// The result was reported before the response was written.
			if (w.Result().Header.Get("Guard") != "") != c.checked {
				t.Errorf("headers %v", w.Result().Header)
			}
		})
	}
}

// Tokens that do not fit into cookies are a failed login for the guard.
func TestLoginGuardReportsCookies(t *testing.T) {
	guard := &recordingGuard{}
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, h *jwtauth.HandlerOptions) {
		i.Claims = func(context.Context, jwtauth.Session) (any, error) {
			return map[string]string{"long": string(make([]byte, 1<<10))}, nil
		}
		h.Guard = guard
	})
	s.send(http.HandlerFunc(s.handlers.Login), "POST", rightLogin, sameOrigin, typeJSON)
	want := []string{"Allow user-1", "Report user-1: jwtauth: a token is too long for a cookie: reduce the private claims"}
	if !slices.Equal(guard.calls, want) {
		t.Errorf("calls %q, want %q", guard.calls, want)
	}
	if sessions, err := s.Sessions(t.Context(), "user-1"); err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions are left, %v", len(sessions), err)
	}
}

// The error of Allow decides the response.
func TestLoginGuardProblem(t *testing.T) {
	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) { o.Guard = &recordingGuard{refusal: errors.New("no decision")} })
	wantRefusal(t, "an unknown error", s.post("/login", asJSON, `{"username":"ann","password":"secret"}`), 500, "internal_error", "")
}
