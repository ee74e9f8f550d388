//go:build unix

package jose_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkRefuse measures the check of a signature that is not valid, for the
// table of weights.
func BenchmarkRefuse(b *testing.B) {
	keys := map[string]*jose.Key{}
	for _, alg := range []jose.Algorithm{jose.HS256, jose.RS256, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA} {
		keys[string(alg)] = must(jose.New(alg, materialFor(alg)))
	}
	for _, bits := range []uint{3072, 4096, 6144, 8192} {
		keys[fmt.Sprint("RS256-", bits)] = must(jose.New(jose.RS256, rsaPublic(bits, 12345, 65537)))
	}
	keys["RS256-e31"] = must(jose.New(jose.RS256, rsaPublic(2048, 12345, 1<<31-1)))
	for name, k := range keys {
		token := input + "." + strings.Repeat("AAAB", 400)[:k.SignatureLength()-1] + "A"
		b.Run("key="+name, func(b *testing.B) {
			start := cpuTime()
			for b.Loop() {
				if verifies(k, token) {
					b.Fatal("accepted")
				}
			}
			b.ReportMetric(float64(cpuTime()-start)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}
