package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
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
