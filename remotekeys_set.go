package jwtauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// maxSetKeys is how many keys of a set are read.
const maxSetKeys = 1000

// readSet reads a key set (RFC 7517 §5), and says of each key that it leaves out why. What it knows
// again from last is the same value there and here: tokens are remembered together with the Key that signed them.
func (r *RemoteKeys) readSet(text []byte, last *keyset.Set[Key]) (set *keyset.Set[Key], skipped []error, err error) {
	known := make(map[jwkIdentity]*jose.Key)
	for key := range last.Keys() {
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
		set.AddPublished(key)
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
	alg      jose.Algorithm
	id       string
	assigned bool
	material string
}

func identityOf(key *jose.Key) jwkIdentity {
	return jwkIdentity{key.Algorithm(), key.ID(), key.Assigned(), key.Thumbprint()}
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
func (r *RemoteKeys) readKey(text []byte) (*jose.Key, error) {
	m, err := jose.ScanJWK(text)
	if err != nil {
		return nil, err
	}
	named := ""
	if id := m.ID(); id != "" {
		named = fmt.Sprintf(" (kid %q)", id)
	}
	if name := m.Secret(); name != "" {
		return nil, fmt.Errorf("JWK%s has a secret part (%s), which everyone can read there: no token of it proves anything", named, name)
	}
	// An RSA key may be for any of six algorithms.
	var alg Algorithm
	if kty, _, _ := m.Text("kty"); kty == "RSA" && m["alg"] == nil {
		alg = r.rsa
	}
	key, err := m.Key(jose.Algorithm(alg))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, named)
	case !slices.Contains(r.algorithms, Algorithm(key.Algorithm())):
		return nil, fmt.Errorf("JWK%s is for %s, which is not one of Algorithms", named, key.Algorithm())
	}
	return key, nil
}
