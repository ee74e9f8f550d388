// Package routetest tests the routes of each framework over a real socket.
package routetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// App is an example under test.
type App struct {
	// Start serves the routes on a loopback address until the test ends, and
	// returns the address.
	Start func(t testing.TB, v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) string

	// Method, Type and Body describe each request. Default: GET.
	Method, Type, Body string

	// Public, Protected and Scoped are the paths of the routes.
	// Default: /hello, /me and /reports.
	Public, Protected, Scoped string

	// NoBadRequest says that a malformed request is a 401.
	NoBadRequest bool

	// CheckRefusal reports an error if a response does not have the form of the
	// framework's own errors. p is the expected content.
	CheckRefusal func(r Response, p jwtauth.Problem) error
}

// Serve is a Start for an http.Handler.
func Serve(routes func(jwtauth.TokenVerifier, func(*jwtauth.Claims) string) http.Handler) func(testing.TB, jwtauth.TokenVerifier, func(*jwtauth.Claims) string) string {
	return func(t testing.TB, v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) string {
		server := httptest.NewServer(routes(v, greet))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
}

// Run runs all tests of an example.
func Run(t *testing.T, app App) {
	app.setDefaults()
	t.Run("routes", app.testRoutes)
	t.Run("refusals", app.testRefusals)
	t.Run("attack", func(t *testing.T) { app.attack(t, app.Protected) })
	t.Run("attack with a scope", func(t *testing.T) { app.attack(t, app.Scoped) })
}

func (app *App) setDefaults() {
	for field, value := range map[*string]string{
		&app.Method: http.MethodGet, &app.Public: "/hello", &app.Protected: "/me", &app.Scoped: "/reports",
	} {
		if *field == "" {
			*field = value
		}
	}
}

type private struct {
	Scope string `json:"scope"`
	Plan  string `json:"plan"`
}

// greeting shows that registered and private claims arrive.
func greeting(c *jwtauth.Claims) string {
	var p private
	if err := c.Decode(&p); err != nil {
		return err.Error()
	}
	return c.Subject + " has " + p.Plan + " and " + p.Scope
}

func (app *App) testRoutes(t *testing.T) {
	addr := app.Start(t, jwtauthtest.Verifier(t), greeting)
	token := "Bearer " + jwtauthtest.Token(t, "ann", private{"read reports", "gold"})
	for _, test := range []struct{ name, path, authorization, want string }{
		{"public", app.Public, "", "hello"},
		{"public with a bad token", app.Public, "Bearer x", "hello"},
		{"protected", app.Protected, token, "ann has gold and read reports"},
		{"with a scope", app.Scoped, token, "ann has gold and read reports"},
	} {
		r := send(t, addr, app.request(t, test.path, test.authorization))
		if r.Status != http.StatusOK || !strings.Contains(r.Body, test.want) {
			t.Errorf("%s: %d %q, want %q", test.name, r.Status, r.Body, test.want)
		}
	}
}

// outage is a verifier whose keys are not available.
type outage struct{}

func (outage) VerifyToken(context.Context, string) (*jwtauth.Claims, error) {
	return nil, fmt.Errorf("%w: keys", jwtauth.ErrUnavailable)
}

func (app *App) testRefusals(t *testing.T) {
	var calls atomic.Int64
	greet := func(c *jwtauth.Claims) string { calls.Add(1); return greeting(c) }
	working, broken := app.Start(t, jwtauthtest.Verifier(t), greet), app.Start(t, outage{}, greet)
	token := "Bearer " + jwtauthtest.Token(t, "ann", nil)
	for _, test := range []struct {
		name, addr, path, authorization string
		err                             error
	}{
		{"no token", working, app.Protected, "", jwtauth.ErrTokenMissing},
		{"no token for a scope", working, app.Scoped, "", jwtauth.ErrTokenMissing},
		{"no token, but a password", working, app.Protected, "Basic YTpi", jwtauth.ErrTokenMissing},
		{"malformed header", working, app.Protected, "Bearer a b", jwtauth.ErrInvalidRequest},
		{"not a token", working, app.Protected, "Bearer abc", jwtauth.ErrTokenInvalid},
		{"expired", working, app.Protected, "Bearer " + jwtauthtest.Token(t, "ann", nil, jwtauthtest.Expired()), jwtauth.ErrTokenExpired},
		{"another audience", working, app.Protected, "Bearer " + jwtauthtest.Token(t, "ann", nil, jwtauthtest.Claim("aud", "https://other.test")), jwtauth.ErrTokenInvalid},
		{"without the scope", working, app.Scoped, token, jwtauth.ErrInsufficientScope},
		{"outage", broken, app.Protected, token, jwtauth.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := send(t, test.addr, app.request(t, test.path, test.authorization))
			p := jwtauth.ProblemOf(test.err)
			if r.Status != p.Status && (!app.NoBadRequest || p.Status != 400 || r.Status != 401) {
				t.Errorf("status %d %s, want %d", r.Status, r.Body, p.Status)
			}
			want := p.Header.Get("WWW-Authenticate")
			if errors.Is(test.err, jwtauth.ErrInsufficientScope) {
				want += `, scope="reports"`
			}
			if got := r.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, want) {
				t.Errorf("WWW-Authenticate: %s, want %s", got, want)
			}
			if got, want := r.Header.Get("Cache-Control"), p.Header.Get("Cache-Control"); got != want {
				t.Errorf("Cache-Control: %q, want %q", got, want)
			}
			if got, want := r.Header.Get("Retry-After") != "", p.Header.Get("Retry-After") != ""; got != want {
				t.Errorf("Retry-After: %v, want %v", got, want) // its value is random
			}
			if err := app.CheckRefusal(r, p); err != nil {
				t.Errorf("%v: %s", err, r.Body)
			}
		})
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("the handler ran for %d refused requests", n)
	}
}

// attack runs jwtauthtest.Attack against a route. Each request crosses a
// socket, byte for byte.
func (app *App) attack(t *testing.T, path string) {
	protect := func(next http.Handler) http.Handler {
		addr := app.Start(t, jwtauthtest.Verifier(t), func(*jwtauth.Claims) string {
			next.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			return "called"
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			forward(t, addr, w, r)
		})
	}
	token := "Bearer " + jwtauthtest.Token(t, "ann", private{"reports", "gold"})
	jwtauthtest.Attack(t, protect, func() *http.Request { return app.request(t, path, token) })
}

// ProblemJSON checks the refusals of jwtauth.WriteError.
func ProblemJSON(r Response, p jwtauth.Problem) error {
	var body struct{ Code string }
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return err
	}
	if got := r.Header.Get("Content-Type"); body.Code != p.Code || got != "application/problem+json" {
		return fmt.Errorf("code %q and type %q, want %q", body.Code, got, p.Code)
	}
	return nil
}
