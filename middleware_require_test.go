package jwtauth_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

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

// Tests of handlers put claims into the context with NewContext.
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
		for i := range scopes { // the caller may reuse the slice
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

// The age of a login is measured by the verifier's clock at each request, for
// cached tokens as well.
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
	// Claims built as a literal are measured by the clock of this machine, with
	// the default leeway.
	for age, ok := range map[time.Duration]bool{
		0: true, 30 * time.Second: true, 2 * time.Minute: false, -29 * time.Second: true, -time.Minute: false,
	} {
		r := get("")
		ctx := jwtauth.NewContext(r.Context(), &jwtauth.Claims{Subject: "ann", AuthTime: time.Now().Add(-age)})
		if w := serve(jwtauth.RequireFresh(time.Minute)(greet), r.WithContext(ctx)); (w.Code == 200) != ok {
			t.Errorf("a login of %v ago is answered %d", age, w.Code)
		}
	}
	mustPanic(t, "RequireFresh: ", func() { jwtauth.RequireFresh(time.Second - 1) })
	jwtauth.RequireFresh(time.Second)
}

// A login in the future counts only within the leeway of the verifier, for
// cached tokens as well.
func TestRequireFreshFuture(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		for leeway, latest := range map[time.Duration]int64{0: 30, 2 * time.Second: 2, -1: 0} {
			h := jwtauth.Verify(f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Leeway = leeway }))(jwtauth.RequireFresh(time.Minute)(greet))
			for _, ahead := range []int64{latest, latest + 1, latest + 3600} {
				token := f.claims(withClaims(fmt.Sprintf(`"auth_time":%d`, now+ahead)))
				for range 2 {
					if w := serve(h, get(token)); (w.Code == http.StatusOK) != (ahead == latest) {
						t.Errorf("leeway %v, a login %d s ahead: status %d", leeway, ahead, w.Code)
					}
				}
			}
		}
	})
}
