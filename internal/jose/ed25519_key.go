package jose

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// checkEd25519Public returns a copy of pub.
func checkEd25519Public(pub ed25519.PublicKey) (ed25519.PublicKey, error) {
	if len(pub) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("Ed25519 public key is %d bytes instead of %d", len(pub), ed25519.PublicKeySize)
	}
	if err := checkEd25519Point([32]byte(pub)); err != nil {
		return nil, fmt.Errorf("Ed25519 public key %w", err)
	}
	return bytes.Clone(pub), nil
}

// checkEd25519Private returns a copy of private, which has the right size.
func checkEd25519Private(private ed25519.PrivateKey) (ed25519.PrivateKey, error) {
	c := ed25519.NewKeyFromSeed(private[:32])
	if !bytes.Equal(c, private) {
		return nil, errors.New("Ed25519 private key: its public half does not belong to its seed")
	}
	return c, nil
}

var (
	// p = 2²⁵⁵ - 19 and d = -121665/121666 define the field and the curve -x² +
	// y² = 1 + d·x²·y² of Ed25519 (RFC 8032, section 5.1).
	edwardsP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	edwardsD = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), edwardsP)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, edwardsP)
	}()
)

// checkEd25519Point rejects encodings that crypto/ed25519 notices only when it
// verifies, or not at all: those that are not a point, those that are not the
// canonical encoding of their point, and the eight points of small order, with
// which one signature can be valid for every message. It runs once for each key
// and on public values, so math/big is fast and safe enough.
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
	// square and d is not, so -1/d is not a square either.
	square := func(y *big.Int) (xx, yy, dyy *big.Int) {
		yy = mod(new(big.Int).Mul(y, y))
		dyy = mod(new(big.Int).Mul(edwardsD, yy))
		return quotient(new(big.Int).Sub(yy, one), new(big.Int).Add(dyy, one)), yy, dyy
	}
	xx, _, _ := square(y)
	if big.Jacobi(xx, edwardsP) < 0 {
		return errors.New("is not a point on the curve")
	}
	if xx.Sign() == 0 && sign == 1 {
		return errors.New("is not canonically encoded")
	}
	// Doubling needs only x² and y²: y' = (y²+x²) / (1-d·x²·y²). A point has
	// small order if three doublings give the neutral point, y = 1.
	for range 3 {
		xx, yy, dyy := square(y)
		dxxyy := mod(new(big.Int).Mul(dyy, xx))
		y = quotient(new(big.Int).Add(yy, xx), new(big.Int).Sub(one, dxxyy))
	}
	if y.Cmp(one) == 0 {
		return errors.New("is a point of small order, with which anyone can forge signatures")
	}
	return nil
}
