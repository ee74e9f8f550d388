// Package jose implements the algorithms and keys of jwtauth. It creates keys
// from Go values, PEM, JWK and secrets, signs and verifies with them, and
// writes them as PEM or JWK. It is the only package that imports golang-jwt,
// which only signs: the standard library verifies.
//
// The table of the algorithms is in algorithm.go, and signatures are in sign.go
// and verify.go. The files ending in _key.go validate the keys of a family.
//
// Error texts have no prefix and name the exported functions of jwtauth.
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

// Key is a key for one algorithm. Its material was validated when it was
// created. A Key is immutable and safe for concurrent use. The nil *Key has no
// material; all methods may be called on it, and [Key.Check] rejects it.
//
// Printers based on reflection cannot reach the secret parts: they follow
// pointers, but not functions.
type Key struct {
	suite    *suite
	alg      Algorithm
	id       string
	assigned bool   // the ID comes from WithID or from a JWK's kid
	idErr    error  // why the ID cannot be used
	size     int    // of a signature, in bytes
	issuer   string // the JWK's issuer, or ""

	// pub is an *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey. It is
	// nil for HMAC.
	pub crypto.PublicKey

	// private returns a []byte, *rsa.PrivateKey, *ecdsa.PrivateKey,
	// ed25519.PrivateKey or external. It is nil for a public key.
	private func() any

	// The rest is for HMAC only.
	verifyOnly bool       // the JWK's key_ops exclude "sign"
	macs       *sync.Pool // of *mac
}

// New returns the key for alg with the given material:
//
//   - for HMAC, a []byte of at least the size of the hash;
//   - for other algorithms, a private or public key of the standard library or
//     any other crypto.Signer.
//
// It copies the material, except for a crypto.Signer.
func New(alg Algorithm, material any) (*Key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	if faults.IsNil(material) {
		return nil, fmt.Errorf("%s key is nil; it must be %s", alg, s.materials())
	}
	switch m := material.(type) {
	case []byte:
		if s.family != familyHMAC {
			return nil, fmt.Errorf("%s key is a []byte; it must be %s (ParseKey reads PEM and JWK)", alg, s.materials())
		}
		if err := checkSecret(m); err != nil {
			return nil, fmt.Errorf("%s key %w", alg, err)
		}
		return newChosenSecret(s, m)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return newPublic(s, m)
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return newPrivate(s, m)
	case crypto.Signer:
		return newExternal(s, m)
	default:
		return nil, fmt.Errorf("%s key is a %T; it must be %s", alg, material, s.materials())
	}
}

// Generate returns a new random key for alg. Secrets are as long as the hash,
// RSA keys have 2048 bits.
func Generate(alg Algorithm) (*Key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	var private any
	switch s.family {
	case familyHMAC:
		secret := make([]byte, s.hash.Size())
		rand.Read(secret) // never returns an error
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

// Algorithm returns the algorithm of k, or "" for nil.
func (k *Key) Algorithm() Algorithm {
	if k == nil {
		return ""
	}
	return k.alg
}

// ID returns the key ID, or "" for nil and for an HMAC key without an assigned
// ID. The default of other keys is their thumbprint.
func (k *Key) ID() string {
	if k == nil {
		return ""
	}
	return k.id
}

// Assigned reports whether the ID was set by WithID or by a JWK's "kid".
func (k *Key) Assigned() bool { return k != nil && k.assigned }

// Issuer returns the member "issuer" of the JWK that the key was read from, or
// "" if it has none. Such a key is only for tokens whose "iss" is this text, in
// which "{tenantid}" stands for the token's "tid" (Microsoft Entra ID).
func (k *Key) Issuer() string {
	if k == nil {
		return ""
	}
	return k.issuer
}

// MaxKeyID is the maximum length of a key ID in bytes. The limit keeps token
// headers short.
const MaxKeyID = 256

// WithID returns a copy of k with the given ID, or with the default one if id
// is "". If id is not valid, [Key.Check] of the copy returns an error.
func (k *Key) WithID(id string) *Key {
	if k == nil {
		return nil
	}
	c := *k
	c.id, c.assigned, c.idErr = id, true, checkKeyID(id)
	if id == "" {
		c.id, c.assigned, c.idErr = k.Thumbprint(), false, nil
	}
	return &c
}

func checkKeyID(id string) error {
	if len(id) > MaxKeyID {
		return fmt.Errorf("key ID is %d bytes; the maximum is %d", len(id), MaxKeyID)
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("key ID contains control characters or invalid UTF-8")
	}
	return nil
}

// Public returns the public part of k with the same ID, or nil for HMAC. If k
// has no private part, it returns k itself.
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

// Check returns an error if k is nil or has an ID that is not valid.
func (k *Key) Check() error {
	if k == nil {
		return errors.New("key is the zero Key; create one with NewKey, ParseKey, KeyFromEnv or GenerateKey (Public of an HS… key is the zero Key)")
	}
	if k.idErr != nil {
		return fmt.Errorf("%s key: %w", k.alg, k.idErr)
	}
	return nil
}

// CanSign reports whether k can sign.
func (k *Key) CanSign() bool { return k != nil && k.private != nil && !k.verifyOnly }

// Symmetric reports whether k is an HMAC key.
func (k *Key) Symmetric() bool { return k != nil && k.suite.family == familyHMAC }

// String returns the algorithm, the ID and the kind of k, without its material.
func (k *Key) String() string {
	var kind string
	switch {
	case k == nil:
		return "none"
	case k.Symmetric():
		kind = "secret"
	case k.CanSign():
		kind = "private"
	default:
		kind = "public"
	}
	return fmt.Sprintf("%s, id %q, %s", k.alg, k.id, kind)
}

// Format writes [Key.String] for every verb.
func (k *Key) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte(k.String())) }
