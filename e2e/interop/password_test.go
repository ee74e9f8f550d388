package interop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

var bcryptLibraries = []string{"bcrypt", "bcryptjs"}

// newHasher is of the least cost there is: under -race, bcrypt takes twenty times as long.
func newHasher(t *testing.T) *jwtauth.Hasher {
	t.Helper()
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10})
	check(t, err)
	return hasher
}

// Hashes made here are understood by Node's bcrypt packages, and the reverse.
func TestPasswords(t *testing.T) {
	n := node(t)
	hasher := newHasher(t)
	for _, test := range []struct {
		name, password, wrong string
		cost                  int // of Node's hash
	}{
		{"ascii", "correct horse battery staple", "correct horse battery stable", 10},
		{"unicode", "пароль-密码-🔑", "пароль-密码-🔒", 4},
		{"72 bytes", strings.Repeat("x", 72), strings.Repeat("x", 71) + "y", 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, err := hasher.HashPassword(t.Context(), test.password)
			check(t, err)
			for _, lib := range bcryptLibraries {
				for attempt, want := range map[string]bool{test.password: true, test.wrong: false} {
					if got := get[bool](t, n, "compare", object{"lib": lib, "password": attempt, "hash": ours}); got != want {
						t.Errorf("our hash, %q in %s: %v", attempt, lib, got)
					}
				}
				theirs := get[string](t, n, "hash", object{"lib": lib, "password": test.password, "cost": test.cost})
				if !strings.HasPrefix(theirs, "$2b$") {
					t.Errorf("the hash %.4s… is not of the kind this test is for", theirs)
				}
				if err := hasher.CheckPassword(t.Context(), theirs, test.password); err != nil {
					t.Errorf("the hash of %s, right password here: %v", lib, err)
				}
			}
		})
	}
}

// What Node hashed refuses other passwords here. Of one longer than 72 bytes
// Node hashes the first 72 and says nothing: no password fits that here, as any
// other that starts alike would.
func TestWrongPasswords(t *testing.T) {
	n := node(t)
	hasher := newHasher(t)
	for _, test := range []struct{ name, lib, password, attempt string }{
		{"other", "bcrypt", "secret", "Secret"},
		{"other", "bcryptjs", "secret", "secret "},
		{"overlong", "bcrypt", strings.Repeat("x", 73), strings.Repeat("x", 73)},
	} {
		t.Run(test.name+"/"+test.lib, func(t *testing.T) {
			hash := get[string](t, n, "hash", object{"lib": test.lib, "password": test.password, "cost": 10})
			if err := hasher.CheckPassword(t.Context(), hash, test.attempt); !errors.Is(err, jwtauth.ErrWrongPassword) {
				t.Errorf("%v, want ErrWrongPassword", err)
			}
		})
	}
}
