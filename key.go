package jwtauth

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/seed-0a072700/jwtauth/internal/jose"
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

// symmetric reports whether a's keys both sign and verify.
func (a Algorithm) symmetric() bool { return jose.Algorithm(a).Symmetric() }

// Key is a key for signing or verifying tokens, bound to exactly one
// [Algorithm] and checked when it is made: there is no Key that is too short,
// off its curve or of another type than its algorithm needs.
//
// A Key is immutable, keeps its own copy of the material it was made from, is
// safe for concurrent use, and is comparable: copies of one Key are equal, keys
// made separately are not, even from the same material.
//
// The zero Key holds nothing; its methods may be called, and whatever takes
// keys refuses it.
//
// However it is printed or logged, a Key shows its algorithm and id, never its
// material. encoding/json writes it as {}.
type Key struct{ k *jose.Key }

// wrapKey returns the Key of what a function of internal/jose returned.
func wrapKey(k *jose.Key, err error) (Key, error) {
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: %w", err)
	}
	return Key{k}, nil
}

// NewKey returns the key that material is for alg. Material is
//
//   - for HS256, HS384 and HS512 a []byte at least as long as the hash: 32, 48
//     or 64 bytes (RFC 7518 §3.2). It is a secret; the PEM, DER or JWK text of
//     a key is refused here, and read by [ParseKey];
//   - for RS… and PS… an *rsa.PrivateKey or *rsa.PublicKey of 2048 to 8192
//     bits (RFC 7518 §3.3) with an odd exponent of at least 3 and under 2³¹;
//   - for ES… an *ecdsa.PrivateKey or *ecdsa.PublicKey on the algorithm's
//     curve: P-256, P-384 or P-521 (RFC 7518 §3.4);
//   - for EdDSA an ed25519.PrivateKey or ed25519.PublicKey (RFC 8037 §2). Points
//     of small order and encodings other than the canonical one are refused;
//   - for all but HS… any other crypto.Signer with such a public key, as the
//     clients of KMSs and HSMs are. It must be safe for concurrent use. Each of
//     its signatures is checked with its public key before use: a signer that is
//     set up for another key or algorithm makes an error and not a bad token.
//
// A key made from a public key verifies, and cannot sign. Anything else is an
// error that says what is wrong and what would do.
func NewKey(alg Algorithm, material any) (Key, error) {
	return wrapKey(jose.New(jose.Algorithm(alg), material))
}

// ParseKey reads a key from PEM or from a JWK, of at most 64 KiB, with nothing
// but white space around it:
//
//   - PEM blocks PRIVATE KEY (PKCS #8), RSA PRIVATE KEY and RSA PUBLIC KEY
//     (PKCS #1), EC PRIVATE KEY (SEC 1, also after the EC PARAMETERS that
//     openssl writes) and PUBLIC KEY (SPKI); exactly one key. Encrypted keys and
//     certificates are refused with the openssl command that makes of them what
//     is wanted;
//   - one JWK object (RFC 7517) of type RSA, EC, OKP with Ed25519 (RFC 8037), or
//     oct. Names are matched exactly and may not repeat; values are canonical
//     base64url of exact length. A private RSA key needs all of p, q, dp, dq and
//     qi. The key is refused if its "use" is not "sig", or if its "key_ops"
//     allow neither "sign" nor "verify"; with "verify" alone it becomes a key
//     that cannot sign. Its "kid", of at most 256 bytes, becomes the [Key.ID].
//
// With alg "", the key is for the "alg" that its JWK names, else for the default
// of its type: RS256; ES256, ES384 or ES512 by its curve; EdDSA; HS256. A JWK
// that names another algorithm than alg is refused (RFC 7517 §4.4).
//
// What [NewKey] refuses is refused here. Secrets in other forms than a JWK go to
// NewKey; key sets, and base64 without PEM's first and last line, are not read.
func ParseKey(alg Algorithm, data []byte) (Key, error) {
	return wrapKey(jose.Parse(jose.Algorithm(alg), data))
}

// KeyFromEnv returns the key in the environment variable name: PEM, whose line
// breaks may be written as \n, or a JWK, both as [ParseKey] reads them with alg
// "", else the bytes of an HS256 secret, at least 32 and exactly as they are.
//
// Text that looks like a key (BEGIN, {, or base64 of a key's DER, PEM or JWK)
// but does not parse is an error, never a secret. So is a secret that begins or
// ends with white space, which one program would read and another one trim, and
// a variable that is unset or empty, in quotes or brackets, or holds a reference ("${…}", a URL) that something
// should have replaced. No error shows the value.
func KeyFromEnv(name string) (Key, error) {
	k, err := jose.FromText(os.Getenv(name))
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: environment variable %s: %w", name, err)
	}
	return Key{k}, nil
}

// GenerateKey returns a new random key for alg: a secret as long as the hash
// for HS…, an RSA key of 2048 bits for RS… and PS… (for a longer one, give the
// result of rsa.GenerateKey to [NewKey]), a key on the algorithm's curve for ES…
// and EdDSA. Generating an RSA key may take a second.
//
// Tokens signed with a generated key end with the process, unless the key is
// kept by [Key.MarshalPEM].
func GenerateKey(alg Algorithm) (Key, error) {
	return wrapKey(jose.Generate(jose.Algorithm(alg)))
}

// Algorithm returns the one algorithm that k is for, "" for the zero Key.
func (k Key) Algorithm() Algorithm { return Algorithm(k.k.Algorithm()) }

// ID returns the key id, which goes into the "kid" member of the headers of
// tokens that k signs and selects k among several when verifying. It is the one
// given by [Key.WithID] or by the "kid" of a JWK; else, for public-key
// algorithms, the SHA-256 thumbprint of the public key (RFC 7638), and "" for
// HS…, since a thumbprint would let anyone test guesses of the secret.
func (k Key) ID() string { return k.k.ID() }

// WithID returns k with another id: 1 to 256 bytes of UTF-8 without control
// characters. A key that was given another kind of id cannot sign, and whatever
// takes keys refuses it. WithID("") returns k with the id that it has by itself.
func (k Key) WithID(id string) Key { return Key{k.k.WithID(id)} }

// Public returns the part of k that verifies and cannot sign, with the same id.
// HS… keys have none: their Public is the zero Key, which whatever takes keys
// refuses.
func (k Key) Public() Key { return Key{k.k.Public()} }

// MarshalPEM writes k as one PEM block: PRIVATE KEY (PKCS #8) where k has its
// private part at hand, else PUBLIC KEY (SPKI). The latter goes for a key made
// from a crypto.Signer, too, whose private part lies elsewhere. To be sure that
// nothing secret is written, write [Key.Public].
//
// PEM carries neither the algorithm nor the id: give [ParseKey] the algorithm
// where it is not the default of the key's type, and set the id again where it
// is not the thumbprint. HS… keys have no PEM form, nor has the zero Key.
func (k Key) MarshalPEM() ([]byte, error) {
	text, err := k.k.MarshalPEM()
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return text, nil
}

// String returns the algorithm, the id and what k can do, never its material.
func (k Key) String() string { return "jwtauth.Key(" + k.k.String() + ")" }

// GoString is [Key.String].
func (k Key) GoString() string { return k.String() }

// Format writes [Key.String], whatever the verb.
func (k Key) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is [Key.String] as a slog.Value.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
