package jwtauth

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

// makeDefaultHasher returns the Hasher that the package's functions use outside
// of tests.
var makeDefaultHasher = defaultHasher

// The race detector makes bcrypt twenty times slower. So the package's
// functions use a Hasher in tests that hashes at bcrypt's lowest cost and skips
// the comparisons that only take time. TestHashPassword and internal/passwords
// test the real work.
func init() {
	h, err := newHasher(passwords.Bcrypt{
		Generate: func(password []byte, _ int) ([]byte, error) {
			return bcrypt.GenerateFromPassword(password, bcrypt.MinCost)
		},
		Compare: func(hash, password []byte) error {
			if strings.HasSuffix(string(hash), strings.Repeat("/", 31)) { // a decoy
				return bcrypt.ErrMismatchedHashAndPassword
			}
			return bcrypt.CompareHashAndPassword(hash, password)
		},
	}, HasherOptions{})
	if err != nil {
		panic(err)
	}
	defaultHasher = func() *Hasher { return h }
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
		t.Errorf("%+v, %v; want three at a time and no waiting", got, err)
	}
	h := makeDefaultHasher()
	if h != makeDefaultHasher() {
		t.Error("there are two default hashers")
	}
	hash := func(cost string) string { return "$2b$" + cost + "$" + strings.Repeat(".", 53) }
	if !h.NeedsRehash(hash("11")) || h.NeedsRehash(hash("12")) {
		t.Error("the cost of the default hasher is not 12")
	}
}

// Cost reaches bcrypt, and an error of bcrypt ends in this package.
func TestHasherBcrypt(t *testing.T) {
	cause := errors.New("no randomness")
	got := 0
	h, err := newHasher(passwords.Bcrypt{Generate: func(_ []byte, cost int) ([]byte, error) {
		got = cost
		return []byte("half a hash"), cause
	}}, HasherOptions{Cost: 11})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.HashPassword(t.Context(), "password")
	if hash != "" || err == nil || errors.Is(err, cause) || !strings.Contains(err.Error(), "no randomness") {
		t.Errorf("%q, %v", hash, err)
	}
	if got != 11 {
		t.Errorf("bcrypt is called with cost %d, want 11", got)
	}
}
