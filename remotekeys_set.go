package jwtauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// maxSetKeys is how many keys of a set are read.
const maxSetKeys = 1000

// readSet reads a key set (RFC 7517 §5), and says of each key that it leaves out why. What it knows
// again from last is the same value there and here: tokens are remembered together with the Key that signed them.
func (r *RemoteKeys) readSet(text []byte, last *keySet) (set *keySet, skipped []error, err error) {
	known := make(map[jwkIdentity]Key)
	for key := range last.keys() {
		known[identityOf(key)] = key
	}
	set = newKeySet()
	there := make(map[jwkIdentity]bool)
	n, err := eachJWK(text, func(i int, text []byte) {
		key, err := r.readKey(text)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("keys[%d]: %w", i, err))
			return
		}
		id := identityOf(key)
		if there[id] {
			return // word for word the same again
		}
		there[id] = true
		if same, ok := known[id]; ok {
			key = same
		}
		set.include(key)
	})
	switch {
	case err != nil:
		return nil, nil, err
	case n == 0:
		return nil, nil, errors.New("the key set is empty")
	case len(there) == 0:
		return nil, skipped, fmt.Errorf("none of the %d keys of the set is usable; the first one: %w", n, skipped[0])
	}
	if n > maxSetKeys {
		skipped = append(skipped, fmt.Errorf("keys[%d] and those behind it: at most %d are read", maxSetKeys, maxSetKeys))
	}
	return set, skipped, nil
}

// jwkIdentity is all that a public key is.
type jwkIdentity struct {
	alg      Algorithm
	id       string
	assigned bool
	material string
}

func identityOf(key Key) jwkIdentity {
	return jwkIdentity{key.Algorithm(), key.ID(), key.k.Assigned(), key.k.Thumbprint()}
}

// eachJWK calls each for the elements of a set's "keys", which are any JSON value, up to maxSetKeys of
// them. It returns how many there are, or one more than that. The set is
// strict as far as it is a set; what it says of a key is left to the one who reads that, since
// one odd key should not spoil the others. The text that each is given is good for the call alone.
func eachJWK(text []byte, each func(i int, text []byte)) (n int, err error) {
	errNotASet := errors.New(`the answer is no key set: it is not a JSON object with an array "keys"`)
	if !utf8.Valid(text) || !json.Valid(text) { // from here on, the grammar is out of the question
		return 0, errNotASet
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, _ := dec.Token(); start != json.Delim('{') {
		return 0, errNotASet
	}
	there := false
	var value json.RawMessage
	for dec.More() {
		if name, _ := dec.Token(); name != "keys" {
			if dec.Decode(&value) != nil {
				return 0, errNotASet
			}
			continue
		}
		if start, _ := dec.Token(); there || start != json.Delim('[') {
			return 0, errNotASet
		}
		there = true
		for ; dec.More(); n++ {
			if n == maxSetKeys {
				return n + 1, nil
			}
			if dec.Decode(&value) != nil {
				return 0, errNotASet
			}
			each(n, value)
		}
		_, _ = dec.Token()
	}
	if !there {
		return 0, errNotASet
	}
	return n, nil
}

// readKey reads one JWK of a set as a key that verifies.
func (r *RemoteKeys) readKey(text []byte) (Key, error) {
	m, err := jose.ScanJWK(text)
	if err != nil {
		return Key{}, err
	}
	named := ""
	if id := m.ID(); id != "" {
		named = fmt.Sprintf(" (kid %q)", id)
	}
	if name := m.Secret(); name != "" {
		return Key{}, fmt.Errorf("JWK%s has a secret part (%s), which everyone can read there: no token of it proves anything", named, name)
	}
	// An RSA key may be for any of six algorithms.
	var alg Algorithm
	if kty, _, _ := m.Text("kty"); kty == "RSA" && m["alg"] == nil {
		alg = r.rsa
	}
	k, err := m.Key(jose.Algorithm(alg))
	key := Key{k}
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("%w%s", err, named)
	case !slices.Contains(r.algorithms, key.Algorithm()):
		return Key{}, fmt.Errorf("JWK%s is for %s, which is not one of Algorithms", named, key.Algorithm())
	}
	return key, nil
}

// include adds a key that may share its id with others. It is looked up by that
// id alone: whoever publishes keys also writes the ids of its tokens.
func (s *keySet) include(key Key) {
	name := keyName{key.Algorithm(), key.ID()}
	s.all[name.alg] = append(s.all[name.alg], key)
	s.named[name] = append(s.named[name], key)
}

// lookup returns the keys with that id, or all of the algorithm where there is none.
func (s *keySet) lookup(alg Algorithm, kid string) []Key {
	if kid == "" {
		return s.all[alg]
	}
	return s.named[keyName{alg, kid}]
}

// keys are those of each algorithm in their order; none of nil.
func (s *keySet) keys() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		if s == nil {
			return
		}
		for _, alg := range jose.Algorithms() {
			for _, key := range s.all[Algorithm(alg)] {
				if !yield(key) {
					return
				}
			}
		}
	}
}

func (s *keySet) size() (n int) {
	for range s.keys() {
		n++
	}
	return n
}
