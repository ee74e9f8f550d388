package jose

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// external is a crypto.Signer that is not a private key of the standard
// library. Its private part is elsewhere, such as in a KMS or an HSM.
type external struct{ crypto.Signer }

// newExternal returns a key that signs with signer.
func newExternal(s *suite, signer crypto.Signer) (*Key, error) {
	pub, err := publicOf(signer)
	if err != nil {
		return nil, fmt.Errorf("%s key: %w", s.alg, err)
	}
	k, err := newPublic(s, pub)
	if err != nil {
		return nil, err
	}
	k.private = func() any { return external{signer} }
	return k, nil
}

// publicOf returns the signer's public key.
func publicOf(signer crypto.Signer) (pub crypto.PublicKey, err error) {
	defer func() {
		if p := recover(); p != nil {
			pub, err = nil, fmt.Errorf("the crypto.Signer's Public panicked: %v", p)
		}
	}()
	pub = signer.Public()
	if faults.IsNil(pub) {
		return nil, errors.New("the crypto.Signer's Public is nil")
	}
	return pub, nil
}

// signExternally signs with a signer that is not trusted: it may fail, panic,
// return garbage, or use a different key or algorithm than it is set up for.
func (k *Key) signExternally(signer external, input []byte) (signature []byte, err error) {
	digest, opts := input, crypto.SignerOpts(k.suite.hash)
	if k.suite.hash != 0 {
		h := k.suite.hash.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	if k.suite.family == familyPSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.suite.hash}
	}
	signature, err = callSigner(signer, digest, opts)
	if err != nil {
		return nil, err
	}
	if k.suite.family == familyECDSA {
		if signature, err = joseECDSA(signature, k.size/2); err != nil {
			return nil, err
		}
	}
	// This is cheap compared with the call, and an error is better than a token
	// that cannot be verified.
	if !k.verify(string(input), signature) {
		return nil, errors.New("the crypto.Signer's signature does not verify with its own public key; check that it is set up for this key and algorithm")
	}
	return signature, nil
}

func callSigner(signer external, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			signature, err = nil, fmt.Errorf("the crypto.Signer panicked: %v", p)
		}
	}()
	signature, err = signer.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("the crypto.Signer failed: %w", err)
	}
	return signature, nil
}

// joseECDSA converts the ASN.1 signature of a crypto.Signer to r‖s with size
// bytes each (RFC 7518, section 3.4).
func joseECDSA(der []byte, size int) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &sig)
	if err != nil || len(rest) > 0 ||
		sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > size*8 || sig.S.BitLen() > size*8 {
		return nil, errors.New("the crypto.Signer's result is not an ASN.1 ECDSA signature for this curve")
	}
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out, nil
}
