package dpop_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// confirm sends a proof with a login and returns the thumbprint of its key.
func confirm(s *service, proof string) (thumbprint string, err error) {
	r := httptest.NewRequest(http.MethodPost, "/login", nil)
	r.Header.Set("DPoP", proof)
	_, thumbprint, err = s.proofs.Confirmation(r)
	return thumbprint, err
}

// everyAlgorithm returns a service that accepts proofs of all algorithms.
func everyAlgorithm(t *testing.T) *service {
	var opts dpop.Options
	for _, alg := range jose.Algorithms() {
		if !alg.Symmetric() {
			opts.Algorithms = append(opts.Algorithms, jwtauth.Algorithm(alg))
		}
	}
	return newService(t, opts)
}

// members returns the members of the client's JWK.
func (c *client) members() map[string]any {
	c.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(c.jwk(), &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

func bytesOf(t *testing.T, value any) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(value.(string))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func base64Of(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// In TestOddKeys the client changes members of its own JWK and signs with its
// key. A nil value removes a member.
func TestOddKeys(t *testing.T) {
	s := everyAlgorithm(t)
	clients := map[jose.Algorithm]*client{}
	for _, alg := range []jose.Algorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA} {
		clients[alg] = newClient(t, alg)
	}
	n := bytesOf(t, clients[jose.RS256].members()["n"])
	even := slices.Clone(n)
	even[len(even)-1] &^= 1
	x, y := bytesOf(t, clients[jose.ES256].members()["x"]), bytesOf(t, clients[jose.ES256].members()["y"])
	other := bytesOf(t, newClient(t, jose.ES256).members()["y"])
	negative := new(big.Int).Sub(p256, new(big.Int).SetBytes(y)).FillBytes(make([]byte, 32))
	const private, notKey, malformed = "contains the private key", "is not a public key for alg", "jwk in the header is malformed"
	for _, test := range []struct {
		name   string
		alg    jose.Algorithm
		change map[string]any
		want   string // part of the error; "" if the proof is accepted
	}{
		{"exponent 1", jose.RS256, map[string]any{"e": "AQ"}, notKey},
		{"exponent 2", jose.RS256, map[string]any{"e": "Ag"}, notKey},
		{"exponent 0", jose.RS256, map[string]any{"e": "AA"}, notKey},
		{"exponent empty", jose.RS256, map[string]any{"e": ""}, notKey},
		{"exponent missing", jose.RS256, map[string]any{"e": nil}, notKey},
		{"exponent of another key", jose.RS256, map[string]any{"e": "Aw"}, "the signature is not by the key"},
		{"exponent of 33 bits", jose.RS256, map[string]any{"e": "AQAAAAE"}, notKey},
		{"exponent a number", jose.RS256, map[string]any{"e": 65537}, notKey},
		{"exponent with a leading zero", jose.RS256, map[string]any{"e": "AAEAAQ"}, ""},
		{"modulus with a leading zero", jose.RS256, map[string]any{"n": base64Of(append([]byte{0}, n...))}, ""},
		{"modulus even", jose.RS256, map[string]any{"n": base64Of(even)}, notKey},
		{"modulus of 1024 bits", jose.RS256, map[string]any{"n": base64Of(n[:128])}, notKey},
		{"modulus of 16384 bits", jose.RS256, map[string]any{"n": base64Of(slices.Repeat(n, 8))}, notKey},
		{"modulus of 40000 bits", jose.PS256, map[string]any{"n": base64Of(slices.Repeat(n, 20))}, "longer than 8 KiB"},
		{"modulus 0", jose.PS256, map[string]any{"n": "AA"}, notKey},
		{"modulus in base64", jose.RS256, map[string]any{"n": "+/" + base64Of(n[3:])}, notKey},
		{"point off the curve", jose.ES256, map[string]any{"y": base64Of(other)}, notKey},
		{"point at infinity", jose.ES256, map[string]any{"x": base64Of(make([]byte, 32)), "y": base64Of(make([]byte, 32))}, notKey},
		{"negative point", jose.ES256, map[string]any{"y": base64Of(negative)}, "the signature is not by the key"},
		{"y above the prime", jose.ES256, map[string]any{"y": base64Of(slices.Repeat([]byte{0xff}, 32))}, notKey},
		{"x of 33 bytes", jose.ES256, map[string]any{"x": base64Of(append([]byte{0}, x...))}, notKey},
		{"x of 31 bytes", jose.ES256, map[string]any{"x": base64Of(x[1:])}, notKey},
		{"y missing", jose.ES256, map[string]any{"y": nil}, notKey},
		{"another curve", jose.ES256, map[string]any{"crv": "P-384"}, notKey},
		{"secp256k1", jose.ES256, map[string]any{"crv": "secp256k1"}, notKey},
		{"a curve of another algorithm", jose.ES384, map[string]any{"crv": "P-256", "x": base64Of(x), "y": base64Of(y)}, notKey},
		{"X25519", jose.EdDSA, map[string]any{"crv": "X25519"}, notKey},
		{"Ed448", jose.EdDSA, map[string]any{"crv": "Ed448"}, notKey},
		{"Ed25519 of 33 bytes", jose.EdDSA, map[string]any{"x": base64Of(make([]byte, 33))}, notKey},
		{"type of another key", jose.EdDSA, map[string]any{"kty": "EC"}, notKey},
		{"type missing", jose.EdDSA, map[string]any{"kty": nil}, notKey},

		{"d", jose.ES256, map[string]any{"d": base64Of(x)}, private},
		{"d empty", jose.EdDSA, map[string]any{"d": ""}, private},
		{"p of RSA", jose.RS256, map[string]any{"p": "AQ"}, private},
		{"oth of RSA", jose.RS256, map[string]any{"oth": []any{}}, private},
		{"k", jose.ES256, map[string]any{"k": "AA"}, private},
		{"D in upper case", jose.ES256, map[string]any{"D": base64Of(x)}, malformed},
		{"X in upper case", jose.ES256, map[string]any{"X": base64Of(x)}, malformed},
		{"a set of keys", jose.ES256, map[string]any{"keys": []any{}, "kty": nil}, malformed},
		{"for encryption", jose.ES256, map[string]any{"use": "enc"}, notKey},
		{"for signing only", jose.ES256, map[string]any{"key_ops": []string{"sign"}}, notKey},
		{"alg of another key", jose.ES256, map[string]any{"alg": "ES384"}, notKey},
		{"alg none", jose.ES256, map[string]any{"alg": "none"}, notKey},
		{"kid with a line break", jose.ES256, map[string]any{"kid": "a\nb"}, notKey},

		{"unknown members", jose.ES256, map[string]any{"x5c": []string{"AAAA"}, "x5t#S256": "x", "jku": "https://evil.example", "ext": true}, ""},
		{"kid and use", jose.EdDSA, map[string]any{"kid": "1", "use": "sig", "key_ops": []string{"verify"}, "alg": "EdDSA"}, ""},
	} {
		c := clients[test.alg]
		jwk := c.members()
		maps.Copy(jwk, test.change)
		maps.DeleteFunc(jwk, func(_ string, v any) bool { return v == nil })
		p := c.parts("POST", origin+"/login", "")
		p.header["jwk"] = jwk
		thumbprint, err := confirm(s, c.sign(p))
		switch {
		case test.want == "" && (err != nil || thumbprint != c.thumbprint()):
			t.Errorf("%s: thumbprint %q, want %q: %v", test.name, thumbprint, c.thumbprint(), err)
		case test.want != "" && (!errors.Is(err, dpop.ErrProofInvalid) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// p256 is the prime of the field of P-256.
var p256, _ = new(big.Int).SetString("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", 16)

// A member that is given twice is refused anywhere in the JWK, and the header
// of the proof may hold certificates, which have no effect.
func TestOddHeaders(t *testing.T) {
	s := everyAlgorithm(t)
	c := newClient(t, jose.ES256)
	jwk := strings.TrimSuffix(string(c.jwk()), "}")
	claims := func() string {
		text, err := json.Marshal(c.parts("POST", origin+"/login", "").claims)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, test := range []struct{ name, header, want string }{
		{"x twice", `"jwk":` + jwk + `,"x":"AA"}`, "jwk in the header is malformed"},
		{"x twice, escaped", `"jwk":` + jwk + `,"\u0078":"AA"}`, "jwk in the header is malformed"},
		{"jwk twice", `"jwk":` + jwk + `},"jwk":` + jwk + `}`, "the header is not a strict JSON object"},
		{"jwk twice, escaped", `"jwk":` + jwk + `},"\u006awk":` + jwk + `}`, "the header is not a strict JSON object"},
		{"jwk in another case", `"JWK":` + jwk + `}`, "the header has no jwk"},
		{"jwk a string", `"jwk":"{}"`, "a header parameter has the wrong type"},
		{"jwk null", `"jwk":null`, "a header parameter has the wrong type"},
		{"jku alone", `"jku":"https://evil.example/jwks.json"`, "the header has no jwk"},
		{"x5c alone", `"x5c":["AAAA"]`, "the header has no jwk"},
		{"x5c beside", `"x5c":["AAAA"],"x5u":"https://evil.example","jwk":` + jwk + `}`, ""},
		{"d null", `"jwk":` + jwk + `,"d":null}`, ""},
		{"white space", ` "jwk" : ` + jwk + `, "a" : { "b" : [ 1 ] } } `, ""},
	} {
		header := `{"typ":"dpop+jwt","alg":"ES256",` + test.header + `}`
		_, err := confirm(s, c.addSignature(base64Of([]byte(header))+"."+base64Of([]byte(claims()))))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// With a point of small order as key, one signature is valid for every message:
// crypto/ed25519 accepts it.
func TestForgedEd25519(t *testing.T) {
	s := newService(t, dpop.Options{})
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1 // R is the neutral point, S is 0
	forged := 0
	for _, encoded := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		// not canonical
		"0100000000000000000000000000000000000000000000000000000000000080",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	} {
		key, err := hex.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		for range 16 { // the order of the point decides how often it works
			p := newClient(t, jose.EdDSA).parts("POST", origin+"/login", "")
			header, _ := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "EdDSA",
				"jwk": map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64Of(key)}})
			claims, _ := json.Marshal(p.claims)
			input := base64Of(header) + "." + base64Of(claims)
			if ed25519.Verify(key, []byte(input), signature) {
				forged++
			}
			if _, err := confirm(s, input+"."+base64Of(signature)); !errors.Is(err, dpop.ErrProofInvalid) || !strings.Contains(err.Error(), "is not a public key for alg") {
				t.Errorf("%s: %v", encoded, err)
			}
		}
	}
	if forged == 0 {
		t.Error("no signature is a forgery")
	}
}

// The signature (r, n-s) is as valid as (r, s), so it is the same proof.
func TestOtherSignatureOfProof(t *testing.T) {
	s := newService(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	proof := c.proof("POST", origin+"/login", "")
	dot := strings.LastIndexByte(proof, '.')
	signature := bytesOf(t, proof[dot+1:])
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	new(big.Int).Sub(order, new(big.Int).SetBytes(signature[32:])).FillBytes(signature[32:])
	other := proof[:dot+1] + base64Of(signature)
	if !c.key.Verify(other, dot) {
		t.Fatal("the other signature is not valid")
	}
	if _, err := confirm(s, proof); err != nil {
		t.Fatal(err)
	}
	if _, err := confirm(s, other); !errors.Is(err, dpop.ErrProofInvalid) || !strings.Contains(err.Error(), "used before") {
		t.Error(err)
	}
}
