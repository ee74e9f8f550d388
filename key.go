package jwtauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

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
type Key struct{ k *key }

// key is what a Key points to, so that a reflecting printer that reaches an
// unexported Key finds an address. The secret parts are behind functions in
// addition: printers that follow pointers cannot follow those.
type key struct {
	suite    *suite
	alg      Algorithm
	id       string
	assigned bool             // id was given by WithID or a JWK's kid, rather than derived
	fault    error            // of the id that WithID was given
	size     int              // of a signature, in bytes
	pub      crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey; nil for HMAC
	private  func() any       // []byte, *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or external; nil where there is none
	macs     *sync.Pool       // of *mac, for HMAC only
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
	k, err := newKey(alg, material)
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: %w", err)
	}
	return Key{k}, nil
}

func newKey(alg Algorithm, material any) (*key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	if faults.IsNil(material) {
		return nil, fmt.Errorf("%s key is nil; it takes %s", alg, s.takes())
	}
	switch m := material.(type) {
	case []byte:
		if s.family != familyHMAC {
			return nil, fmt.Errorf("%s key is a []byte; it takes %s (ParseKey reads PEM and JWK)", alg, s.takes())
		}
		if err := checkSecret(m); err != nil {
			return nil, fmt.Errorf("%s key %w", alg, err)
		}
		return newSecret(s, m)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return newPublic(s, m)
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return newPrivate(s, m)
	case crypto.Signer:
		pub, err := publicOf(m)
		if err != nil {
			return nil, fmt.Errorf("%s key: %w", alg, err)
		}
		k, err := newPublic(s, pub)
		if err != nil {
			return nil, err
		}
		k.private = func() any { return external{m} }
		return k, nil
	default:
		return nil, fmt.Errorf("%s key is a %T; it takes %s", alg, material, s.takes())
	}
}

// takes says what NewKey takes for s.
func (s *suite) takes() string {
	switch s.family {
	case familyHMAC:
		return fmt.Sprintf("a []byte of at least %d bytes", s.hash.Size())
	case familyECDSA:
		return fmt.Sprintf("an *ecdsa.PrivateKey or *ecdsa.PublicKey on %s, or a crypto.Signer with such a public key", s.curve.Params().Name)
	case familyEd25519:
		return "an ed25519.PrivateKey or ed25519.PublicKey, or a crypto.Signer with such a public key"
	default:
		return "an *rsa.PrivateKey or *rsa.PublicKey, or a crypto.Signer with such a public key"
	}
}

// GenerateKey returns a new random key for alg: a secret as long as the hash
// for HS…, an RSA key of 2048 bits for RS… and PS… (for a longer one, give the
// result of rsa.GenerateKey to [NewKey]), a key on the algorithm's curve for ES…
// and EdDSA. Generating an RSA key may take a second.
//
// Tokens signed with a generated key end with the process, unless the key is
// kept by [Key.MarshalPEM].
func GenerateKey(alg Algorithm) (Key, error) {
	k, err := generateKey(alg)
	if err != nil {
		return Key{}, fmt.Errorf("jwtauth: %w", err)
	}
	return Key{k}, nil
}

func generateKey(alg Algorithm) (*key, error) {
	s, err := alg.suite()
	if err != nil {
		return nil, err
	}
	var private any
	switch s.family {
	case familyHMAC:
		secret := make([]byte, s.hash.Size())
		rand.Read(secret) // never fails
		return newSecret(s, secret)
	case familyECDSA:
		private, err = ecdsa.GenerateKey(s.curve, rand.Reader)
	case familyEd25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, minRSABits)
	}
	if err != nil {
		return nil, fmt.Errorf("generating a %s key: %v", alg, err)
	}
	return newPrivate(s, private)
}

// Algorithm returns the one algorithm that k is for, "" for the zero Key.
func (k Key) Algorithm() Algorithm {
	if k.k == nil {
		return ""
	}
	return k.k.alg
}

// ID returns the key id, which goes into the "kid" member of the headers of
// tokens that k signs and selects k among several when verifying. It is the one
// given by [Key.WithID] or by the "kid" of a JWK; else, for public-key
// algorithms, the SHA-256 thumbprint of the public key (RFC 7638), and "" for
// HS…, since a thumbprint would let anyone test guesses of the secret.
func (k Key) ID() string {
	if k.k == nil {
		return ""
	}
	return k.k.id
}

// maxKeyID bounds key ids, in bytes: they travel in every token's header.
const maxKeyID = 256

// WithID returns k with another id: 1 to 256 bytes of UTF-8 without control
// characters. A key that was given another kind of id cannot sign, and whatever
// takes keys refuses it. WithID("") returns k with the id that it has by itself.
func (k Key) WithID(id string) Key {
	if k.k == nil {
		return k
	}
	c := *k.k
	c.id, c.assigned, c.fault = id, true, checkKeyID(id)
	if id == "" {
		c.id, c.assigned, c.fault = thumbprint(c.pub), false, nil
	}
	return Key{&c}
}

func checkKeyID(id string) error {
	if len(id) > maxKeyID {
		return fmt.Errorf("key id of %d bytes; at most %d are allowed", len(id), maxKeyID)
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("key id is not UTF-8 without control characters")
	}
	return nil
}

// Public returns the part of k that verifies and cannot sign, with the same id.
// HS… keys have none: their Public is the zero Key, which whatever takes keys
// refuses.
func (k Key) Public() Key { return k.k.public() }

func (k *key) public() Key {
	if k == nil || k.symmetric() {
		return Key{}
	}
	if k.private == nil {
		return Key{k}
	}
	c := *k
	c.private = nil
	return Key{&c}
}

// check reports what makes k unfit for use: being the zero Key's, or a fault of
// the id it was given.
func (k *key) check() error {
	if k == nil {
		return errors.New("key is the zero Key; make one with NewKey, ParseKey, KeyFromEnv or GenerateKey (the Public of an HS… key is zero, too)")
	}
	if k.fault != nil {
		return fmt.Errorf("%s key: %w", k.alg, k.fault)
	}
	return nil
}

func (k *key) canSign() bool   { return k != nil && k.private != nil }
func (k *key) symmetric() bool { return k != nil && k.suite.family == familyHMAC }

// String returns the algorithm, the id and what k can do, never its material.
func (k Key) String() string {
	switch {
	case k.k == nil:
		return "jwtauth.Key(none)"
	case k.k.symmetric():
		return fmt.Sprintf("jwtauth.Key(%s, id %q, secret)", k.k.alg, k.k.id)
	case k.k.canSign():
		return fmt.Sprintf("jwtauth.Key(%s, id %q, private)", k.k.alg, k.k.id)
	default:
		return fmt.Sprintf("jwtauth.Key(%s, id %q, public)", k.k.alg, k.k.id)
	}
}

// GoString is [Key.String].
func (k Key) GoString() string { return k.String() }

// Format writes [Key.String], whatever the verb.
func (k Key) Format(f fmt.State, verb rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is [Key.String] as a slog.Value.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
