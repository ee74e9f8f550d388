package passwords_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

// counting returns a Hasher of the given cost, and the cost of each comparison
// that it makes.
func counting(cost int, compare func(hash, password []byte) error) (*passwords.Hasher, *[]int) {
	costs := new([]int)
	return passwords.New(passwords.Bcrypt{
		Generate: bcrypt.GenerateFromPassword,
		Compare: func(hash, password []byte) error {
			cost, err := bcrypt.Cost(hash)
			if err != nil {
				panic(err)
			}
			*costs = append(*costs, cost)
			return compare(hash, password)
		},
	}, cost), costs
}

// cheap returns a Hasher with bcrypt's lowest cost.
func cheap() *passwords.Hasher {
	h, _ := counting(bcrypt.MinCost, bcrypt.CompareHashAndPassword)
	return h
}

// All of "password", as libxcrypt makes them.
const (
	bcrypt2a = "$2a$04$Rz6nCj1iUbO8lGfS3hPt0.b/HBx15PpBc6GpCfiH4dBAAugW7x0VO"
	bcrypt2b = "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	bcrypt2x = "$2x$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	bcrypt2y = "$2y$04$mE2xHd9TgKq7BsYpWv4oF.sxUZI8OsplXhmK35pkM6zqJClxp3/.y"

	// A match for the 13 bytes of salt that x/crypto reads here.
	bcryptBrokenSalt = "$2b$04$Kp5aVwXe2NdYr9MuTi\r\n\r\nivMSSyrIZC7HxU/beDVykGzTORQa5O6"
)

func TestBcryptForms(t *testing.T) {
	// All are hashes of "password" in some form. The field xcrypto says whether
	// they match according to x/crypto.
	salt, tail := bcrypt2b[7:29], bcrypt2b[29:]
	tests := []struct {
		name     string
		hash     string
		password string
		want     bool
		xcrypto  bool // accepts it
	}{
		{name: "2a", hash: bcrypt2a, want: true, xcrypto: true},
		{name: "2b", hash: bcrypt2b, want: true, xcrypto: true},
		{name: "2y", hash: bcrypt2y, want: true, xcrypto: true},
		{name: "unused bits of the salt set", hash: "$2b$04$" + salt[:21] + "/" + tail, want: true, xcrypto: true},
		{name: "wrong password", hash: bcrypt2b, password: "Password", xcrypto: false},
		{name: "empty", hash: ""},
		{name: "plain text", hash: "password"},
		{name: "59 bytes", hash: bcrypt2b[:59]},
		{name: "61 bytes", hash: bcrypt2b + ".", xcrypto: true},
		{name: "a line break after it", hash: bcrypt2b + "\n", xcrypto: true},
		{name: "version 2", hash: "$2$04$" + salt + tail, xcrypto: true},
		{name: "version 2, 60 bytes", hash: "$2$04$" + salt + tail + ".", xcrypto: true},
		{name: "version 2x", hash: bcrypt2x, xcrypto: true},
		{name: "version 2B", hash: "$2B" + bcrypt2b[3:], xcrypto: true},
		{name: "version 1b", hash: "$1b" + bcrypt2b[3:], xcrypto: true},
		{name: "version 3b", hash: "$3b" + bcrypt2b[3:]},
		{name: "no leading dollar", hash: "!" + bcrypt2b[1:]},
		{name: "no dollar before the cost", hash: "$2b!" + bcrypt2b[4:], xcrypto: true},
		{name: "no dollar after the cost", hash: bcrypt2b[:6] + "!" + bcrypt2b[7:], xcrypto: true},
		{name: "cost with a sign", hash: "$2b$+4$" + salt + tail, xcrypto: true},
		{name: "cost with a space", hash: "$2b$ 4$" + salt + tail},
		{name: "cost in hexadecimal", hash: "$2b$0a$" + salt + tail},
		{name: "cost with a byte above 9", hash: "$2b$0:$" + salt + tail},
		{name: "cost with a byte below 0", hash: "$2b$1/$" + salt + tail},
		{name: "cost 03", hash: "$2b$03$" + salt + tail},
		{name: "cost 32", hash: "$2b$32$" + salt + tail},
		{name: "line breaks in the salt", hash: bcryptBrokenSalt, xcrypto: true},
		{name: "padding in the salt", hash: "$2b$04$" + salt[:21] + "=" + tail},
		{name: "unused bits of the hash set", hash: bcrypt2b[:59] + "f"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.password == "" {
				tt.password = "password"
			}
			accepts := bcrypt.CompareHashAndPassword([]byte(tt.hash), []byte(tt.password)) == nil
			if accepts != tt.xcrypto {
				t.Errorf("x/crypto accepts it: %v; this test takes it for %v", accepts, tt.xcrypto)
			}
			h, costs := counting(bcrypt.MinCost, bcrypt.CompareHashAndPassword)
			if got := h.Matches(tt.hash, tt.password); got != tt.want {
				t.Errorf("matches: %v, want %v", got, tt.want)
			}
			if !slices.Equal(*costs, []int{bcrypt.MinCost}) {
				t.Errorf("comparisons of cost %v, want one of %d", *costs, bcrypt.MinCost)
			}
			wellFormed := tt.want || tt.name == "wrong password" || tt.name == "unused bits of the hash set"
			if got := h.NeedsRehash(tt.hash); got == wellFormed {
				t.Errorf("NeedsRehash: %v", got)
			}
		})
	}
}

func TestCostAlphabet(t *testing.T) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for i := 7; i < 60; i++ {
		for c := range 256 {
			hash := bcrypt2b[:i] + string([]byte{byte(c)}) + bcrypt2b[i+1:]
			if _, ok := passwords.Cost(hash); ok != (strings.IndexByte(alphabet, byte(c)) >= 0) {
				t.Errorf("byte %#x at %d: well-formed %v", c, i, ok)
			}
		}
	}
}

// Every refusal does 2^cost rounds of work.
func TestBcryptWork(t *testing.T) {
	const cost = 12
	stored := func(cost int) string { return fmt.Sprintf("$2b$%02d$%s", cost, bcrypt2b[7:]) }
	tests := []struct {
		name, hash, password string
		rounds               int
	}{
		{"no such user", "", "x", 1 << cost},
		{"malformed hash", "secret", "x", 1 << cost},
		{"cost above the maximum", stored(17), "x", 1 << cost},
		{"the highest cost of all", stored(31), "x", 1 << cost},
		{"the highest cost that verifies", stored(16), "x", 1 << 16},
		{"too long", stored(cost), strings.Repeat("x", 73), 1 << cost},
		{"NUL byte", stored(cost), "x\x00", 1 << cost},
		{"too long, no such user", "", strings.Repeat("x", 73), 1 << cost},
		{"too long, lower cost", stored(10), strings.Repeat("x", 73), 1 << cost},
		{"too long, higher cost", stored(13), strings.Repeat("x", 73), 1 << 13},
		{"empty password", stored(cost), "", 1 << cost},
	}
	for c := bcrypt.MinCost; c <= cost; c++ {
		tests = append(tests, struct {
			name, hash, password string
			rounds               int
		}{fmt.Sprintf("wrong, cost %d", c), stored(c), "x", 1 << cost})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, costs := counting(cost, func(_, password []byte) error {
				if len(password) > passwords.MaxBytes {
					t.Errorf("%d bytes went into bcrypt", len(password))
				}
				return bcrypt.ErrMismatchedHashAndPassword
			})
			if h.Matches(tt.hash, tt.password) {
				t.Error("the password matches")
			}
			rounds := 0
			for _, c := range *costs {
				rounds += 1 << c
			}
			if rounds != tt.rounds {
				t.Errorf("%d rounds in comparisons of cost %v, want %d", rounds, *costs, tt.rounds)
			}
		})
	}

	t.Run("the right password is not delayed", func(t *testing.T) {
		h, costs := counting(cost, bcrypt.CompareHashAndPassword)
		if !h.Matches(bcrypt2b, "password") || !slices.Equal(*costs, []int{4}) {
			t.Errorf("comparisons of cost %v, want a match after one of 4", *costs)
		}
	})
}

// x/crypto accepts some of these passwords, although they are not the right
// ones.
func TestBcryptImpossiblePasswords(t *testing.T) {
	hashOf := func(password string) string {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(hash)
	}
	x72 := strings.Repeat("x", 72)
	tests := []struct {
		name, hash, password string
		xcrypto              bool
		want                 bool
	}{
		{"72 bytes", hashOf(x72), x72, true, true},
		{"73 bytes", hashOf(x72), x72 + "y", true, false},
		{"a NUL byte makes a period", hashOf("a"), "a\x00a", true, false},
		{"an own NUL byte", hashOf("a\x00b"), "a\x00b", true, false},
		{"too long, against the hash of nothing", hashOf(""), x72 + "y", false, false},
		{"empty", hashOf(""), "", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			accepts := bcrypt.CompareHashAndPassword([]byte(tt.hash), []byte(tt.password)) == nil
			if accepts != tt.xcrypto {
				t.Errorf("x/crypto accepts it: %v; this test takes it for %v", accepts, tt.xcrypto)
			}
			if got := cheap().Matches(tt.hash, tt.password); got != tt.want {
				t.Errorf("matches: %v, want %v", got, tt.want)
			}
			if err := passwords.CheckHashable(tt.password); (err == nil) != tt.want {
				t.Errorf("CheckHashable: %v", err)
			}
		})
	}
}

// A decoy matches no password, even if bcrypt reported a match.
func TestDecoy(t *testing.T) {
	for cost := passwords.MinCost; cost <= passwords.MaxCost; cost++ {
		var compared string
		h := passwords.New(passwords.Bcrypt{Compare: func(hash, _ []byte) error {
			compared = string(hash)
			return nil
		}}, cost)
		for _, hash := range []string{"", "malformed", "$2b$17$" + bcrypt2b[7:]} {
			if h.Matches(hash, "password") {
				t.Errorf("cost %d: %q matches", cost, hash)
			}
			if got, ok := passwords.Cost(compared); got != cost || !ok {
				t.Errorf("cost %d in %q, %v", got, compared, ok)
			}
			if last := compared[59]; last != '/' { // 1 in bcrypt's base64: the low bits are not zero
				t.Errorf("a real hash could end in %q", last)
			}
		}
	}
}

func TestHash(t *testing.T) {
	h := cheap()
	hash, err := h.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if len(hash) != 60 || !strings.HasPrefix(hash, "$2a$04$") {
		t.Errorf("hash %q, want 60 bytes of cost 4", hash)
	}
	if !h.Matches(hash, "correct horse") || h.Matches(hash, "Correct horse") {
		t.Error("the hash is not that of the password")
	}
	if h.NeedsRehash(hash) {
		t.Error("a new hash needs to be replaced")
	}

	cause := errors.New("no randomness")
	failing := passwords.New(passwords.Bcrypt{Generate: func([]byte, int) ([]byte, error) { return []byte("half a hash"), cause }}, 10)
	if hash, err := failing.Hash("password"); hash != "" || !errors.Is(err, cause) {
		t.Errorf("%q, %v", hash, err)
	}
	counted := 0
	costly := passwords.New(passwords.Bcrypt{Generate: func(_ []byte, cost int) ([]byte, error) { counted = cost; return nil, nil }}, 11)
	if _, err := costly.Hash("password"); err != nil || counted != 11 {
		t.Errorf("a hash of cost %d, %v", counted, err)
	}
}
