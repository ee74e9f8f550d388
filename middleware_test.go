package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

type middleware = func(http.Handler) http.Handler

// greet answers with the subject, or "anonymous".
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

// subjects is a TokenVerifier that takes the token "valid" for the subject "user-1", and none else.
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
	// Places that are not configured do not count.
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
	// An outage is none to pass by.
	down := jwtauth.Verify(verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, jwtauth.ErrUnavailable }), jwtauth.Optional())(greet)
	checkAnswer(t, serve(down, get("x")), answerOutage)
	silent := jwtauth.Verify(verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, nil }), jwtauth.Optional())(greet)
	checkAnswer(t, serve(silent, get("x")), answerInternal)
}

// A fake that returns claims and an error is taken at its error.
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
		want    []error // all of which it is; of what is not named here it is no ErrForbidden
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

// ambient is a cookie as a source, with a check that fails where the request asks for it.
func ambient(r *http.Request) (string, error) {
	cookie, err := r.Cookie("token")
	if err != nil {
		return "", nil
	}
	if r.Header.Get("X-Cross-Site") != "" {
		return "", jwtauth.ErrCrossSite
	}
	return cookie.Value, nil
}

func TestFrom(t *testing.T) {
	crossSite := answerOf{status: 403, code: "cross_site"}
	h := jwtauth.Verify(subjects, jwtauth.From(ambient, jwtauth.Bearer(), jwtauth.Header("X-Token"), jwtauth.Query("t"), jwtauth.Form("t")))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			fmt.Fprint(w, claims.Subject, " ", r.FormValue("x"), " ", len(r.Cookies()))
		}))
	cookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"}) }
	badCookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "token", Value: "bad"}) }
	foreign := func(r *http.Request) { cookie(r); r.Header.Set("X-Cross-Site", "1") }
	bearer := func(r *http.Request) { withBearer(r, "valid-bearer") }
	badBearer := func(r *http.Request) { withBearer(r, "bad") }
	brokenBearer := func(r *http.Request) { withBearer(r, "a b") }
	basic := func(r *http.Request) { r.Header.Set("Authorization", "Basic YTpi") }
	header := func(r *http.Request) { r.Header.Set("X-Token", "valid-header") }
	query := func(r *http.Request) { r.URL.RawQuery = "t=valid-query" }
	form := func(r *http.Request) { *r = *formRequest("POST", formType, "t=valid-form&x=1") } // first
	cases := []struct {
		name   string
		change []func(*http.Request)
		want   answerOf
		greets string // where it passes
	}{
		{"nothing", nil, answerMissing, ""},
		{"cookie", []func(*http.Request){cookie}, answerOf{}, "cookie  1"},
		{"bearer", []func(*http.Request){bearer}, answerOf{}, "bearer  0"},
		{"header", []func(*http.Request){header}, answerOf{}, "header  0"},
		{"query", []func(*http.Request){query}, answerOf{}, "query  0"},
		{"form", []func(*http.Request){form}, answerOf{}, "form 1 0"},
		{"another scheme beside a header", []func(*http.Request){basic, header}, answerOf{}, "header  0"},
		{"bearer and header", []func(*http.Request){bearer, header}, answerMalformed, ""},
		{"bearer and query", []func(*http.Request){bearer, query}, answerMalformed, ""},
		{"header and query", []func(*http.Request){header, query}, answerMalformed, ""},
		{"form and bearer", []func(*http.Request){form, bearer}, answerMalformed, ""},
		{"form and query", []func(*http.Request){form, query}, answerMalformed, ""},
		{"broken bearer and query", []func(*http.Request){brokenBearer, query}, answerMalformed, ""},
		{"two explicit places and a cookie", []func(*http.Request){bearer, query, cookie}, answerMalformed, ""},
		{"cookie and bearer", []func(*http.Request){cookie, bearer}, answerOf{}, "bearer  1"},
		{"cookie and query", []func(*http.Request){cookie, query}, answerOf{}, "query  1"},
		{"cookie and form", []func(*http.Request){form, cookie}, answerOf{}, "form 1 1"},
		{"bad cookie and bearer", []func(*http.Request){badCookie, bearer}, answerOf{}, "bearer  1"},
		{"cookie of another site and bearer", []func(*http.Request){foreign, bearer}, answerOf{}, "bearer  1"},
		{"cookie of another site and form", []func(*http.Request){form, foreign}, answerOf{}, "form 1 1"},
		{"cookie of another site", []func(*http.Request){foreign}, crossSite, ""},
		{"cookie and bad bearer", []func(*http.Request){cookie, badBearer}, answerInvalid, ""},
		{"cookie and broken bearer", []func(*http.Request){cookie, brokenBearer}, answerMalformed, ""},
		{"cookie and another scheme", []func(*http.Request){cookie, basic}, answerOf{}, "cookie  1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := get("")
			for _, change := range c.change {
				change(r)
			}
			w := serve(h, r)
			if c.greets != "" {
				checkGreeting(t, w, c.greets)
				return
			}
			checkAnswer(t, w, c.want)
		})
	}
	t.Run("duplicate fields", func(t *testing.T) {
		r := get("")
		r.Header["Authorization"] = []string{"Bearer valid-a", "Bearer valid-a"}
		checkAnswer(t, serve(h, r), answerMalformed)
	})
	t.Run("too large a form", func(t *testing.T) {
		checkAnswer(t, serve(h, formRequest("POST", formType, strings.Repeat("x", 2<<20))), answerTooLarge)
	})
	t.Run("two cookies", func(t *testing.T) {
		second := func(r *http.Request) (string, error) {
			cookie, err := r.Cookie("second")
			if err != nil {
				return "", nil
			}
			return cookie.Value, nil
		}
		h := jwtauth.Verify(subjects, jwtauth.From(ambient, second))(greet)
		r := get("")
		r.AddCookie(&http.Cookie{Name: "second", Value: "valid-second"})
		checkGreeting(t, serve(h, r), "second")
		cookie(r)
		checkGreeting(t, serve(h, r), "cookie") // the first that is asked
		foreign(r)
		checkAnswer(t, serve(h, r), crossSite)
	})
	t.Run("several From: the last counts", func(t *testing.T) {
		h := jwtauth.Verify(subjects, jwtauth.From(jwtauth.Query("t")), jwtauth.From(jwtauth.Bearer()))(greet)
		checkGreeting(t, serve(h, get("valid-ann")), "ann")
		r := get("")
		query(r)
		checkAnswer(t, serve(h, r), answerMissing)
	})
}

func TestRequire(t *testing.T) {
	called := false
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = true
		greet(w, r)
	})
	onlyAnn := jwtauth.Require(func(c *jwtauth.Claims) error {
		if c.Subject != "ann" {
			return fmt.Errorf("%s is not ann", c.Subject)
		}
		return nil
	})
	cases := []struct {
		name    string
		handler http.Handler
		token   string
		want    answerOf
		greets  string
	}{
		{"passes", jwtauth.Verify(subjects)(onlyAnn(h)), "valid-ann", answerOf{}, "ann"},
		{"refused", jwtauth.Verify(subjects)(onlyAnn(h)), "valid-bob", answerForbidden, ""},
		{"no token", jwtauth.Verify(subjects)(onlyAnn(h)), "", answerMissing, ""},
		{"anonymous", jwtauth.Verify(subjects, jwtauth.Optional())(onlyAnn(h)), "", answerMissing, ""},
		{"no Verify", onlyAnn(h), "valid-ann", answerMissing, ""},
		{"Verify inside", onlyAnn(jwtauth.Verify(subjects)(h)), "valid-ann", answerMissing, ""},
		{"two of them", jwtauth.Verify(subjects)(onlyAnn(jwtauth.RequireScope("read", "write")(h))), "valid-ann", answerOf{}, "ann"},
		{"two of them, the inner refuses", jwtauth.Verify(subjects)(onlyAnn(jwtauth.RequireScope("admin")(h))), "valid-ann",
			answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="admin"`, code: "insufficient_scope"}, ""},
		{"two of them, the outer refuses", jwtauth.Verify(subjects)(jwtauth.RequireScope("admin")(onlyAnn(h))), "valid-bob",
			answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="admin"`, code: "insufficient_scope"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			called = false
			w := serve(c.handler, get(c.token))
			if called != (c.greets != "") {
				t.Errorf("the handler is called: %v", called)
			}
			if c.greets != "" {
				checkGreeting(t, w, c.greets)
				return
			}
			checkAnswer(t, w, c.want)
		})
	}
}

// Require behind NewContext, as a test of a handler uses it.
func TestRequireWithNewContext(t *testing.T) {
	h := jwtauth.RequireScope("read")(greet)
	serveAs := func(claims *jwtauth.Claims) *httptest.ResponseRecorder {
		r := get("")
		return serve(h, r.WithContext(jwtauth.NewContext(r.Context(), claims)))
	}
	checkGreeting(t, serveAs(&jwtauth.Claims{Subject: "ann", Scope: "read"}), "ann")
	checkAnswer(t, serveAs(&jwtauth.Claims{Subject: "ann"}),
		answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="read"`, code: "insufficient_scope"})
}

func TestRequireScope(t *testing.T) {
	for _, c := range []struct {
		have string
		want []string
		ok   bool
	}{
		{"read", []string{"read"}, true},
		{"read write", []string{"write", "read"}, true},
		{"read", []string{"read", "write"}, false},
		{"write", []string{"read", "write"}, false},
		{"", []string{"read"}, false},
		{"readwrite", []string{"read"}, false},
		{"a:b!#[]{}", []string{"a:b!#[]{}"}, true},
	} {
		scopes := slices.Clone(c.want)
		h := jwtauth.RequireScope(scopes...)(greet)
		for i := range scopes { // they may be changed afterwards
			scopes[i] = "changed"
		}
		r := get("")
		w := serve(h, r.WithContext(jwtauth.NewContext(r.Context(), &jwtauth.Claims{Subject: "ann", Scope: c.have})))
		if c.ok {
			checkGreeting(t, w, "ann")
		} else {
			checkAnswer(t, w, answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="` + strings.Join(c.want, " ") + `"`, code: "insufficient_scope"})
		}
	}
	for _, scope := range []string{"", " ", "a b", `a"b`, `a\b`, "a\n", "é", "\x7f", "a\tb"} {
		mustPanic(t, "RequireScope: ", func() { jwtauth.RequireScope("read", scope) })
	}
	mustPanic(t, "RequireScope: scopes is empty", func() { jwtauth.RequireScope() })
}

// A login's age is told by the verifier's clock, at each request, by a remembered token too.
func TestRequireFresh(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		clock := newClock(time.Time{})
		v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Now = clock.Now })
		h := jwtauth.Verify(v)(jwtauth.RequireFresh(time.Minute)(greet))
		token := f.claims(withClaims(`"auth_time":1799999990.5`))
		stale := answerOf{status: 401, challenge: `Bearer realm="restricted", error="insufficient_user_authentication", max_age="60"`, code: "insufficient_user_authentication"}
		for _, c := range []struct {
			at time.Time
			ok bool
		}{
			{time.Unix(now, 0), true},
			{time.Unix(now+50, 500e6), true},
			{time.Unix(now+50, 500e6+1), false},
			{time.Unix(now+800, 0), false},
			{time.Unix(now+50, 0), true},
		} {
			clock.Set(c.at)
			if w := serve(h, get(token)); c.ok {
				checkGreeting(t, w, "user-1")
			} else {
				checkAnswer(t, w, stale)
			}
		}
		clock.Set(time.Unix(now, 0))
		checkAnswer(t, serve(h, get(f.claims(goodClaims))), stale) // without an auth_time
		ever := jwtauth.Verify(v)(jwtauth.RequireFresh(math.MaxInt64)(greet))
		checkGreeting(t, serve(ever, get(token)), "user-1")
		if w := serve(ever, get(f.claims(goodClaims))); w.Code != http.StatusUnauthorized {
			t.Errorf("without an auth_time, where any will do, the answer is %d", w.Code)
		}
	})
	// Of a literal nobody knows the clock: it is this machine's.
	for age, ok := range map[time.Duration]bool{0: true, 30 * time.Second: true, 2 * time.Minute: false} {
		r := get("")
		ctx := jwtauth.NewContext(r.Context(), &jwtauth.Claims{Subject: "ann", AuthTime: time.Now().Add(-age)})
		if w := serve(jwtauth.RequireFresh(time.Minute)(greet), r.WithContext(ctx)); (w.Code == 200) != ok {
			t.Errorf("a login of %v ago is answered %d", age, w.Code)
		}
	}
	mustPanic(t, "RequireFresh: ", func() { jwtauth.RequireFresh(time.Second - 1) })
	jwtauth.RequireFresh(time.Second)
}

// The inner Verify's verdict counts inside it, with its own OnError.
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
	checkAnswer(t, serve(h, get("valid-ann")), answerInvalid)
	checkAnswer(t, serve(h, get("valid-root")), answerOf{status: 403, challenge: `Bearer realm="restricted", error="insufficient_scope", scope="x"`, code: "insufficient_scope"})
	checkGreeting(t, serve(jwtauth.Verify(subjects)(jwtauth.Verify(admins)(greet)), get("valid-root")), "admin")

	// An inner Verify that finds nobody says so, whoever the outer one has found.
	inner := jwtauth.Verify(admins, jwtauth.Optional(), jwtauth.From(jwtauth.Header("X-Admin")))(greet)
	checkGreeting(t, serve(jwtauth.Verify(subjects)(inner), get("valid-ann")), "anonymous")
}

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

// Verify and Require are plain middleware: for http.ServeMux with patterns, for chains in the way
// of alice, and for groups in the way of chi.
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
func (r *router) group(f func(*router))   { f(&router{r.mux, slices.Clone(r.chain)}) }
func (r *router) get(path string, h http.Handler) {
	for _, m := range slices.Backward(r.chain) {
		h = m(h)
	}
	r.mux.Handle("GET "+path, h)
}

// One middleware value serves many handlers, in any number of goroutines.
func TestVerifyIsReusable(t *testing.T) {
	verify := jwtauth.Verify(subjects)
	a := verify(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a") }))
	b := verify(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "b") }))
	checkGreeting(t, serve(a, get("valid-ann")), "a")
	checkGreeting(t, serve(b, get("valid-ann")), "b")
}

// Over a real connection, where net/http has read the fields.
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

// A body that is too long to look for a token in is never taken for one without: neither is the request let
// through on the strength of another token, nor does anybody read on where the search broke off.
func TestFromErrorWins(t *testing.T) {
	long := "t=valid-form&pad=" + strings.Repeat("a", 1<<20) + "&amount=1"
	for _, c := range []struct {
		name, body string
		announced  bool
		want       answerOf
	}{
		{"chunked", long, false, answerOf{status: 413, code: "body_too_large"}},
		{"announced", long, true, answerOf{status: 413, code: "body_too_large"}},
		{"broken", "a=%zz", true, answerMalformed},
		{"semicolon", "a=1;b=2", true, answerMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, cookie := range []bool{false, true} {
				r := formRequest("POST", formType, c.body)
				if !c.announced {
					r.ContentLength = -1
				}
				withBearer(r, "valid-bearer")
				if cookie {
					r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"})
				}
				h := jwtauth.Verify(subjects, jwtauth.From(ambient, jwtauth.Bearer(), jwtauth.Form("t")))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					t.Error("the handler was called")
				}))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				checkAnswer(t, w, c.want)
				if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != c.body {
					t.Errorf("the body is left with %d bytes of %d, %v", len(rest), len(c.body), err)
				}
			}
		})
	}
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
