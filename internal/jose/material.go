package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
)

// materials describes the material that New accepts for s.
func (s *suite) materials() string {
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

// newPublic returns a key that verifies with a copy of pub.
func newPublic(s *suite, pub crypto.PublicKey) (*Key, error) {
	pub, err := checkPublic(s, pub)
	if err != nil {
		return nil, err
	}
	return &Key{
		suite: s,
		alg:   s.alg,
		id:    thumbprint(pub),
		size:  signatureSize(s, pub),
		pub:   pub,
	}, nil
}

// newPrivate returns a key that signs with a copy of private, which is a
// private key of the standard library.
func newPrivate(s *suite, private any) (*Key, error) {
	var pub crypto.PublicKey
	switch p := private.(type) {
	case *rsa.PrivateKey:
		pub = &p.PublicKey
	case *ecdsa.PrivateKey:
		pub = &p.PublicKey
	case ed25519.PrivateKey:
		if len(p) != ed25519.PrivateKeySize {
			return nil, fmt.Errorf("Ed25519 private key is %d bytes instead of %d (ed25519.NewKeyFromSeed creates one from a seed of 32 bytes)", len(p), ed25519.PrivateKeySize)
		}
		pub = ed25519.PublicKey(p[32:])
	}
	k, err := newPublic(s, pub) // first, because it also checks the type
	if err != nil {
		return nil, err
	}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		private, err = checkRSAPrivate(p)
	case *ecdsa.PrivateKey:
		private, err = checkECPrivate(p, k.pub)
	case ed25519.PrivateKey:
		private, err = checkEd25519Private(p)
	}
	if err != nil {
		return nil, err
	}
	k.private = func() any { return private }
	return k, nil
}

// checkPublic returns a copy of pub, or an error if it is not a key for s.
func checkPublic(s *suite, pub crypto.PublicKey) (crypto.PublicKey, error) {
	var kind string
	switch p := pub.(type) {
	case *rsa.PublicKey:
		if s.family == familyRSA || s.family == familyPSS {
			return checkRSAPublic(p)
		}
		kind = "an RSA key"
	case *ecdsa.PublicKey:
		if s.family == familyECDSA {
			return checkECPublic(s, p)
		}
		kind = "an ECDSA key"
	case ed25519.PublicKey:
		if s.family == familyEd25519 {
			return checkEd25519Public(p)
		}
		kind = "an Ed25519 key"
	default:
		kind = fmt.Sprintf("a public key of type %T", pub)
	}
	return nil, fmt.Errorf("%s key is %s; it must be %s", s.alg, kind, s.materials())
}

// signatureSize returns the size of the signatures of pub in bytes.
func signatureSize(s *suite, pub crypto.PublicKey) int {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return p.Size()
	case *ecdsa.PublicKey:
		return 2 * curveSize(s.curve)
	default:
		return ed25519.SignatureSize
	}
}

// inProcess returns the private part of k, or nil if k is public or if its
// private part is in a KMS or HSM.
func (k *Key) inProcess() any {
	if k.private == nil {
		return nil
	}
	private := k.private()
	if _, isExternal := private.(external); isExternal {
		return nil
	}
	return private
}
