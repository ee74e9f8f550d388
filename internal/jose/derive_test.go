package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestDeriveHMAC compares with HKDF over the secret part of each key. Another
// result would log out everyone at the next release.
func TestDeriveHMAC(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		material := materialFor(alg)
		var secret []byte
		switch m := material.(type) {
		case []byte:
			secret = m
		case *rsa.PrivateKey:
			secret = m.D.FillBytes(make([]byte, 256))
		case *ecdsa.PrivateKey:
			secret = must(m.Bytes())
		case ed25519.PrivateKey:
			secret = m[:32]
		}
		want := jose.HS256
		if alg.Symmetric() {
			want = alg
		}
		hash := hashOf(want)
		expected := must(jose.New(want, must(hkdf.Key(hash.New, secret, nil, "label", hash.Size()))))
		key := must(jose.New(alg, material)).WithID("a")
		for name, k := range map[string]*jose.Key{"itself": key, "by JWK": must(jose.Parse("", must(key.MarshalJWK())))} {
			derived, err := k.DeriveHMAC("label")
			if err != nil || derived.ID() != "" || !bytes.Equal(must(derived.MarshalJWK()), must(expected.MarshalJWK())) {
				t.Errorf("%s %s: %v, %v", alg, name, derived, err)
			}
		}
		if other := must(key.DeriveHMAC("other")); bytes.Equal(must(other.MarshalJWK()), must(expected.MarshalJWK())) {
			t.Errorf("%s: the label changes nothing", alg)
		}
	}
}

func TestDeriveHMACRefuses(t *testing.T) {
	verifyOnly := jwkWith(jwkOf(randomBytes(32)), map[string]any{"key_ops": []string{"verify"}})
	for name, tt := range map[string]struct {
		key  *jose.Key
		want string
	}{
		"nil":         {nil, "has no private part"},
		"public":      {must(jose.New(jose.ES256, p256Key())).Public(), "has no private part"},
		"verify only": {must(jose.Parse("", []byte(verifyOnly))), "has no private part"},
		"external":    {must(jose.New(jose.ES256, signerOf(crypto.Signer(p256Key())))), "is a crypto.Signer"},
	} {
		if derived, err := tt.key.DeriveHMAC("label"); derived != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", name, derived, err)
		}
	}
}

// TestDeriveHMACOfShortExponent uses an RSA key whose private exponent begins
// with a zero byte. The secret has the size of the modulus for all keys.
func TestDeriveHMACOfShortExponent(t *testing.T) {
	p := rsaKey()
	one := big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p.Primes[0], one), new(big.Int).Sub(p.Primes[1], one)
	lambda := new(big.Int).Mul(p1, q1)
	lambda.Div(lambda, new(big.Int).GCD(nil, nil, p1, q1))
	private := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: p.N}, Primes: p.Primes}
	for e := int64(3); ; e += 2 {
		private.D = new(big.Int).ModInverse(big.NewInt(e), lambda)
		if private.D != nil && private.D.BitLen() <= 255*8 {
			private.E = int(e)
			break
		}
	}
	secret := private.D.FillBytes(make([]byte, 256))
	want := must(jose.New(jose.HS256, must(hkdf.Key(hashOf(jose.HS256).New, secret, nil, "label", 32))))
	derived := must(must(jose.New(jose.RS256, private)).DeriveHMAC("label"))
	if !bytes.Equal(must(derived.MarshalJWK()), must(want.MarshalJWK())) {
		t.Error("the secret has another size than the modulus")
	}
}
