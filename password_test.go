package jwtauth_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// storedHash is a hash of "password" at bcrypt's lowest cost, to keep tests
// quick.
const storedHash = "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"

func TestHashPassword(t *testing.T) {
	t.Parallel() // at a real cost it takes a second or two under the race detector
	h, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.HashPassword(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if len(hash) != 60 || !strings.HasPrefix(hash, "$2a$10$") {
		t.Errorf("hash %q, want 60 bytes of cost 10", hash)
	}
	if h.NeedsRehash(hash) {
		t.Error("a new hash needs to be replaced")
	}
	if !jwtauth.NeedsRehash(hash) {
		t.Error("the default cost is not higher than 10")
	}
}

func TestCheckPassword(t *testing.T) {
	new72, err := jwtauth.HashPassword(t.Context(), strings.Repeat("é", 36))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, hash, password string
		want                 error
	}{
		{"right, as node's bcrypt writes it", storedHash, "password", nil},
		{"right, 72 bytes", new72, strings.Repeat("é", 36), nil},
		{"wrong", storedHash, "Password", jwtauth.ErrWrongPassword},
		{"empty password", storedHash, "", jwtauth.ErrWrongPassword},
		{"no such user", "", "password", jwtauth.ErrWrongPassword},
		{"neither", "", "", jwtauth.ErrWrongPassword},
		{"the hash itself", storedHash, storedHash, jwtauth.ErrWrongPassword},
		{"plain text stored", "password", "password", jwtauth.ErrWrongPassword},
		{"too long", new72, strings.Repeat("é", 36) + "x", jwtauth.ErrWrongPassword},
		{"very long", storedHash, strings.Repeat("x", 1<<20), jwtauth.ErrWrongPassword},
		{"NUL byte", storedHash, "password\x00password", jwtauth.ErrWrongPassword},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := jwtauth.CheckPassword(t.Context(), tt.hash, tt.password)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if p, want := jwtauth.ProblemOf(err), jwtauth.ProblemOf(tt.want); !reflect.DeepEqual(p, want) {
				t.Errorf("clients see %v; no two refusals may differ", p)
			}
		})
	}
}

// The text of the error names the damage of a hash, and no part of the hash or
// the password. A user who does not exist has the same error as one with a good
// hash, because making another one takes time.
func TestCheckPasswordNamesTheDamage(t *testing.T) {
	const longer = "the password is longer than 72 bytes, of which bcrypt reads only the first 72"
	for _, tt := range []struct{ hash, password, want string }{
		{"", "password", ""},
		{"", strings.Repeat("x", 73), ": " + longer},
		{"", "a\x00", ": the password contains a NUL byte"},
		{storedHash, "Password", ""},
		{storedHash, strings.Repeat("x", 73), ": " + longer},
		{storedHash, "a\x00", ": the password contains a NUL byte"},
		{storedHash[:59], "password", ": the stored hash is cut: it has 59 bytes instead of 60"},
		{storedHash + "    ", "password", ": the stored hash has space around it; a column of fixed length pads it"},
		{storedHash + "\n", "password", ": the stored hash has space around it; a column of fixed length pads it"},
		{storedHash + "x", "password", ": the stored hash has 61 bytes instead of 60"},
		{`"` + storedHash + `"`, "password", ": the stored hash is in quotes"},
		{"{bcrypt}" + storedHash, "password", `: the stored hash begins with "{bcrypt}": remove this prefix`},
		{"{BCRYPT}" + storedHash, "password", `: the stored hash begins with "{bcrypt}": remove this prefix`},
		{"bcrypt$" + storedHash, "password", `: the stored hash begins with "bcrypt$": remove this prefix`},
		{"bcrypt_sha256$" + storedHash, "password", ": the stored hash is one of a SHA-256 hash of the password (Django), not of the password"},
		{"$2x" + storedHash[3:], "password", ": the stored hash has the version 2x of bcrypt; the versions 2a, 2b and 2y are accepted"},
		{"$2b$17" + storedHash[6:], "password", ": the stored hash has the cost 17; from 4 to 16 is accepted"},
		{"$2b$03" + storedHash[6:], "password", ": the stored hash has the cost 3; from 4 to 16 is accepted"},
		{storedHash[:59] + "=", "password", ": the stored hash has a character that no bcrypt hash contains"},
		{"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "password", ": the stored hash is one of Argon2, not of bcrypt"},
		{"$scrypt$ln=16$c2FsdA$aGFzaA", "password", ": the stored hash is one of scrypt, not of bcrypt"},
		{"pbkdf2_sha256$720000$c2FsdA$aGFzaA=", "password", ": the stored hash is one of PBKDF2, not of bcrypt"},
		{"$6$salt$hash", "password", ": the stored hash is one of SHA-crypt, not of bcrypt"},
		{"password", "password", ": the stored hash is not one of bcrypt"},
	} {
		err := jwtauth.CheckPassword(t.Context(), tt.hash, tt.password)
		if want := "jwtauth: wrong user or password" + tt.want; !errors.Is(err, jwtauth.ErrWrongPassword) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	tests := []struct{ name, password, want string }{
		{"73 bytes", "secret" + strings.Repeat("x", 67), "jwtauth: password cannot be hashed: longer than 72 bytes"},
		{"73 bytes in 37 letters", strings.Repeat("é", 36) + "x", "jwtauth: password cannot be hashed: longer than 72 bytes"},
		{"NUL byte", "secret\x00", "jwtauth: password cannot be hashed: contains a NUL byte"},
		{"nothing else", "\x00", "jwtauth: password cannot be hashed: contains a NUL byte"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hash, err := jwtauth.HashPassword(t.Context(), tt.password)
			if hash != "" || !errors.Is(err, jwtauth.ErrPasswordUnhashable) || err.Error() != tt.want {
				t.Errorf("%q, %v; want error %q", hash, err, tt.want)
			}
		})
	}
}

func TestPasswordContext(t *testing.T) {
	ctx, cancel := context.WithCancel(jwtauth.WithClient(t.Context(), "192.0.2.1"))
	cancel()
	if err := jwtauth.CheckPassword(ctx, storedHash, "password"); !errors.Is(err, context.Canceled) {
		t.Errorf("CheckPassword: error %v, want %v", err, context.Canceled)
	}
	if hash, err := jwtauth.HashPassword(ctx, "password"); hash != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("HashPassword: %q, error %v, want %v", hash, err, context.Canceled)
	}
}

func TestNeedsRehash(t *testing.T) {
	tail := storedHash[6:]
	tests := []struct {
		name, hash string
		want       bool
	}{
		{"lower cost", "$2b$11" + tail, true},
		{"lowest cost", storedHash, true},
		{"same cost", "$2b$12" + tail, false},
		{"same cost, 2a", "$2a$12" + tail, false},
		{"same cost, 2y", "$2y$12" + tail, false},
		{"higher cost", "$2b$16" + tail, false},
		{"a cost that does not verify", "$2b$17" + tail, true},
		{"a version that does not verify", "$2x$12" + tail, true},
		{"empty", "", true},
		{"malformed", "password", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := jwtauth.NeedsRehash(tt.hash); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestHasherOptionsFaults(t *testing.T) {
	const prefix = "jwtauth: HasherOptions."
	tests := []struct {
		name string
		opts jwtauth.HasherOptions
		want []string // the lines of the error
	}{
		{name: "zero"},
		{name: "lowest", opts: jwtauth.HasherOptions{Cost: 10, MaxConcurrent: 1, MaxWaiting: 1, MaxWait: 1}},
		{name: "highest", opts: jwtauth.HasherOptions{Cost: 16, MaxConcurrent: 1024, MaxWaiting: 65536, MaxWait: time.Hour}},
		{name: "nobody waits", opts: jwtauth.HasherOptions{MaxWaiting: -1}},
		{
			name: "cost too low", opts: jwtauth.HasherOptions{Cost: 9},
			want: []string{prefix + "Cost: 9 is below the minimum of 10"},
		},
		{
			name: "cost negative", opts: jwtauth.HasherOptions{Cost: -1},
			want: []string{prefix + "Cost: -1 is below the minimum of 10"},
		},
		{
			name: "cost too high", opts: jwtauth.HasherOptions{Cost: 17},
			want: []string{prefix + "Cost: 17 exceeds the maximum of 16"},
		},
		{
			name: "too many at a time", opts: jwtauth.HasherOptions{MaxConcurrent: 1025},
			want: []string{prefix + "MaxConcurrent: 1025 exceeds the maximum of 1024"},
		},
		{
			name: "all at once", opts: jwtauth.HasherOptions{Cost: 8, MaxConcurrent: -2, MaxWaiting: 65537, MaxWait: -time.Second},
			want: []string{
				prefix + "Cost: 8 is below the minimum of 10",
				prefix + "MaxConcurrent: -2 is negative",
				prefix + "MaxWaiting: 65537 exceeds the maximum of 65536",
				prefix + "MaxWait: -1s is negative (MaxWaiting: -1 turns waiting off)",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := jwtauth.NewHasher(tt.opts)
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if !slices.Equal(got, tt.want) || (h == nil) != (err != nil) {
				t.Errorf("%v, %q; want %q", h, got, tt.want)
			}
		})
	}
}
