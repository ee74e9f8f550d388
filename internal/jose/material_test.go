//lint:file-ignore SA1019 Invalid keys can only be made by hand.

package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// otherCurve is an implementation of a curve that is not the standard
// library's.
type otherCurve struct{ elliptic.Curve }

func TestNewRefuses(t *testing.T) {
	changedRSA := func(change func(*rsa.PrivateKey)) *rsa.PrivateKey {
		p := rsaKey()
		c := &rsa.PrivateKey{PublicKey: p.PublicKey, D: new(big.Int).Set(p.D), Primes: slices.Clone(p.Primes)}
		change(c)
		return c
	}
	changedEC := func(change func(*ecdsa.PrivateKey)) *ecdsa.PrivateKey {
		c := *must(ecdsa.ParseRawPrivateKey(elliptic.P256(), must(p256Key().Bytes())))
		change(&c)
		return &c
	}
	tooLarge := int64(1<<31 + 1)                                                                       // as an int of 32 bits it is negative, which is refused as well
	otherEd := must(base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")) // RFC 8037 A.2
	for _, tt := range []struct {
		name     string
		alg      jose.Algorithm
		material any
		want     string
	}{
		{"no algorithm", "", randomBytes(32), "not one of HS256"},
		{"none", "none", randomBytes(32), `"none" is not one of HS256`},
		{"other case", "hs256", randomBytes(32), "not one of HS256"},
		{"a secret for an algorithm", jose.Algorithm(strings.Repeat("s3cret!", 9)), randomBytes(32), "algorithm (not shown) is not"},

		{"nil", "HS256", nil, "HS256 key is nil; it must be a []byte of at least 32 bytes"},
		{"nil", "RS256", nil, "RS256 key is nil; it must be an *rsa.PrivateKey or *rsa.PublicKey"},
		{"nil slice as a secret", "HS256", []byte(nil), "HS256 key is 0 bytes"},
		{"nil pointer", "RS256", (*rsa.PrivateKey)(nil), "RS256 key is nil"},
		{"nil pointer", "PS256", (*rsa.PublicKey)(nil), "PS256 key is nil"},
		{"nil pointer", "ES256", (*ecdsa.PrivateKey)(nil), "ES256 key is nil"},
		{"nil pointer", "ES256", (*ecdsa.PublicKey)(nil), "ES256 key is nil"},
		{"nil pointer", "EdDSA", (*ed25519.PrivateKey)(nil), "EdDSA key is nil"},
		{"nil slice as a public key", "EdDSA", ed25519.PublicKey(nil), "Ed25519 public key is 0 bytes instead of 32"},
		{"nil slice as a private key", "EdDSA", ed25519.PrivateKey(nil), "Ed25519 private key is 0 bytes instead of 64"},

		{"string", "HS256", "a-string-secret-of-more-than-32-bytes", "HS256 key is a string; it must be a []byte"},
		{"value", "RS256", rsaKey().PublicKey, "RS256 key is a rsa.PublicKey; it must be an *rsa.PrivateKey"},
		{"Key", "ES256", must(jose.Generate("ES256")), "ES256 key is a *jose.Key; it must be an *ecdsa.PrivateKey"},
		{"bytes", "RS256", randomBytes(32), "RS256 key is a []byte; it must be an *rsa.PrivateKey"},
		{"bytes", "EdDSA", randomBytes(32), "EdDSA key is a []byte; it must be an ed25519.PrivateKey"},
		{"RSA for HMAC", "HS256", &rsaKey().PublicKey, "HS256 key is an RSA key; it must be a []byte"},
		{"RSA for ECDSA", "ES256", rsaKey(), "ES256 key is an RSA key"},
		{"RSA for EdDSA", "EdDSA", rsaKey(), "EdDSA key is an RSA key"},
		{"ECDSA", "RS256", p256Key(), "RS256 key is an ECDSA key; it must be an *rsa.PrivateKey"},
		{"ECDSA", "HS256", p256Key(), "HS256 key is an ECDSA key"},
		{"Ed25519", "PS256", edKey(), "PS256 key is an Ed25519 key"},
		{"Ed25519", "HS512", edKey(), "HS512 key is an Ed25519 key"},

		{"31 bytes", "HS256", randomBytes(31), "HS256 key is 31 bytes; RFC 7518, section 3.2, requires at least 32 (openssl rand -base64 32)"},
		{"47 bytes", "HS384", randomBytes(47), "HS384 key is 47 bytes; RFC 7518, section 3.2, requires at least 48 (openssl rand -base64 48)"},
		{"63 bytes", "HS512", randomBytes(63), "HS512 key is 63 bytes; RFC 7518, section 3.2, requires at least 64 (openssl rand -base64 64)"},
		{"zeros", "HS256", make([]byte, 32), "HS256 key is all zero bytes"},
		{"zeros", "HS512", make([]byte, 100), "HS512 key is all zero bytes"},
		{"PEM", "HS256", must(must(jose.New("RS256", &rsaKey().PublicKey)).MarshalPEM()), "HS256 key is PEM, not a secret"},
		{"JWK", "HS256", []byte(`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}`), "HS256 key is JSON, like a JWK"},
		{"OpenSSH", "HS256", []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA me@host"), "HS256 key is an OpenSSH public key"},
		{"DER", "HS256", spkiOf(jose.RS256), "HS256 key is the DER of a key"},
		{"DER", "HS256", spkiOf(jose.ES256), "HS256 key is the DER of a key"},
		{"DER", "HS256", spkiOf(jose.EdDSA), "HS256 key is the DER of a key"},
		{"base64 of DER", "HS256", []byte(base64.StdEncoding.EncodeToString(spkiOf(jose.EdDSA))), "HS256 key is an encoding of the DER of a key"},
		{"hex of DER", "HS256", []byte(hex.EncodeToString(spkiOf(jose.ES512))), "HS256 key is an encoding of the DER of a key"},

		{"no modulus", "RS256", &rsa.PublicKey{E: 65537}, "RSA key has no modulus"},
		{"negative modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(rsaKey().N), E: 65537}, "RSA key has no modulus"},
		{"2047 bits", "RS256", rsaPublic(2047, 1, 65537), "RSA key is 2047 bits; RFC 7518, section 3.3, requires at least 2048"},
		{"1024 bits", "PS512", rsaPublic(1024, 1, 65537), "RSA key is 1024 bits"},
		{"8193 bits", "RS256", rsaPublic(8193, 1, 65537), "RSA key is 8193 bits; the maximum is 8192"},
		{"even modulus", "RS256", rsaPublic(2048, 2, 65537), "RSA modulus is even"},
		{"exponent 0", "RS256", rsaPublic(2048, 1, 0), "RSA exponent is 0; it must be odd and at least 3"},
		{"exponent 1", "RS256", rsaPublic(2048, 1, 1), "RSA exponent is 1; it must be odd and at least 3"},
		{"exponent 2", "RS256", rsaPublic(2048, 1, 2), "RSA exponent is 2; it must be odd and at least 3"},
		{"negative exponent", "RS256", rsaPublic(2048, 1, -3), "RSA exponent is -3"},
		{"even exponent", "RS256", rsaPublic(2048, 1, 65536), "RSA exponent 65536 is even"},
		{"exponent 2^31+1", "RS256", rsaPublic(2048, 1, int(tooLarge)), "RSA exponent"},
		{"no private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D = nil }), "lacks its private exponent"},
		{"no private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D = new(big.Int) }), "lacks its private exponent"},
		{"no primes", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes = nil }), "has 0 primes instead of 2"},
		{"three primes", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes = append(p.Primes, big.NewInt(3)) }), "has 3 primes instead of 2"},
		{"nil prime", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes[1] = nil }), "lacks its private exponent or a prime"},
		{"prime larger than the modulus", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes[1] = new(big.Int).Lsh(p.N, 1) }), "a part of it is larger than the modulus"},
		{"private exponent larger than the modulus", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D.Lsh(p.N, 1) }), "a part of it is larger than the modulus"},
		{"wrong prime", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes[0] = big.NewInt(7) }), "RSA private key is not consistent"},
		{"wrong private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D.Add(p.D, big.NewInt(2)) }), "RSA private key is not consistent"},
		{"wrong modulus", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.N = rsaPublic(2048, 1, 3).N }), "RSA private key is not consistent"},

		{"P-224", "ES256", ecKey(elliptic.P224())(), "ECDSA key is on P-224; ES256 requires P-256"},
		{"P-384", "ES256", p384Key(), "ECDSA key is on P-384; ES256 requires P-256"},
		{"P-256 for ES384", "ES384", &p256Key().PublicKey, "ECDSA key is on P-256; ES384 requires P-384"},
		{"P-256 for ES512", "ES512", p256Key(), "ECDSA key is on P-256; ES512 requires P-521"},
		{"no curve", "ES256", &ecdsa.PublicKey{X: big.NewInt(1), Y: big.NewInt(1)}, "is not on a curve of crypto/elliptic"},
		{"other curve", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.Curve = otherCurve{elliptic.P256()} }), "is not on a curve of crypto/elliptic"},
		{"generic curve", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.Curve = elliptic.P256().Params() }), "is not on a curve of crypto/elliptic"},
		{"not a point", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256()}, "is not a point on P-256"},
		{"infinity", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, "is not a point on P-256"},
		{"off the curve", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "is not a point on P-256"},
		{"negative", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(-1), Y: big.NewInt(1)}, "is not a point on P-256"},
		{"no private part", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = nil }), "ECDSA private key is not valid: a number is missing"},
		{"private part 0", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = new(big.Int) }), "ECDSA private key is not valid"},
		{"private part too large", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = p.Params().N }), "ECDSA private key is not valid"},
		{"another private part", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = big.NewInt(5) }), "does not belong to its public key"},

		{"31 bytes for EdDSA", "EdDSA", ed25519.PublicKey(randomBytes(31)), "Ed25519 public key is 31 bytes instead of 32"},
		{"33 bytes", "EdDSA", ed25519.PublicKey(append(bytes.Clone(edKey()[32:]), 0)), "Ed25519 public key is 33 bytes instead of 32"},
		{"seed", "EdDSA", ed25519.PrivateKey(randomBytes(32)), "Ed25519 private key is 32 bytes instead of 64"},
		{"another public half", "EdDSA", ed25519.PrivateKey(slices.Concat(edKey()[:32], otherEd)), "public half does not belong to its seed"},

		{"signer without key", "RS256", publicSigner(nil), "crypto.Signer's Public is nil"},
		{"signer with nil pointer", "RS256", publicSigner((*rsa.PublicKey)(nil)), "crypto.Signer's Public is nil"},
		{"signer that panics", "RS256", fakeSigner{public: func() crypto.PublicKey { panic("offline") }}, "Public panicked: offline"},
		{"signer of another type", "RS256", publicSigner("rsa"), "RS256 key is a public key of type string"},
		{"signer of another type", "RS256", publicSigner(&p256Key().PublicKey), "RS256 key is an ECDSA key"},
		{"signer for HMAC", "HS256", publicSigner(&rsaKey().PublicKey), "HS256 key is an RSA key"},
		{"signer with a weak key", "RS256", publicSigner(rsaPublic(1024, 1, 3)), "RSA key is 1024 bits"},
		{"signer on another curve", "ES384", publicSigner(&p256Key().PublicKey), "ECDSA key is on P-256"},
		{"signer of small order", "EdDSA", publicSigner(ed25519.PublicKey(make([]byte, 32))), "small order"},
	} {
		t.Run(string(tt.alg)+"/"+tt.name, func(t *testing.T) {
			key, err := jose.New(tt.alg, tt.material)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != nil {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	for _, tt := range []struct {
		alg      jose.Algorithm
		material any
	}{
		{"HS256", randomBytes(32)}, {"HS256", randomBytes(200)}, {"HS384", randomBytes(48)}, {"HS512", randomBytes(64)},
		{"HS256", []byte(base64.StdEncoding.EncodeToString(randomBytes(32)))},
		{"HS256", []byte(hex.EncodeToString(randomBytes(32)))},
		{"HS256", []byte("{ is no JSON but long enough for a secret")},
		{"RS256", rsaPublic(2048, 1, 3)}, {"PS512", rsaPublic(8192, 1, 1<<31-1)},
		{"RS256", publicSigner(&rsaKey().PublicKey)}, {"ES512", publicSigner(&p521Key().PublicKey)},
	} {
		if key, err := jose.New(tt.alg, tt.material); err != nil || key.Algorithm() != tt.alg {
			t.Errorf("%s with a %T: %v, %v", tt.alg, tt.material, key, err)
		}
	}
}

// TestNewCopies changes the material after the key is created and compares PEM.
// TestNewCopiesSecret does so for HMAC.
func TestNewCopies(t *testing.T) {
	ed := bytes.Clone(edKey())
	private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(rsaKey().N), E: rsaKey().E}, D: new(big.Int).Set(rsaKey().D),
		Primes: []*big.Int{new(big.Int).Set(rsaKey().Primes[0]), new(big.Int).Set(rsaKey().Primes[1])}}
	public := &rsa.PublicKey{N: new(big.Int).Set(rsaKey().N), E: rsaKey().E}
	ec := must(ecdsa.ParseRawPrivateKey(elliptic.P256(), must(p256Key().Bytes())))
	ecPublic := *p256Key().Public().(*ecdsa.PublicKey)
	edPublic := ed25519.PublicKey(bytes.Clone(edKey()[32:]))
	keys := map[string]*jose.Key{
		"ed25519":        must(jose.New("EdDSA", ed25519.PrivateKey(ed))),
		"ed25519 public": must(jose.New("EdDSA", edPublic)),
		"ed25519 signer": must(jose.New("EdDSA", publicSigner(edPublic))),
		"rsa":            must(jose.New("RS256", private)),
		"rsa public":     must(jose.New("RS256", public)),
		"ecdsa":          must(jose.New("ES256", ec)),
		"ecdsa public":   must(jose.New("ES256", &ecPublic)),
	}
	before := map[string]string{}
	for name, key := range keys {
		before[name] = string(must(key.MarshalPEM()))
	}
	ed[0]++
	ed[40]++
	edPublic[3]++
	for _, n := range []*big.Int{private.N, private.D, private.Primes[0], private.Primes[1], public.N} {
		n.Add(n, big.NewInt(2))
	}
	private.E, public.E = 3, 3
	ec.D.SetInt64(1)
	ec.PublicKey = p384Key().PublicKey
	ecPublic = p384Key().PublicKey
	for name, key := range keys {
		if after, err := key.MarshalPEM(); err != nil || string(after) != before[name] {
			t.Errorf("%s: changed with its material, error %v", name, err)
		}
	}
}
