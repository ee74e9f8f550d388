// Package jwtauthtest provides helpers for tests of services that use package
// jwtauth, and test suites for middleware and session stores.
//
// [Verifier] accepts the tokens of [Token]. Together they test a handler behind
// its real middleware, without a key of the service:
//
//	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(dashboard)
//	r := httptest.NewRequest("GET", "/dashboard", nil)
//	token := jwtauthtest.Token(t, "alice", nil)
//	r.Header.Set("Authorization", "Bearer "+token)
//
// To test a handler without its middleware, put claims into the request's
// context with [jwtauth.NewContext].
//
// [Attack] tests middleware that checks tokens, made with package jwtauth or
// any other library. It changes a valid request in ways that have deceived real
// middleware, and the middleware must refuse every changed request.
//
// [RunSessionStore] tests an implementation of [jwtauth.SessionStore].
//
// All functions use the clock of package time. In a bubble of testing/synctest,
// tokens are issued and expire in the time of the bubble.
package jwtauthtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// The issuer and the audience of the tokens of [Token], which [Verifier]
// requires. Both host names are reserved for tests (RFC 6761, section 6.2).
const (
	Issuer   = "https://issuer.test"  // "iss"
	Audience = "https://service.test" // "aud"
)

// Verifier returns a verifier that accepts the tokens that [Token] returns in
// the same process, and no others. Each process generates its own key and does
// not reveal it. The verifier requires [Issuer] and [Audience]. All other
// options have the defaults of [jwtauth.VerifierOptions].
//
// Verifier panics outside of tests. It is safe for concurrent use.
func Verifier(t testing.TB) jwtauth.TokenVerifier {
	t.Helper()
	verifier, err := jwtauth.NewVerifier(process(t).keys, jwtauth.VerifierOptions{
		Issuer:   Issuer,
		Audience: []string{Audience},
	})
	if err != nil {
		t.Fatalf("jwtauthtest.Verifier: %v", err)
	}
	return verifier
}

// Token returns an access token for subject that [Verifier] accepts. It
// contains the claims that [jwtauth.Issuer.Sign] sets, and expires after one
// hour unless opts change that. claims are private claims as for Sign: a
// struct, a map, or nil. If Sign refuses an argument, the test fails
// immediately.
//
// Token panics outside of tests. It is safe for concurrent use.
func Token(t testing.TB, subject string, claims any, opts ...TokenOption) string {
	t.Helper()
	p := process(t)
	token, err := p.issuer.Sign(subject, claims)
	if err != nil {
		t.Fatalf("jwtauthtest.Token: %v", err)
	}
	if len(opts) == 0 {
		return token
	}
	header, rest, _ := strings.Cut(token, ".")
	segment, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(segment)
	members := make(payload)
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	for _, opt := range opts {
		if err == nil {
			err = opt(members)
		}
	}
	if err == nil {
		text, err = json.Marshal(members)
	}
	if err != nil {
		t.Fatalf("jwtauthtest.Token: %v", err)
	}
	input := header + "." + base64.RawURLEncoding.EncodeToString(text)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(p.private, []byte(input)))
}

// TokenOption changes a claim of the token that [Token] returns.
type TokenOption func(payload) error

// payload holds the claims of a token before it is signed.
type payload map[string]json.RawMessage

// Claim sets any claim, including registered claims, which cannot be set as
// private claims. If value is nil, the claim is removed. A [time.Time] becomes
// a NumericDate (RFC 7519, section 2), and any other value is encoded by
// encoding/json. Use Claim for tokens that a service must refuse, and for
// claims that only a login sets:
//
//	jwtauthtest.Claim("aud", "https://other.test")
//	jwtauthtest.Claim("exp", nil)
//	jwtauthtest.Claim("auth_time", time.Now().Add(-time.Hour))
//
// Claim overrides the private claims of Token. Of several options for one
// claim, the last one counts.
func Claim(name string, value any) TokenOption {
	return func(members payload) error {
		if value == nil {
			delete(members, name)
			return nil
		}
		if date, ok := value.(time.Time); ok {
			value = date.Unix()
		}
		text, err := json.Marshal(value)
		members[name] = text
		return err
	}
}

// Expired returns an option for a token that was issued two hours ago and
// expired one hour ago, which exceeds every leeway.
func Expired() TokenOption {
	return func(members payload) error {
		now := time.Now()
		if err := Claim("iat", now.Add(-2*time.Hour))(members); err != nil {
			return err
		}
		return Claim("exp", now.Add(-time.Hour))(members)
	}
}

// identity holds the keys that all tests of a process share.
type identity struct {
	private ed25519.PrivateKey
	issuer  *jwtauth.Issuer
	keys    jwtauth.KeySource
}

// process returns the identity of this process. It panics outside of tests, so
// that no service can use the identity. A testing.TB alone does not prove that,
// because a service can implement the interface.
func process(t testing.TB) *identity {
	t.Helper()
	if !testing.Testing() {
		panic("jwtauthtest: used outside of a test")
	}
	p, err := newIdentity()
	if err != nil {
		t.Fatalf("jwtauthtest: %v", err)
	}
	return p
}

var newIdentity = sync.OnceValues(func() (*identity, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := jwtauth.NewKey(jwtauth.EdDSA, private)
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:    Issuer,
		Audience:  []string{Audience},
		AccessTTL: time.Hour,
	})
	if err != nil {
		return nil, err
	}
	keys, err := jwtauth.StaticKeys(key)
	return &identity{private, issuer, keys}, err
})
