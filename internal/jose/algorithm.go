package jose

import (
	"crypto"
	"crypto/elliptic"
	_ "crypto/sha256" // registers the hashes in suites
	_ "crypto/sha512"
	"fmt"
	"strings"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is the name of a JWS signature algorithm.
type Algorithm string

// The supported algorithms (RFC 7518, section 3.1, and RFC 8037, section 3.1).
const (
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA"
)

// family groups the algorithms that use the same kind of key and signature.
type family uint8

const (
	familyHMAC family = iota
	familyRSA         // PKCS #1 v1.5
	familyPSS
	familyECDSA
	familyEd25519
)

// suite describes one algorithm.
type suite struct {
	alg    Algorithm
	family family
	hash   crypto.Hash       // 0 for Ed25519, which hashes the input itself
	curve  elliptic.Curve    // for ECDSA only
	method jwt.SigningMethod // signs; nil for HMAC

	digests *sync.Pool // of *mac, with the plain hash; nil without a hash
}

// suites are the supported algorithms. Another one also needs its constants
// here and in package jwtauth, and a line in unitsOf. A new family also needs
// cases in key.go, material.go, verify.go, parse.go, derive.go and the files of
// JWK.
var suites = [...]suite{
	{HS256, familyHMAC, crypto.SHA256, nil, nil, nil},
	{HS384, familyHMAC, crypto.SHA384, nil, nil, nil},
	{HS512, familyHMAC, crypto.SHA512, nil, nil, nil},
	{RS256, familyRSA, crypto.SHA256, nil, jwt.SigningMethodRS256, newDigests(crypto.SHA256)},
	{RS384, familyRSA, crypto.SHA384, nil, jwt.SigningMethodRS384, newDigests(crypto.SHA384)},
	{RS512, familyRSA, crypto.SHA512, nil, jwt.SigningMethodRS512, newDigests(crypto.SHA512)},
	{PS256, familyPSS, crypto.SHA256, nil, jwt.SigningMethodPS256, newDigests(crypto.SHA256)},
	{PS384, familyPSS, crypto.SHA384, nil, jwt.SigningMethodPS384, newDigests(crypto.SHA384)},
	{PS512, familyPSS, crypto.SHA512, nil, jwt.SigningMethodPS512, newDigests(crypto.SHA512)},
	{ES256, familyECDSA, crypto.SHA256, elliptic.P256(), jwt.SigningMethodES256, newDigests(crypto.SHA256)},
	{ES384, familyECDSA, crypto.SHA384, elliptic.P384(), jwt.SigningMethodES384, newDigests(crypto.SHA384)},
	{ES512, familyECDSA, crypto.SHA512, elliptic.P521(), jwt.SigningMethodES512, newDigests(crypto.SHA512)},
	{EdDSA, familyEd25519, 0, nil, jwt.SigningMethodEdDSA, nil},
}

// Algorithms returns all algorithms in the order of their constants.
func Algorithms() []Algorithm {
	all := make([]Algorithm, len(suites))
	for i := range suites {
		all[i] = suites[i].alg
	}
	return all
}

// Check returns an error that lists the supported algorithms if a is not one of
// them.
func (a Algorithm) Check() error {
	_, err := a.suite()
	return err
}

// Symmetric reports whether the keys of a both sign and verify.
func (a Algorithm) Symmetric() bool { return a == HS256 || a == HS384 || a == HS512 }

// MinSecret returns the least number of bytes of a secret for a (RFC 7518,
// section 3.2), or 0 if a is not symmetric.
func (a Algorithm) MinSecret() int {
	s, err := a.suite()
	if err != nil || s.family != familyHMAC {
		return 0
	}
	return s.hash.Size()
}

// RSA reports whether a uses RSA keys.
func (a Algorithm) RSA() bool {
	s, err := a.suite()
	return err == nil && (s.family == familyRSA || s.family == familyPSS)
}

func (a Algorithm) suite() (*suite, error) {
	for i := range suites {
		if suites[i].alg == a {
			return &suites[i], nil
		}
	}
	hint := ""
	for i := range suites {
		if strings.EqualFold(string(suites[i].alg), string(a)) {
			hint = fmt.Sprintf("; write %s: names of algorithms are case-sensitive", suites[i].alg)
		}
	}
	return nil, fmt.Errorf("algorithm %s is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA%s", quote(string(a)), hint)
}
