// Package keyset looks up verification keys by their algorithm and ID.
package keyset

import (
	"errors"
	"iter"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// Set is a set of verification keys. It is filled once, and may then be used
// concurrently. A nil *Set is empty.
//
// Look-ups return keys as K, the type that the caller works with. Each key is
// converted when it is added, so that a look-up does not allocate.
type Set[K any] struct {
	wrap       func(*jose.Key) K
	ids        map[string]bool // of the keys that Add added
	keys       map[jose.Algorithm][]*jose.Key
	all        map[jose.Algorithm][]K
	named      map[name][]K
	unassigned map[jose.Algorithm][]K
	algorithms []jose.Algorithm
}

// name is the name of a key within a set.
type name struct {
	alg jose.Algorithm
	id  string
}

// New returns an empty set whose look-ups return keys as wrap converts them.
func New[K any](wrap func(*jose.Key) K) *Set[K] {
	return &Set[K]{
		wrap:       wrap,
		ids:        make(map[string]bool),
		keys:       make(map[jose.Algorithm][]*jose.Key),
		all:        make(map[jose.Algorithm][]K),
		named:      make(map[name][]K),
		unassigned: make(map[jose.Algorithm][]K),
	}
}

// Add adds the public part of key, or the whole key if it is symmetric. It
// refuses a key that is not valid, and a second key with the same ID. Its
// errors are predicates of the key.
//
// If the ID of the key was not assigned by anyone ([jose.Key.Assigned]), other
// parties may know the key by another ID. [Set.Lookup] then returns the key for
// unknown IDs as well.
func (s *Set[K]) Add(key *jose.Key) error {
	if err := key.Check(); err != nil {
		return err
	}
	id := key.ID()
	if s.ids[id] {
		return s.repeated(key)
	}
	if id != "" { // symmetric keys may have no ID
		s.ids[id] = true
	}
	if !key.Symmetric() {
		key = key.Public()
	}
	k := s.add(key)
	if !key.Assigned() {
		s.unassigned[key.Algorithm()] = append(s.unassigned[key.Algorithm()], k)
	}
	return nil
}

// repeated returns the error for a key whose ID is in the set.
func (s *Set[K]) repeated(key *jose.Key) error {
	for _, other := range s.keys[key.Algorithm()] {
		if other.ID() == key.ID() && !key.Symmetric() && other.Thumbprint() == key.Thumbprint() {
			return errors.New("is the same key as an earlier one; pass it once, or give it another ID with WithID")
		}
	}
	return errors.New("has the ID of another key; give it one of its own with WithID")
}

// AddPublished adds a public key of a set that its owner published. The owner
// also writes the IDs of tokens. The key is therefore looked up by its ID
// alone, and several keys may have the same one.
func (s *Set[K]) AddPublished(key *jose.Key) { s.add(key) }

func (s *Set[K]) add(key *jose.Key) K {
	alg, k := key.Algorithm(), s.wrap(key)
	if s.keys[alg] == nil {
		s.algorithms = append(s.algorithms, alg)
	}
	s.keys[alg] = append(s.keys[alg], key)
	s.all[alg] = append(s.all[alg], k)
	if id := key.ID(); id != "" {
		s.named[name{alg, id}] = append(s.named[name{alg, id}], k)
	}
	return k
}

// Lookup returns the keys for tokens whose header names alg and id: those with
// that ID, or else those that other parties may know by that ID. If id is
// empty, it returns all keys of the algorithm. The caller must not change the
// slice.
func (s *Set[K]) Lookup(alg jose.Algorithm, id string) []K {
	if s == nil {
		return nil
	}
	if id == "" {
		return s.all[alg]
	}
	if named := s.named[name{alg, id}]; named != nil {
		return named
	}
	return s.unassigned[alg]
}

// Algorithms returns the algorithms that the set has keys for. The caller must
// not change the slice.
func (s *Set[K]) Algorithms() []jose.Algorithm {
	if s == nil {
		return nil
	}
	return s.algorithms
}

// Keys returns the keys, ordered by algorithm and then as they were added.
func (s *Set[K]) Keys() iter.Seq[*jose.Key] {
	return func(yield func(*jose.Key) bool) {
		if s == nil {
			return
		}
		for _, alg := range jose.Algorithms() {
			for _, key := range s.keys[alg] {
				if !yield(key) {
					return
				}
			}
		}
	}
}

// Len returns how many keys the set has.
func (s *Set[K]) Len() (n int) {
	for range s.Keys() {
		n++
	}
	return n
}
