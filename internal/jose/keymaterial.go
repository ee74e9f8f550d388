package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

const minRSABits = 2048 // RFC 7518 §3.3

// newSecret returns the HMAC key of a copy of secret.
func newSecret(s *suite, secret []byte) (*Key, error) {
	if size := s.hash.Size(); len(secret) < size {
		return nil, fmt.Errorf("%s key is %d bytes; RFC 7518 §3.2 wants at least %d (openssl rand -base64 %d)", s.alg, len(secret), size, size)
	}
	secret = bytes.Clone(secret)
	return &Key{
		suite:   s,
		alg:     s.alg,
		size:    s.hash.Size(),
		private: func() any { return secret },
		macs:    newMACs(s.hash, secret),
	}, nil
}

// newPublic returns the key that verifies with a copy of pub.
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

// newPrivate returns the key that signs with a copy of private, one of the
// standard library's private keys.
func newPrivate(s *suite, private any) (*Key, error) {
	var pub crypto.PublicKey
	var err error
	switch p := private.(type) {
	case *rsa.PrivateKey:
		pub = &p.PublicKey
	case *ecdsa.PrivateKey:
		pub = &p.PublicKey
	case ed25519.PrivateKey:
		if len(p) != ed25519.PrivateKeySize {
			return nil, fmt.Errorf("Ed25519 private key is %d bytes instead of %d (ed25519.NewKeyFromSeed makes one from a seed of 32)", len(p), ed25519.PrivateKeySize)
		}
		pub = ed25519.PublicKey(p[32:])
	}
	k, err := newPublic(s, pub) // first, since it also says when the type does not fit
	if err != nil {
		return nil, err
	}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		private, err = checkRSAPrivate(p)
	case *ecdsa.PrivateKey:
		private, err = checkECPrivate(p, k.pub)
	case ed25519.PrivateKey:
		clone := ed25519.NewKeyFromSeed(p[:32])
		if !bytes.Equal(clone, p) {
			err = errors.New("Ed25519 private key: its public half is not that of its seed")
		}
		private = clone
	}
	if err != nil {
		return nil, err
	}
	k.private = func() any { return private }
	return k, nil
}

// publicOf returns the public key that a signer says it has.
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

// checkPublic returns a copy of pub, or says why it is no key for s.
func checkPublic(s *suite, pub crypto.PublicKey) (crypto.PublicKey, error) {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		if s.family == familyRSA || s.family == familyPSS {
			return checkRSAPublic(p)
		}
		return nil, fmt.Errorf("%s does not go with an RSA key; it takes %s", s.alg, s.takes())
	case *ecdsa.PublicKey:
		if s.family == familyECDSA {
			return checkECPublic(s, p)
		}
		return nil, fmt.Errorf("%s does not go with an ECDSA key; it takes %s", s.alg, s.takes())
	case ed25519.PublicKey:
		if s.family == familyEd25519 {
			return checkEd25519Public(p)
		}
		return nil, fmt.Errorf("%s does not go with an Ed25519 key; it takes %s", s.alg, s.takes())
	default:
		return nil, fmt.Errorf("%s does not go with a public key of type %T; it takes %s", s.alg, pub, s.takes())
	}
}

func checkRSAPublic(pub *rsa.PublicKey) (*rsa.PublicKey, error) {
	switch n, e := pub.N, pub.E; {
	case n == nil || n.Sign() <= 0:
		return nil, errors.New("RSA key has no modulus")
	case n.BitLen() < minRSABits:
		return nil, fmt.Errorf("RSA key is %d bits; RFC 7518 §3.3 wants at least %d (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048)", n.BitLen(), minRSABits)
	case n.BitLen() > maxRSABits:
		return nil, fmt.Errorf("RSA key is %d bits; at most %d are allowed, since verifying would take too long", n.BitLen(), maxRSABits)
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

// checkRSAPrivate returns a copy of private, whose public part is checked.
func checkRSAPrivate(private *rsa.PrivateKey) (*rsa.PrivateKey, error) {
	// rsa itself still takes keys of more primes, which have not been checked
	// and are slow since Go 1.24.
	if len(private.Primes) != 2 {
		return nil, fmt.Errorf("RSA private key has %d primes instead of 2", len(private.Primes))
	}
	if private.D == nil || private.D.Sign() <= 0 || slices.ContainsFunc(private.Primes, func(p *big.Int) bool { return p == nil || p.Sign() <= 0 }) {
		return nil, errors.New("RSA private key lacks its private exponent or a prime")
	}
	// No number is larger than the modulus: what is, would only be slow to refuse.
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

func checkECPublic(s *suite, pub *ecdsa.PublicKey) (*ecdsa.PublicKey, error) {
	want := s.curve.Params().Name
	switch pub.Curve {
	case s.curve:
	case elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521():
		return nil, fmt.Errorf("ECDSA key is on %s; %s takes one on %s", pub.Curve.Params().Name, s.alg, want)
	default: // whatever it calls itself, its arithmetic is not the standard library's
		return nil, fmt.Errorf("ECDSA key is on no curve of crypto/elliptic; %s takes one on %s", s.alg, want)
	}
	point, err := ecBytes(pub.Bytes)
	if err != nil {
		return nil, fmt.Errorf("ECDSA public key is no point on %s", want)
	}
	return ecdsa.ParseUncompressedPublicKey(s.curve, point)
}

// ecBytes calls the Bytes of an ECDSA key, which checks the key, and which
// panics if a number of it is nil.
func ecBytes(encode func() ([]byte, error)) (encoded []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("a number is missing")
		}
	}()
	return encode()
}

// checkECPrivate returns a copy of private, whose public part is checked and
// must be pub.
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

func checkEd25519Public(pub ed25519.PublicKey) (ed25519.PublicKey, error) {
	if len(pub) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("Ed25519 public key is %d bytes instead of %d", len(pub), ed25519.PublicKeySize)
	}
	if err := checkEd25519Point([32]byte(pub)); err != nil {
		return nil, fmt.Errorf("Ed25519 public key %w", err)
	}
	return bytes.Clone(pub), nil
}

var (
	// p = 2²⁵⁵ - 19 and d = -121665/121666, the field and the curve
	// -x² + y² = 1 + d·x²·y² of Ed25519 (RFC 8032 §5.1).
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), edwardsP)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, edwardsP)
	}()
)

// checkEd25519Point refuses what crypto/ed25519 takes until it verifies, or even
// then: encodings of no point, other encodings of a point than its canonical
// one, and the eight points of small order, under which a signature can be right
// for every message. It runs once for a key, on public values, so plain
// math/big does.
func checkEd25519Point(encoded [32]byte) error {
	slices.Reverse(encoded[:])
	sign := encoded[0] >> 7
	encoded[0] &= 0x7f
	y := new(big.Int).SetBytes(encoded[:])
	if y.Cmp(edwardsP) >= 0 {
		return errors.New("is not canonically encoded")
	}
	one := big.NewInt(1)
	mod := func(z *big.Int) *big.Int { return z.Mod(z, edwardsP) }
	quotient := func(u, v *big.Int) *big.Int {
		return mod(new(big.Int).Mul(u, new(big.Int).ModInverse(mod(v), edwardsP)))
	}
	// x² = (y²-1) / (d·y²+1). The divisors here and below are never 0: -1 is a
	// square and d is not, so neither is -1/d.
	square := func(y *big.Int) (xx, yy, dyy *big.Int) {
		yy = mod(new(big.Int).Mul(y, y))
		dyy = mod(new(big.Int).Mul(edwardsD, yy))
		return quotient(new(big.Int).Sub(yy, one), new(big.Int).Add(dyy, one)), yy, dyy
	}
	xx, _, _ := square(y)
	if big.Jacobi(xx, edwardsP) < 0 {
		return errors.New("is no point on the curve")
	}
	if xx.Sign() == 0 && sign == 1 {
		return errors.New("is not canonically encoded")
	}
	// Doubling needs x² and y² only: y' = (y²+x²) / (1-d·x²·y²). A point is of
	// small order when three doublings make it the neutral one, y = 1.
	for range 3 {
		xx, yy, dyy := square(y)
		dxxyy := mod(new(big.Int).Mul(dyy, xx))
		y = quotient(new(big.Int).Add(yy, xx), new(big.Int).Sub(one, dxxyy))
	}
	if y.Cmp(one) == 0 {
		return errors.New("is a point of small order, under which anyone can sign")
	}
	return nil
}
