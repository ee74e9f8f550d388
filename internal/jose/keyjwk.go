package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// parseJWK reads one JWK object (RFC 7517) as [Parse] describes. The data may
// be an attacker's.
func parseJWK(alg Algorithm, data []byte) (*Key, error) {
	m, err := ScanJWK(data)
	if err != nil {
		return nil, err
	}
	return m.Key(alg)
}

// Key returns the key of a JWK that was scanned, for alg, or "" for the
// algorithm that it names.
func (m JWK) Key(alg Algorithm) (*Key, error) {
	k, err := m.read(alg)
	if err != nil {
		return nil, fmt.Errorf("JWK %w", err)
	}
	return k, nil
}

func (m JWK) read(alg Algorithm) (*Key, error) {
	declared, err := m.algorithm()
	if err != nil {
		return nil, err
	}
	if alg != "" && declared != "" && alg != declared {
		return nil, fmt.Errorf("is for %s, by its alg, not for %s (RFC 7517 §4.4)", declared, alg)
	}
	material, hasPrivate, err := m.material()
	if err != nil {
		return nil, err
	}
	signs, err := m.uses(hasPrivate)
	if err != nil {
		return nil, err
	}
	kid, _, err := m.Text("kid")
	if err != nil {
		return nil, err
	}
	if err := checkKeyID(kid); err != nil {
		return nil, fmt.Errorf("member kid cannot be used: %w", err)
	}

	if alg == "" {
		alg = declared
	}
	if alg == "" {
		alg = defaultAlgorithm(material)
	}
	k, err := m.newKey(alg, material)
	if err != nil {
		return nil, fmt.Errorf("is refused: %w", err)
	}
	if !signs {
		k.private = nil
	}
	if kid != "" {
		k.id, k.assigned = kid, true
	}
	return k, nil
}

// JWK holds the members of a JWK, by their exact names.
type JWK map[string]json.RawMessage

// jwkNames are the names that have a meaning here. A name that differs from
// one of them in case alone is refused, since other software folds case.
var jwkNames = []string{"kty", "alg", "use", "key_ops", "kid", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth", "k", "keys"}

// ScanJWK reads the outermost object. The text of a syntax error is not passed
// on: it quotes the data, which may be secret.
func ScanJWK(data []byte) (JWK, error) {
	m, err := scanJWK(data)
	if err != nil {
		return nil, fmt.Errorf("JWK %w", err)
	}
	return m, nil
}

func scanJWK(data []byte) (JWK, error) {
	if len(data) > maxKeyText {
		return nil, fmt.Errorf("is %d bytes; at most %d are read", len(data), maxKeyText)
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("is not valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	m := make(JWK)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("is not valid JSON")
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("has member %s twice", quote(name))
		}
		if i := slices.IndexFunc(jwkNames, func(known string) bool { return known != name && strings.EqualFold(known, name) }); i >= 0 {
			return nil, fmt.Errorf("has a member named like %s in another case", jwkNames[i])
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		m[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("is followed by other data")
	}
	if m["keys"] != nil && m["kty"] == nil {
		return nil, errors.New("is a set of keys; pass one of its keys")
	}
	return m, nil
}

// ID returns the JWK's "kid", "" if it has none that can be a key id.
func (m JWK) ID() string {
	kid, ok, err := m.Text("kid")
	if !ok || err != nil || checkKeyID(kid) != nil {
		return ""
	}
	return kid
}

// Secret returns the name of a member that holds a part of a private or
// symmetric key, "" if the JWK has no such member.
func (m JWK) Secret() string {
	for _, name := range []string{"k", "d", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, ok := m[name]; ok {
			return name
		}
	}
	return ""
}

// Text returns the member name, which must be a string if it is there.
func (m JWK) Text(name string) (value string, ok bool, err error) {
	raw, ok := m[name]
	if !ok {
		return "", false, nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return "", true, fmt.Errorf("member %s is not a string", name)
	}
	return value, true, nil
}

// bytes returns the member name, which must be there, decoded from canonical
// base64url. With a size, it must have that many bytes.
func (m JWK) bytes(name string, size int) ([]byte, error) {
	text, ok, err := m.Text(name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("has no member %s, which its type needs", name)
	}
	b, canonical := compact.Decode(nil, text)
	if !canonical {
		return nil, fmt.Errorf("member %s is not base64url without padding (RFC 7515 §2)", name)
	}
	if size > 0 && len(b) != size {
		return nil, fmt.Errorf("member %s is %d bytes instead of %d", name, len(b), size)
	}
	return b, nil
}

// number returns the member name as a Base64urlUInt (RFC 7518 §2).
func (m JWK) number(name string) (*big.Int, error) {
	b, err := m.bytes(name, 0)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || len(b) > 1 && b[0] == 0 {
		return nil, fmt.Errorf("member %s is empty or begins with a zero byte (RFC 7518 §2)", name)
	}
	return new(big.Int).SetBytes(b), nil
}

// algorithm returns the algorithm that the JWK declares to be for, "" if none.
func (m JWK) algorithm() (Algorithm, error) {
	text, ok, err := m.Text("alg")
	if err != nil || !ok {
		return "", err
	}
	if text == "Ed25519" { // the name of RFC 9864 §2.2
		return EdDSA, nil
	}
	if _, err := Algorithm(text).suite(); err != nil {
		return "", fmt.Errorf("is for another purpose, by its alg: %w", err)
	}
	return Algorithm(text), nil
}

// uses reports whether the JWK may sign, or says why it may not even verify
// (RFC 7517 §4.2, §4.3).
func (m JWK) uses(hasPrivate bool) (signs bool, err error) {
	use, hasUse, err := m.Text("use")
	if err != nil {
		return false, err
	}
	if hasUse && use != "sig" {
		return false, fmt.Errorf(`has use %s; signatures need "sig" or none`, quote(use))
	}
	raw, ok := m["key_ops"]
	if !ok {
		return hasPrivate, nil
	}
	var ops []*string
	if raw[0] != '[' || json.Unmarshal(raw, &ops) != nil || slices.Contains(ops, nil) {
		return false, errors.New("member key_ops is not an array of strings")
	}
	seen := make(map[string]bool)
	for _, op := range ops {
		if seen[*op] {
			return false, fmt.Errorf("has key_ops %s twice", quote(*op))
		}
		if hasUse && *op != "sign" && *op != "verify" {
			return false, fmt.Errorf(`has key_ops %s beside use "sig", which do not agree`, quote(*op))
		}
		seen[*op] = true
	}
	_, symmetric := m["k"]
	switch {
	case seen["verify"]:
		return hasPrivate && seen["sign"], nil
	case seen["sign"] && hasPrivate && !symmetric: // its public half verifies
		return true, nil
	default:
		return false, errors.New(`has key_ops without "verify"`)
	}
}

// material returns the key itself, in a form that New takes.
func (m JWK) material() (material any, hasPrivate bool, err error) {
	kty, ok, err := m.Text("kty")
	if err != nil {
		return nil, false, err
	}
	if !ok {
		return nil, false, errors.New("has no member kty")
	}
	if _, hasK := m["k"]; hasK && kty != "oct" {
		return nil, false, fmt.Errorf("is of type %s and has k, which belongs to type oct", quote(kty))
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
		err = fmt.Errorf("is of type %s; known are RSA, EC, OKP and oct", quote(kty))
	}
	return material, hasPrivate, err
}

// newKey is New, but takes an oct key of nothing but zero bytes: in NewKey that
// is a buffer that nobody filled, here someone wrote it down.
func (m JWK) newKey(alg Algorithm, material any) (*Key, error) {
	secret, isSecret := material.([]byte)
	s, err := alg.suite()
	if err != nil || !isSecret || s.family != familyHMAC {
		return New(alg, material)
	}
	if what := keyLike(secret); what != "" {
		return nil, fmt.Errorf("its k is %s, which is no secret", what)
	}
	return newSecret(s, secret)
}

// rsa reads RFC 7518 §6.3.
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
	if _, err := checkRSAPublic(&pub); err != nil { // bounds the work below
		return nil, fmt.Errorf("is refused: %w", err)
	}
	if _, ok := m["oth"]; ok {
		return nil, errors.New("is an RSA key of more than two primes (oth)")
	}
	var v [6]*big.Int
	for i, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if v[i], err = m.number(name); err != nil {
			return nil, err
		}
	}
	private := &rsa.PrivateKey{PublicKey: pub, D: v[0], Primes: v[1:3]}
	// rsa checks these against the rest, and computes them if they are absent.
	private.Precomputed.Dp, private.Precomputed.Dq, private.Precomputed.Qinv = v[3], v[4], v[5]
	if err := private.Validate(); err != nil {
		return nil, fmt.Errorf("is an RSA private key that is not consistent: %v", err)
	}
	return private, nil
}

// ec reads RFC 7518 §6.2.
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
		return nil, fmt.Errorf("is of type EC with crv %s; known are P-256, P-384 and P-521", quote(crv))
	}
	size := (curve.Params().BitSize + 7) / 8
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
		return nil, fmt.Errorf("members x and y are no point on %s", crv)
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

// okp reads RFC 8037 §2.
func (m JWK) okp(hasPrivate bool) (any, error) {
	crv, _, err := m.Text("crv")
	if err != nil {
		return nil, err
	}
	if crv != "Ed25519" {
		return nil, fmt.Errorf("is of type OKP with crv %s; known is Ed25519", quote(crv))
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
