package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rsa"
	"errors"
)

// DeriveHMAC returns an HMAC key that is derived from the private part of k and
// from label (HKDF, RFC 5869). It is for the algorithm of k if that is
// symmetric, else for HS256.
func (k *Key) DeriveHMAC(label string) (*Key, error) {
	secret, err := k.privateBytes()
	if err != nil {
		return nil, err
	}
	s := &suites[0] // HS256
	if k.Symmetric() {
		s = k.suite
	}
	derived, err := hkdf.Key(s.hash.New, secret, nil, label, s.hash.Size())
	if err != nil {
		return nil, err
	}
	return New(s.alg, derived)
}

// privateBytes returns what of the private part is secret, in a form that never changes.
func (k *Key) privateBytes() ([]byte, error) {
	if k == nil || k.private == nil {
		return nil, errors.New("has no private part to derive a refresh key from")
	}
	switch private := k.private().(type) {
	case []byte:
		return private, nil
	case *rsa.PrivateKey:
		return private.D.FillBytes(make([]byte, private.Size())), nil
	case *ecdsa.PrivateKey:
		return private.Bytes()
	case ed25519.PrivateKey:
		return private.Seed(), nil
	default:
		return nil, errors.New("is a crypto.Signer, from which no refresh key can be derived; set RefreshKeys")
	}
}
