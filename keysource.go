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
	// The verifier ignores keys of other algorithms, and tries at most 16 keys.
	// It tries fewer if their signature checks cost more than 64 checks with
	// RSA of 2048 bits, but at least 3: the first 10 RSA keys of 3072 bits, 7
	// of 4096 bits, or 3 on P-384 or P-521. It does not change the slice.
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
// Symmetric and public keys may be in one list, for example while an issuer
// moves from HS256 to ES256. Each key verifies tokens of its own algorithm
// only, so no token can use a public key as a secret (RFC 8725, section 3.1).
//
// StaticKeys refuses an empty list, the zero Key, two keys with the same ID,
// and a key with a derived ID that the limits of [KeySource] would exclude from
// the checks of a token without a "kid". Its error joins all faults.
func StaticKeys(keys ...Key) (KeySource, error) {
	var f faults.Collector
	if len(keys) == 0 {
		f.Add("StaticKeys: keys", "is empty")
	}
	set := newKeySet()
	positions := make([]int, len(keys)) // of the keys among those of their algorithm
	count := make(map[Algorithm]int)
	for i, key := range keys {
		if err := set.Add(key.k); err != nil {
			f.Add(fmt.Sprintf("StaticKeys: keys[%d]", i), "%v", err)
			continue
		}
		positions[i] = count[key.Algorithm()]
		count[key.Algorithm()]++
	}
	for i, key := range keys {
		all := set.Lookup(jose.Algorithm(key.Algorithm()), "")
		tried := len(candidates(all, key.Algorithm()))
		if positions[i] >= tried && len(all) > 0 && !key.k.Assigned() {
			f.Add(fmt.Sprintf("StaticKeys: keys[%d]", i), "is never tried on a token without a \"kid\", because only %d of the %s keys are; "+
				"give it the ID that its issuer uses (WithID), or remove other keys", tried, key.Algorithm())
		}
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
