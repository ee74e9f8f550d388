package jwtauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// forger signs any header and payload, valid JSON or not, so that a test can
// see a token refused for its content.
type forger struct {
	alg  jwtauth.Algorithm
	key  jwtauth.Key // verifies; without the private part of a key pair
	sign func(input string) []byte
}

func forgeHS256(t testing.TB) forger {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := jwtauth.NewKey(jwtauth.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	return forger{jwtauth.HS256, key, func(input string) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}}
}

func forgeES256(t testing.TB) forger {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwtauth.NewKey(jwtauth.ES256, &private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return forger{jwtauth.ES256, key, func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signature
	}}
}

func forgeEdDSA(t testing.TB) forger {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwtauth.NewKey(jwtauth.EdDSA, public)
	if err != nil {
		t.Fatal(err)
	}
	return forger{jwtauth.EdDSA, key, func(input string) []byte { return ed25519.Sign(private, []byte(input)) }}
}

func eachForger(t *testing.T, test func(*testing.T, forger)) {
	for _, forge := range []func(testing.TB) forger{forgeHS256, forgeES256, forgeEdDSA} {
		f := forge(t)
		t.Run(string(f.alg), func(t *testing.T) { test(t, f) })
	}
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// segments signs two encoded segments.
func (f forger) segments(header, payload string) string {
	input := header + "." + payload
	return input + "." + base64.RawURLEncoding.EncodeToString(f.sign(input))
}

// token signs a header and a payload. ALG in the header stands for the forger's
// algorithm.
func (f forger) token(header, payload string) string {
	return f.segments(b64(strings.ReplaceAll(header, "ALG", string(f.alg))), b64(payload))
}

const plainHeader = `{"alg":"ALG","typ":"JWT"}`

// claims signs a payload under an ordinary header.
func (f forger) claims(payload string) string { return f.token(plainHeader, payload) }

// ofLength signs ordinary claims, with some members replaced, in a token of
// exactly length bytes. Spaces in the payload fill it up.
func (f forger) ofLength(t testing.TB, length int, members ...string) string {
	t.Helper()
	payload := withClaims(members...)
	for pad := (length - len(f.claims(payload))) / 4 * 3; ; pad++ {
		token := f.claims(strings.Repeat(" ", max(pad, 0)) + payload)
		if len(token) == length {
			return token
		}
		if len(token) > length {
			t.Fatalf("no token has %d bytes", length)
		}
	}
}

// now is the time at which tests run. The claims below are valid then, for
// forger.verifier.
const now = 1_800_000_000

var goodMembers = []string{`"iss":"https://issuer.example"`, `"sub":"user-1"`, `"aud":"api"`, `"iat":1800000000`, `"exp":1800000900`}

var goodClaims = withClaims()

// withClaims returns goodClaims with some members replaced or added.
func withClaims(members ...string) string {
	all := slices.Clone(goodMembers)
	for _, member := range members {
		if i := slices.IndexFunc(all, func(m string) bool { return nameOf(m) == nameOf(member) }); i >= 0 {
			all[i] = member
		} else {
			all = append(all, member)
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}

// withoutClaim returns goodClaims without one member.
func withoutClaim(name string) string {
	kept := slices.DeleteFunc(slices.Clone(goodMembers), func(m string) bool { return nameOf(m) == `"`+name+`"` })
	return "{" + strings.Join(kept, ",") + "}"
}

func nameOf(member string) string {
	name, _, _ := strings.Cut(member, ":")
	return name
}

func staticKeys(t testing.TB, keys ...jwtauth.Key) jwtauth.KeySource {
	t.Helper()
	source, err := jwtauth.StaticKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// options are those of an ordinary verifier with a clock stopped at now and no
// leeway.
func options() jwtauth.VerifierOptions {
	return jwtauth.VerifierOptions{
		Issuer:   "https://issuer.example",
		Audience: []string{"api"},
		Leeway:   -1,
		Now:      func() time.Time { return time.Unix(now, 0) },
	}
}

func newVerifier(t testing.TB, keys jwtauth.KeySource, opts jwtauth.VerifierOptions) *jwtauth.Verifier {
	t.Helper()
	v, err := jwtauth.NewVerifier(keys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (f forger) verifier(t testing.TB, change ...func(*jwtauth.VerifierOptions)) *jwtauth.Verifier {
	t.Helper()
	opts := options()
	for _, c := range change {
		c(&opts)
	}
	return newVerifier(t, staticKeys(t, f.key), opts)
}

func noCache(o *jwtauth.VerifierOptions) { o.CacheSize = -1 }

// keySourceFunc is a function as a KeySource.
type keySourceFunc func(ctx context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error)

func (f keySourceFunc) VerificationKeys(ctx context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
	return f(ctx, alg, kid)
}

// verifierFunc is a function as a TokenVerifier.
type verifierFunc func(ctx context.Context, token string) (*jwtauth.Claims, error)

func (f verifierFunc) VerifyToken(ctx context.Context, token string) (*jwtauth.Claims, error) {
	return f(ctx, token)
}

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock(t time.Time) *clock { return &clock{t: t} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// generate returns a new private key.
func generate(t testing.TB, alg jwtauth.Algorithm) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.GenerateKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
