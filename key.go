package jwtauth

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// Algorithm is the name of a JWS signature algorithm (RFC 7518, section 3.1,
// and RFC 8037, section 3.1). Every [Key] is bound to one algorithm, so a token
// cannot choose how it is verified. There is no "none" algorithm.
type Algorithm string

// The supported algorithms.
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
	EdDSA Algorithm = "EdDSA" // Ed25519, also called "Ed25519" (RFC 9864)
)

// supported reports whether a is one of the constants.
func (a Algorithm) supported() bool { return jose.Algorithm(a).Check() == nil }

// canonicalAlgorithm replaces the second name of EdDSA with Ed25519 keys
// (RFC 9864, section 2.2).
func canonicalAlgorithm(name string) Algorithm {
	if name == "Ed25519" {
		return EdDSA
	}
	return Algorithm(name)
}

// Key is a key for signing or verifying tokens with one [Algorithm]. Its
// material is validated when the Key is created: a Key is never too short, off
// its curve, or of the wrong type for its algorithm.
//
// A Key is immutable, holds its own copy of its material, and is safe for
// concurrent use. It is comparable: copies of a Key are equal. Keys created
// separately are not, even if their material is the same.
//
// The zero Key has no material. Its methods may be called, and every function
// that needs a key returns an error for it.
//
// fmt and log/slog print only the algorithm and the ID of a Key, never its
// material. encoding/json encodes it as {}.
type Key struct{ k *jose.Key }

// NewKey returns the key for alg with the given material. The material is:
//
//   - for HS256, HS384 and HS512, a []byte of at least 32, 48 or 64 bytes (RFC
//     7518, section 3.2). It is used as a secret. Secrets that can be guessed
//     are refused: those with fewer than eight distinct bytes, fingerprints,
//     and about 300 examples and defaults that tutorials, RFCs and products
//     have published. The PEM, DER or JWK text of a key is refused as well; use
//     [ParseKey] to read it.
//   - for RS… and PS…, an *rsa.PrivateKey or *rsa.PublicKey of 2048 to 8192
//     bits (RFC 7518, section 3.3). Its exponent must be odd, at least 3, and
//     less than 2³¹.
//   - for ES…, an *ecdsa.PrivateKey or *ecdsa.PublicKey on P-256, P-384 or
//     P-521, as the algorithm requires (RFC 7518, section 3.4).
//   - for EdDSA, an ed25519.PrivateKey or ed25519.PublicKey (RFC 8037, section
//     2). Points of small order and non-canonical encodings are refused.
//   - for all but HS…, any other crypto.Signer with such a public key, such as
//     the client of a KMS or HSM. It must be safe for concurrent use. Every
//     signature is verified with its public key before it is used. A signer
//     that is set up for another key or algorithm therefore causes an error,
//     not a bad token. An Issuer with Sessions also needs
//     IssuerOptions.RefreshKeys.
//
// A key created from a public key can verify but not sign. The error for any
// other material names the fault and the requirement.
func NewKey(alg Algorithm, material any) (Key, error) {
	return newKey(jose.New(jose.Algorithm(alg), material))
}

// ParseKey reads a key from PEM or from a JWK. data has at most 64 KiB and
// contains one key, with only white space around it:
//
//   - a PEM block PRIVATE KEY (PKCS #8), RSA PRIVATE KEY or RSA PUBLIC KEY
//     (PKCS #1), EC PRIVATE KEY (SEC 1, optionally after the EC PARAMETERS that
//     openssl writes) or PUBLIC KEY (SPKI). A label that does not fit its
//     content is ignored, but a private key must not be labeled as a public
//     one. An RSA-PSS key (RFC 4055) is for PS256, PS384 and PS512, or for the
//     one that its parameters name. The errors for encrypted keys, certificates
//     and other formats contain the command that converts them.
//   - a JWK (RFC 7517) of type RSA, EC, OKP with Ed25519 (RFC 8037), or oct.
//     Names of members are case-sensitive and must not repeat. A member that
//     is null counts as absent. Values are canonical base64url, with or
//     without padding. Those of EC and OKP keys have the exact length; zero
//     bytes before the numbers of an RSA key are removed. A private RSA key
//     needs p, q, dp, dq and qi. The "use" must be absent or "sig". If
//     "key_ops" is present and not empty, it must contain "verify", or "sign"
//     for a private key. A key with "verify" but not "sign" cannot sign. The
//     "kid", of at most 256 bytes, becomes the [Key.ID]. A key with an
//     "issuer" verifies only tokens of this issuer, see [RemoteKeys].
//
// If alg is "", the key is for the "alg" of the JWK. If that is absent as well,
// it is for the default of its type: RS256, EdDSA, HS256, or ES256, ES384 or
// ES512 by its curve. If the JWK has an "alg" other than alg, ParseKey returns
// an error (RFC 7517, section 4.4).
//
// Damage that leaves the key unambiguous is repaired: PEM without line breaks,
// with blanks, indentation or a written \n or \r for them, quotes or a byte
// order mark around the text, UTF-16, the base64 of PEM, and PEM without its
// first and last line. Errors name any other damage, and contain no part of the
// key.
//
// ParseKey also refuses everything that [NewKey] refuses. It does not read key
// sets or DER. For a secret that is not in a JWK, use NewKey.
func ParseKey(alg Algorithm, data []byte) (Key, error) {
	return newKey(jose.Parse(jose.Algorithm(alg), data))
}

// KeyFromEnv returns the key in the environment variable name. The value is one
// of:
//
//   - PEM, as [ParseKey] reads it with alg "", also in quotes or base64.
//   - a JWK, as ParseKey reads it with alg "".
//   - an HS256 secret of at least 32 bytes, used exactly as it is.
//
// KeyFromEnv returns an error for likely mistakes instead of using them as a
// secret: text that looks like a key but does not parse (it contains BEGIN,
// begins with {, or is the base64 of a damaged key or a JWK), a value that
// begins or ends with white space, a secret in quotes or brackets, a reference
// that was not replaced ("${…}" or a URL), and a variable that is empty or not
// set.
// Errors never contain the value.
func KeyFromEnv(name string) (Key, error) {
	k, err := jose.FromText(os.Getenv(name))
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: environment variable %s: %w", name, err)
	}
	return Key{k}, nil
}

// GenerateKey returns a new random key for alg: a secret as long as the hash
// for HS…, an RSA key of 2048 bits for RS… and PS…, or a key on the algorithm's
// curve for ES… and EdDSA. For a longer RSA key, pass the result of
// rsa.GenerateKey to [NewKey]. Generating an RSA key can take a second.
//
// Unless the key is kept, its tokens cannot be verified after the process ends.
// [Key.MarshalJWK] returns any generated key for [ParseKey] to read later;
// [Key.MarshalPEM] does so for all but HS….
func GenerateKey(alg Algorithm) (Key, error) {
	return newKey(jose.Generate(jose.Algorithm(alg)))
}

func newKey(k *jose.Key, err error) (Key, error) {
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: %w", err)
	}
	return Key{k}, nil
}

// Algorithm returns the algorithm of k, or "" for the zero Key.
func (k Key) Algorithm() Algorithm { return Algorithm(k.k.Algorithm()) }

// ID returns the key ID. Tokens signed with k contain it as "kid" in their
// header, and a verifier with several keys uses it to select one. It is the ID
// set by [Key.WithID] or by the "kid" of a JWK. Otherwise it is the SHA-256
// thumbprint of the public key (RFC 7638). For HS… keys it is "", because a
// thumbprint would let anyone test guesses of the secret.
func (k Key) ID() string { return k.k.ID() }

// WithID returns a copy of k with another ID: 1 to 256 bytes of UTF-8 without
// control characters. A key with any other ID cannot sign, and every function
// that needs a key returns an error for it. WithID("") returns k with its
// default ID.
func (k Key) WithID(id string) Key { return Key{k.k.WithID(id)} }

// Public returns the part of k that can verify but not sign, with the same ID.
// HS… keys have no public part: for them Public returns the zero Key.
func (k Key) Public() Key { return Key{k.k.Public()} }

// MarshalPEM returns k as a PEM block: PRIVATE KEY (PKCS #8) if k has a private
// part, and PUBLIC KEY (SPKI) otherwise. The private part of a key created from
// a crypto.Signer is not available, so its block is PUBLIC KEY as well. To
// write the public part only, marshal [Key.Public].
//
// PEM contains neither the algorithm nor the ID. When the key is read again,
// pass the algorithm to [ParseKey] unless it is the default of the key's type,
// and set the ID again unless it is the thumbprint. MarshalPEM returns an error
// for HS… keys and for the zero Key. [Key.MarshalJWK] writes HS… keys as well,
// and keeps the algorithm and the ID.
func (k Key) MarshalPEM() ([]byte, error) {
	text, err := k.k.MarshalPEM()
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return text, nil
}

// MarshalJWK returns k as a JWK (RFC 7517), including its private part: protect
// the result like a password. It is the way to keep an HS… key. The private
// part of a key created from a crypto.Signer is not available, so its JWK is
// the public one. To write the public part only, marshal [Key.Public].
//
// The JWK has the members "alg", "use" and, unless the ID is "", "kid".
// [ParseKey] with alg "" returns a key with the same material, algorithm and
// ID. MarshalJWK returns an error for the zero Key and for a key whose ID is
// not valid.
func (k Key) MarshalJWK() ([]byte, error) {
	object, err := k.k.MarshalJWK()
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return object, nil
}

// String returns the algorithm, the ID and the kind of k, without its material.
func (k Key) String() string { return "jwtauth.Key(" + k.k.String() + ")" }

// Format writes [Key.String] for every verb, including %#v.
func (k Key) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns [Key.String] as a [slog.Value].
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
