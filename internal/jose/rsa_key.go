package jose

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	minRSABits = 2048 // RFC 7518, section 3.3
	maxRSABits = 8192
)

// strictPSS accepts only salts as long as the hash (RFC 7518, section 3.5).
var strictPSS = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}

// checkRSAPublic returns a copy of pub.
func checkRSAPublic(pub *rsa.PublicKey) (*rsa.PublicKey, error) {
	switch n, e := pub.N, pub.E; {
	case n == nil || n.Sign() <= 0:
		return nil, errors.New("RSA key has no modulus")
	case n.BitLen() < minRSABits:
		return nil, fmt.Errorf("RSA key is %d bits; RFC 7518, section 3.3, requires at least %d (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem)", n.BitLen(), minRSABits)
	case n.BitLen() > maxRSABits:
		return nil, fmt.Errorf("RSA key is %d bits; the maximum is %d, because longer keys verify too slowly", n.BitLen(), maxRSABits)
	case n.Bit(0) == 0:
		return nil, errors.New("RSA modulus is even, so it is not the product of two large primes")
	case e < 3:
		return nil, fmt.Errorf("RSA exponent is %d; it must be odd and at least 3, usually 65537", e)
	case e%2 == 0:
		return nil, fmt.Errorf("RSA exponent %d is even; it must be odd and at least 3, usually 65537", e)
	case int64(e) > 1<<31-1:
		return nil, fmt.Errorf("RSA exponent %d is 2³¹ or more; it is usually 65537", e)
	}
	return &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}, nil
}

// checkRSAPrivate returns a copy of private. Its public part has been checked.
func checkRSAPrivate(private *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	// Keys with more primes are slow since Go 1.24, and their additional values
	// would have to be copied and checked here.
	if len(private.Primes) != 2 {
		return nil, fmt.Errorf("RSA private key has %d primes instead of 2", len(private.Primes))
	}
	if private.D == nil || private.D.Sign() <= 0 || slices.ContainsFunc(private.Primes, func(p *big.Int) bool { return p == nil || p.Sign() <= 0 }) {
		return nil, errors.New("RSA private key lacks its private exponent or a prime")
	}
	// Validate takes long for numbers that are larger than the modulus.
	if size := private.N.BitLen(); private.D.BitLen() > size || slices.ContainsFunc(private.Primes, func(p *big.Int) bool { return p.BitLen() > size }) {
		return nil, errors.New("RSA private key is not consistent: a part of it is larger than the modulus")
	}
	c := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Set(private.N), E: private.E},
		D:         new(big.Int).Set(private.D),
		Primes:    []*big.Int{new(big.Int).Set(private.Primes[0]), new(big.Int).Set(private.Primes[1])},
	}
	c.Precompute()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("RSA private key is not consistent: %v", err)
	}
	return c, nil
}
