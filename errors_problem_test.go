package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// checkSameResponse checks that WriteError writes the response that ProblemOf
// returns.
func checkSameResponse(t *testing.T, err error) {
	t.Helper()
	p := jwtauth.ProblemOf(err)
	w := httptest.NewRecorder()
	jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), err)
	want := p.Header.Clone()
	want.Set("Content-Type", "application/problem+json")
	got := w.Header().Clone()
	if (got.Get("Retry-After") == "") != (want.Get("Retry-After") == "") {
		t.Errorf("%v: Retry-After %q and %q", err, got.Get("Retry-After"), want.Get("Retry-After"))
	}
	got.Del("Retry-After") // random
	want.Del("Retry-After")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v: WriteError sets %v, ProblemOf returns %v", err, got, want)
	}
	var body struct {
		Title, Detail, Code string
		Status              int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != p.Status || body.Status != p.Status || body.Title != p.Title || body.Detail != p.Detail || body.Code != p.Code {
		t.Errorf("%v: WriteError writes %d %s, ProblemOf returns %+v", err, w.Code, w.Body, p)
	}
}

func TestProblemOf(t *testing.T) {
	for _, c := range []struct {
		err       error
		status    int
		code      string
		title     string
		detail    string
		challenge string // after the realm
	}{
		{jwtauth.ErrTokenMissing, 401, "token_missing", "Unauthorized", "Authentication required.", " "},
		{jwtauth.ErrTokenExpired, 401, "token_expired", "Unauthorized", "The token has expired.", `, error="invalid_token", error_description="The token has expired"`},
		{jwtauth.ErrKeyUnknown, 401, "token_invalid", "Unauthorized", "Invalid token.", `, error="invalid_token", error_description="Invalid token"`},
		{jwtauth.ErrTokenReused, 401, "session_ended", "Unauthorized", "The session has ended. Log in again.", " "},
		{jwtauth.ErrSubjectDisabled, 401, "login_failed", "Unauthorized", "Wrong username or password.", " "},
		{jwtauth.ErrInvalidRequest, 400, "invalid_request", "Bad Request", "Malformed or repeated credentials.", `, error="invalid_request"`},
		{jwtauth.ErrInsufficientScope, 403, "insufficient_scope", "Forbidden", "Insufficient scope.", `, error="insufficient_scope"`},
		{jwtauth.ErrInsufficientAuthentication, 401, "insufficient_user_authentication", "Unauthorized", "A more recent or stronger login is required.", `, error="insufficient_user_authentication"`},
		{jwtauth.ErrForbidden, 403, "forbidden", "Forbidden", "Access denied.", ""},
		{jwtauth.ErrCrossSite, 403, "cross_site", "Forbidden", "Cross-site request refused.", ""},
		{jwtauth.ErrBodyInvalid, 400, "body_invalid", "Bad Request", "The request body is malformed or incomplete.", ""},
		{jwtauth.ErrBodyTooLarge, 413, "body_too_large", "Request Entity Too Large", "The request body is too large.", ""},
		{&http.MaxBytesError{Limit: 1}, 413, "body_too_large", "Request Entity Too Large", "The request body is too large.", ""},
		{jwtauth.ErrMediaType, 415, "unsupported_media_type", "Unsupported Media Type", "Unsupported media type.", ""},
		{jwtauth.ErrPasswordUnhashable, 400, "password_invalid", "Bad Request", "The password is longer than 72 bytes or contains a NUL byte.", ""},
		{jwtauth.ErrBusy, 503, "busy", "Service Unavailable", "Too many logins. Try again later.", ""},
		{jwtauth.ErrUnavailable, 503, "unavailable", "Service Unavailable", "Temporarily unavailable.", ""},
		{context.Canceled, 503, "unavailable", "Service Unavailable", "Temporarily unavailable.", ""},
		{errors.New("secret"), 500, "internal_error", "Internal Server Error", "Internal error.", ""},
		{nil, 500, "internal_error", "Internal Server Error", "Internal error.", ""},
	} {
		p := jwtauth.ProblemOf(c.err)
		if p.Status != c.status || p.Code != c.code || p.Title != c.title || p.Detail != c.detail {
			t.Errorf("%v: %+v", c.err, p)
		}
		want := http.Header{"Cache-Control": {"no-store"}}
		if c.challenge != "" {
			want["Www-Authenticate"] = []string{challengeBearer + strings.TrimSpace(c.challenge)}
		}
		if (p.Header.Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%v: Retry-After %q", c.err, p.Header.Get("Retry-After"))
		}
		p.Header.Del("Retry-After")
		if !reflect.DeepEqual(p.Header, want) {
			t.Errorf("%v: header %v, want %v", c.err, p.Header, want)
		}
		checkSameResponse(t, c.err)
		checkSameResponse(t, fmt.Errorf("wrapped: %w", c.err))
	}
}

// The caller may change the Header of a Problem.
func TestProblemOfIsACopy(t *testing.T) {
	for _, err := range []error{jwtauth.ErrTokenInvalid, ownForm{jwtauth.Problem{Status: 401, Header: http.Header{"Www-Authenticate": {"X"}}}}} {
		want := jwtauth.ProblemOf(err).Header.Get("WWW-Authenticate")
		changed := jwtauth.ProblemOf(err).Header
		changed["Www-Authenticate"][0] = "changed"
		changed.Set("X-Added", "1")
		if p := jwtauth.ProblemOf(err); p.Header.Get("WWW-Authenticate") != want || p.Header.Get("X-Added") != "" {
			t.Errorf("%v: header %v", err, p.Header)
		}
	}
}

// ownForm is an error with an HTTP form of its own.
type ownForm struct{ problem jwtauth.Problem }

func (ownForm) Error() string                  { return "own form: secret" }
func (e ownForm) HTTPProblem() jwtauth.Problem { return e.problem }

func TestHTTPProblem(t *testing.T) {
	noStore := http.Header{"Cache-Control": {"no-store"}}
	for _, c := range []struct {
		name      string
		own, want jwtauth.Problem
	}{
		{
			"complete",
			jwtauth.Problem{Status: 429, Code: "slow_down", Title: "Slow", Detail: "Too fast.", Header: http.Header{"Retry-After": {"7"}, "Cache-Control": {"private"}}},
			jwtauth.Problem{Status: 429, Code: "slow_down", Title: "Slow", Detail: "Too fast.", Header: http.Header{"Retry-After": {"7"}, "Cache-Control": {"private"}}},
		},
		{
			"several challenges",
			jwtauth.Problem{Status: 401, Code: "x", Header: http.Header{"www-authenticate": {"DPoP", "Bearer"}}},
			jwtauth.Problem{Status: 401, Code: "x", Title: "Unauthorized", Header: http.Header{"Www-Authenticate": {"DPoP", "Bearer"}, "Cache-Control": {"no-store"}}},
		},
		{"only a status", jwtauth.Problem{Status: 409}, jwtauth.Problem{Status: 409, Title: "Conflict", Header: noStore}},
		{"lowest status", jwtauth.Problem{Status: 400}, jwtauth.Problem{Status: 400, Title: "Bad Request", Header: noStore}},
		{"highest status", jwtauth.Problem{Status: 599, Title: "x"}, jwtauth.Problem{Status: 599, Title: "x", Header: noStore}},
		{"zero", jwtauth.Problem{}, jwtauth.ProblemOf(nil)},
		{"a success", jwtauth.Problem{Status: 200, Code: "ok", Header: http.Header{"X": {"1"}}}, jwtauth.ProblemOf(nil)},
		{"a redirect", jwtauth.Problem{Status: 399}, jwtauth.ProblemOf(nil)},
		{"no status at all", jwtauth.Problem{Status: 600}, jwtauth.ProblemOf(nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, err := range []error{
				ownForm{c.own},
				fmt.Errorf("wrapped: %w", ownForm{c.own}),
				fmt.Errorf("%w: %w", jwtauth.ErrTokenInvalid, ownForm{c.own}),
				errors.Join(ownForm{c.own}, jwtauth.ErrForbidden),
			} {
				if p := jwtauth.ProblemOf(err); !reflect.DeepEqual(p, c.want) {
					t.Errorf("%v: %+v, want %+v", err, p, c.want)
				}
				checkSameResponse(t, err)
			}
		})
	}
}

// Require keeps the response of an error that has its own.
func TestRequireKeepsHTTPProblem(t *testing.T) {
	limited := ownForm{jwtauth.Problem{Status: 429, Code: "slow_down"}}
	h := jwtauth.Verify(subjects)(jwtauth.Require(func(*jwtauth.Claims) error { return limited })(greet))
	if w := serve(h, get("valid-ann")); w.Code != 429 || !strings.Contains(w.Body.String(), `"code":"slow_down"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Errors carry the challenge of their Verify, also through wrapping, to
// ProblemOf and to WriteError.
func TestRealm(t *testing.T) {
	const start = `Bearer realm="the \"api\\"`
	realm := jwtauth.Realm(`the "api\`)
	scope, fresh := jwtauth.RequireScope("admin"), jwtauth.RequireFresh(time.Minute)
	old := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) {
		return &jwtauth.Claims{Subject: "ann", AuthTime: time.Unix(0, 0)}, nil
	})
	for _, c := range []struct {
		name, token, want string
		h                 func(...jwtauth.VerifyOption) http.Handler
	}{
		{"missing", "", start, func(o ...jwtauth.VerifyOption) http.Handler { return jwtauth.Verify(subjects, o...)(greet) }},
		{"invalid", "bad", start + `, error="invalid_token", error_description="Invalid token"`, func(o ...jwtauth.VerifyOption) http.Handler { return jwtauth.Verify(subjects, o...)(greet) }},
		{"malformed", "a b", start + `, error="invalid_request"`, func(o ...jwtauth.VerifyOption) http.Handler { return jwtauth.Verify(subjects, o...)(greet) }},
		{"scope", "x", start + `, error="insufficient_scope", scope="admin"`, func(o ...jwtauth.VerifyOption) http.Handler { return jwtauth.Verify(old, o...)(scope(greet)) }},
		{"fresh", "x", start + `, error="insufficient_user_authentication", max_age="60"`, func(o ...jwtauth.VerifyOption) http.Handler { return jwtauth.Verify(old, o...)(fresh(greet)) }},
		{"anonymous behind Optional", "", start + `, scope="admin"`, func(o ...jwtauth.VerifyOption) http.Handler {
			return jwtauth.Verify(subjects, append(o, jwtauth.Optional())...)(scope(greet))
		}},
		{"of a handler", "valid-ann", start, func(o ...jwtauth.VerifyOption) http.Handler {
			return jwtauth.Verify(subjects, o...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				jwtauth.WriteError(w, r, jwtauth.ErrTokenMissing)
			}))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(c.h(realm), get(c.token))
			if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != c.want {
				t.Errorf("WriteError: %q, want %q", got, c.want)
			}
			var problem jwtauth.Problem
			w = serve(c.h(realm, jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
				problem = jwtauth.ProblemOf(fmt.Errorf("logged: %w", err))
				jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), fmt.Errorf("logged: %w", err))
			})), get(c.token))
			if got := w.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != c.want {
				t.Errorf("WriteError in OnError: %q, want %q", got, c.want)
			}
			if got := problem.Header["Www-Authenticate"]; c.name != "of a handler" && (len(got) != 1 || got[0] != c.want) {
				t.Errorf("ProblemOf in OnError: %q, want %q", got, c.want)
			}
		})
	}
	for _, name := range []string{"", "a\n", "é", "\x7f"} {
		mustPanic(t, "Realm: name is not printable ASCII", func() { jwtauth.Realm(name) })
	}
	// Without a Verify around it, or behind NewContext, the realm is the
	// default.
	w := httptest.NewRecorder()
	jwtauth.WriteError(w, nil, jwtauth.ErrTokenMissing)
	checkAnswer(t, w, answerMissing)
	r := get("")
	checkAnswer(t, serve(scope(greet), r.WithContext(jwtauth.NewContext(r.Context(), &jwtauth.Claims{}))),
		answerOf{status: 403, challenge: challengeBearer + `, error="insufficient_scope", scope="admin"`, code: "insufficient_scope"})
}

// The inner Verify is the one that refuses, so its realm counts.
func TestRealmNested(t *testing.T) {
	inner := jwtauth.Verify(subjects, jwtauth.Realm("inner"), jwtauth.From(jwtauth.Header("X-Inner")))
	h := jwtauth.Verify(subjects, jwtauth.Realm("outer"))(inner(greet))
	if got := serve(h, get("")).Header().Get("WWW-Authenticate"); got != `Bearer realm="outer"` {
		t.Errorf("the outer Verify refuses with %q", got)
	}
	if got := serve(h, get("valid-ann")).Header().Get("WWW-Authenticate"); got != `Bearer realm="inner"` {
		t.Errorf("the inner Verify refuses with %q", got)
	}
}
