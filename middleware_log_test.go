package jwtauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// captureLog returns the text that the default logger of slog writes until the
// test ends.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	old, writer, flags := slog.Default(), log.Writer(), log.Flags()
	t.Cleanup(func() {
		slog.SetDefault(old)
		log.SetOutput(writer)
		log.SetFlags(flags)
	})
	var text bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&text, nil)))
	return &text
}

// checkLog checks that one line with the error was logged, or none if want is
// empty, and no token or password.
func checkLog(t *testing.T, text *bytes.Buffer, want string) {
	t.Helper()
	defer text.Reset()
	for _, secret := range []string{"valid-ann", "s3cret", "?key="} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("the log contains %q: %s", secret, text)
		}
	}
	if want == "" {
		if text.Len() > 0 {
			t.Errorf("logged %s", text)
		}
		return
	}
	var line struct{ Level, Msg, Err, Method string }
	d := json.NewDecoder(text)
	if err := d.Decode(&line); err != nil {
		t.Fatalf("the log: %v", err)
	}
	if line.Level != "ERROR" || line.Msg != "jwtauth: request failed" || !strings.Contains(line.Err, want) || line.Method == "" {
		t.Errorf("logged %+v, want the error %q", line, want)
	}
	if err := d.Decode(&line); !errors.Is(err, io.EOF) {
		t.Errorf("a second line is logged: %+v", line)
	}
}

// Failures of the server are logged once, unless OnError is set. Refusals are
// not logged.
func TestVerifyLogsFailures(t *testing.T) {
	text := captureLog(t)
	broken := errors.New("database is on fire")
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"accepted", nil, ""},
		{"unknown error", broken, "database is on fire"},
		{"outage", fmt.Errorf("%w: no route to host", jwtauth.ErrUnavailable), "no route to host"},
		{"own 502", ownForm{jwtauth.Problem{Status: 502}}, "own form"},
		{"own form that is no refusal", ownForm{jwtauth.Problem{Status: 200}}, "own form"},
		{"refused", jwtauth.ErrTokenExpired, ""},
		{"own 429", ownForm{jwtauth.Problem{Status: 429}}, ""},
		{"busy", jwtauth.ErrBusy, ""},
		{"deadline", context.DeadlineExceeded, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			verifier := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return &jwtauth.Claims{}, c.err })
			check := jwtauth.Require(func(*jwtauth.Claims) error {
				if errors.Is(c.err, broken) {
					return nil // Require makes a 403 of it
				}
				return c.err
			})
			request := func() *http.Request {
				return withBearer(httptest.NewRequest("GET", "/?key=1", nil), "valid-ann")
			}
			serve(jwtauth.Verify(verifier)(greet), request())
			checkLog(t, text, c.want)
			if !errors.Is(c.err, broken) {
				serve(jwtauth.Verify(subjects)(check(greet)), request())
				checkLog(t, text, c.want)
			}
			onError := jwtauth.OnError(jwtauth.WriteError)
			serve(jwtauth.Verify(verifier, onError)(greet), request())
			serve(jwtauth.Verify(subjects, onError)(check(greet)), request())
			checkLog(t, text, "")
		})
	}
	t.Run("the client has left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		verifier := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, jwtauth.ErrUnavailable })
		serve(jwtauth.Verify(verifier)(greet), get("valid-ann").WithContext(ctx))
		checkLog(t, text, "")
	})
}

// Handlers and Renew log like Verify, such as an error of Authenticate or
// tokens that are too long for cookies.
func TestHandlersLogFailures(t *testing.T) {
	text := captureLog(t)
	long := false
	s := newCookieSite(t, func(o *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) {
			if long {
				return map[string]string{"roles": strings.Repeat("x", 5000)}, nil
			}
			return nil, nil
		}
	})
	s.login(t)
	checkLog(t, text, "")
	s.send(http.HandlerFunc(s.handlers.Login), "POST", `{"username":"ann","password":"s3cret"}`, sameOrigin, "Content-Type: application/json")
	checkLog(t, text, "") // a wrong password
	long = true
	delete(s.jar, accessCookie)
	s.send(s.handlers.Renew(greet), "GET", "")
	checkLog(t, text, "too long for a cookie")
	s.send(http.HandlerFunc(s.handlers.Refresh), "POST", "", sameOrigin)
	checkLog(t, text, "too long for a cookie")
}
