package interop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

var bcryptLibraries = []string{"bcrypt", "bcryptjs"}

// newHasher has the lowest cost, because the race detector makes bcrypt twenty
// times slower.
func newHasher(t *testing.T) *jwtauth.Hasher {
	t.Helper()
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10})
	check(t, err)
	return hasher
}

// Node's bcrypt packages accept our hashes, and we accept theirs.
func TestPasswords(t *testing.T) {
	n := peer(t)
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
					if got := node.Get[bool](t, n, "compare", node.Object{"lib": lib, "password": attempt, "hash": ours}); got != want {
						t.Errorf("our hash, %q in %s: %v", attempt, lib, got)
					}
				}
				theirs := node.Get[string](t, n, "hash", node.Object{"lib": lib, "password": test.password, "cost": test.cost})
				if !strings.HasPrefix(theirs, "$2b$") {
					t.Errorf("the hash of %s begins with %.4s, want $2b$", lib, theirs)
				}
				if err := hasher.CheckPassword(t.Context(), theirs, test.password); err != nil {
					t.Errorf("the hash of %s, right password here: %v", lib, err)
				}
			}
		})
	}
}

// Node's hashes refuse other passwords. Node hashes only the first 72 bytes of
// a longer password, without an error. CheckPassword refuses such a password,
// because every password with the same beginning would match.
func TestWrongPasswords(t *testing.T) {
	n := peer(t)
	hasher := newHasher(t)
	for _, test := range []struct{ name, lib, password, attempt string }{
		{"other", "bcrypt", "secret", "Secret"},
		{"other", "bcryptjs", "secret", "secret "},
		{"overlong", "bcrypt", strings.Repeat("x", 73), strings.Repeat("x", 73)},
	} {
		t.Run(test.name+"/"+test.lib, func(t *testing.T) {
			hash := node.Get[string](t, n, "hash", node.Object{"lib": test.lib, "password": test.password, "cost": 10})
			if err := hasher.CheckPassword(t.Context(), hash, test.attempt); !errors.Is(err, jwtauth.ErrWrongPassword) {
				t.Errorf("%v, want ErrWrongPassword", err)
			}
		})
	}
}

// The first 72 bytes of a long password match the hash that Node made of it, as
// the README says.
func TestOverlongPassword(t *testing.T) {
	n := peer(t)
	hasher := newHasher(t)
	password := strings.Repeat("x", 70) + "0123456789"
	for _, lib := range bcryptLibraries {
		hash := node.Get[string](t, n, "hash", node.Object{"lib": lib, "password": password, "cost": 10})
		if err := hasher.CheckPassword(t.Context(), hash, password[:min(72, len(password))]); err != nil {
			t.Errorf("the first 72 bytes, hash of %s: %v", lib, err)
		}
		if err := hasher.CheckPassword(t.Context(), hash, password[:71]); !errors.Is(err, jwtauth.ErrWrongPassword) {
			t.Errorf("the first 71 bytes, hash of %s: %v, want ErrWrongPassword", lib, err)
		}
	}
}
