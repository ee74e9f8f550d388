package jwtauth

import (
	"context"
	"fmt"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// KeySource says which keys to judge a token with. Implementations are safe for concurrent use.
type KeySource interface {
	// VerificationKeys returns the keys that may have signed a token whose header
	// names alg and kid ("" where it names none); both are an attacker's choice, good for looking up and nothing else.
	// A verifier uses only keys of that algorithm, and at most the first 16.
	// No keys and no error refuse the token ([ErrKeyUnknown]); an error other than
	// [ErrTokenInvalid] says that the source cannot tell ([ErrUnavailable]). The slice is not changed.
	VerificationKeys(ctx context.Context, alg Algorithm, kid string) ([]Key, error)
}

// StaticKeys returns a source of fixed keys, of which it keeps the public parts; a
// symmetric key has none and is kept whole.
//
// A token whose header has a kid is judged with the key of that [Key.ID], else
// with the keys of its algorithm whose id was not given by [Key.WithID] or a JWK's
// "kid"; a token without a kid with all keys of its algorithm.
//
// It refuses to be without a key, the zero Key, two keys with one id, and symmetric keys
// beside public ones (RFC 8725 §3.1). Its error joins all faults.
func StaticKeys(keys ...Key) (KeySource, error) {
	var f faults.Collector
	if len(keys) == 0 {
		f.Add("StaticKeys: keys", "is empty")
	}
	set := newKeySet()
	var symmetric, public bool
	for i, key := range keys {
		if set.add(&f, fmt.Sprintf("StaticKeys: keys[%d]", i), key) {
			symmetric = symmetric || key.k.Symmetric()
			public = public || !key.k.Symmetric()
		}
	}
	if symmetric && public {
		f.Add("StaticKeys: keys", "symmetric keys beside public ones: make a verifier for each kind")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return set, nil
}

// keySet is a set of verification keys, immutable once it is filled.
type keySet struct {
	ids   map[string]bool
	all   map[Algorithm][]Key
	named map[keyName][]Key
	loose map[Algorithm][]Key // those whose id nobody chose: another party may call them something else
}

type keyName struct {
	alg Algorithm
	kid string
}

func newKeySet() *keySet {
	return &keySet{
		ids:   make(map[string]bool),
		all:   make(map[Algorithm][]Key),
		named: make(map[keyName][]Key),
		loose: make(map[Algorithm][]Key),
	}
}

// add takes the public part of key, the value at path, or adds to f why not.
func (s *keySet) add(f *faults.Collector, path string, key Key) bool {
	id := key.ID()
	switch {
	case key.k.Check() != nil:
		f.Add(path, "%v", key.k.Check())
		return false
	case id != "" && s.ids[id]:
		f.Add(path, "has the id of another key; give it one of its own by WithID")
		return false
	}
	s.ids[id] = true
	if !key.k.Symmetric() {
		key = key.Public()
	}
	alg := key.Algorithm()
	s.all[alg] = append(s.all[alg], key)
	if !key.k.Assigned() {
		s.loose[alg] = append(s.loose[alg], key)
	}
	if id != "" {
		s.named[keyName{alg, id}] = []Key{key}
	}
	return true
}

func (s *keySet) VerificationKeys(_ context.Context, alg Algorithm, kid string) ([]Key, error) {
	if kid == "" {
		return s.all[alg], nil
	}
	if named := s.named[keyName{alg, kid}]; named != nil {
		return named, nil
	}
	return s.loose[alg], nil
}
