package jwtauth_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// keySources returns two sources of the same n keys, one of the keys, and a
// token that it signed.
func keySources(b *testing.B, n int) (key jwtauth.Key, token string, static, remote jwtauth.KeySource) {
	var set []any
	keys := make([]jwtauth.Key, n)
	for i := range keys {
		keys[i] = generate(b, jwtauth.EdDSA)
		set = append(set, jwkOf(b, keys[i]))
	}
	remote, report := fetched(b, keySetText(b, set...), jwtauth.RemoteKeysOptions{})
	if report.Keys != n {
		b.Fatal(report)
	}
	return keys[n/2], signed(b, keys[n/2]), staticKeys(b, keys...), remote
}

// The source of keys should make no difference to the time of verifying a
// token.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{1, 1000} {
		key, token, static, remote := keySources(b, n)
		for _, source := range []struct {
			name string
			keys jwtauth.KeySource
		}{{"static", static}, {"remote", remote}} {
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
					if keys, err := source.keys.VerificationKeys(b.Context(), jwtauth.EdDSA, key.ID()); err != nil || len(keys) != 1 {
						b.Fatal(keys, err)
					}
				}
			})
		}
	}
}

// BenchmarkKeysRatio fails if verifying with RemoteKeys takes over 5 % longer
// than with StaticKeys. It compares the median of short rounds, which alternate
// so that other load on the machine slows both alike.
func BenchmarkKeysRatio(b *testing.B) {
	const most, rounds = 1.05, 101
	for _, n := range []int{1, 1000} {
		_, token, static, remote := keySources(b, n)
		for _, kind := range []struct {
			name        string
			cache, many int
		}{{"repeat", 0, 2000}, {"new", -1, 20}} {
			b.Run(fmt.Sprintf("n=%d/token=%s", n, kind.name), func(b *testing.B) {
				opts := jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}, CacheSize: kind.cache}
				verifiers := []*jwtauth.Verifier{newVerifier(b, static, opts), newVerifier(b, remote, opts)}
				var ratios []float64
				for b.Loop() {
					for round := range rounds {
						var took [2]time.Duration
						for i := range took {
							which := (i + round) % 2 // neither is always the first
							begun := time.Now()
							for range kind.many {
								if _, err := verifiers[which].VerifyToken(b.Context(), token); err != nil {
									b.Fatal(err)
								}
							}
							took[which] = time.Since(begun)
						}
						ratios = append(ratios, float64(took[1])/float64(took[0]))
					}
				}
				slices.Sort(ratios)
				median := ratios[len(ratios)/2]
				b.ReportMetric(median, "remote/static")
				if median > most {
					b.Errorf("remote keys take %.3f times as long as static ones; at most %v is allowed", median, most)
				}
			})
		}
	}
}

// Tokens with unknown key IDs, which are rejected without a fetch.
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
	both, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{providerIssuer: own, "https://other.example": other})
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
