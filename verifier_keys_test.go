package jwtauth_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func TestVerifyKeySource(t *testing.T) {
	f := forgeES256(t)
	token := f.token(`{"alg":"ES256","kid":"the-kid"}`, goodClaims)
	outage := errors.New("dial tcp: connection refused")
	cases := []struct {
		name   string
		keys   []jwtauth.Key
		err    error
		want   error
		text   string // that the error contains
		unsaid error  // that is not wrapped
	}{
		{name: "no keys", want: jwtauth.ErrKeyUnknown},
		{name: "keys of another algorithm", keys: []jwtauth.Key{forgeHS256(t).key, forgeEdDSA(t).key}, want: jwtauth.ErrKeyUnknown},
		{name: "another key", keys: []jwtauth.Key{forgeES256(t).key}, want: jwtauth.ErrSignatureInvalid},
		{name: "outage", err: outage, want: jwtauth.ErrUnavailable, text: "connection refused", unsaid: outage},
		{name: "outage beside keys", keys: []jwtauth.Key{f.key}, err: outage, want: jwtauth.ErrUnavailable},
		{name: "outage by name", err: fmt.Errorf("%w: later", jwtauth.ErrUnavailable), want: jwtauth.ErrUnavailable, text: "later"},
		{name: "rejects the token", err: fmt.Errorf("%w: no such kid", jwtauth.ErrKeyUnknown), want: jwtauth.ErrKeyUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := newVerifier(t, keySourceFunc(func(_ context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
				if alg != jwtauth.ES256 || kid != "the-kid" {
					t.Errorf("called with %q, %q", alg, kid)
				}
				return c.keys, c.err
			}), options())
			claims, err := v.VerifyToken(t.Context(), token)
			if claims != nil {
				t.Error("claims are returned with the error")
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if isRefusal := c.want != jwtauth.ErrUnavailable; errors.Is(err, jwtauth.ErrTokenInvalid) != isRefusal || errors.Is(err, jwtauth.ErrUnavailable) == isRefusal {
				t.Errorf("%v is both a rejection and an outage, or neither", err)
			}
			if c.unsaid != nil && errors.Is(err, c.unsaid) {
				t.Errorf("%v wraps the source's own error", err)
			}
			checkNoToken(t, err.Error(), token)
		})
	}
}

// The source gets the context of the request. It is called for every token,
// even if that is remembered.
func TestVerifyCallsTheSourceEachTime(t *testing.T) {
	type mark struct{}
	f := forgeEdDSA(t)
	calls := 0
	v := newVerifier(t, keySourceFunc(func(ctx context.Context, _ jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
		calls++
		if ctx.Value(mark{}) != "here" {
			t.Error("the context is another one")
		}
		return []jwtauth.Key{f.key}, nil
	}), options())
	token := f.claims(goodClaims)
	for range 5 {
		if _, err := v.VerifyToken(context.WithValue(t.Context(), mark{}, "here"), token); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 5 {
		t.Errorf("%d calls for 5 tokens", calls)
	}
}

// If the source fails, remembered tokens fail as well: the key may be
// withdrawn.
func TestVerifyOutageWithCache(t *testing.T) {
	f := forgeEdDSA(t)
	var outage error
	v := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{f.key}, outage
	}), options())
	token := f.claims(goodClaims)
	for range 2 {
		if _, err := v.VerifyToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	outage = errors.New("down")
	if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// If a key is withdrawn, its tokens are rejected at once, remembered or not. If
// it comes back, they are accepted again.
func TestVerifyWithdrawnKey(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		var keys []jwtauth.Key
		v := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil }), options())
		token := f.claims(goodClaims)
		others := make([]jwtauth.Key, 16)
		for i := range others {
			others[i] = sameKind(t, f).key
		}
		for round := range 3 {
			keys = []jwtauth.Key{f.key}
			for range 3 {
				if _, err := v.VerifyToken(t.Context(), token); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			for _, withdrawn := range []struct {
				keys []jwtauth.Key
				want error
			}{
				{nil, jwtauth.ErrKeyUnknown},
				{[]jwtauth.Key{}, jwtauth.ErrKeyUnknown},
				{[]jwtauth.Key{{}}, jwtauth.ErrKeyUnknown},
				{others[:1], jwtauth.ErrSignatureInvalid},
				{append(others[:16:16], f.key), jwtauth.ErrSignatureInvalid}, // after those that are tried
			} {
				keys = withdrawn.keys
				for range 2 {
					_, err := v.VerifyToken(t.Context(), token)
					checkRefusal(t, err, withdrawn.want, token)
				}
			}
		}
		// The same material as another Key: the signature is checked again.
		keys = []jwtauth.Key{f.key.WithID("again")}
		if _, err := v.VerifyToken(t.Context(), token); err != nil {
			t.Errorf("the key under another id: %v", err)
		}
	})
}

func sameKind(t testing.TB, f forger) forger {
	switch f.alg {
	case jwtauth.HS256:
		return forgeHS256(t)
	case jwtauth.ES256:
		return forgeES256(t)
	}
	return forgeEdDSA(t)
}

// Of a large set, only 16 keys are tried.
func TestVerifyCandidates(t *testing.T) {
	for _, forge := range []func(testing.TB) forger{forgeHS256, forgeEdDSA} {
		signers := make([]forger, 20)
		keys := make([]jwtauth.Key, len(signers))
		for i := range signers {
			signers[i] = forge(t)
			keys[i] = signers[i].key
		}
		source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
		v := newVerifier(t, source, options())
		for i, signer := range signers {
			token := signer.claims(goodClaims)
			_, err := v.VerifyToken(t.Context(), token)
			if i < 16 && err != nil {
				t.Errorf("%s: the key at %d is not tried: %v", signer.alg, i, err)
			}
			if i >= 16 {
				checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
			}
		}
	}
}

// Fewer keys are tried on a token without a kid if they are large. With 4096
// bits a check costs as much as twelve with 2048, and the limit is 48.
func TestVerifyBoundsWork(t *testing.T) {
	good := keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSA()))
	issuer := keyMust(jwtauth.NewIssuer(good, jwtauth.IssuerOptions{}))
	named := keyMust(issuer.Sign("user-1", nil))
	for _, c := range []struct {
		of2048, of4096 int // keys in front of the good one
		want           error
	}{
		{0, 3, nil},
		{11, 3, nil}, // 11 + 36 + 1 = 48
		{12, 3, jwtauth.ErrSignatureInvalid},
		{0, 4, jwtauth.ErrSignatureInvalid},
	} {
		var keys []jwtauth.Key
		for n := range c.of2048 {
			keys = append(keys, keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSAPublic(2048, int64(2*n+1), 65537))))
		}
		for n := range c.of4096 {
			keys = append(keys, keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSAPublic(4096, int64(2*n+1), 65537))))
		}
		keys = append(keys, good)
		unnamed := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
		v := newVerifier(t, unnamed, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept})
		if _, err := v.VerifyToken(t.Context(), named); !errors.Is(err, c.want) {
			t.Errorf("after %d keys of 2048 bits and %d of 4096: %v, want %v", c.of2048, c.of4096, err, c.want)
		}
	}
}

// The cost of the keys limits how many of them are tried. Remembered tokens of
// a key that is not tried are rejected as well.
func TestVerifyExpensiveKeys(t *testing.T) {
	rsaKey := func(public *rsa.PublicKey) jwtauth.Key { return keyMust(jwtauth.NewKey(jwtauth.RS256, public)) }
	signing := keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSA()))
	long, another := rsaKey(keyRSAPublic(8192, 1, 65537)), rsaKey(keyRSAPublic(8192, 3, 65537)) // 44 each of 48
	slowest := rsaKey(keyRSAPublic(8192, 1, 1<<31-1))                                           // 176
	otherAlg := keyMust(jwtauth.NewKey(jwtauth.PS256, keyRSAPublic(8192, 1, 65537)))
	issuer, err := jwtauth.NewIssuer(signing, jwtauth.IssuerOptions{Now: options().Now, AccessTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*jwtauth.VerifierOptions){func(*jwtauth.VerifierOptions) {}, noCache} {
		opts := jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept, Now: options().Now}
		change(&opts)
		var keys []jwtauth.Key
		v := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil }), opts)
		for _, test := range []struct {
			keys []jwtauth.Key
			want error
		}{
			{[]jwtauth.Key{signing}, nil},
			{[]jwtauth.Key{long, signing}, nil},
			{[]jwtauth.Key{long, another, signing}, nil}, // three are always tried
			{[]jwtauth.Key{long, another, slowest, signing}, jwtauth.ErrSignatureInvalid},
			{[]jwtauth.Key{otherAlg, otherAlg, otherAlg, signing}, nil}, // not tried, so they cost nothing
			{[]jwtauth.Key{slowest, signing}, nil},
			{[]jwtauth.Key{slowest, slowest, slowest, signing}, jwtauth.ErrSignatureInvalid},
			{[]jwtauth.Key{slowest}, jwtauth.ErrSignatureInvalid},
			{[]jwtauth.Key{signing, slowest}, nil},
		} {
			keys = test.keys
			if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("cache of size %d, %d keys: %v, want %v", opts.CacheSize, len(keys), err, test.want)
			}
		}
	}
}

// A KeySource may return all its keys for any algorithm. Those of other
// algorithms do not count.
func TestVerifyKeysOfOtherAlgorithms(t *testing.T) {
	f := forgeES256(t)
	var keys []jwtauth.Key
	for range 20 {
		keys = append(keys, generate(t, jwtauth.HS256))
	}
	keys = append(keys, f.key)
	v := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return keys, nil
	}), options())
	for range 3 { // remembered as well
		if _, err := v.VerifyToken(t.Context(), f.claims(goodClaims)); err != nil {
			t.Fatal(err)
		}
	}
}
