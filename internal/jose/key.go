package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// Key is a key for signing or verifying, bound to one algorithm. It is
// immutable, and its methods may be called on nil. It is used by pointer, so
// that a reflecting printer that reaches one finds an address. The secret parts are behind functions in
// addition: printers that follow pointers cannot follow those.
type Key struct {
	suite    *suite
	alg      Algorithm
	id       string
	assigned bool             // id was given by WithID or a JWK's kid, rather than derived
	fault    error            // of the id that WithID was given
	size     int              // of a signature, in bytes
	pub      crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey; nil for HMAC
	private  func() any       // []byte, *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or external; nil where there is none
	macs     *sync.Pool       // of *mac, for HMAC only
}

// New returns the key that material is for alg.
func New(alg Algorithm, material any) (*Key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	if faults.IsNil(material) {
		return nil, fmt.Errorf("%s key is nil; it takes %s", alg, s.takes())
	}
	switch m := material.(type) {
	case []byte:
		if s.family != familyHMAC {
			return nil, fmt.Errorf("%s key is a []byte; it takes %s (ParseKey reads PEM and JWK)", alg, s.takes())
		}
		if err := checkSecret(m); err != nil {
			return nil, fmt.Errorf("%s key %w", alg, err)
		}
		return newSecret(s, m)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return newPublic(s, m)
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return newPrivate(s, m)
	case crypto.Signer:
		pub, err := publicOf(m)
		if err != nil {
			return nil, fmt.Errorf("%s key: %w", alg, err)
		}
		k, err := newPublic(s, pub)
		if err != nil {
			return nil, err
		}
		k.private = func() any { return external{m} }
		return k, nil
	default:
		return nil, fmt.Errorf("%s key is a %T; it takes %s", alg, material, s.takes())
	}
}

// takes says what NewKey takes for s.
func (s *suite) takes() string {
	switch s.family {
	case familyHMAC:
		return fmt.Sprintf("a []byte of at least %d bytes", s.hash.Size())
	case familyECDSA:
		return fmt.Sprintf("an *ecdsa.PrivateKey or *ecdsa.PublicKey on %s, or a crypto.Signer with such a public key", s.curve.Params().Name)
	case familyEd25519:
		return "an ed25519.PrivateKey or ed25519.PublicKey, or a crypto.Signer with such a public key"
	default:
		return "an *rsa.PrivateKey or *rsa.PublicKey, or a crypto.Signer with such a public key"
	}
}

// Generate returns a new random key for alg.
func Generate(alg Algorithm) (*Key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	var private any
	switch s.family {
	case familyHMAC:
		secret := make([]byte, s.hash.Size())
		rand.Read(secret) // never fails
		return newSecret(s, secret)
	case familyECDSA:
		private, err = ecdsa.GenerateKey(s.curve, rand.Reader)
	case familyEd25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, minRSABits)
	}
	if err != nil {
		return nil, fmt.Errorf("generating a %s key: %v", alg, err)
	}
	return newPrivate(s, private)
}

// Algorithm returns the algorithm that k is for, "" for nil.
func (k *Key) Algorithm() Algorithm {
	if k == nil {
		return ""
	}
	return k.alg
}

// ID returns the key id, "" for nil.
func (k *Key) ID() string {
	if k == nil {
		return ""
	}
	return k.id
}

// Assigned reports whether the id was given by WithID or by a JWK's "kid",
// rather than derived from the key.
func (k *Key) Assigned() bool { return k != nil && k.assigned }

// MaxKeyID bounds key ids, in bytes: they travel in every token's header.
const MaxKeyID = 256

// WithID returns k with another id. A key that was given an id that cannot be
// one is refused by [Key.Check].
func (k *Key) WithID(id string) *Key {
	if k == nil {
		return nil
	}
	c := *k
	c.id, c.assigned, c.fault = id, true, checkKeyID(id)
	if id == "" {
		c.id, c.assigned, c.fault = thumbprint(c.pub), false, nil
	}
	return &c
}

func checkKeyID(id string) error {
	if len(id) > MaxKeyID {
		return fmt.Errorf("key id of %d bytes; at most %d are allowed", len(id), MaxKeyID)
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("key id is not UTF-8 without control characters")
	}
	return nil
}

// Public returns the part of k that verifies and cannot sign, nil for HMAC.
func (k *Key) Public() *Key {
	if k == nil || k.Symmetric() {
		return nil
	}
	if k.private == nil {
		return k
	}
	c := *k
	c.private = nil
	return &c
}

// Check reports what makes k unfit for use: being the zero Key's, or a fault of
// the id it was given.
func (k *Key) Check() error {
	if k == nil {
		return errors.New("key is the zero Key; make one with NewKey, ParseKey, KeyFromEnv or GenerateKey (the Public of an HS… key is zero, too)")
	}
	if k.fault != nil {
		return fmt.Errorf("%s key: %w", k.alg, k.fault)
	}
	return nil
}

// CanSign reports whether k has a private part.
func (k *Key) CanSign() bool { return k != nil && k.private != nil }

// Symmetric reports whether k is an HMAC key.
func (k *Key) Symmetric() bool { return k != nil && k.suite.family == familyHMAC }

// String returns the algorithm, the id and what k can do, never its material.
func (k *Key) String() string {
	switch {
	case k == nil:
		return "none"
	case k.Symmetric():
		return fmt.Sprintf("%s, id %q, secret", k.alg, k.id)
	case k.CanSign():
		return fmt.Sprintf("%s, id %q, private", k.alg, k.id)
	default:
		return fmt.Sprintf("%s, id %q, public", k.alg, k.id)
	}
}

// Format writes [Key.String], whatever the verb.
func (k *Key) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte(k.String())) }
