package jwtauth

import (
	"context"
	"fmt"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// KeySource provides the keys that a [Verifier] checks signatures with.
// [StaticKeys] returns one, and *[RemoteKeys] is one. Implementations must be
// safe for concurrent use.
type KeySource interface {
	// VerificationKeys returns the keys for tokens whose header contains the
	// algorithm alg and the key ID kid, which is empty if the header has no
	// "kid". Anyone can choose both values. Use them only to look up keys.
	//
	// If VerificationKeys returns no key and no error, the token is rejected
	// with [ErrKeyUnknown]. Return an error if the keys cannot be looked up:
	// VerifyToken then returns [ErrUnavailable], unless the error wraps
	// [ErrTokenInvalid].
	//
	// The verifier ignores keys of other algorithms, and all keys after the
	// first 16. It does not change the slice.
	VerificationKeys(ctx context.Context, alg Algorithm, kid string) ([]Key, error)
}

// StaticKeys returns a source of fixed keys. It keeps only the public part of
// each key. Symmetric keys have no public part, and are kept whole.
//
// A token with a "kid" is verified with the key that has this ID. If no key has
// it, the token is verified with those keys of its algorithm whose IDs were
// derived, because the issuer may use another ID for them. IDs given by
// [Key.WithID] or the "kid" of a JWK are not derived. A token without a "kid"
// is verified with all keys of its algorithm.
//
// StaticKeys refuses an empty list, the zero Key, two keys with the same ID,
// and symmetric keys beside public ones (RFC 8725, section 3.1). Its error
// joins all faults.
func StaticKeys(keys ...Key) (KeySource, error) {
	var f faults.Collector
	if len(keys) == 0 {
		f.Add("StaticKeys: keys", "is empty")
	}
	set := newKeySet()
	var symmetric, public bool
	for i, key := range keys {
		if err := set.Add(key.k); err != nil {
			f.Add(fmt.Sprintf("StaticKeys: keys[%d]", i), "%v", err)
			continue
		}
		symmetric = symmetric || key.k.Symmetric()
		public = public || !key.k.Symmetric()
	}
	if symmetric && public {
		f.Add("StaticKeys: keys", "contains symmetric and public keys: make a verifier for each kind")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return staticKeys{set}, nil
}

type staticKeys struct{ set *keyset.Set[Key] }

func (s staticKeys) VerificationKeys(_ context.Context, alg Algorithm, kid string) ([]Key, error) {
	return s.set.Lookup(jose.Algorithm(alg), kid), nil
}

func newKeySet() *keyset.Set[Key] {
	return keyset.New(func(k *jose.Key) Key { return Key{k} })
}
