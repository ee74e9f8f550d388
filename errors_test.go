package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// answerOf is the part of a response that clients rely on.
type answerOf struct {
	status    int
	challenge string
	code      string
	retry     bool
}

// checkAnswer checks all headers and members of a response. There is at most
// one challenge.
func checkAnswer(t testing.TB, w *httptest.ResponseRecorder, want answerOf) {
	t.Helper()
	if w.Code != want.status {
		t.Errorf("status %d, want %d", w.Code, want.status)
	}
	challenges := w.Header().Values("WWW-Authenticate")
	if got := fmt.Sprintf("%q", challenges); want.challenge == "" && len(challenges) > 0 || want.challenge != "" && got != fmt.Sprintf("%q", []string{want.challenge}) {
		t.Errorf("WWW-Authenticate %s, want %s", got, want.challenge)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	retry := w.Header().Values("Retry-After")
	if (len(retry) > 0) != want.retry {
		t.Errorf("Retry-After %q", retry)
	}
	for _, value := range retry {
		if seconds, err := strconv.Atoi(value); err != nil || seconds < 1 || seconds > 5 {
			t.Errorf("Retry-After %q, want 1 to 5 s", value)
		}
	}
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	if body["code"] != want.code || body["status"] != float64(want.status) || body["title"] != http.StatusText(want.status) {
		t.Errorf("body %s, want code %s", w.Body, want.code)
	}
	if detail, _ := body["detail"].(string); detail == "" || len(body) != 4 {
		t.Errorf("body %s", w.Body)
	}
}

const (
	challengeBearer = `Bearer realm="restricted"`
	tokenExpired    = `Bearer realm="restricted", error="invalid_token", error_description="The token has expired"`
	tokenInvalid    = `Bearer realm="restricted", error="invalid_token", error_description="Invalid token"`
)

var (
	answerMissing   = answerOf{status: 401, challenge: challengeBearer, code: "token_missing"}
	answerInvalid   = answerOf{status: 401, challenge: tokenInvalid, code: "token_invalid"}
	answerExpired   = answerOf{status: 401, challenge: tokenExpired, code: "token_expired"}
	answerMalformed = answerOf{status: 400, challenge: `Bearer realm="restricted", error="invalid_request"`, code: "invalid_request"}
	answerForbidden = answerOf{status: 403, code: "forbidden"}
	answerOutage    = answerOf{status: 503, code: "unavailable", retry: true}
	answerInternal  = answerOf{status: 500, code: "internal_error"}
	answerLogin     = answerOf{status: 401, challenge: challengeBearer, code: "login_failed"}
	answerTooLarge  = answerOf{status: 413, code: "body_too_large"}
)

func TestWriteError(t *testing.T) {
	ended := answerOf{status: 401, challenge: challengeBearer, code: "session_ended"}
	cases := []struct {
		err  error
		want answerOf
	}{
		{jwtauth.ErrTokenMissing, answerMissing},
		{jwtauth.ErrInvalidRequest, answerMalformed},
		{jwtauth.ErrTokenInvalid, answerInvalid},
		{jwtauth.ErrTokenMalformed, answerInvalid},
		{jwtauth.ErrTokenType, answerInvalid},
		{jwtauth.ErrKeyUnknown, answerInvalid},
		{jwtauth.ErrSignatureInvalid, answerInvalid},
		{jwtauth.ErrClaimsInvalid, answerInvalid},
		{jwtauth.ErrTokenNotYetValid, answerInvalid},
		{jwtauth.ErrTokenTooOld, answerInvalid},
		{jwtauth.ErrIssuerMismatch, answerInvalid},
		{jwtauth.ErrAudienceMismatch, answerInvalid},
		{jwtauth.ErrTokenExpired, answerExpired},
		{jwtauth.ErrSessionEnded, ended},
		{jwtauth.ErrTokenReused, ended},
		{jwtauth.ErrForbidden, answerForbidden},
		{jwtauth.ErrInsufficientScope, answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope"`, code: "insufficient_scope"}},
		{jwtauth.ErrInsufficientAuthentication, answerOf{status: 401, challenge: `Bearer realm="restricted", error="insufficient_user_authentication"`, code: "insufficient_user_authentication"}},
		{jwtauth.ErrCrossSite, answerOf{status: 403, code: "cross_site"}},
		{jwtauth.ErrBodyTooLarge, answerTooLarge},
		{jwtauth.ErrMediaType, answerOf{status: 415, code: "unsupported_media_type"}},
		{jwtauth.ErrWrongPassword, answerLogin},
		{jwtauth.ErrSubjectDisabled, answerLogin},
		{jwtauth.ErrBusy, answerOf{status: 503, code: "busy", retry: true}},
		{jwtauth.ErrUnavailable, answerOutage},
		{context.DeadlineExceeded, answerOutage},
		{context.Canceled, answerOutage},
		{errors.New("pq: password authentication failed for user secret"), answerInternal},
		{nil, answerInternal},

		// An outage takes precedence over other errors in the chain.
		{errors.Join(jwtauth.ErrTokenExpired, jwtauth.ErrUnavailable), answerOutage},
		{fmt.Errorf("%w: %w", jwtauth.ErrForbidden, jwtauth.ErrUnavailable), answerOutage},
		{fmt.Errorf("%w: %w", jwtauth.ErrTokenInvalid, jwtauth.ErrTokenExpired), answerExpired},
		{errors.Join(jwtauth.ErrForbidden, errors.New("secret")), answerForbidden},
	}
	for _, c := range cases {
		for how, err := range map[string]error{"itself": c.err, "wrapped": fmt.Errorf("secret: %w", c.err)} {
			t.Run(fmt.Sprint(c.err, " ", how), func(t *testing.T) {
				w := httptest.NewRecorder()
				jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), err)
				checkAnswer(t, w, c.want)
				checkNoToken(t, w.Body.String()+fmt.Sprint(w.Header()), "secret")
			})
		}
	}
}

// A response does not reveal the reason of a refusal, or whether a user exists.
func TestWriteErrorTellsNoReason(t *testing.T) {
	write := func(err error) string {
		w := httptest.NewRecorder()
		jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), err)
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	for _, err := range tokenErrors {
		if err != jwtauth.ErrTokenExpired && write(err) != write(jwtauth.ErrTokenInvalid) {
			t.Errorf("%v is answered %s", err, write(err))
		}
	}
	if write(jwtauth.ErrWrongPassword) != write(jwtauth.ErrSubjectDisabled) {
		t.Error("a disabled subject is told from a wrong password")
	}
	if write(jwtauth.ErrSessionEnded) != write(jwtauth.ErrTokenReused) {
		t.Error("a session that ended is told from a token that was reused")
	}
}

// Retry-After is spread, so that clients refused together do not return
// together.
func TestRetryAfterIsSpread(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		w := httptest.NewRecorder()
		jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), jwtauth.ErrUnavailable)
		seen[w.Header().Get("Retry-After")] = true
	}
	if len(seen) != 5 {
		t.Errorf("Retry-After takes %d values: %v, want 1 to 5", len(seen), seen)
	}
}

func TestTokenErrors(t *testing.T) {
	for i, err := range tokenErrors {
		if !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("%v is not ErrTokenInvalid", err)
		}
		for j, other := range tokenErrors {
			if errors.Is(err, other) != (i == j) {
				t.Errorf("errors.Is(%v, %v)", err, other)
			}
		}
	}
	for _, err := range []error{
		jwtauth.ErrTokenMissing, jwtauth.ErrInvalidRequest, jwtauth.ErrUnavailable, jwtauth.ErrForbidden, jwtauth.ErrInsufficientScope, jwtauth.ErrInsufficientAuthentication,
	} {
		if errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("%v is ErrTokenInvalid", err)
		}
	}
}

// The error for OnError and for logs names the requirement.
func TestErrorTexts(t *testing.T) {
	claims := &jwtauth.Claims{Subject: "ann", Scope: "read"}
	for want, require := range map[string]func(http.Handler) http.Handler{
		"jwtauth: scope missing: read write":                               jwtauth.RequireScope("read", "write"),
		"jwtauth: insufficient authentication: the token has no auth_time": jwtauth.RequireFresh(90 * time.Second),
		"jwtauth: forbidden: not on Sundays":                               jwtauth.Require(func(*jwtauth.Claims) error { return errors.New("not on Sundays") }),
		"jwtauth: temporarily unavailable: a test":                         jwtauth.Require(func(*jwtauth.Claims) error { return fmt.Errorf("%w: a test", jwtauth.ErrUnavailable) }),
	} {
		var got error
		verifier := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return claims, nil })
		onError := jwtauth.OnError(func(_ http.ResponseWriter, _ *http.Request, err error) { got = err })
		jwtauth.Verify(verifier, onError)(require(http.NotFoundHandler())).ServeHTTP(httptest.NewRecorder(), get("x"))
		if got == nil || got.Error() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

// The responses of Verify and of the Require middleware behind it.
func TestAnswers(t *testing.T) {
	f := forgeHS256(t)
	verifier := f.verifier(t)
	down := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return nil, errors.New("secret")
	}), options())
	good := f.claims(withClaims(`"scope":"read"`, `"auth_time":1799999000`))
	expired := f.claims(withClaims(`"exp":1`))
	bearer := func(tokens ...string) []string {
		for i := range tokens {
			tokens[i] = "Bearer " + tokens[i]
		}
		return tokens
	}
	cases := []struct {
		name          string
		authorization []string
		target        string
		verifier      jwtauth.TokenVerifier
		require       func(http.Handler) http.Handler
		want          answerOf
	}{
		{name: "no credentials", want: answerMissing},
		{name: "empty field", authorization: []string{""}, want: answerMissing},
		{name: "another scheme", authorization: []string{"Basic dXNlcjpwYXNz"}, want: answerMissing},
		{name: "two fields", authorization: bearer(good, good), want: answerMalformed},
		{name: "two fields, one of another scheme", authorization: []string{"Basic dXNlcjpwYXNz", "Bearer " + good}, want: answerMalformed},
		{name: "two explicit places", authorization: bearer(good), target: "/?access_token=" + good, want: answerMalformed},
		{name: "no token behind the scheme", authorization: []string{"Bearer"}, want: answerMalformed},
		{name: "not a token", authorization: []string{"Bearer a b"}, want: answerMalformed},
		{name: "bad token", authorization: bearer("a.b.c"), want: answerInvalid},
		{name: "bad signature", authorization: bearer(good[:len(good)-4] + "AAAA"), want: answerInvalid},
		{name: "expired", authorization: bearer(expired), want: answerExpired},
		{name: "other issuer", authorization: bearer(f.claims(withClaims(`"iss":"x"`))), want: answerInvalid},
		{name: "scope missing", authorization: bearer(good), require: jwtauth.RequireScope("read", "write"),
			want: answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="read write"`, code: "insufficient_scope"}},
		{name: "forbidden", authorization: bearer(good), require: jwtauth.Require(func(*jwtauth.Claims) error { return jwtauth.ErrForbidden }), want: answerForbidden},
		{name: "forbidden for a reason of its own", authorization: bearer(good), require: jwtauth.Require(func(*jwtauth.Claims) error { return errors.New("secret") }), want: answerForbidden},
		{name: "check cannot decide", authorization: bearer(good), require: jwtauth.Require(func(*jwtauth.Claims) error {
			return fmt.Errorf("%w: secret", jwtauth.ErrUnavailable)
		}), want: answerOutage},
		{name: "old login", authorization: bearer(good), require: jwtauth.RequireFresh(5 * time.Minute),
			want: answerOf{status: 401, challenge: `Bearer realm="restricted", error="insufficient_user_authentication", max_age="300"`, code: "insufficient_user_authentication"}},
		{name: "key source down", authorization: bearer(good), verifier: down, want: answerOutage},
		{name: "verifier fails", authorization: bearer(good), want: answerInternal, verifier: verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) {
			return nil, errors.New("secret")
		})},
		{name: "verifier says nothing", authorization: bearer(good), want: answerInternal, verifier: verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) {
			return nil, nil
		})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.verifier == nil {
				c.verifier = verifier
			}
			var handler http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler is called") })
			if c.require != nil {
				handler = c.require(handler)
			}
			handler = jwtauth.Verify(c.verifier, jwtauth.From(jwtauth.Bearer(), jwtauth.Query("access_token")))(handler)
			if c.target == "" {
				c.target = "/"
			}
			r := httptest.NewRequest("GET", c.target, nil)
			if c.authorization != nil {
				r.Header["Authorization"] = c.authorization
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			checkAnswer(t, w, c.want)
			for _, token := range []string{good, expired, "secret"} {
				checkNoToken(t, fmt.Sprint(w.Header(), w.Body), token)
			}
		})
	}
}

// Headers that describe the response a handler meant to send are removed.
func TestWriteErrorForgetsTheRepresentation(t *testing.T) {
	w := httptest.NewRecorder()
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified"} {
		w.Header().Set(name, "1")
	}
	w.Header().Set("X-Request-Id", "1")
	jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), jwtauth.ErrForbidden)
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified"} {
		if got := w.Result().Header.Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if w.Result().Header.Get("X-Request-Id") == "" {
		t.Error("a field that has nothing to do with it is gone")
	}
}
