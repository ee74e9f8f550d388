package jose_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestAlgorithmFault(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		if fault := jose.AlgorithmFault(string(alg)); fault != "" {
			t.Errorf("%s: %s", alg, fault)
		}
	}
	for name, want := range map[string]string{
		"none": "is none", "NONE": "is none", "None": "is none",
		"hs256": "must be spelled HS256:", "Rs512": "must be spelled RS512:", "EDDSA": "must be spelled EdDSA:",
		"HmacSHA256": "means HS256,", "HMAC-SHA512": "means HS512,", "HS-384": "means HS384,",
		"RSA256": "means RS256,", "SHA256withRSA": "means RS256,", "rsa-sha384": "means RS384,", "RS_512": "means RS512,",
		"RSA-PSS-256": "means PS256,", "ECDSA-SHA256": "means ES256,", "SHA512withECDSA": "means ES512,", "ed25519": "means EdDSA,",
		"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": "means HS256,",
		"RSA-OAEP": "for encryption", "RSA1_5": "for encryption", "dir": "for encryption", "A128KW": "for encryption", "ECDH-ES+A256KW": "for encryption", "PBES2-HS256+A128KW": "for encryption",
		"": "is not supported", "ES256K": "is not supported", "Ed448": "is not supported", "HS1": "is not supported", "secret": "is not supported",
		" HS256": "means HS256,", strings.Repeat("HS256", 20): "is not supported", strings.Repeat("\xff", 64): "is not supported", "#": "is not supported",
	} {
		if got := jose.AlgorithmFault(name); !strings.Contains(got, want) {
			t.Errorf("%.40q: %s, want %q", name, got, want)
		}
	}
}

// A signature that does not fit its key has a reason. DER is recognized by its
// first bytes and its length.
func TestSignatureFault(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	der := func(length int, more ...byte) string {
		b := append([]byte{0x30}, append(more, 0x02)...)
		return encode(append(b, make([]byte, length-len(b))...))
	}
	const isDER, isHex, isLength = "in ASN.1 DER form; JWS needs the ", "is hexadecimal", "does not have the "
	for _, c := range []struct {
		alg     jose.Algorithm
		segment string
		want    string
	}{
		{jose.ES256, der(70, 68), isDER + "64 bytes"},
		{jose.ES256, der(72, 70), isDER + "64 bytes"},
		{jose.ES384, der(104, 102), isDER + "96 bytes"},
		{jose.ES512, der(139, 0x81, 136), isDER + "132 bytes"},
		{jose.ES256, der(70, 67), isLength + "64 bytes of ES256"},
		{jose.ES256, der(70, 69), isLength},
		{jose.ES512, der(139, 0x81, 135), isLength + "132 bytes of ES512"},
		{jose.ES512, der(139, 0x82, 136), isLength},
		{jose.ES256, encode([]byte{0x30, 1, 3}), isLength},
		{jose.ES256, encode([]byte{0x30}), isLength},
		{jose.ES256, encode([]byte{0x30, 0x81}), isLength},
		{jose.ES256, encode([]byte{0x30, 0x81, 0}), isLength},
		{jose.ES256, encode([]byte{0x30, 0x81, 0x81, 2}), isLength},
		{jose.ES256, "", isLength},
		{jose.EdDSA, der(70, 68), isLength + "64 bytes of EdDSA"},
		{jose.HS256, der(70, 68), isLength + "32 bytes of HS256"},
		{jose.HS256, strings.Repeat("0aF9", 16), isHex},
		{jose.ES256, strings.Repeat("0aF9", 32), isHex},
		{jose.HS256, strings.Repeat("0aG9", 16), isLength},
		{jose.HS256, strings.Repeat("0aF9", 15), isLength},
		{jose.RS256, encode(make([]byte, 64)), "not as long as the modulus"},
		{jose.PS512, encode(make([]byte, 256)), "not as long as the modulus"},
	} {
		err := jose.SignatureFault(c.alg, c.segment)
		if err == nil || !strings.Contains(err.Error(), c.want) || !slices.Contains(jose.SignatureFaults(), err) {
			t.Errorf("%s %s: %v, want %q", c.alg, c.segment, err, c.want)
		}
	}
}

// FuzzSignatureFault checks that each signature that does not fit has one of
// the reasons.
func FuzzSignatureFault(f *testing.F) {
	f.Add([]byte{0x30, 0x81, 0x04, 0x02, 0, 0, 0}, byte(9))
	f.Add([]byte{0x30, 68, 0x02}, byte(10))
	f.Add([]byte{}, byte(0))
	algs, faults := jose.Algorithms(), jose.SignatureFaults()
	f.Fuzz(func(t *testing.T, signature []byte, alg byte) {
		err := jose.SignatureFault(algs[int(alg)%len(algs)], base64.RawURLEncoding.EncodeToString(signature))
		if !slices.Contains(faults, err) {
			t.Errorf("%x: %v", signature, err)
		}
		if err := jose.SignatureFault(algs[int(alg)%len(algs)], string(signature)); !slices.Contains(faults, err) {
			t.Errorf("%q: %v", signature, err)
		}
	})
}

// FuzzAlgorithmFault checks that the reason contains no part of the name that
// is not a name of this package.
func FuzzAlgorithmFault(f *testing.F) {
	for _, name := range []string{"hs256", "SHA256withRSA", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "RSA-OAEP", "none", "x#", "\xff/"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		fault := jose.AlgorithmFault(name)
		if supported := slices.Contains(jose.Algorithms(), jose.Algorithm(name)); supported != (fault == "") {
			t.Errorf("%q: %s", name, fault)
		}
	})
}
