//lint:file-ignore SA1019 Keys that are wrong have to be put together by hand.

package jwtauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

var (
	keyRSA                    = sync.OnceValue(func() *rsa.PrivateKey { return keyMust(rsa.GenerateKey(rand.Reader, 2048)) })
	keyP256, keyP384, keyP521 = keyEC(elliptic.P256()), keyEC(elliptic.P384()), keyEC(elliptic.P521())
	keyEd                     = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(keySecret(32)) })
)

var keyAlgorithms = []jwtauth.Algorithm{
	jwtauth.HS256, jwtauth.HS384, jwtauth.HS512, jwtauth.RS256, jwtauth.RS384, jwtauth.RS512, jwtauth.PS256,
	jwtauth.PS384, jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA,
}

func keyMust[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func keyEC(curve elliptic.Curve) func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey { return keyMust(ecdsa.GenerateKey(curve, rand.Reader)) })
}

func keySecret(size int) []byte {
	secret := make([]byte, size)
	rand.Read(secret)
	return secret
}

// keyMaterial returns private material for alg, the same each time but for HMAC.
func keyMaterial(alg jwtauth.Algorithm) any {
	switch alg {
	case jwtauth.HS256:
		return keySecret(32)
	case jwtauth.HS384:
		return keySecret(48)
	case jwtauth.HS512:
		return keySecret(64)
	case jwtauth.ES256:
		return keyP256()
	case jwtauth.ES384:
		return keyP384()
	case jwtauth.ES512:
		return keyP521()
	case jwtauth.EdDSA:
		return keyEd()
	}
	return keyRSA()
}

// keySigner is a crypto.Signer of which only the public key is known.
type keySigner struct{ public func() crypto.PublicKey }

func (s keySigner) Public() crypto.PublicKey { return s.public() }
func (s keySigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("not called")
}

func keyPublic(pub crypto.PublicKey) keySigner {
	return keySigner{func() crypto.PublicKey { return pub }}
}

// keyCurve is an implementation of P-256 that is not the standard library's.
type keyCurve struct{ elliptic.Curve }

// keyRSAPublic is n = 2^bits-1 + low, which has no known factors that anyone
// needs for these tests, and the exponent e.
func keyRSAPublic(bits uint, low int64, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(low)), E: e}
}

func keyHex(s string) []byte { return keyMust(hex.DecodeString(s)) }

func TestNewKeyRefuses(t *testing.T) {
	changedRSA := func(change func(*rsa.PrivateKey)) *rsa.PrivateKey {
		p := keyRSA()
		c := &rsa.PrivateKey{PublicKey: p.PublicKey, D: new(big.Int).Set(p.D), Primes: slices.Clone(p.Primes)}
		change(c)
		return c
	}
	changedEC := func(change func(*ecdsa.PrivateKey)) *ecdsa.PrivateKey {
		c := *keyMust(ecdsa.ParseRawPrivateKey(elliptic.P256(), keyMust(keyP256().Bytes())))
		change(&c)
		return &c
	}
	tooLarge := int64(1<<31 + 1)                                                                          // negative where int has 32 bits, which is refused, too
	otherEd := keyMust(base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")) // RFC 8037 A.2
	for _, tt := range []struct {
		name     string
		alg      jwtauth.Algorithm
		material any
		want     string
	}{
		{"no algorithm", "", keySecret(32), "not one of HS256"},
		{"none", "none", keySecret(32), `"none" is not one of HS256`},
		{"other case", "hs256", keySecret(32), "not one of HS256"},
		{"a secret for an algorithm", jwtauth.Algorithm(strings.Repeat("s3cret!", 9)), keySecret(32), "algorithm (not shown) is not"},

		{"nil", "HS256", nil, "HS256 key is nil; it takes a []byte of at least 32 bytes"},
		{"nil", "RS256", nil, "RS256 key is nil; it takes an *rsa.PrivateKey or *rsa.PublicKey"},
		{"nil slice", "HS256", []byte(nil), "HS256 key is 0 bytes"},
		{"nil pointer", "RS256", (*rsa.PrivateKey)(nil), "RS256 key is nil"},
		{"nil pointer", "PS256", (*rsa.PublicKey)(nil), "PS256 key is nil"},
		{"nil pointer", "ES256", (*ecdsa.PrivateKey)(nil), "ES256 key is nil"},
		{"nil pointer", "ES256", (*ecdsa.PublicKey)(nil), "ES256 key is nil"},
		{"nil pointer", "EdDSA", (*ed25519.PrivateKey)(nil), "EdDSA key is nil"},
		{"nil slice", "EdDSA", ed25519.PublicKey(nil), "Ed25519 public key is 0 bytes instead of 32"},
		{"nil slice", "EdDSA", ed25519.PrivateKey(nil), "Ed25519 private key is 0 bytes instead of 64"},

		{"string", "HS256", "a-string-secret-of-more-than-32-bytes", "HS256 key is a string; it takes a []byte"},
		{"value", "RS256", keyRSA().PublicKey, "RS256 key is a rsa.PublicKey; it takes an *rsa.PrivateKey"},
		{"Key", "ES256", jwtauth.Key{}, "ES256 key is a jwtauth.Key; it takes an *ecdsa.PrivateKey"},
		{"bytes", "RS256", keySecret(32), "RS256 key is a []byte; it takes an *rsa.PrivateKey"},
		{"bytes", "EdDSA", keySecret(32), "EdDSA key is a []byte; it takes an ed25519.PrivateKey"},
		{"RSA", "HS256", &keyRSA().PublicKey, "HS256 does not go with an RSA key; it takes a []byte"},
		{"RSA", "ES256", keyRSA(), "ES256 does not go with an RSA key"},
		{"RSA", "EdDSA", keyRSA(), "EdDSA does not go with an RSA key"},
		{"ECDSA", "RS256", keyP256(), "RS256 does not go with an ECDSA key; it takes an *rsa.PrivateKey"},
		{"ECDSA", "HS256", keyP256(), "HS256 does not go with an ECDSA key"},
		{"Ed25519", "PS256", keyEd(), "PS256 does not go with an Ed25519 key"},
		{"Ed25519", "HS512", keyEd(), "HS512 does not go with an Ed25519 key"},

		{"31 bytes", "HS256", keySecret(31), "HS256 key is 31 bytes; RFC 7518 §3.2 wants at least 32 (openssl rand -base64 32)"},
		{"47 bytes", "HS384", keySecret(47), "HS384 key is 47 bytes; RFC 7518 §3.2 wants at least 48 (openssl rand -base64 48)"},
		{"63 bytes", "HS512", keySecret(63), "HS512 key is 63 bytes; RFC 7518 §3.2 wants at least 64 (openssl rand -base64 64)"},
		{"zeros", "HS256", make([]byte, 32), "HS256 key is nothing but zero bytes"},
		{"zeros", "HS512", make([]byte, 100), "HS512 key is nothing but zero bytes"},
		{"PEM", "HS256", keyMust(keyMust(jwtauth.NewKey("RS256", &keyRSA().PublicKey)).MarshalPEM()), "HS256 key is PEM, which is no secret"},
		{"JWK", "HS256", []byte(`{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}`), "HS256 key is JSON, like a JWK"},
		{"OpenSSH", "HS256", []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA me@host"), "HS256 key is an OpenSSH public key"},
		{"DER", "HS256", keyDER(jwtauth.RS256), "HS256 key is the DER of a key"},
		{"DER", "HS256", keyDER(jwtauth.ES256), "HS256 key is the DER of a key"},
		{"DER", "HS256", keyDER(jwtauth.EdDSA), "HS256 key is the DER of a key"},
		{"base64 of DER", "HS256", []byte(base64.StdEncoding.EncodeToString(keyDER(jwtauth.EdDSA))), "HS256 key is an encoding of the DER of a key"},
		{"hex of DER", "HS256", []byte(hex.EncodeToString(keyDER(jwtauth.ES512))), "HS256 key is an encoding of the DER of a key"},

		{"no modulus", "RS256", &rsa.PublicKey{E: 65537}, "RSA key has no modulus"},
		{"negative modulus", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(keyRSA().N), E: 65537}, "RSA key has no modulus"},
		{"2047 bits", "RS256", keyRSAPublic(2047, 1, 65537), "RSA key is 2047 bits; RFC 7518 §3.3 wants at least 2048"},
		{"1024 bits", "PS512", keyRSAPublic(1024, 1, 65537), "RSA key is 1024 bits"},
		{"8193 bits", "RS256", keyRSAPublic(8193, 1, 65537), "RSA key is 8193 bits; at most 8192"},
		{"even modulus", "RS256", keyRSAPublic(2048, 2, 65537), "RSA modulus is even"},
		{"exponent 0", "RS256", keyRSAPublic(2048, 1, 0), "RSA exponent is 0; it must be odd and at least 3"},
		{"exponent 1", "RS256", keyRSAPublic(2048, 1, 1), "RSA exponent is 1; it must be odd and at least 3"},
		{"exponent 2", "RS256", keyRSAPublic(2048, 1, 2), "RSA exponent is 2; it must be odd and at least 3"},
		{"negative exponent", "RS256", keyRSAPublic(2048, 1, -3), "RSA exponent is -3"},
		{"even exponent", "RS256", keyRSAPublic(2048, 1, 65536), "RSA exponent 65536 is even"},
		{"exponent 2^31+1", "RS256", keyRSAPublic(2048, 1, int(tooLarge)), "RSA exponent"},
		{"no private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D = nil }), "lacks its private exponent"},
		{"no private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D = new(big.Int) }), "lacks its private exponent"},
		{"no primes", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes = nil }), "has 0 primes instead of 2"},
		{"three primes", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes = append(p.Primes, big.NewInt(3)) }), "has 3 primes instead of 2"},
		{"nil prime", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes[1] = nil }), "lacks its private exponent or a prime"},
		{"wrong prime", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.Primes[0] = big.NewInt(7) }), "RSA private key is not consistent"},
		{"wrong private exponent", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.D.Add(p.D, big.NewInt(2)) }), "RSA private key is not consistent"},
		{"wrong modulus", "RS256", changedRSA(func(p *rsa.PrivateKey) { p.N = keyRSAPublic(2048, 1, 3).N }), "RSA private key is not consistent"},

		{"P-224", "ES256", keyEC(elliptic.P224())(), "ECDSA key is on P-224; ES256 takes one on P-256"},
		{"P-384", "ES256", keyP384(), "ECDSA key is on P-384; ES256 takes one on P-256"},
		{"P-256", "ES384", &keyP256().PublicKey, "ECDSA key is on P-256; ES384 takes one on P-384"},
		{"P-256", "ES512", keyP256(), "ECDSA key is on P-256; ES512 takes one on P-521"},
		{"no curve", "ES256", &ecdsa.PublicKey{X: big.NewInt(1), Y: big.NewInt(1)}, "is on no curve of crypto/elliptic"},
		{"other curve", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.Curve = keyCurve{elliptic.P256()} }), "is on no curve of crypto/elliptic"},
		{"generic curve", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.Curve = elliptic.P256().Params() }), "is on no curve of crypto/elliptic"},
		{"no point", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256()}, "is no point on P-256"},
		{"infinity", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, "is no point on P-256"},
		{"off the curve", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, "is no point on P-256"},
		{"negative", "ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(-1), Y: big.NewInt(1)}, "is no point on P-256"},
		{"no private part", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = nil }), "ECDSA private key is not valid: a number is missing"},
		{"private part 0", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = new(big.Int) }), "ECDSA private key is not valid"},
		{"private part too large", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = p.Params().N }), "ECDSA private key is not valid"},
		{"another private part", "ES256", changedEC(func(p *ecdsa.PrivateKey) { p.D = big.NewInt(5) }), "does not belong to its public key"},

		{"31 bytes", "EdDSA", ed25519.PublicKey(keySecret(31)), "Ed25519 public key is 31 bytes instead of 32"},
		{"33 bytes", "EdDSA", ed25519.PublicKey(append(bytes.Clone(keyEd()[32:]), 0)), "Ed25519 public key is 33 bytes instead of 32"},
		{"seed", "EdDSA", ed25519.PrivateKey(keySecret(32)), "Ed25519 private key is 32 bytes instead of 64"},
		{"another public half", "EdDSA", ed25519.PrivateKey(slices.Concat(keyEd()[:32], otherEd)), "public half is not that of its seed"},

		{"signer without key", "RS256", keyPublic(nil), "crypto.Signer's Public is nil"},
		{"signer with nil pointer", "RS256", keyPublic((*rsa.PublicKey)(nil)), "crypto.Signer's Public is nil"},
		{"signer that panics", "RS256", keySigner{func() crypto.PublicKey { panic("offline") }}, "Public panicked: offline"},
		{"signer of another type", "RS256", keyPublic("rsa"), "RS256 does not go with a public key of type string"},
		{"signer of another type", "RS256", keyPublic(&keyP256().PublicKey), "RS256 does not go with an ECDSA key"},
		{"signer for HMAC", "HS256", keyPublic(&keyRSA().PublicKey), "HS256 does not go with an RSA key"},
		{"signer with a weak key", "RS256", keyPublic(keyRSAPublic(1024, 1, 3)), "RSA key is 1024 bits"},
		{"signer on another curve", "ES384", keyPublic(&keyP256().PublicKey), "ECDSA key is on P-256"},
		{"signer of small order", "EdDSA", keyPublic(ed25519.PublicKey(make([]byte, 32))), "small order"},
	} {
		t.Run(string(tt.alg)+"/"+tt.name, func(t *testing.T) {
			key, err := jwtauth.NewKey(tt.alg, tt.material)
			if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != (jwtauth.Key{}) {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}

// TestEd25519SmallOrder: all points whose order divides 8, in all their
// encodings, and others that are no canonical encoding of a point.
func TestEd25519SmallOrder(t *testing.T) {
	zeros, ones := strings.Repeat("00", 30), strings.Repeat("ff", 30)
	for encoded, want := range map[string]string{
		"01" + zeros + "00": "small order", // order 1
		"ec" + ones + "7f":  "small order", // order 2
		"00" + zeros + "00": "small order", // order 4
		"00" + zeros + "80": "small order",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05": "small order", // order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85": "small order",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a": "small order",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa": "small order",
		"01" + zeros + "80": "not canonically", // x = -0
		"ec" + ones + "ff":  "not canonically",
		"ed" + ones + "7f":  "not canonically", // y = p
		"ed" + ones + "ff":  "not canonically",
		"ee" + ones + "7f":  "not canonically", // y = p+1
		"ee" + ones + "ff":  "not canonically",
		"f0" + ones + "7f":  "not canonically", // y = p+3, a point of large order
		"ff" + ones + "7f":  "not canonically",
		"02" + zeros + "00": "no point",
		"02" + zeros + "80": "no point",
	} {
		_, err := jwtauth.NewKey(jwtauth.EdDSA, ed25519.PublicKey(keyHex(encoded)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", encoded, err, want)
		}
	}
}

func TestNewKeyAccepts(t *testing.T) {
	for _, tt := range []struct {
		alg      jwtauth.Algorithm
		material any
	}{
		{"HS256", keySecret(32)}, {"HS256", keySecret(200)}, {"HS384", keySecret(48)}, {"HS512", keySecret(64)},
		{"HS256", []byte(base64.StdEncoding.EncodeToString(keySecret(32)))},
		{"HS256", []byte(hex.EncodeToString(keySecret(32)))},
		{"HS256", []byte("{ is no JSON but long enough for a secret")},
		{"RS256", keyRSAPublic(2048, 1, 3)}, {"PS512", keyRSAPublic(8192, 1, 1<<31-1)},
		{"RS256", keyPublic(&keyRSA().PublicKey)}, {"ES512", keyPublic(&keyP521().PublicKey)},
	} {
		if key, err := jwtauth.NewKey(tt.alg, tt.material); err != nil || key.Algorithm() != tt.alg {
			t.Errorf("%s with a %T: %v, %v", tt.alg, tt.material, key, err)
		}
	}
}

// TestNewKeyCopies changes the material after the key is made: the key must not
// change. PEM shows what it holds; for HMAC, TestNewKeyCopiesSecret does.
func TestNewKeyCopies(t *testing.T) {
	ed := bytes.Clone(keyEd())
	rsaKey := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(keyRSA().N), E: keyRSA().E}, D: new(big.Int).Set(keyRSA().D),
		Primes: []*big.Int{new(big.Int).Set(keyRSA().Primes[0]), new(big.Int).Set(keyRSA().Primes[1])}}
	rsaPublic := &rsa.PublicKey{N: new(big.Int).Set(keyRSA().N), E: keyRSA().E}
	ec := keyMust(ecdsa.ParseRawPrivateKey(elliptic.P256(), keyMust(keyP256().Bytes())))
	ecPublic := *keyP256().Public().(*ecdsa.PublicKey)
	edPublic := ed25519.PublicKey(bytes.Clone(keyEd()[32:]))
	keys := map[string]jwtauth.Key{
		"ed25519":        keyMust(jwtauth.NewKey("EdDSA", ed25519.PrivateKey(ed))),
		"ed25519 public": keyMust(jwtauth.NewKey("EdDSA", edPublic)),
		"ed25519 signer": keyMust(jwtauth.NewKey("EdDSA", keyPublic(edPublic))),
		"rsa":            keyMust(jwtauth.NewKey("RS256", rsaKey)),
		"rsa public":     keyMust(jwtauth.NewKey("RS256", rsaPublic)),
		"ecdsa":          keyMust(jwtauth.NewKey("ES256", ec)),
		"ecdsa public":   keyMust(jwtauth.NewKey("ES256", &ecPublic)),
	}
	before := map[string]string{}
	for name, key := range keys {
		before[name] = string(keyMust(key.MarshalPEM()))
	}
	ed[0]++
	ed[40]++
	edPublic[3]++
	for _, n := range []*big.Int{rsaKey.N, rsaKey.D, rsaKey.Primes[0], rsaKey.Primes[1], rsaPublic.N} {
		n.Add(n, big.NewInt(2))
	}
	rsaKey.E, rsaPublic.E = 3, 3
	ec.D.SetInt64(1)
	ec.PublicKey = keyP384().PublicKey
	ecPublic = keyP384().PublicKey
	for name, key := range keys {
		if after, err := key.MarshalPEM(); err != nil || string(after) != before[name] {
			t.Errorf("%s: changed with its material, error %v", name, err)
		}
	}
}

func TestKeyID(t *testing.T) {
	for _, alg := range keyAlgorithms {
		key := keyMust(jwtauth.NewKey(alg, keyMaterial(alg)))
		own := key.ID()
		if hmac := strings.HasPrefix(string(alg), "HS"); hmac != (own == "") || !hmac && len(own) != 43 {
			t.Errorf("%s: id %q", alg, own)
		}
		named := key.WithID("2026-07")
		if named.ID() != "2026-07" || key.ID() != own || named.Algorithm() != alg {
			t.Errorf("%s: %v from %v", alg, named, key)
		}
		if got := named.WithID("").ID(); got != own {
			t.Errorf("%s: WithID(\"\") has id %q, want %q", alg, got, own)
		}
		if named.Public() != (jwtauth.Key{}) && named.Public().ID() != "2026-07" {
			t.Errorf("%s: Public loses the id", alg)
		}
	}
}

func TestKeyPublic(t *testing.T) {
	for _, alg := range keyAlgorithms {
		key := keyMust(jwtauth.NewKey(alg, keyMaterial(alg)))
		public := key.Public()
		if strings.HasPrefix(string(alg), "HS") {
			if public != (jwtauth.Key{}) {
				t.Errorf("%s: Public is %v", alg, public)
			}
			continue
		}
		if public == key || public.ID() != key.ID() || public.Algorithm() != alg || public.Public() != public {
			t.Errorf("%s: Public of %v is %v", alg, key, public)
		}
		if text := keyMust(public.MarshalPEM()); !bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----")) {
			t.Errorf("%s: Public has PEM %.40q", alg, text)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	for _, alg := range keyAlgorithms {
		if alg != "PS256" && (alg[0] == 'P' || alg[0] == 'R') {
			continue // the same as PS256, and slow
		}
		key, err := jwtauth.GenerateKey(alg)
		if err != nil || key.Algorithm() != alg {
			t.Errorf("%s: %v, %v", alg, key, err)
		}
		if again, _ := jwtauth.GenerateKey(alg); again == key || key.ID() != "" && again.ID() == key.ID() {
			t.Errorf("%s: generated twice", alg)
		}
	}
	if key, err := jwtauth.GenerateKey("none"); err == nil || key != (jwtauth.Key{}) {
		t.Errorf("none: %v, %v", key, err)
	}
}

func TestZeroKey(t *testing.T) {
	var key jwtauth.Key
	if key.Algorithm() != "" || key.ID() != "" || key.WithID("a") != key || key.Public() != key || key.String() != "jwtauth.Key(none)" {
		t.Errorf("%v", key)
	}
	if text, err := key.MarshalPEM(); text != nil || err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ") {
		t.Errorf("%q, %v", text, err)
	}
	_ = fmt.Sprintf("%v %+v %#v %s %d", key, key, key, key, key)
	key.LogValue()
}

// TestKeyRedacted prints and logs keys in every way, bare and within other
// values, and looks for the secret in every form that a printer may give it.
func TestKeyRedacted(t *testing.T) {
	for _, alg := range keyAlgorithms {
		material := keyMaterial(alg)
		var secrets [][]byte
		switch m := material.(type) {
		case []byte:
			secrets = append(secrets, m)
		case *rsa.PrivateKey:
			secrets = append(secrets, m.D.Bytes(), m.Primes[0].Bytes(), m.Primes[1].Bytes())
		case *ecdsa.PrivateKey:
			secrets = append(secrets, keyMust(m.Bytes()))
		case ed25519.PrivateKey:
			secrets = append(secrets, m[:32])
		}
		var forms []string
		for _, s := range secrets {
			piece := s[4:12] // eight bytes from the middle, however they are grouped around it
			forms = append(forms, string(piece), fmt.Sprintf("%x", piece), fmt.Sprintf("%X", piece), strings.Trim(fmt.Sprint(piece), "[]"),
				strings.ReplaceAll(strings.Trim(fmt.Sprint(piece), "[]"), " ", ","), strings.ReplaceAll(strings.Trim(fmt.Sprint(piece), "[]"), " ", ", "),
				strings.Trim(fmt.Sprintf("%#v", piece), "[]byte{}"), fmt.Sprintf("% x", piece), fmt.Sprintf("%q", piece),
				fmt.Sprintf("%o", piece), strings.Trim(fmt.Sprintf("%b", piece), "[]"),
				new(big.Int).SetBytes(s).String(), new(big.Int).SetBytes(s).Text(16), new(big.Int).SetBytes(s).Text(8))
			for skip := range 3 { // the alignment of base64
				forms = append(forms, base64.RawStdEncoding.EncodeToString(s[skip:skip+9]), base64.RawURLEncoding.EncodeToString(s[skip:skip+9]))
			}
		}

		key := keyMust(jwtauth.NewKey(alg, material)).WithID("the-id")
		type exported struct {
			Key jwtauth.Key
			Ptr *jwtauth.Key
		}
		type unexported struct {
			key jwtauth.Key
			ptr *jwtauth.Key
		}
		values := []any{
			key, &key, exported{key, &key}, &exported{key, &key}, unexported{key, &key}, &unexported{key, &key},
			[]jwtauth.Key{key}, []*jwtauth.Key{&key}, [1]jwtauth.Key{key}, map[string]jwtauth.Key{"a": key}, map[jwtauth.Key]int{key: 1},
			[]any{key}, struct{ any }{key}, []unexported{{key, &key}}, map[string]unexported{"a": {key, &key}},
		}
		var out strings.Builder
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%#x", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "%10.3v", "%z"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			fmt.Fprintln(&out, v)
			if text, err := json.Marshal(v); err == nil {
				out.Write(text)
			}
			for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				slog.New(handler).Info("message", "key", v, slog.Group("group", "key", v))
			}
			fmt.Fprintf(&out, "%v %s", fmt.Errorf("wrapped: %v", v), slog.AnyValue(v).Resolve())
		}
		for _, form := range forms {
			if len(form) < 8 {
				t.Fatalf("form %q is too short to look for", form)
			}
			if i := strings.Index(out.String(), form); i >= 0 {
				t.Errorf("%s: %q is printed: %q", alg, form, out.String()[max(0, i-80):i+len(form)])
			}
		}
		want := fmt.Sprintf(`jwtauth.Key(%s, id "the-id", private)`, alg)
		if strings.HasPrefix(string(alg), "HS") {
			want = fmt.Sprintf(`jwtauth.Key(%s, id "the-id", secret)`, alg)
		}
		for _, got := range []string{key.String(), key.GoString(), fmt.Sprintf("%v", key), fmt.Sprintf("%d", &key), key.LogValue().String()} {
			if got != want {
				t.Errorf("%s: printed as %q, want %q", alg, got, want)
			}
		}
	}
}
