package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// curveSize returns the size of a coordinate and of a scalar in bytes.
func curveSize(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }

// checkECPublic returns a copy of pub.
func checkECPublic(s *suite, pub *ecdsa.PublicKey) (*ecdsa.PublicKey, error) {
	want := s.curve.Params().Name
	switch pub.Curve {
	case s.curve:
	case elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521():
		return nil, fmt.Errorf("ECDSA key is on %s; %s requires %s", pub.Curve.Params().Name, s.alg, want)
	default: // another implementation, whatever its name
		return nil, fmt.Errorf("ECDSA key is not on a curve of crypto/elliptic; %s requires %s", s.alg, want)
	}
	point, err := ecBytes(pub.Bytes)
	if err != nil {
		return nil, fmt.Errorf("ECDSA public key is not a point on %s", want)
	}
	return ecdsa.ParseUncompressedPublicKey(s.curve, point)
}

// checkECPrivate returns a copy of private, whose public part must be pub.
func checkECPrivate(private *ecdsa.PrivateKey, pub crypto.PublicKey) (*ecdsa.PrivateKey, error) {
	scalar, err := ecBytes(private.Bytes)
	if err != nil {
		return nil, fmt.Errorf("ECDSA private key is not valid: %v", err)
	}
	c, err := ecdsa.ParseRawPrivateKey(private.Curve, scalar)
	if err != nil {
		return nil, fmt.Errorf("ECDSA private key is not valid: %v", err)
	}
	if !c.PublicKey.Equal(pub) {
		return nil, errors.New("ECDSA private key does not belong to its public key")
	}
	return c, nil
}

// ecBytes calls the Bytes method of an ECDSA key. The method validates the key,
// but panics if one of its numbers is nil.
func ecBytes(encode func() ([]byte, error)) (encoded []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("a number is missing")
		}
	}()
	return encode()
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
