package jwtauthtest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// bearer returns a function that returns requests with a token.
func bearer(token string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/dashboard?tab=1", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// issuerWith returns an issuer with a key for alg, the key and a token.
func issuerWith(t testing.TB, alg jwtauth.Algorithm) (*jwtauth.Issuer, jwtauth.Key, string) {
	t.Helper()
	var key jwtauth.Key
	var err error
	if alg[0] == 'R' || alg[0] == 'P' {
		key, err = jwtauth.NewKey(alg, rsaKey()) // generating a key takes long
	} else {
		key, err = jwtauth.GenerateKey(alg)
	}
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://issuer.example", Audience: []string{"https://service.example"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, key, token
}

func TestAttackOnCorrectProtection(t *testing.T) {
	t.Run("Issuer", func(t *testing.T) {
		for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.HS384} {
			t.Run(string(alg), func(t *testing.T) {
				t.Parallel()
				issuer, _, _ := issuerWith(t, alg)
				jwtauthtest.Attack(t, jwtauth.Verify(issuer), func() *http.Request {
					token, err := issuer.Sign("alice", nil) // a new token each time
					if err != nil {
						t.Fatal(err)
					}
					return bearer(token)()
				})
			})
		}
	})
	t.Run("Verifier", func(t *testing.T) {
		for _, alg := range []jwtauth.Algorithm{jwtauth.ES256, jwtauth.ES384, jwtauth.EdDSA, jwtauth.RS256, jwtauth.PS512} {
			for _, cacheSize := range []int{0, -1} {
				if cacheSize < 0 && alg != jwtauth.ES256 {
					continue // the other algorithms take long
				}
				t.Run(fmt.Sprintf("%s/cache=%d", alg, cacheSize), func(t *testing.T) {
					t.Parallel()
					_, key, token := issuerWith(t, alg)
					keys, err := jwtauth.StaticKeys(key.Public())
					if err != nil {
						t.Fatal(err)
					}
					verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
						Issuer: "https://issuer.example", Audience: []string{"https://service.example"}, CacheSize: cacheSize,
					})
					if err != nil {
						t.Fatal(err)
					}
					jwtauthtest.Attack(t, jwtauth.Verify(verifier), bearer(token))
				})
			}
		}
	})
	t.Run("jwtauthtest.Verifier", func(t *testing.T) {
		protect := func(next http.Handler) http.Handler {
			return jwtauth.Verify(jwtauthtest.Verifier(t))(jwtauth.RequireScope("read")(next))
		}
		jwtauthtest.Attack(t, protect, bearer(jwtauthtest.Token(t, "alice", map[string]string{"scope": "read"})))
	})
	t.Run("the same request each time", func(t *testing.T) {
		r := bearer(jwtauthtest.Token(t, "alice", nil))()
		jwtauthtest.Attack(t, jwtauth.Verify(jwtauthtest.Verifier(t)), func() *http.Request { return r })
	})
	t.Run("handwritten", func(t *testing.T) {
		h, newRequest := newHandwritten(noBug)
		jwtauthtest.Attack(t, h.protect, newRequest)
	})
}

// observer is a testing.TB that records reports instead of failing.
type observer struct {
	testing.TB
	reports []string
	logs    []string
	ended   bool
}

func (o *observer) Helper() {}

func (o *observer) Errorf(format string, args ...any) {
	o.reports = append(o.reports, fmt.Sprintf(format, args...))
}

func (o *observer) Logf(format string, args ...any) {
	o.logs = append(o.logs, fmt.Sprintf(format, args...))
}

func (o *observer) Fatalf(format string, args ...any) {
	o.Errorf(format, args...)
	o.ended = true
	runtime.Goexit()
}

// observe runs f in a goroutine of its own, like a test, so that f may end it.
func observe(t testing.TB, f func(t testing.TB)) *observer {
	o := &observer{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(o)
	}()
	<-done
	return o
}

// Attack finds each bug, and its reports name the changes that reveal the bug.
func TestAttackFindsBugs(t *testing.T) {
	for _, test := range []struct {
		bug   bug
		least int      // minimum number of reports, or 0 if want lists all of them
		want  []string // prefixes of reports, which start with the name of the change
	}{
		{leavesRefusalToNext, 140, []string{
			"no token: the request reached the handler (status 204), want status 401; a request without credentials must be refused",
			"alg none, no signature: the request reached the handler",
		}},
		{goesOnAfterRefusal, 140, []string{"no token: the request reached the handler (status 401)"}},
		{acceptsNone, 14, []string{
			"alg none, no signature: ", "alg none, no signature and no dot: ", "alg None, no signature: ", "alg NONE, signature kept: ",
			"alg nOnE, no signature: the request reached the handler (status 204), want status 401; " +
				"an unsigned token must be refused, for every spelling of alg none (RFC 7519, section 6; RFC 7518, section 8.5; RFC 8725, section 3.2)",
			"alg none after the valid alg: ", "the token inside an unsigned one: ",
		}},
		{checksNoSignature, 60, []string{
			"sub changed, signature kept: the request reached the handler", "a bit flipped in the last byte of the signature: ",
			"alg RS256, signature kept: ", "another key, no kid: ", "crit: ", "crit, signature kept: ", "signature of zeros: ",
		}},
		{comparesPrefix, 0, []string{
			"signature without its last byte: ", "signature cut in half: ", "signature of one byte: ",
		}},
		{readsFirstField, 0, []string{
			"two headers, equal: ", "two headers, the valid one first: ", "two headers, the second one Basic: ", "100 Authorization headers: ",
		}},
		{readsLastField, 0, []string{
			"two headers, equal: ", "two headers, the valid one last: ", "two headers, the first one empty: ", "100 Authorization headers: ",
		}},
		{decodesLeniently, 0, []string{
			"line break in the signature: ", "signature with padding: ", "signature with an unused bit set: ",
		}},
		{passesLineBreaks, 0, []string{"line break in the signature: "}},
		{acceptsStandardBase64, 0, []string{"line break in the signature: ", "signature in standard base64: "}},
		{acceptsPadding, 0, []string{"line break in the signature: ", "signature with padding: "}},
		{acceptsMoreSegments, 0, []string{"an empty segment after the signature: ", "a fourth segment: "}},
		{hasEmptySecret, 0, []string{"HMAC with an empty key: ", "kid is unknown, HMAC with an empty key: ", "kid is the path of an empty file: "}},
		{hasWeakSecret, 0, []string{"HMAC with the key secret: the request reached the handler"}},
		{usesUnknownKey, 0, []string{"kid is unknown, HMAC with an empty key: ", "kid is the path of an empty file: "}},
		{readsKeyFile, 0, []string{"kid is the path of an empty file: the request reached the handler"}},
		{fetchesKeys, 0, []string{
			"another key, at jku: the middleware connected to an address in this token or an earlier one; keys must not be fetched",
			"another key, at jku by TLS: the middleware connected",
		}},
		{responds500, 100, []string{"one segment: status 500, want 401; ", "line break in the signature: status 500, want 401 or 400; "}},
		{panics, 0, []string{
			"one segment: the middleware panicked (runtime error: index out of range", "two segments: ", "JSON serialization: ",
			"JSON serialization in base64url: ", "alg none, no signature and no dot: ", "alg None, no signature and no dot: ",
			"alg NONE, no signature and no dot: ", "alg nOnE, no signature and no dot: ",
		}},
		{responds200, 140, []string{"no token: status 200, want 401; ", "payload of 1 MB: status 200, want 401 or 400 or 413 or 431; "}},
		{redirects, 140, []string{"no token: status 302, want 401; "}},
		{hasNoChallenge, 100, []string{"no token: status 401 without a Bearer challenge; a 401 has a WWW-Authenticate header"}},
		{challengesBasic, 100, []string{"no token: status 401 without a Bearer challenge; "}},
		{echoesToken, 100, []string{"alg none, no signature: the response contains a part of the token in its body; ", "payload of 1 MB: "}},
		{echoesKeyID, 0, []string{
			"another key, unknown kid: the response contains a part of the token in its Www-Authenticate header; ",
			"another key, in jwk, with its kid: ", "another key, kid is an address: ", "another key, kid is a path: ", "kid is the path of an empty file: ",
			"kid is an SQL query: ", "kid is a command: ", "kid with a NUL, signature kept: ", "kid is unknown, HMAC with an empty key: ",
		}},
		{matchesSchemePrefix, 0, []string{"scheme BearerX: ", "colon after the scheme: "}},
		{ignoresScheme, 0, []string{
			"token without a scheme: ", "scheme Basic: ", "scheme Token: ", "scheme DPoP: ", "scheme BearerX: ", "colon after the scheme: ",
			"scheme twice: ", "tab after the scheme: ", "two tokens, separated by a comma: ",
		}},
		{readsQuery, 0, []string{"token in the query: the request reached the handler"}},
		{readsForm, 0, []string{"token in a form: the request reached the handler"}},
		{readsCookie, 0, []string{"token in a cookie: the request reached the handler"}},
		{letsOptionsPass, 0, []string{"no token, method OPTIONS: the request reached the handler"}},
		{locksOut, 0, []string{"scheme BearerX: afterwards the valid request is refused with status 401; the result of a request"}},
		{sharesState, 1, []string{"concurrent requests: "}},
	} {
		t.Run(string(test.bug), func(t *testing.T) {
			t.Parallel()
			h, newRequest := newHandwritten(test.bug)
			o := observe(t, func(t testing.TB) { jwtauthtest.Attack(t, h.protect, newRequest) })
			if o.ended {
				t.Errorf("Attack ended the test: %q", o.reports)
			}
			for _, want := range test.want {
				if !slices.ContainsFunc(o.reports, func(report string) bool { return strings.HasPrefix(report, want) }) {
					t.Errorf("no report begins %q", want)
				}
			}
			for _, report := range o.reports {
				if test.least == 0 && !slices.ContainsFunc(test.want, func(want string) bool { return strings.HasPrefix(report, want) }) {
					t.Errorf("unexpected report: %s", report)
				}
			}
			if len(o.reports) < test.least {
				t.Errorf("%d reports, want at least %d", len(o.reports), test.least)
			}
			if token := newRequest().Header.Get("Authorization")[len("Bearer "):]; strings.Contains(strings.Join(o.reports, ""), token) {
				t.Error("a report contains the token")
			}
		})
	}
}

// Middleware that trusts the keys in headers accepts the forged tokens.
func TestAttackFindsTrustInHeaders(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.ES256, jwtauth.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			issuer, _, token := issuerWith(t, alg)
			want := []string{"another key, in jwk: ", "a secret in jwk: ", "another key, at jku: the request reached the handler", "another key, in x5c: "}
			if alg[0] == 'H' {
				want = want[:3]
			}
			protect := func(next http.Handler) http.Handler { return &gullible{issuer, next} }
			o := observe(t, func(t testing.TB) { jwtauthtest.Attack(t, protect, bearer(token)) })
			for _, want := range want {
				if !slices.ContainsFunc(o.reports, func(report string) bool { return strings.HasPrefix(report, want) }) {
					t.Errorf("no report begins %q", want)
				}
			}
		})
	}
}

func TestAttackRefusesArguments(t *testing.T) {
	token := jwtauthtest.Token(t, "alice", nil)
	protect := jwtauth.Verify(jwtauthtest.Verifier(t))
	open := func(next http.Handler) http.Handler { return next }
	with := func(fields ...string) func() *http.Request {
		return func() *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = fields
			return r
		}
	}
	for _, test := range []struct {
		name       string
		protect    func(http.Handler) http.Handler
		newRequest func() *http.Request
		want       string
	}{
		{"no protect", nil, bearer(token), "protect or newRequest is nil"},
		{"no newRequest", protect, nil, "protect or newRequest is nil"},
		{"protect returns nil", func(http.Handler) http.Handler { return nil }, bearer(token), "protect returned nil"},
		{"newRequest returns nil", protect, func() *http.Request { return nil }, "the request of newRequest is nil"},
		{"a request that is refused", protect, bearer("x"), "is refused with status 401; it must be accepted"},
		{"middleware that panics", func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") })
		}, bearer(token), "makes the middleware panic (oops)"},
		{"middleware that calls the handler twice", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r); next.ServeHTTP(w, r) })
		}, bearer(token), "reaches the handler 2 times"},
		{"middleware that refuses and calls the handler", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403); next.ServeHTTP(w, r) })
		}, bearer(token), "reaches the handler, but gets status 403"},
		{"no header", open, with(), "has 0 Authorization headers"},
		{"two headers", open, with("Bearer "+token, "Bearer "+token), "has 2 Authorization headers"},
		{"another scheme", open, with("Basic YTpi"), "with another scheme; Attack requires Bearer"},
		{"an opaque token", open, bearer("opaque"), "it has 1 segments, and a compact JWS has 3"},
		{"a token without JSON", open, bearer("a.b.c"), "its header is not a JSON object"},
		{"an unsigned token", open, bearer(encode(`{"alg":"none"}`) + "." + encode(`{}`) + "."), "it is not signed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := observe(t, func(t testing.TB) { jwtauthtest.Attack(t, test.protect, test.newRequest) })
			if !o.ended || len(o.reports) != 1 || !strings.Contains(o.reports[0], test.want) {
				t.Errorf("ended %v, reports %q; want true and one report that contains %q", o.ended, o.reports, test.want)
			}
		})
	}
}

// If t is a *testing.T, a changed request that is accepted fails the subtest
// with the name of the change.
func TestAttackSubtests(t *testing.T) {
	const variable = "JWTAUTHTEST_SHOW_A_FAILURE"
	if os.Getenv(variable) != "" {
		h, newRequest := newHandwritten(readsQuery)
		jwtauthtest.Attack(t, h.protect, newRequest)
		return
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-test.run=^TestAttackSubtests$")
	command.Env = append(os.Environ(), variable+"=1")
	output, err := command.CombinedOutput()
	if err == nil {
		t.Error("the test passes")
	}
	if want := "--- FAIL: TestAttackSubtests/token_in_the_query "; !strings.Contains(string(output), want) {
		t.Errorf("the output lacks %q:\n%s", want, output)
	}
	if n := strings.Count(string(output), "--- FAIL: TestAttackSubtests/"); n != 1 {
		t.Errorf("%d subtests fail, want 1", n)
	}
}
