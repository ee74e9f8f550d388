package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

type middleware = func(http.Handler) http.Handler

// greet responds with the subject, or "anonymous".
var greet = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	claims, ok := jwtauth.FromContext(r.Context())
	if !ok {
		_, _ = io.WriteString(w, "anonymous")
		return
	}
	_, _ = io.WriteString(w, claims.Subject)
})

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func withBearer(r *http.Request, token string) *http.Request {
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func get(token string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		withBearer(r, token)
	}
	return r
}

// subjects accepts the token "valid-NAME" for the subject NAME, and no others.
var subjects = verifierFunc(func(_ context.Context, token string) (*jwtauth.Claims, error) {
	if subject, ok := strings.CutPrefix(token, "valid-"); ok {
		return &jwtauth.Claims{Subject: subject, Scope: "read write", AuthTime: time.Now()}, nil
	}
	return nil, jwtauth.ErrSignatureInvalid
})

func checkGreeting(t *testing.T, w *httptest.ResponseRecorder, want string) {
	t.Helper()
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("answered %d, %s; want %s", w.Code, w.Body, want)
	}
}

func TestVerify(t *testing.T) {
	h := jwtauth.Verify(subjects)(greet)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} {
		checkAnswer(t, serve(h, httptest.NewRequest(method, "http://example.com/", nil)), answerMissing)
		checkGreeting(t, serve(h, withBearer(httptest.NewRequest(method, "http://example.com/", nil), "valid-ann")), "ann")
	}
	checkAnswer(t, serve(h, get("bad")), answerInvalid)
	// Only configured sources count.
	r := get("")
	r.URL.RawQuery = "access_token=valid-ann"
	r.AddCookie(&http.Cookie{Name: "access_token", Value: "valid-ann"})
	checkAnswer(t, serve(h, r), answerMissing)
}

func TestVerifyPassesTheRequest(t *testing.T) {
	type mark struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), mark{}, "kept"))
	h := jwtauth.Verify(verifierFunc(func(c context.Context, token string) (*jwtauth.Claims, error) {
		if c.Value(mark{}) != "kept" {
			t.Error("the verifier has another context")
		}
		return subjects(c, token)
	}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(mark{}) != "kept" {
			t.Error("values of the context are lost")
		}
		cancel()
		if r.Context().Err() == nil {
			t.Error("cancellation is lost")
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, r.URL, r.Header.Get("X"), string(body))
	}))
	r := withBearer(httptest.NewRequestWithContext(ctx, "POST", "/a?b=c", strings.NewReader("body")), "valid-ann")
	r.Header.Set("X", "y")
	checkGreeting(t, serve(h, r), "POST/a?b=cybody")
	if _, ok := jwtauth.FromContext(r.Context()); ok {
		t.Error("the caller's own request has claims")
	}
}

func TestOptional(t *testing.T) {
	h := jwtauth.Verify(subjects, jwtauth.Optional())(greet)
	checkGreeting(t, serve(h, get("")), "anonymous")
	checkGreeting(t, serve(h, get("valid-ann")), "ann")
	checkAnswer(t, serve(h, get("bad")), answerInvalid)
	for field, want := range map[string]string{"": "anonymous", "Basic YTpi": "anonymous"} {
		r := get("")
		r.Header.Set("Authorization", field)
		checkGreeting(t, serve(h, r), want)
	}
	for _, fields := range [][]string{{"Bearer"}, {"Bearer a b"}, {"Bearer valid-ann", "Bearer valid-ann"}, {"", ""}} {
		r := get("")
		r.Header["Authorization"] = fields
		checkAnswer(t, serve(h, r), answerMalformed)
	}
	// An outage does not make a request anonymous.
	down := jwtauth.Verify(verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, jwtauth.ErrUnavailable }), jwtauth.Optional())(greet)
	checkAnswer(t, serve(down, get("x")), answerOutage)
	silent := jwtauth.Verify(verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, nil }), jwtauth.Optional())(greet)
	checkAnswer(t, serve(silent, get("x")), answerInternal)
}

// If a TokenVerifier returns claims and an error, the error counts.
func TestVerifyErrorWins(t *testing.T) {
	h := jwtauth.Verify(verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) {
		return &jwtauth.Claims{Subject: "ann"}, jwtauth.ErrTokenExpired
	}))(greet)
	checkAnswer(t, serve(h, get("x")), answerExpired)
}

func TestOnError(t *testing.T) {
	var got error
	onError := jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		got = err
		if r.URL.Path != "/" {
			t.Errorf("the request is for %s", r.URL)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	denied := errors.New("not on Sundays")
	plain := func(h http.Handler) http.Handler { return h }
	cases := []struct {
		name    string
		options []jwtauth.VerifyOption
		require middleware
		token   string
		want    []error // all of them match; ErrForbidden matches only if listed
	}{
		{"no token", nil, plain, "", []error{jwtauth.ErrTokenMissing}},
		{"bad token", nil, plain, "bad", []error{jwtauth.ErrSignatureInvalid, jwtauth.ErrTokenInvalid}},
		{"Require", nil, jwtauth.Require(func(*jwtauth.Claims) error { return denied }), "valid-ann", []error{denied, jwtauth.ErrForbidden}},
		{"Require cannot decide", nil, jwtauth.Require(func(*jwtauth.Claims) error { return jwtauth.ErrUnavailable }), "valid-ann", []error{jwtauth.ErrUnavailable}},
		{"Require with a form of its own", nil, jwtauth.Require(func(*jwtauth.Claims) error { return jwtauth.ErrBodyTooLarge }), "valid-ann", []error{jwtauth.ErrBodyTooLarge}},
		{"RequireScope", nil, jwtauth.RequireScope("admin"), "valid-ann", []error{jwtauth.ErrInsufficientScope}},
		{"RequireFresh", nil, jwtauth.Require(func(*jwtauth.Claims) error { return jwtauth.ErrInsufficientAuthentication }), "valid-ann", []error{jwtauth.ErrInsufficientAuthentication}},
		{"anonymous behind Optional", []jwtauth.VerifyOption{jwtauth.Optional()}, jwtauth.RequireScope("read"), "", []error{jwtauth.ErrTokenMissing}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got = nil
			h := jwtauth.Verify(subjects, append(c.options, onError)...)(c.require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				t.Error("the handler is called")
			})))
			if w := serve(h, get(c.token)); w.Code != http.StatusTeapot || w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("answered %d, %v, %s", w.Code, w.Header(), w.Body)
			}
			for _, want := range c.want {
				if !errors.Is(got, want) {
					t.Errorf("OnError is told %v, want %v", got, want)
				}
			}
			if errors.Is(got, jwtauth.ErrForbidden) && !slices.Contains(c.want, jwtauth.ErrForbidden) {
				t.Errorf("OnError is told %v, which is ErrForbidden", got)
			}
		})
	}
}

// Behind an inner Verify, its decision and its OnError count.
func TestVerifyNested(t *testing.T) {
	admins := verifierFunc(func(_ context.Context, token string) (*jwtauth.Claims, error) {
		if token != "valid-root" {
			return nil, jwtauth.ErrKeyUnknown
		}
		return &jwtauth.Claims{Subject: "admin"}, nil
	})
	teapot := jwtauth.OnError(func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTeapot) })
	h := jwtauth.Verify(subjects, teapot)(jwtauth.Verify(admins)(jwtauth.RequireScope("x")(greet)))
	if w := serve(h, get("bad")); w.Code != http.StatusTeapot {
		t.Errorf("what the outer refuses is answered %d", w.Code)
	}
	scoped := answerInvalid
	scoped.challenge += `, scope="x"` // RequireScope is directly behind the inner Verify
	checkAnswer(t, serve(h, get("valid-ann")), scoped)
	checkAnswer(t, serve(h, get("valid-root")), answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="x"`, code: "insufficient_scope"})
	checkGreeting(t, serve(jwtauth.Verify(subjects)(jwtauth.Verify(admins)(greet)), get("valid-root")), "admin")

	// An anonymous request of the inner Verify stays anonymous, although the
	// outer one has found a subject.
	inner := jwtauth.Verify(admins, jwtauth.Optional(), jwtauth.From(jwtauth.Header("X-Admin")))(greet)
	checkGreeting(t, serve(jwtauth.Verify(subjects)(inner), get("valid-ann")), "anonymous")
}

// Over a real connection, with headers that net/http has parsed.
func TestVerifyOverHTTP(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.EdDSA))
	server := httptest.NewServer(jwtauth.Verify(issuer)(greet))
	defer server.Close()
	token, err := issuer.Sign("ann", nil)
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]int{"Bearer " + token: 200, "bearer  " + token + "  ": 200, "": 401, "Bearer x": 401, "Bearer a b": 400} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("authorization", field)
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%.10q is answered %d, want %d", field, response.StatusCode, want)
		}
	}
}
