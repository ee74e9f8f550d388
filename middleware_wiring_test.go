package jwtauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestWiring(t *testing.T) {
	var noIssuer *jwtauth.Issuer
	var noVerifier *jwtauth.Verifier
	for name, f := range map[string]func(){
		"Verify: the verifier is nil":                  func() { jwtauth.Verify(nil) },
		"Verify: the next handler is nil":              func() { jwtauth.Verify(subjects)(nil) },
		"From: sources is empty":                       func() { jwtauth.From() },
		"From: sources[1]: is nil":                     func() { jwtauth.From(jwtauth.Bearer(), nil) },
		"OnError: f is nil":                            func() { jwtauth.OnError(nil) },
		"Require: check is nil":                        func() { jwtauth.Require(nil) },
		"Require: the next handler is nil":             func() { jwtauth.RequireScope("a")(nil) },
		"RequireFresh: maxAge is less than one second": func() { jwtauth.RequireFresh(0) },
	} {
		mustPanic(t, name, f)
	}
	mustPanic(t, "Verify: the verifier is nil", func() { jwtauth.Verify(noIssuer) })
	mustPanic(t, "Verify: the verifier is nil", func() { jwtauth.Verify(noVerifier) })
}

func TestVerifyPanicsOnUnmade(t *testing.T) {
	var fake *unmadeVerifier
	for name, wire := range map[string]func(){
		"literal Verifier":   func() { jwtauth.Verify(&jwtauth.Verifier{}) },
		"literal Issuer":     func() { jwtauth.Verify(&jwtauth.Issuer{}) },
		"nil of one's own":   func() { jwtauth.Verify(fake) },
		"nil option":         func() { jwtauth.Verify(subjects, nil) },
		"nil HandlerFunc":    func() { jwtauth.Verify(subjects)(http.HandlerFunc(nil)) },
		"nil HandlerFunc, 2": func() { jwtauth.RequireScope("a")(http.HandlerFunc(nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "jwtauth: ") {
					t.Errorf("panic %v", p)
				}
			}()
			wire()
		})
	}
	var none *unmadeKeys
	if _, err := jwtauth.NewVerifier(none, options()); err == nil || !strings.Contains(err.Error(), "keys: is nil") {
		t.Errorf("a nil key source of one's own: %v", err)
	}
}

type unmadeVerifier struct{}

func (*unmadeVerifier) VerifyToken(context.Context, string) (*jwtauth.Claims, error) { return nil, nil }

type unmadeKeys struct{}

func (*unmadeKeys) VerificationKeys(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
	return nil, nil
}

// Verify and Require are plain middleware: they work with the patterns of
// http.ServeMux, in chains like those of alice, and in groups like those of
// chi.
func TestChains(t *testing.T) {
	scope := jwtauth.RequireScope("read")
	t.Run("ServeMux", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.Handle("GET /users/{id}", jwtauth.Verify(subjects)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			fmt.Fprint(w, claims.Subject, " ", r.PathValue("id"), " ", r.Pattern)
		})))
		mux.Handle("/public", greet)
		checkGreeting(t, serve(mux, withBearer(httptest.NewRequest("GET", "/users/7", nil), "valid-ann")), "ann 7 GET /users/{id}")
		checkAnswer(t, serve(mux, httptest.NewRequest("GET", "/users/7", nil)), answerMissing)
		checkGreeting(t, serve(mux, httptest.NewRequest("GET", "/public", nil)), "anonymous")
		if w := serve(mux, withBearer(httptest.NewRequest("POST", "/users/7", nil), "valid-ann")); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("another method is answered %d", w.Code)
		}
		around := jwtauth.Verify(subjects)(mux)
		checkGreeting(t, serve(around, withBearer(httptest.NewRequest("GET", "/public", nil), "valid-ann")), "ann")
		checkAnswer(t, serve(around, httptest.NewRequest("GET", "/public", nil)), answerMissing)
	})
	t.Run("alice", func(t *testing.T) {
		var order []string
		trace := func(name string) middleware {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					order = append(order, name)
					next.ServeHTTP(w, r)
				})
			}
		}
		chain := []middleware{trace("first"), jwtauth.Verify(subjects), trace("second"), scope, trace("third")}
		h := http.Handler(greet)
		for _, m := range slices.Backward(chain) {
			h = m(h)
		}
		checkGreeting(t, serve(h, get("valid-ann")), "ann")
		if want := []string{"first", "second", "third"}; !slices.Equal(order, want) {
			t.Errorf("called %v, want %v", order, want)
		}
		order = nil
		checkAnswer(t, serve(h, get("bad")), answerInvalid)
		if want := []string{"first"}; !slices.Equal(order, want) {
			t.Errorf("called %v, want %v", order, want)
		}
	})
	t.Run("chi", func(t *testing.T) {
		r := &router{mux: http.NewServeMux()}
		r.get("/public", greet)
		r.group(func(r *router) {
			r.use(jwtauth.Verify(subjects))
			r.get("/private", greet)
			r.group(func(r *router) {
				r.use(scope, jwtauth.RequireScope("admin"))
				r.get("/admin", greet)
			})
		})
		at := func(path string) *http.Request { return withBearer(httptest.NewRequest("GET", path, nil), "valid-ann") }
		checkGreeting(t, serve(r.mux, at("/public")), "anonymous")
		checkGreeting(t, serve(r.mux, at("/private")), "ann")
		checkAnswer(t, serve(r.mux, at("/admin")), answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="admin"`, code: "insufficient_scope"})
	})
}

// router groups routes by middleware.
type router struct {
	mux   *http.ServeMux
	chain []middleware
}

func (r *router) use(chain ...middleware) { r.chain = append(r.chain, chain...) }

func (r *router) group(f func(*router)) { f(&router{r.mux, slices.Clone(r.chain)}) }

func (r *router) get(path string, h http.Handler) {
	for _, m := range slices.Backward(r.chain) {
		h = m(h)
	}
	r.mux.Handle("GET "+path, h)
}

// One middleware value serves many handlers.
func TestVerifyIsReusable(t *testing.T) {
	verify := jwtauth.Verify(subjects)
	a := verify(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a") }))
	b := verify(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "b") }))
	checkGreeting(t, serve(a, get("valid-ann")), "a")
	checkGreeting(t, serve(b, get("valid-ann")), "b")
}
