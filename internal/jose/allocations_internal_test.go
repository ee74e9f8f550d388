//go:build !race

package jose

import (
	"strings"
	"testing"
)

// TestHMACAllocations: a MAC is checked without allocating, however long the
// token is.
func TestHMACAllocations(t *testing.T) {
	for _, alg := range []Algorithm{HS256, HS384, HS512} {
		for _, length := range []int{40, 1024, 1025, 100_000} {
			k, err := Generate(alg)
			if err != nil {
				t.Fatal(err)
			}
			token := internalSign(t, k, strings.Repeat("a", length))
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
