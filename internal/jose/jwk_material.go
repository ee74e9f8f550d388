package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// material returns the key as material for New.
func (m JWK) material() (material any, hasPrivate bool, err error) {
	kty, ok, err := m.Text("kty")
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return nil, false, errors.New("has no member kty")
	}
	if _, hasK := m["k"]; hasK && kty != "oct" {
		return nil, false, fmt.Errorf("has type %s and member k, which belongs to type oct", quote(kty))
	}
	_, hasPrivate = m["d"]
	switch kty {
	case "oct":
		material, err = m.bytes("k", 0)
		return material, true, err
	case "RSA":
		material, err = m.rsa(hasPrivate)
	case "EC":
		material, err = m.ec(hasPrivate)
	case "OKP":
		material, err = m.okp(hasPrivate)
	default:
		err = fmt.Errorf("has type %s; the supported types are RSA, EC, OKP and oct", quote(kty))
	}
	return material, hasPrivate, err
}

// rsa reads the members of RFC 7518, section 6.3.
func (m JWK) rsa(hasPrivate bool) (any, error) {
	n, err := m.number("n")
	if err != nil {
		return nil, err
	}
	e, err := m.number("e")
	if err != nil {
		return nil, err
	}
	if e.BitLen() > 31 {
		return nil, errors.New("member e is 2³¹ or more; it is usually 65537")
	}
	pub := rsa.PublicKey{N: n, E: int(e.Int64())}
	if !hasPrivate {
		return &pub, nil
	}
	if _, err := checkRSAPublic(&pub); err != nil { // limits the work below
		return nil, fmt.Errorf("is refused: %w", err)
	}
	if _, ok := m["oth"]; ok {
		return nil, errors.New("is an RSA key with more than two primes (oth)")
	}
	var v [6]*big.Int
	for i, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if v[i], err = m.number(name); err != nil {
			return nil, err
		}
	}
	private := &rsa.PrivateKey{PublicKey: pub, D: v[0], Primes: v[1:3]}
	// Validate compares these with the other numbers. If they were absent, it
	// would compute them.
	private.Precomputed.Dp, private.Precomputed.Dq, private.Precomputed.Qinv = v[3], v[4], v[5]
	if err := private.Validate(); err != nil {
		return nil, fmt.Errorf("is an RSA private key that is not consistent: %v", err)
	}
	return private, nil
}

// ec reads the members of RFC 7518, section 6.2.
func (m JWK) ec(hasPrivate bool) (any, error) {
	crv, _, err := m.Text("crv")
	if err != nil {
		return nil, err
	}
	var curve elliptic.Curve
	switch crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, fmt.Errorf("has type EC and crv %s; the supported curves are P-256, P-384 and P-521", quote(crv))
	}
	size := curveSize(curve)
	x, err := m.bytes("x", size)
	if err != nil {
		return nil, err
	}
	y, err := m.bytes("y", size)
	if err != nil {
		return nil, err
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return nil, fmt.Errorf("members x and y are not a point on %s", crv)
	}
	if !hasPrivate {
		return pub, nil
	}
	d, err := m.bytes("d", size)
	if err != nil {
		return nil, err
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil {
		return nil, fmt.Errorf("member d is out of range for %s", crv)
	}
	if !private.PublicKey.Equal(pub) {
		return nil, errors.New("member d does not belong to x and y")
	}
	return private, nil
}

// okp reads the members of RFC 8037, section 2.
func (m JWK) okp(hasPrivate bool) (any, error) {
	crv, _, err := m.Text("crv")
	if err != nil {
		return nil, err
	}
	if crv != "Ed25519" {
		return nil, fmt.Errorf("has type OKP and crv %s; the supported curve is Ed25519", quote(crv))
	}
	x, err := m.bytes("x", ed25519.PublicKeySize)
	if err != nil || !hasPrivate {
		return ed25519.PublicKey(x), err
	}
	d, err := m.bytes("d", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(d)
	if !bytes.Equal(private[32:], x) {
		return nil, errors.New("member d does not belong to x")
	}
	return private, nil
}

// bytes returns the required member name, decoded from canonical base64url. It
// ignores padding, which changes no value: several libraries write it. If size
// is not 0, the value must have that many bytes.
func (m JWK) bytes(name string, size int) ([]byte, error) {
	text, ok, err := m.Text(name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("has no member %s, which its type requires", name)
	}
	if len(text)%4 == 0 {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "="), "=")
	}
	b, canonical := compact.Decode(nil, text)
	if !canonical {
		return nil, fmt.Errorf("member %s is not base64url (RFC 7515, section 2)", name)
	}
	if size > 0 && len(b) != size {
		return nil, fmt.Errorf("member %s is %d bytes instead of %d", name, len(b), size)
	}
	return b, nil
}

// number returns the required member name, a Base64urlUInt (RFC 7518, section
// 2). Leading zero bytes are removed: Java's BigInteger.toByteArray writes one
// before a number whose first bit is 1.
func (m JWK) number(name string) (*big.Int, error) {
	b, err := m.bytes(name, 0)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("member %s is empty", name)
	}
	return new(big.Int).SetBytes(b), nil
}
