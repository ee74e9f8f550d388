// Package jose holds the keys and algorithms of jwtauth: it makes keys of
// material, PEM, JWK and secrets, and signs and verifies with them. It is the
// only package that imports golang-jwt. Its errors have no prefix: jwtauth adds
// its own.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that suites name
	_ "crypto/sha512"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"sync"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// Algorithm names a JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
// A [Key] is bound to one of them for life, so a token never chooses how it is
// checked. "none" does not exist here.
type Algorithm string

// The algorithms that this package signs and verifies with.
const (
	HS256 Algorithm = "HS256" // HMAC with SHA-256; secrets of at least 32 bytes
	HS384 Algorithm = "HS384" // HMAC with SHA-384; secrets of at least 48 bytes
	HS512 Algorithm = "HS512" // HMAC with SHA-512; secrets of at least 64 bytes
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	RS384 Algorithm = "RS384" // RSASSA-PKCS1-v1_5 with SHA-384
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 with SHA-512
	PS256 Algorithm = "PS256" // RSASSA-PSS with SHA-256 and a salt of 32 bytes
	PS384 Algorithm = "PS384" // RSASSA-PSS with SHA-384 and a salt of 48 bytes
	PS512 Algorithm = "PS512" // RSASSA-PSS with SHA-512 and a salt of 64 bytes
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	ES384 Algorithm = "ES384" // ECDSA on P-384 with SHA-384
	ES512 Algorithm = "ES512" // ECDSA on P-521 with SHA-512
	EdDSA Algorithm = "EdDSA" // Ed25519; RFC 9864 calls it "Ed25519", which is understood in JWKs
)

// family is what algorithms with the same kind of key have in common.
type family uint8

const (
	familyHMAC family = iota
	familyRSA         // PKCS #1 v1.5
	familyPSS
	familyECDSA
	familyEd25519
)

// suite is all that there is to know about an algorithm.
type suite struct {
	alg    Algorithm
	family family
	hash   crypto.Hash       // 0 for Ed25519, which hashes by itself
	curve  elliptic.Curve    // ECDSA only
	method jwt.SigningMethod // nil for HMAC
}

var suites = [...]suite{
	{HS256, familyHMAC, crypto.SHA256, nil, nil},
	{HS384, familyHMAC, crypto.SHA384, nil, nil},
	{HS512, familyHMAC, crypto.SHA512, nil, nil},
	{RS256, familyRSA, crypto.SHA256, nil, jwt.SigningMethodRS256},
	{RS384, familyRSA, crypto.SHA384, nil, jwt.SigningMethodRS384},
	{RS512, familyRSA, crypto.SHA512, nil, jwt.SigningMethodRS512},
	{PS256, familyPSS, crypto.SHA256, nil, strictPSS(jwt.SigningMethodPS256)},
	{PS384, familyPSS, crypto.SHA384, nil, strictPSS(jwt.SigningMethodPS384)},
	{PS512, familyPSS, crypto.SHA512, nil, strictPSS(jwt.SigningMethodPS512)},
	{ES256, familyECDSA, crypto.SHA256, elliptic.P256(), jwt.SigningMethodES256},
	{ES384, familyECDSA, crypto.SHA384, elliptic.P384(), jwt.SigningMethodES384},
	{ES512, familyECDSA, crypto.SHA512, elliptic.P521(), jwt.SigningMethodES512},
	{EdDSA, familyEd25519, 0, nil, jwt.SigningMethodEdDSA},
}

// strictPSS is m with salts of the hash's length only (RFC 7518 §3.5). The
// methods that golang-jwt exports sign so, but verify any salt length.
func strictPSS(m *jwt.SigningMethodRSAPSS) *jwt.SigningMethodRSAPSS {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// suite returns what is known of a, or an error that lists what there is.
func (a Algorithm) suite() (*suite, error) {
	for i := range suites {
		if suites[i].alg == a {
			return &suites[i], nil
		}
	}
	return nil, fmt.Errorf("algorithm %s is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA", quote(string(a)))
}

// Symmetric reports whether a's keys both sign and verify.
func (a Algorithm) Symmetric() bool { return a == HS256 || a == HS384 || a == HS512 }

// Algorithms returns all algorithms, in the order of their constants.
func Algorithms() []Algorithm {
	all := make([]Algorithm, len(suites))
	for i := range suites {
		all[i] = suites[i].alg
	}
	return all
}

// Check returns an error that lists the algorithms, if a is none of them.
func (a Algorithm) Check() error {
	_, err := a.suite()
	return err
}

// RSA reports whether a's keys are RSA keys.
func (a Algorithm) RSA() bool {
	s, err := a.suite()
	return err == nil && (s.family == familyRSA || s.family == familyPSS)
}

const (
	maxRSABits   = 8192
	maxSignature = maxRSABits / 8
)

// Sign appends the signature of signingInput, in base64url without padding, to
// dst.
func (k *Key) Sign(dst, signingInput []byte) ([]byte, error) {
	if k == nil {
		return nil, errors.New("the zero Key cannot sign")
	}
	if err := k.Check(); err != nil {
		return nil, err
	}
	if k.private == nil {
		return nil, fmt.Errorf("this %s key has no private part to sign with", k.alg)
	}
	if k.macs != nil {
		m := k.macs.Get().(*mac)
		dst = append(dst, macText(m, signingInput)...)
		k.macs.Put(m)
		return dst, nil
	}
	private := k.private()
	signer, isExternal := private.(external)
	var signature []byte
	var err error
	if isExternal {
		signature, err = k.signExternally(signer, signingInput)
	} else {
		signature, err = k.suite.method.Sign(string(signingInput), private)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.alg, err)
	}
	if len(signature) != k.size {
		return nil, fmt.Errorf("%s: signature of %d bytes instead of %d", k.alg, len(signature), k.size)
	}
	return base64.RawURLEncoding.AppendEncode(dst, signature), nil
}

// Verify reports whether token[dot+1:] is the one base64url text of a right
// signature of token[:dot]. It allocates nothing for HMAC.
func (k *Key) Verify(token string, dot int) bool {
	if k == nil || uint(dot) >= uint(len(token)) {
		return false
	}
	segment := token[dot+1:]
	if len(segment) != base64.RawURLEncoding.EncodedLen(k.size) {
		return false
	}
	if k.macs != nil {
		// Encoding the right MAC, rather than decoding the given one, admits
		// its canonical text alone.
		m := k.macs.Get().(*mac)
		right := macText(m, token[:dot])
		given := m.given[:copy(m.given[:], segment)]
		ok := subtle.ConstantTimeCompare(right, given) == 1
		k.macs.Put(m)
		return ok
	}
	buffer := signatures.Get().(*[maxSignature]byte)
	defer signatures.Put(buffer)
	signature, ok := compact.Decode(buffer[:0], segment)
	return ok && k.suite.method.Verify(token[:dot], signature, k.pub) == nil
}

// signatures are buffers to decode one into: as an argument to an interface's
// method it would be on the heap each time.
var signatures = sync.Pool{New: func() any { return new([maxSignature]byte) }}

// mac is an HMAC state with the buffers of one computation. All that goes
// through the hash.Hash interface escapes, so it is kept together and pooled;
// the buffers are of fixed size, so the pool never grows by a long token.
type mac struct {
	hash  hash.Hash
	input [1024]byte
	sum   [64]byte
	text  [86]byte
	given [86]byte
}

// newMACs returns a pool of states that are keyed with secret.
func newMACs(h crypto.Hash, secret []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return &mac{hash: hmac.New(h.New, secret)} }}
}

// macText computes the MAC of input, in base64url, into m.
func macText[T string | []byte](m *mac, input T) []byte {
	m.hash.Reset()
	for len(input) > 0 {
		n := copy(m.input[:], input)
		m.hash.Write(m.input[:n])
		input = input[n:]
	}
	sum := m.hash.Sum(m.sum[:0])
	text := m.text[:base64.RawURLEncoding.EncodedLen(len(sum))]
	base64.RawURLEncoding.Encode(text, sum)
	return text
}

// external is a crypto.Signer that is not one of the standard library's keys:
// the private part lies elsewhere, in a KMS or an HSM.
type external struct{ crypto.Signer }

// signExternally has s sign, and trusts it with nothing: it may fail, panic,
// answer nonsense or use another key or algorithm than it was set up for.
func (k *Key) signExternally(s external, signingInput []byte) (signature []byte, err error) {
	digest, opts := signingInput, crypto.SignerOpts(k.suite.hash)
	if k.suite.hash != 0 {
		h := k.suite.hash.New()
		h.Write(signingInput)
		digest = h.Sum(nil)
	}
	if k.suite.family == familyPSS {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: k.suite.hash}
	}
	signature, err = callSigner(s, digest, opts)
	if err != nil {
		return nil, err
	}
	if k.suite.family == familyECDSA {
		if signature, err = joseECDSA(signature, k.size/2); err != nil {
			return nil, err
		}
	}
	// Cheap beside the call, and a token that no one can verify is worse than
	// an error.
	if k.suite.method.Verify(string(signingInput), signature, k.pub) != nil {
		return nil, errors.New("the crypto.Signer's signature does not verify under its own public key; is it set up for this key and algorithm?")
	}
	return signature, nil
}

func callSigner(s external, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			signature, err = nil, fmt.Errorf("the crypto.Signer panicked: %v", p)
		}
	}()
	signature, err = s.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("the crypto.Signer failed: %w", err)
	}
	return signature, nil
}

// joseECDSA turns the ASN.1 signature that a crypto.Signer returns into r‖s of
// size bytes each (RFC 7518 §3.4).
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

// Work is what a check with k costs, in units of one with RSA of 2048 bits and the usual exponent, rounded up.
func (k *Key) Work() int {
	pub, ok := k.pub.(*rsa.PublicKey)
	if !ok {
		return 1
	}
	times := (pub.N.BitLen() + minRSABits - 1) / minRSABits
	if pub.E > 1<<17 {
		return 8 * times * times
	}
	return times * times
}

// signatureSize is the length of the signatures of pub, in bytes.
func signatureSize(s *suite, pub crypto.PublicKey) int {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return p.Size()
	case *ecdsa.PublicKey:
		return 2 * ((s.curve.Params().BitSize + 7) / 8)
	case ed25519.PublicKey:
		return ed25519.SignatureSize
	}
	return s.hash.Size()
}
