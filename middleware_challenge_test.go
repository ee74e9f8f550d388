package jwtauth_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Each scheme has a header of its own, with the realm and the parameters of the
// response. OnError finds the same headers in ProblemOf.
func TestChallenge(t *testing.T) {
	const (
		metadata = "https://api.example/.well-known/oauth-protected-resource"
		bearer   = `Bearer realm="api", resource_metadata="` + metadata + `"`
		dpop     = `DPoP realm="api", algs="ES256 EdDSA", resource_metadata="` + metadata + `"`
		invalid  = `, error="invalid_token", error_description="Invalid token"`
	)
	options := []jwtauth.VerifyOption{
		jwtauth.Realm("api"), jwtauth.Challenge("Bearer", `DPoP algs="ES256 EdDSA"`), jwtauth.ResourceMetadataURL(metadata),
	}
	plain := func(h http.Handler) http.Handler { return h }
	scope, fresh := jwtauth.RequireScope("read", "admin"), jwtauth.RequireFresh(time.Minute, "gold")
	for _, c := range []struct {
		name, token string
		around      middleware
		want        string // after the start of each header
	}{
		{"no token", "", plain, ""},
		{"refused", "bad", plain, invalid},
		{"malformed", "a b", plain, `, error="invalid_request"`},
		{"no token, RequireScope", "", scope, `, scope="read admin"`},
		{"refused, RequireScope", "bad", scope, invalid + `, scope="read admin"`},
		{"malformed, RequireScope", "a b", scope, `, error="invalid_request"`},
		{"scope missing", "valid-ann", scope, `, error="insufficient_scope", scope="read admin"`},
		{"login", "valid-ann", fresh, `, error="insufficient_user_authentication", acr_values="gold", max_age="60"`},
		{"no token, another handler between", "", func(h http.Handler) http.Handler {
			return jwtauth.Require(func(*jwtauth.Claims) error { return nil })(scope(h))
		}, ""},
		{"no token, RequireFresh", "", fresh, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := []string{bearer + c.want, dpop + c.want}
			w := serve(jwtauth.Verify(subjects, options...)(c.around(greet)), get(c.token))
			if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, want) {
				t.Errorf("WriteError: %q, want %q", got, want)
			}
			onError := jwtauth.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
				p := jwtauth.ProblemOf(err)
				if got := p.Header["Www-Authenticate"]; !slices.Equal(got, want) {
					t.Errorf("ProblemOf: %q, want %q", got, want)
				}
				for i := range p.Header["Www-Authenticate"] { // the caller may change the headers
					p.Header["Www-Authenticate"][i] = "changed"
				}
				w.WriteHeader(p.Status)
			})
			h := jwtauth.Verify(subjects, append(options[:len(options):len(options)], onError)...)(c.around(greet))
			for range 2 {
				serve(h, get(c.token))
			}
		})
	}
}

// One Verify value keeps the scopes of its handlers apart.
func TestChallengeScopePerHandler(t *testing.T) {
	verify := jwtauth.Verify(subjects)
	handlers := map[string]http.Handler{
		`Bearer realm="restricted", scope="a"`: verify(jwtauth.RequireScope("a")(greet)),
		`Bearer realm="restricted", scope="b"`: verify(jwtauth.RequireScope("b")(greet)),
		`Bearer realm="restricted"`:            verify(greet),
	}
	for want, h := range handlers {
		if got := serve(h, get("")).Header()["Www-Authenticate"]; !slices.Equal(got, []string{want}) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	// An anonymous request that Optional admits learns the scope as well.
	h := jwtauth.Verify(subjects, jwtauth.Optional())(jwtauth.RequireScope("a")(greet))
	checkAnswer(t, serve(h, get("")), answerOf{status: 401, challenge: `Bearer realm="restricted", scope="a"`, code: "token_missing"})
	// A login that RequireFresh refuses needs the scope, too.
	h = verify(jwtauth.RequireScope("read")(jwtauth.RequireFresh(time.Second, "gold")(greet)))
	checkAnswer(t, serve(h, get("valid-ann")), answerOf{
		status: 401, code: "insufficient_user_authentication",
		challenge: `Bearer realm="restricted", error="insufficient_user_authentication", scope="read", acr_values="gold", max_age="1"`,
	})
}

func TestChallengePanics(t *testing.T) {
	for want, f := range map[string]func(){
		"Challenge: schemes is empty":                                            func() { jwtauth.Challenge() },
		"Challenge: schemes[1]: does not begin with the name of a scheme":        func() { jwtauth.Challenge("Bearer", "") },
		"Challenge: schemes[0]: the parameter realm is set for each response":    func() { jwtauth.Challenge(`Bearer realm="x"`) },
		"ResourceMetadataURL: address is not an absolute URL without a fragment": func() { jwtauth.ResourceMetadataURL("/x") },
		"ResourceMetadataURL: address is not an absolute URL":                    func() { jwtauth.ResourceMetadataURL("https://a.example/#") },
		"ResourceMetadataURL: address is not an absolute URL without":            func() { jwtauth.ResourceMetadataURL("https://a:b@a.example/") },
		"ResourceMetadataURL: address is not an absolute":                        func() { jwtauth.ResourceMetadataURL(`https://a.example/"`) },
		"ResourceMetadataURL: address is not an":                                 func() { jwtauth.ResourceMetadataURL(`https://a.example/?a="b"`) },
		"ResourceMetadataURL: address is not":                                    func() { jwtauth.ResourceMetadataURL("https://a.example/?ü") },
		"ResourceMetadataURL: address is":                                        func() { jwtauth.ResourceMetadataURL("https://a.example:0/") },
		"ResourceMetadataURL: address does not begin with https://":              func() { jwtauth.ResourceMetadataURL("http://a.example/") },
		`RequireFresh: acr[1]: "a b" cannot be in acr_values`:                    func() { jwtauth.RequireFresh(time.Minute, "a", "a b") },
		`RequireFresh: acr[0]: "" cannot be in acr_values`:                       func() { jwtauth.RequireFresh(time.Minute, "") },
	} {
		mustPanic(t, want, f)
	}
	jwtauth.ResourceMetadataURL("http://127.0.0.1:8080/.well-known/oauth-protected-resource")
}

// A recent login of another kind is refused, and so is an old one of the right
// kind.
func TestRequireFreshACR(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims jwtauth.Claims
		err    string // empty if it passes
	}{
		{"first", jwtauth.Claims{AuthContext: "gold", AuthTime: time.Now()}, ""},
		{"second", jwtauth.Claims{AuthContext: "urn:x:silver", AuthTime: time.Now()}, ""},
		{"another", jwtauth.Claims{AuthContext: "bronze", AuthTime: time.Now()}, `acr is not one of ["gold" "urn:x:silver"]`},
		{"another case", jwtauth.Claims{AuthContext: "Gold", AuthTime: time.Now()}, `acr is not one of ["gold" "urn:x:silver"]`},
		{"none", jwtauth.Claims{AuthTime: time.Now()}, "the token has no acr"},
		{"old", jwtauth.Claims{AuthContext: "gold", AuthTime: time.Now().Add(-time.Hour)}, "auth_time is more than 1m0s ago"},
		{"no time", jwtauth.Claims{AuthContext: "gold"}, "the token has no auth_time"},
		{"future", jwtauth.Claims{AuthContext: "gold", AuthTime: time.Now().Add(time.Hour)}, "auth_time is in the future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got error
			verifier := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return &c.claims, nil })
			onError := jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
				got = err
				jwtauth.WriteError(w, r, err)
			})
			acr := []string{"gold", "urn:x:silver"}
			fresh := jwtauth.RequireFresh(time.Minute, acr...)
			acr[0] = "bronze" // the caller may reuse the slice
			w := serve(jwtauth.Verify(verifier, onError)(fresh(greet)), get("x"))
			if c.err == "" {
				checkGreeting(t, w, "")
				return
			}
			checkAnswer(t, w, answerOf{
				status: 401, code: "insufficient_user_authentication",
				challenge: `Bearer realm="restricted", error="insufficient_user_authentication", acr_values="gold urn:x:silver", max_age="60"`,
			})
			if want := "jwtauth: insufficient authentication: " + c.err; got.Error() != want {
				t.Errorf("%v, want %s", got, want)
			}
		})
	}
}
