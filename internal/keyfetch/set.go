package keyfetch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// maxKeys is how many keys of a set are read.
const maxKeys = 1000

// setReader reads key sets (RFC 7517, section 5).
type setReader[K comparable] struct {
	wrap       func(*jose.Key) K
	algorithms []jose.Algorithm // that keys may be for
	rsa        jose.Algorithm   // of RSA keys that do not declare one; "" refuses them
}

func newSetReader[K comparable](wrap func(*jose.Key) K, algorithms []jose.Algorithm) setReader[K] {
	r := setReader[K]{wrap: wrap, algorithms: slices.Clone(algorithms)}
	if i := slices.IndexFunc(algorithms, jose.Algorithm.RSA); i >= 0 {
		r.rsa = algorithms[i]
	}
	return r
}

// read returns the set in text, and for each key that it leaves out the reason.
// A key that last has as well is the same *jose.Key in both: callers remember
// tokens together with the key that signed them.
func (r setReader[K]) read(text []byte, last *keyset.Set[K]) (set *keyset.Set[K], skipped []error, err error) {
	known := make(map[identity]*jose.Key)
	for key := range last.Keys() {
		known[identityOf(key)] = key
	}
	set = keyset.New(r.wrap)
	added := make(map[identity]bool)
	n, err := eachKey(text, func(i int, text []byte) {
		key, err := r.readKey(text)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("keys[%d]: %w", i, err))
			return
		}
		id := identityOf(key)
		if added[id] {
			return // the set repeats a key
		}
		added[id] = true
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
	case len(added) == 0:
		return nil, skipped, fmt.Errorf("the key set has no usable key; the first problem: %w", skipped[0])
	case n > maxKeys:
		skipped = append(skipped, fmt.Errorf("keys[%d] and later: only the first %d keys are read", maxKeys, maxKeys))
	}
	return set, skipped, nil
}

// readKey reads one JWK as a key that verifies.
func (r setReader[K]) readKey(text []byte) (*jose.Key, error) {
	jwk, err := jose.ScanJWK(text)
	if err != nil {
		return nil, err
	}
	var named string
	if id := jwk.ID(); id != "" {
		named = fmt.Sprintf(" (kid %q)", id)
	}
	if member := jwk.Secret(); member != "" {
		return nil, fmt.Errorf("JWK%s contains a secret part (%s), so anyone who reads the set could sign with it", named, member)
	}
	var alg jose.Algorithm // "" if the JWK or its type determines it
	if kty, _, _ := jwk.Text("kty"); kty == "RSA" && jwk["alg"] == nil {
		alg = r.rsa
	}
	key, err := jwk.Key(alg)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, named)
	}
	if !slices.Contains(r.algorithms, key.Algorithm()) {
		return nil, fmt.Errorf("JWK%s is for %s, which is not one of Algorithms", named, key.Algorithm())
	}
	return key, nil
}

// identity is everything that distinguishes one public key from another.
type identity struct {
	alg        jose.Algorithm
	id         string
	assigned   bool
	thumbprint string
	issuer     string
}

func identityOf(key *jose.Key) identity {
	return identity{key.Algorithm(), key.ID(), key.Assigned(), key.Thumbprint(), key.Issuer()}
}

var errNotASet = errors.New(`the response is no key set: it is not a JSON object with an array "keys"`)

// maxOtherDocument limits the documents that notASet reads again. Discovery
// documents and maps of certificates are much shorter.
const maxOtherDocument = 64 << 10

// notASet returns the error for a JSON object without "keys". It says which
// other document of a provider the object probably is.
func notASet(text string) error {
	if len(text) > maxOtherDocument {
		return errNotASet
	}
	if _, _, ok := readMetadata(text); ok {
		return fmt.Errorf("%w; it is a discovery document: use its jwks_uri, or pass its issuer to NewRemoteKeysFromIssuer", errNotASet)
	}
	if strings.Contains(text, "-----BEGIN CERTIFICATE-----") {
		return fmt.Errorf("%w; it is a map of certificates: use the provider's URL of a JWK set", errNotASet)
	}
	return errNotASet
}

// eachKey calls read for the elements of the array "keys" of a set, which are
// any JSON values, up to maxKeys of them. It returns how many elements there
// are, or maxKeys+1 if there are more. The text is valid only during the call.
//
// It is strict about the set, and leaves each element to read: one odd key must
// not affect the others. It reads element by element, so that memory does not
// grow with their number.
func eachKey(text []byte, read func(i int, text []byte)) (n int, err error) {
	// The decoder accepts invalid UTF-8. After this check it cannot fail
	// because of the grammar.
	if !utf8.Valid(text) || !json.Valid(text) {
		return 0, errNotASet
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, _ := dec.Token(); start != json.Delim('{') {
		return 0, errNotASet
	}
	var value json.RawMessage
	found := false
	for dec.More() {
		if name, _ := dec.Token(); name != "keys" {
			if dec.Decode(&value) != nil {
				return 0, errNotASet
			}
			continue
		}
		if start, _ := dec.Token(); found || start != json.Delim('[') {
			return 0, errNotASet
		}
		found = true
		for ; dec.More(); n++ {
			if n == maxKeys {
				return n + 1, nil
			}
			if dec.Decode(&value) != nil {
				return 0, errNotASet
			}
			read(n, value)
		}
		_, _ = dec.Token() // the closing bracket
	}
	if !found {
		return 0, notASet(string(text))
	}
	return n, nil
}
