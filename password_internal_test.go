package jwtauth

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// The race detector makes bcrypt twenty times slower. So the default Hasher,
// in tests, hashes at bcrypt's lowest cost and does not run the decoys.
func init() {
	h := defaultHasher()
	h.generate = func(password []byte, _ int) ([]byte, error) {
		return bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
	}
	skipDecoys(h)
}

func skipDecoys(h *Hasher) {
	compare := h.compare
	h.compare = func(hash, password []byte) error {
		if cost, ok := hashCost(string(hash)); ok && string(hash) == decoyHash(cost) {
			return bcrypt.ErrMismatchedHashAndPassword
		}
		return compare(hash, password)
	}
}

// countCosts notes the cost of each comparison that h runs.
func countCosts(h *Hasher) *[]int {
	costs := new([]int)
	compare := h.compare
	h.compare = func(hash, password []byte) error {
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			panic(err)
		}
		*costs = append(*costs, cost)
		return compare(hash, password)
	}
	return costs
}

func newTestHasher(t *testing.T, opts HasherOptions) *Hasher {
	t.Helper()
	h, err := NewHasher(opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// cheapHasher works at bcrypt's lowest cost.
func cheapHasher(t *testing.T) *Hasher {
	h := newTestHasher(t, HasherOptions{})
	h.cost = bcrypt.MinCost
	skipDecoys(h)
	return h
}

// All of "password", as libxcrypt makes them.
const (
	bcrypt2a = "$2a$04$Rz6nCj1iUbO8lGfS3hPt0.b/HBx15PpBc6GpCfiH4dBAAugW7x0VO"
	bcrypt2b = "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	bcrypt2x = "$2x$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	bcrypt2y = "$2y$04$mE2xHd9TgKq7BsYpWv4oF.sxUZI8OsplXhmK35pkM6zqJClxp3/.y"

	// Right for the 13 bytes of salt that x/crypto reads here.
	bcryptBrokenSalt = "$2b$04$Kp5aVwXe2NdYr9MuTi\r\n\r\nivMSSyrIZC7HxU/beDVykGzTORQa5O6"
)

func TestBcryptForms(t *testing.T) {
	// All are hashes of "password" in some way. x/crypto's parser lets those
	// match that are marked so; no others get past it either.
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
			h := cheapHasher(t)
			costs := countCosts(h)
			var want error
			if !tt.want {
				want = ErrWrongPassword
			}
			if err := h.CheckPassword(t.Context(), tt.hash, tt.password); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
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

func TestBcryptAlphabet(t *testing.T) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for i := 7; i < 60; i++ {
		for c := range 256 {
			hash := bcrypt2b[:i] + string([]byte{byte(c)}) + bcrypt2b[i+1:]
			if _, ok := hashCost(hash); ok != (strings.IndexByte(alphabet, byte(c)) >= 0) {
				t.Errorf("byte %#x at %d: well-formed %v", c, i, ok)
			}
		}
	}
}

// TestBcryptWork: whatever the hash and the password, a refusal is 2^cost rounds of work.
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
			h := newTestHasher(t, HasherOptions{Cost: cost})
			h.compare = func(_, password []byte) error {
				if len(password) > maxPasswordBytes {
					t.Errorf("%d bytes went into bcrypt", len(password))
				}
				return bcrypt.ErrMismatchedHashAndPassword
			}
			costs := countCosts(h)
			if err := h.CheckPassword(t.Context(), tt.hash, tt.password); !errors.Is(err, ErrWrongPassword) {
				t.Errorf("error %v, want %v", err, ErrWrongPassword)
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
		h := newTestHasher(t, HasherOptions{Cost: cost})
		costs := countCosts(h)
		if err := h.CheckPassword(t.Context(), bcrypt2b, "password"); err != nil || !slices.Equal(*costs, []int{4}) {
			t.Errorf("error %v, comparisons of cost %v; want none, one of 4", err, *costs)
		}
	})
}

// TestBcryptImpossiblePasswords: x/crypto would take these for the right ones.
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
		want                 error
	}{
		{"72 bytes", hashOf(x72), x72, true, nil},
		{"73 bytes", hashOf(x72), x72 + "y", true, ErrWrongPassword},
		{"a NUL byte makes a period", hashOf("a"), "a\x00a", true, ErrWrongPassword},
		{"an own NUL byte", hashOf("a\x00b"), "a\x00b", true, ErrWrongPassword},
		{"too long, against the hash of nothing", hashOf(""), x72 + "y", false, ErrWrongPassword},
		{"empty", hashOf(""), "", true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			accepts := bcrypt.CompareHashAndPassword([]byte(tt.hash), []byte(tt.password)) == nil
			if accepts != tt.xcrypto {
				t.Errorf("x/crypto accepts it: %v; this test takes it for %v", accepts, tt.xcrypto)
			}
			h := cheapHasher(t)
			if err := h.CheckPassword(t.Context(), tt.hash, tt.password); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestBcryptDecoy: nobody's password, even if bcrypt were to say that it fits.
func TestBcryptDecoy(t *testing.T) {
	for cost := bcrypt.MinCost; cost <= maxHashCost; cost++ {
		hash := decoyHash(cost)
		if got, ok := hashCost(hash); got != cost || !ok {
			t.Errorf("cost %d in %q, %v", got, hash, ok)
		}
		if last := hash[59]; last != '/' { // 1 in bcrypt's base64: the low bits are not zero
			t.Errorf("a real hash could end in %q", last)
		}
	}
	h := cheapHasher(t)
	h.compare = func(_, _ []byte) error { return nil }
	for _, hash := range []string{"", "malformed", "$2b$17$" + bcrypt2b[7:]} {
		if err := h.CheckPassword(t.Context(), hash, "password"); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%q: error %v, want %v", hash, err, ErrWrongPassword)
		}
	}
}

func TestHasherDefaults(t *testing.T) {
	procs := func(n int) { runtime.GOMAXPROCS(n) }
	defer procs(runtime.GOMAXPROCS(0))
	for _, tt := range []struct{ procs, concurrent, waiting int }{{1, 1, 64}, {2, 1, 64}, {3, 1, 64}, {8, 4, 256}} {
		procs(tt.procs)
		got, err := HasherOptions{}.withDefaults()
		want := HasherOptions{Cost: 12, MaxConcurrent: tt.concurrent, MaxWaiting: tt.waiting, MaxWait: time.Second}
		if got != want || err != nil {
			t.Errorf("GOMAXPROCS %d: %+v, %v; want %+v", tt.procs, got, err, want)
		}
	}
	got, err := HasherOptions{MaxConcurrent: 3, MaxWaiting: -1}.withDefaults()
	if err != nil || got.MaxWaiting != 0 || got.MaxConcurrent != 3 {
		t.Errorf("%+v, %v; want three at a time and nobody waiting", got, err)
	}
	if h := defaultHasher(); h.cost != 12 || h != defaultHasher() {
		t.Errorf("the default hasher has cost %d, or there are two", h.cost)
	}
}

func TestHasherBcryptFails(t *testing.T) {
	h := cheapHasher(t)
	cause := errors.New("no randomness")
	h.generate = func(_ []byte, _ int) ([]byte, error) { return []byte("half a hash"), cause }
	hash, err := h.HashPassword(t.Context(), "password")
	if hash != "" || err == nil || errors.Is(err, cause) || !strings.Contains(err.Error(), "no randomness") {
		t.Errorf("%q, %v", hash, err)
	}
}
