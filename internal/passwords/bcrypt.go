package passwords

import (
	"errors"
	"fmt"
	"strings"
)

// MaxBytes is the length of the longest password: bcrypt's key has at most 18
// words of 32 bits.
const MaxBytes = 72

// Bcrypt is the algorithm, as golang.org/x/crypto/bcrypt implements it.
type Bcrypt struct {
	Generate func(password []byte, cost int) (hash []byte, err error)
	Compare  func(hash, password []byte) error
}

// CheckHashable returns an error if bcrypt would treat password like a
// different one.
func CheckHashable(password string) error {
	switch {
	case len(password) > MaxBytes:
		return fmt.Errorf("longer than %d bytes", MaxBytes)
	case strings.IndexByte(password, 0) >= 0:
		return errors.New("contains a NUL byte")
	}
	return nil
}

// Limits of the cost in a hash. Hashes of MaxCost take seconds. Those of
// bcrypt's own maximum, 31, would occupy a CPU for a day.
const (
	MinCost = 4
	MaxCost = 16
)

// Cost returns the cost in a well-formed bcrypt hash, and false for a malformed
// one or a cost outside the limits.
//
// It does not rely on the parser of x/crypto, which ignores line breaks in the
// salt and everything after 60 bytes, and accepts any minor version, including
// "$2x$" (hashes of a broken implementation). The unused last bits of the salt
// need not be zero: some libraries set them, and no second hash would match
// because of it.
func Cost(hash string) (cost int, ok bool) {
	if len(hash) != 60 || hash[:2] != "$2" || hash[3] != '$' || hash[6] != '$' {
		return 0, false
	}
	if hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y' {
		return 0, false
	}
	for _, c := range []byte(hash[7:]) {
		if (c < '.' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return 0, false
		}
	}
	for _, c := range []byte(hash[4:6]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		cost = cost*10 + int(c) - '0'
	}
	return cost, MinCost <= cost && cost <= MaxCost
}

// decoys are hashes that cost as much as others and match no password: the last
// character of a real hash ends in two zero bits. They are ready, because
// making one takes longer than reading the hash of a user, and half a
// microsecond is measurable.
var decoys = func() (list [MaxCost + 1]string) {
	for cost := range list {
		list[cost] = fmt.Sprintf("$2a$%02d$", cost) + strings.Repeat(".", 22) + strings.Repeat("/", 31)
	}
	return list
}()
