package guard_test

import (
	"net/http"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// An attacker knows the password of bob and owns users with similar names, but
// logins of all of them buy no guesses at the code of bob. The guesses do not
// pause the logins.
func TestGuardForCodes(t *testing.T) {
	store := guard.NewMemory(0)
	logins := newGuard(t, func(o *guard.Options) { o.Store = store })
	codes := newGuard(t, func(o *guard.Options) {
		o.Store = store
		o.CookieName = "jwtauth-code-device"
		o.Account = func(name string) string { return "code of " + guard.Fold(name) }
	})
	names := []string{"bob", "code of bob", "codeofbob", "Code of Bob"}
	guesses := 0
	for range 5 {
		for _, name := range names {
			cookie := login(t, logins, name, "")
			for range 9 {
				for _, guessed := range []string{"bob", "Bob"} {
					r := request(cookie)
					r.AddCookie(&http.Cookie{Name: "__Host-jwtauth-code-device", Value: cookie})
					if _, err := attempt(codes, r, guessed, jwtauth.ErrWrongPassword); err == jwtauth.ErrWrongPassword {
						guesses++
					}
				}
			}
		}
	}
	if guesses != 10 {
		t.Errorf("%d guesses at the code, want 10", guesses)
	}
	for _, name := range names {
		login(t, logins, name, "")
	}
}
