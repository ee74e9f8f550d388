package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rsa"
	"errors"
)

// DeriveHMAC derives an HMAC key from the private part of k (HKDF, RFC 5869).
// Different labels give independent keys. The result is for the algorithm of k
// if k is an HMAC key, and for HS256 otherwise.
func (k *Key) DeriveHMAC(label string) (*Key, error) {
	secret, err := k.secretBytes()
	if err != nil {
		return nil, err
	}
	s := k.suite
	if !k.Symmetric() {
		s, _ = HS256.suite()
	}
	derived, err := hkdf.Key(s.hash.New, secret, nil, label, s.hash.Size())
	if err != nil {
		return nil, err
	}
	return newSecret(s, derived)
}

// secretBytes returns the secret part of k. The encoding must never change,
// because the derived keys would change with it.
func (k *Key) secretBytes() ([]byte, error) {
	if !k.CanSign() {
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
