//go:build !race

package jose_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestHMACAllocations verifies MACs of short and long tokens, which must not
// allocate.
func TestHMACAllocations(t *testing.T) {
	for _, alg := range []jose.Algorithm{jose.HS256, jose.HS384, jose.HS512} {
		for _, length := range []int{40, 1024, 1025, 100_000} {
			k := must(jose.Generate(alg))
			token := signed(t, k, strings.Repeat("a", length))
			if n := testing.AllocsPerRun(100, func() {
				if !k.Verify(token, length) {
					t.Error("does not verify")
				}
			}); n != 0 {
				t.Errorf("%s, %d bytes: %v allocations", alg, length, n)
			}
		}
	}
}
