//go:build !race

package passwords_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

// Apart from bcrypt, refusing an unknown user takes as much work as refusing a
// user, and has the same result. The time to make a decoy or an error is
// measurable.
func TestUnknownUserAllocatesAsMuch(t *testing.T) {
	h := passwords.New(passwords.Bcrypt{Compare: func(_, _ []byte) error { return bcrypt.ErrMismatchedHashAndPassword }}, bcrypt.MinCost)
	for _, password := range []string{"wrong", strings.Repeat("x", 73), "x\x00"} {
		refuse := func(hash string) (reason string, allocations float64) {
			allocations = testing.AllocsPerRun(100, func() {
				if h.Matches(hash, password) {
					t.Error("the password matches")
				}
				reason = fmt.Sprint(passwords.Unusable(hash, password))
			})
			return reason, allocations
		}
		reason, allocations := refuse(bcrypt2b)
		if unknown, n := refuse(""); n != allocations || unknown != reason {
			t.Errorf("%d bytes: %v allocations and %q for a user, %v and %q for an unknown one", len(password), allocations, reason, n, unknown)
		}
	}
}
