// Package jwtauthtest helps to test services that are protected by package jwtauth.
//
// [Token] and [Verifier] belong together: a handler is tested behind its real
// middleware, with no key of the service anywhere near the test:
//
//	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(dashboard)
//	r := httptest.NewRequest("GET", "/dashboard", nil)
//	r.Header.Set("Authorization", "Bearer "+jwtauthtest.Token(t, "alice", nil))
//
// A handler alone, without middleware, needs neither: [jwtauth.NewContext] gives it claims.
//
// [Attack] tests the protection itself, made by package jwtauth or by anything else: it
// changes a request that passes in the ways that have fooled others, and each must be refused.
//
// Clocks are those of package time: in a bubble of testing/synctest tokens are minted, and
// expire, in the bubble's time.
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

// What [Token] puts into a token, and [Verifier] requires of it. Both names are reserved (RFC 6761 §6.2): nobody has them.
const (
	Issuer   = "https://issuer.test"  // "iss"
	Audience = "https://service.test" // "aud"
)

// Verifier returns a verifier that takes the tokens that [Token] mints in the same
// process, and no others: their key is made anew by each process, and never leaves it.
// It requires [Issuer] and [Audience], and has the defaults of [jwtauth.VerifierOptions] in all else.
//
// Outside of a test binary it panics. It is safe for concurrent use.
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

// Token returns an access token for subject that [Verifier] takes: by default for one hour from
// now, with the claims that [jwtauth.Issuer.Sign] sets. claims are private claims, as Sign takes them: a struct,
// a map, or nil for none. What Sign would refuse fails the test at once.
//
// Outside of a test binary it panics. It is safe for concurrent use.
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

// TokenOption changes one token that [Token] mints.
type TokenOption func(payload) error

// payload is the claims of a token before it is signed.
type payload map[string]json.RawMessage

// Claim sets a claim whatever it is, the registered ones included that private claims cannot
// set; nil leaves it out. A [time.Time] becomes a NumericDate (RFC 7519 §2); any other value
// is written by encoding/json. So tokens are made that a service must refuse, of another
// audience or without an expiry, and such as only a login makes, with an "auth_time":
//
//	jwtauthtest.Claim("aud", "https://other.test")
//	jwtauthtest.Claim("exp", nil)
//	jwtauthtest.Claim("auth_time", time.Now().Add(-time.Hour))
//
// It is applied after the private claims, and among options the last one wins.
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

// Expired makes a token that was issued two hours ago and ended one hour ago, beyond every leeway.
func Expired() TokenOption {
	return func(members payload) error {
		now := time.Now()
		if err := Claim("iat", now.Add(-2*time.Hour))(members); err != nil {
			return err
		}
		return Claim("exp", now.Add(-time.Hour))(members)
	}
}

// identity is what all tests of a process share.
type identity struct {
	private ed25519.PrivateKey
	issuer  *jwtauth.Issuer
	keys    jwtauth.KeySource
}

// process returns the identity of this process, and keeps it from ever being one of a service:
// a caller can make up a testing.TB, but not a test binary.
func process(t testing.TB) *identity {
	t.Helper()
	if !testing.Testing() {
		panic("jwtauthtest: this is not a test")
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
