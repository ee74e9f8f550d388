package jose_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestExternalSigner uses signers that fail in every way. The result is an
// error, never a token.
func TestExternalSigner(t *testing.T) {
	otherEd := ed25519.NewKeyFromSeed(randomBytes(32))
	otherEC := ecKey(elliptic.P256())()
	errKMS := errors.New("kms: denied")
	returns := func(signature []byte) func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
		return func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return signature, nil }
	}
	der := func(v any) []byte { return must(asn1.Marshal(v)) }
	type pair struct{ R, S *big.Int }
	one, huge := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	for _, tt := range []struct {
		name string
		alg  jose.Algorithm
		key  crypto.Signer
		sign func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error)
		want string
	}{
		{"fails", jose.EdDSA, edKey(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errKMS }, "kms: denied"},
		{"panics", jose.EdDSA, edKey(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("lost the line") }, "panicked: lost the line"},
		{"panics", jose.RS256, rsaKey(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
			return (*rsa.PrivateKey)(nil).D.Bytes(), nil
		}, "panicked"},
		{"nil", jose.EdDSA, edKey(), returns(nil), "does not verify"},
		{"nil", jose.RS256, rsaKey(), returns(nil), "does not verify"},
		{"nil", jose.ES256, p256Key(), returns(nil), "not an ASN.1"},
		{"zeros", jose.PS256, rsaKey(), returns(make([]byte, 256)), "does not verify"},
		{"zeros", jose.EdDSA, edKey(), returns(make([]byte, 64)), "does not verify"},
		{"raw r and s", jose.ES256, p256Key(), returns(make([]byte, 64)), "not an ASN.1"},
		{"r of 0", jose.ES256, p256Key(), returns(der(pair{big.NewInt(0), one})), "not an ASN.1"},
		{"s of 0", jose.ES256, p256Key(), returns(der(pair{one, big.NewInt(0)})), "not an ASN.1"},
		{"negative r", jose.ES256, p256Key(), returns(der(pair{big.NewInt(-1), one})), "not an ASN.1"},
		{"negative s", jose.ES256, p256Key(), returns(der(pair{one, big.NewInt(-1)})), "not an ASN.1"},
		{"huge r", jose.ES256, p256Key(), returns(der(pair{huge, one})), "not an ASN.1"},
		{"huge s", jose.ES256, p256Key(), returns(der(pair{one, huge})), "not an ASN.1"},
		{"trailing data", jose.ES256, p256Key(), func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			signature, err := p256Key().Sign(random, digest, opts)
			return append(signature, 0), err
		}, "not an ASN.1"},
		{"another key", jose.EdDSA, edKey(), otherEd.Sign, "does not verify"},
		{"another key", jose.ES256, p256Key(), otherEC.Sign, "does not verify"},
		{"another padding", jose.PS256, rsaKey(), func(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPKCS1v15(random, rsaKey(), crypto.SHA256, digest)
		}, "does not verify"},
		{"another salt length", jose.PS256, rsaKey(), func(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPSS(random, rsaKey(), crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		}, "does not verify"},
		{"another hash", jose.RS256, rsaKey(), func(random io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
			digest := sha512.Sum512([]byte(input))
			return rsa.SignPKCS1v15(random, rsaKey(), crypto.SHA512, digest[:])
		}, "does not verify"},
	} {
		k := must(jose.New(tt.alg, fakeSigner{tt.key.Public, tt.sign}))
		token, err := k.Sign(nil, []byte(input))
		if token != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), string(tt.alg)+": ") {
			t.Errorf("%s %s: %q, %v", tt.alg, tt.name, token, err)
		}
		if tt.want == errKMS.Error() && !errors.Is(err, errKMS) {
			t.Errorf("the signer's own error is not wrapped: %v", err)
		}
	}
}

// TestExternalSignerCall checks the digest and the options that a KMS client
// receives.
func TestExternalSignerCall(t *testing.T) {
	digest := sha256.Sum256([]byte(input))
	for _, tt := range []struct {
		alg  jose.Algorithm
		key  crypto.Signer
		want string
	}{
		{jose.RS256, rsaKey(), fmt.Sprintf("%x crypto.Hash SHA-256", digest)},
		{jose.PS256, rsaKey(), fmt.Sprintf("%x *rsa.PSSOptions &{-1 SHA-256}", digest)},
		{jose.EdDSA, edKey(), fmt.Sprintf("%x crypto.Hash 0", input)},
	} {
		var got string
		k := must(jose.New(tt.alg, fakeSigner{tt.key.Public, func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			got = fmt.Sprintf("%x %T %v", digest, opts, opts)
			return tt.key.Sign(random, digest, opts)
		}}))
		signed(t, k, input)
		if tt.alg == jose.EdDSA {
			got = strings.Replace(got, "unknown hash value 0", "0", 1)
		}
		if got != tt.want {
			t.Errorf("%s: called with\n%s, want\n%s", tt.alg, got, tt.want)
		}
	}
}
