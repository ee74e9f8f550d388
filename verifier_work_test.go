//go:build unix

package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// At least three keys of each algorithm are tried, however expensive they are,
// and no more than the limits allow. StaticKeys refuses the rest.
func TestVerifyWorkLimits(t *testing.T) {
	for _, c := range []struct {
		alg  jwtauth.Algorithm
		want int // keys that are tried
	}{{jwtauth.HS256, 16}, {jwtauth.ES256, 16}, {jwtauth.EdDSA, 16}, {jwtauth.ES384, 3}, {jwtauth.ES512, 3}} {
		var keys []jwtauth.Key
		for range c.want + 1 {
			keys = append(keys, generate(t, c.alg))
		}
		source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
		v := newVerifier(t, source, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept})
		for i, key := range keys {
			token := keyMust(keyMust(jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})).Sign("user-1", nil))
			if _, err := v.VerifyToken(t.Context(), token); (err == nil) != (i < c.want) || err != nil && !errors.Is(err, jwtauth.ErrSignatureInvalid) {
				t.Errorf("%s, key %d: %v", c.alg, i, err)
			}
		}
		if _, err := jwtauth.StaticKeys(keys[:c.want]...); err != nil {
			t.Errorf("%s: StaticKeys refuses %d keys: %v", c.alg, c.want, err)
		}
		if _, err := jwtauth.StaticKeys(keys...); err == nil {
			t.Errorf("%s: StaticKeys accepts a key that is never tried", c.alg)
		}
	}
}

// BenchmarkVerifyGarbage measures the processor time of a token without a "kid"
// that none of 16 keys signed.
func BenchmarkVerifyGarbage(b *testing.B) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.RS256, jwtauth.PS256, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA} {
		b.Run(fmt.Sprint("alg=", alg), func(b *testing.B) {
			keys := make([]jwtauth.Key, 16)
			for i := range keys {
				keys[i] = generate(b, alg)
			}
			source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
			v, err := jwtauth.NewVerifier(source, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept})
			if err != nil {
				b.Fatal(err)
			}
			other, err := jwtauth.NewIssuer(generate(b, alg), jwtauth.IssuerOptions{})
			if err != nil {
				b.Fatal(err)
			}
			token, err := other.Sign("user-1", nil)
			if err != nil {
				b.Fatal(err)
			}
			start := processorTime()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), token); !errors.Is(err, jwtauth.ErrSignatureInvalid) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// rsaKeys returns public keys of a length, to which no private keys exist.
func rsaKeys(bits uint, count int) []jwtauth.Key {
	keys := make([]jwtauth.Key, count)
	for i := range keys {
		keys[i] = keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSAPublic(bits, int64(2*i+1), 65537)))
	}
	return keys
}

// The limits for RSA depend on the length of the keys.
func TestVerifyWorkLimitsRSA(t *testing.T) {
	for bits, want := range map[uint]int{2048: 16, 3072: 6, 4096: 4, 6144: 3, 8192: 3} {
		keys := rsaKeys(bits, want+1)
		if _, err := jwtauth.StaticKeys(keys[:want]...); err != nil {
			t.Errorf("%d bits: StaticKeys refuses %d keys: %v", bits, want, err)
		}
		if _, err := jwtauth.StaticKeys(keys...); err == nil {
			t.Errorf("%d bits: StaticKeys accepts a key that is never tried", bits)
		}
	}
}

// BenchmarkVerifyGarbageRSA is BenchmarkVerifyGarbage for longer RSA keys.
func BenchmarkVerifyGarbageRSA(b *testing.B) {
	for _, bits := range []uint{2048, 3072, 4096, 6144, 8192} {
		b.Run(fmt.Sprint("bits=", bits), func(b *testing.B) {
			keys := rsaKeys(bits, 16)
			source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
			v := newVerifier(b, source, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept})
			signature := make([]byte, bits/8)
			signature[1] = 1 // less than each modulus
			token := b64(`{"alg":"RS256"}`) + "." + b64(goodClaims) + "." + b64(string(signature))
			start := processorTime()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), token); !errors.Is(err, jwtauth.ErrSignatureInvalid) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

func processorTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
