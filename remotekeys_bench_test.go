package jwtauth_test

import (
	"fmt"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Where keys come from should not show in what verifying a token costs.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1, 1000} {
		var set []any
		keys := make([]jwtauth.Key, n)
		for i := range keys {
			keys[i] = generate(b, jwtauth.EdDSA)
			set = append(set, jwkOf(b, keys[i]))
		}
		token := signed(b, keys[n/2])
		remote, report := fetched(b, keySetText(b, set...), jwtauth.RemoteKeysOptions{})
		if report.Keys != n {
			b.Fatal(report)
		}
		for _, source := range []struct {
			name string
			keys jwtauth.KeySource
		}{{"static", staticKeys(b, keys...)}, {"remote", remote}} {
			for _, kind := range []struct {
				name  string
				cache int
			}{{"repeat", 0}, {"new", -1}} {
				v := newVerifier(b, source.keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}, CacheSize: kind.cache})
				name := fmt.Sprintf("n=%d/token=%s/keys=%s", n, kind.name, source.name)
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if _, err := v.VerifyToken(b.Context(), token); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run(name+"/parallel", func(b *testing.B) {
					b.ReportAllocs()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if _, err := v.VerifyToken(b.Context(), token); err != nil {
								b.Fatal(err)
							}
						}
					})
				})
			}
			b.Run(fmt.Sprintf("n=%d/lookup/keys=%s", n, source.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if keys, err := source.keys.VerificationKeys(b.Context(), jwtauth.EdDSA, keys[n/2].ID()); err != nil || len(keys) != 1 {
						b.Fatal(keys, err)
					}
				}
			})
		}
	}
}

// A flood of tokens with made-up key ids, which are refused without a fetch.
func BenchmarkUnknownKey(b *testing.B) {
	remote, _ := fetched(b, keySetOf(b, generate(b, jwtauth.EdDSA)), jwtauth.RemoteKeysOptions{})
	v := newVerifier(b, remote, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	token := signed(b, generate(b, jwtauth.EdDSA))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.VerifyToken(b.Context(), token); err == nil {
				b.Fatal("verified")
			}
		}
	})
}

func BenchmarkByIssuer(b *testing.B) {
	key := generate(b, jwtauth.EdDSA)
	token := signed(b, key)
	own := newVerifier(b, staticKeys(b, key), jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	other := newVerifier(b, staticKeys(b, key), jwtauth.VerifierOptions{Issuer: "https://other.example", Audience: []string{"api"}})
	both, err := jwtauth.ByIssuer(own, other)
	if err != nil {
		b.Fatal(err)
	}
	for name, v := range map[string]jwtauth.TokenVerifier{"issuers=1": own, "issuers=2": both} {
		b.Run(name+"/token=repeat", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
