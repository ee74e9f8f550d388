package passwords

import (
	"errors"
	"fmt"
	"strings"
)

// foreign are the prefixes of formats that are not supported.
var foreign = []struct{ prefix, name string }{
	{"$argon2", "Argon2"}, {"argon2", "Argon2"},
	{"$scrypt", "scrypt"}, {"scrypt", "scrypt"}, {"$7$", "scrypt"},
	{"$pbkdf2", "PBKDF2"}, {"pbkdf2", "PBKDF2"},
	{"$y$", "yescrypt"},
	{"$5$", "SHA-crypt"}, {"$6$", "SHA-crypt"},
	{"$1$", "MD5-crypt"}, {"$apr1$", "MD5-crypt"},
}

// Unusable returns the reason why hash matches no password, or why password
// matches no hash. It returns nil if both could match, and if the hash is empty
// and the password could match. The error contains no part of either.
func Unusable(hash, password string) error {
	if hash == "" {
		hash = decoys[MinCost] // the same result and work as for a user
	}
	if err := damage(hash); err != nil {
		return fmt.Errorf("the stored hash %w", err)
	}
	switch {
	case len(password) > MaxBytes:
		return fmt.Errorf("the password is longer than %d bytes, of which bcrypt reads only the first %d", MaxBytes, MaxBytes)
	case strings.IndexByte(password, 0) >= 0:
		return errors.New("the password contains a NUL byte")
	}
	return nil
}

// damage returns the reason why a hash is not accepted, or nil.
func damage(hash string) error {
	cost, ok := Cost(hash)
	if ok {
		return nil
	}
	lower := strings.ToLower(hash)
	for _, prefix := range []string{"{bcrypt}", "bcrypt$"} {
		if strings.HasPrefix(lower, prefix) {
			return fmt.Errorf("begins with %q: remove this prefix", prefix)
		}
	}
	for _, f := range foreign {
		if strings.HasPrefix(lower, f.prefix) {
			return fmt.Errorf("is one of %s, not of bcrypt", f.name)
		}
	}
	switch {
	case strings.HasPrefix(lower, "bcrypt_sha256$"):
		return errors.New("is one of a SHA-256 hash of the password (Django), not of the password")
	case strings.TrimSpace(hash) != hash:
		return errors.New("has space around it; a column of fixed length pads it")
	case hash[0] == '"' || hash[0] == '\'':
		return errors.New("is in quotes")
	case !strings.HasPrefix(hash, "$2"):
		return errors.New("is not one of bcrypt")
	case len(hash) < 60:
		return fmt.Errorf("is cut: it has %d bytes instead of 60", len(hash))
	case len(hash) > 60:
		return fmt.Errorf("has %d bytes instead of 60", len(hash))
	case cost != 0:
		return fmt.Errorf("has the cost %d; from %d to %d is accepted", cost, MinCost, MaxCost)
	case hash[2] == 'x' && hash[3] == '$':
		return errors.New("has the version 2x of bcrypt; the versions 2a, 2b and 2y are accepted")
	}
	return errors.New("has a character that no bcrypt hash contains")
}
