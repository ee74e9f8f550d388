package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"
)

var internalRSA = sync.OnceValue(func() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return private
})

// internalMaterial returns new private material for s; RSA keys are shared.
func internalMaterial(t testing.TB, s *suite) any {
	t.Helper()
	switch s.family {
	case familyHMAC:
		secret := make([]byte, s.hash.Size())
		rand.Read(secret)
		return secret
	case familyECDSA:
		private, err := ecdsa.GenerateKey(s.curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private
	case familyEd25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private
	}
	return internalRSA()
}

// internalJWK returns the JWK of material, with its private part, and more
// members.
func internalJWK(t testing.TB, material any, more map[string]any) []byte {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString
	m := map[string]any{}
	switch p := material.(type) {
	case []byte:
		m["kty"], m["k"] = "oct", text(p)
	case *rsa.PrivateKey:
		p.Precompute()
		m["kty"], m["n"], m["e"], m["d"] = "RSA", text(p.N.Bytes()), text(big.NewInt(int64(p.E)).Bytes()), text(p.D.Bytes())
		m["p"], m["q"] = text(p.Primes[0].Bytes()), text(p.Primes[1].Bytes())
		m["dp"], m["dq"], m["qi"] = text(p.Precomputed.Dp.Bytes()), text(p.Precomputed.Dq.Bytes()), text(p.Precomputed.Qinv.Bytes())
	case *ecdsa.PrivateKey:
		point, err := p.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		size := len(point) / 2
		m["kty"], m["crv"], m["x"], m["y"], m["d"] = "EC", p.Params().Name, text(point[1:1+size]), text(point[1+size:]), text(d)
	case ed25519.PrivateKey:
		m["kty"], m["crv"], m["x"], m["d"] = "OKP", "Ed25519", text(p[32:]), text(p[:32])
	default:
		t.Fatalf("no JWK of a %T", material)
	}
	for name, value := range more {
		m[name] = value
	}
	object, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// hidden is a crypto.Signer that hides which one it is, as a KMS client does.
type hidden struct {
	crypto.Signer
	sign func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) // if not nil
}

func (h hidden) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if h.sign != nil {
		return h.sign(random, digest, opts)
	}
	return h.Signer.Sign(random, digest, opts)
}

const internalInput = "eyJhbGciOiJ4In0.eyJzdWIiOiJhIn0"

func internalSign(t testing.TB, k *Key, input string) string {
	t.Helper()
	token, err := k.Sign([]byte(input+"."), []byte(input))
	if err != nil {
		t.Fatalf("%v: %v", k, err)
	}
	if !bytes.HasPrefix(token, []byte(input+".")) {
		t.Fatalf("sign does not append: %q", token)
	}
	return string(token)
}

func internalVerify(k *Key, token string) bool {
	return k.Verify(token, strings.LastIndexByte(token, '.'))
}

// TestSignVerify signs with every algorithm and a key in every form, and
// verifies with the public part in every form.
func TestSignVerify(t *testing.T) {
	for i := range suites {
		s := &suites[i]
		t.Run(string(s.alg), func(t *testing.T) {
			material := internalMaterial(t, s)
			must := func(k *Key, err error) *Key {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
			native := must(New(s.alg, material))
			signers := map[string]*Key{
				"native": native,
				"jwk":    must(Parse(s.alg, internalJWK(t, material, nil))),
				"jwkAlg": must(Parse("", internalJWK(t, material, map[string]any{"alg": s.alg, "use": "sig", "key_ops": []string{"sign", "verify"}}))),
			}
			verifiers := map[string]*Key{}
			if s.family != familyHMAC {
				text, err := native.MarshalPEM()
				signers["pem"] = must(Parse(s.alg, text))
				if err != nil {
					t.Fatal(err)
				}
				signers["external"] = must(New(s.alg, hidden{Signer: material.(crypto.Signer)}))
				verifiers["native"] = must(New(s.alg, material.(crypto.Signer).Public()))
				text, err = native.Public().MarshalPEM()
				if err != nil {
					t.Fatal(err)
				}
				verifiers["pem"] = must(Parse(s.alg, text))
				object, err := native.AppendPublicJWK(nil)
				if err != nil {
					t.Fatal(err)
				}
				verifiers["jwk"] = must(Parse("", object))
			}
			for name, k := range signers {
				verifiers[name+" itself"] = k
				if s.family != familyHMAC {
					verifiers[name+" public"] = k.Public()
				}
			}
			for signer, k := range signers {
				if k.Algorithm() != s.alg || !k.CanSign() || k.Symmetric() != (s.family == familyHMAC) || k.Symmetric() != s.alg.Symmetric() {
					t.Errorf("%s: %v", signer, k)
				}
				token := internalSign(t, k, internalInput)
				for verifier, v := range verifiers {
					if !internalVerify(v, token) {
						t.Errorf("%s signed, %s does not verify", signer, verifier)
					}
				}
			}
			for name, v := range verifiers {
				if v.ID() != native.ID() {
					t.Errorf("%s: id %q, want %q", name, v.ID(), native.ID())
				}
			}
			if (s.family == familyRSA || s.family == familyPSS) && s.hash != crypto.SHA256 {
				return // generated like the others, and slow
			}
			generated := must(Generate(s.alg))
			token := internalSign(t, generated, internalInput)
			if !internalVerify(generated, token) || internalVerify(native, token) {
				t.Error("a generated key does not verify its own token, or another does")
			}
		})
	}
}

// TestVerifyRefuses changes right tokens in all places.
func TestVerifyRefuses(t *testing.T) {
	for i := range suites {
		s := &suites[i]
		t.Run(string(s.alg), func(t *testing.T) {
			material := internalMaterial(t, s)
			k, err := New(s.alg, material)
			if err != nil {
				t.Fatal(err)
			}
			token := internalSign(t, k, internalInput)
			dot := len(internalInput)
			refuse := func(name, token string) {
				t.Helper()
				if internalVerify(k, token) {
					t.Errorf("%s verifies", name)
				}
			}
			for i := range token {
				if i == dot {
					continue
				}
				others := "\n\r =.+/\x00"
				switch {
				case s.family == familyHMAC || i%9 == 0: // a verification each
					others = "A_" + others[i%8:i%8+1]
				case i < dot:
					continue
				}
				for _, c := range others {
					if token[i] != byte(c) && k.Verify(token[:i]+string(c)+token[i+1:], dot) {
						t.Errorf("verifies with %q at %d", c, i)
					}
				}
			}
			refuse("no signature", token[:dot+1])
			refuse("a signature cut by one", token[:len(token)-1])
			refuse("a signature cut by four", token[:len(token)-4])
			refuse("a longer signature", token+"A")
			refuse("a padded signature", token+"=")
			refuse("a padded signature", token+"==")
			refuse("a line break at the end", token+"\n")
			refuse("a signature twice", token+token[dot+1:])
			refuse("a longer input", "A"+token)
			// Some lengths leave bits over in the last character: 4 for 1 byte more than
			// a multiple of 3, 2 for 2.
			alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			last := strings.IndexByte(alphabet, token[len(token)-1])
			if k.size%3 != 0 {
				refuse("another last character for the same bytes", token[:len(token)-1]+string(alphabet[last+1]))
			}
			if k.Verify(token, len(token)) || k.Verify(token[dot+1:], -1) || k.Verify("", 0) || (*Key)(nil).Verify(token, dot) {
				t.Error("verifies out of bounds or without a key")
			}
			for j := range suites {
				other := &suites[j]
				if other == s || other.family == familyHMAC != (s.family == familyHMAC) {
					continue
				}
				if other.family == familyHMAC {
					longer := append(material.([]byte), make([]byte, 64)...)
					otherKey, err := New(other.alg, longer)
					if err != nil {
						t.Fatal(err)
					}
					if internalVerify(otherKey, token) {
						t.Errorf("verifies as %s", other.alg)
					}
				} else if otherKey, err := New(other.alg, material); err == nil && internalVerify(otherKey, token) {
					t.Errorf("verifies as %s", other.alg)
				}
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	k, err := Generate(ES256)
	if err != nil {
		t.Fatal(err)
	}
	verifyOnly, err := Parse("", internalJWK(t, make([]byte, 32), map[string]any{"key_ops": []string{"verify"}}))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key  *Key
		want string
	}{
		"zero":             {nil, "zero Key"},
		"public":           {k.Public(), "no private part"},
		"verify-only HMAC": {verifyOnly, "no private part"},
		"bad id":           {k.WithID("a\n"), "control characters"},
		"long id":          {k.WithID(strings.Repeat("a", 257)), "257 bytes"},
	} {
		if token, err := tt.key.Sign(nil, []byte("a.b")); token != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	if !internalVerify(verifyOnly, internalSign(t, internalSecret(t, make([]byte, 32)), "a.b")) {
		t.Error("an HMAC key for verifying alone does not verify")
	}
}

func internalSecret(t *testing.T, secret []byte) *Key {
	t.Helper()
	k, err := Parse("", internalJWK(t, secret, nil))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestNewKeyCopiesSecret: a key does not change with the slice it was made from.
func TestNewKeyCopiesSecret(t *testing.T) {
	secret := internalMaterial(t, &suites[0]).([]byte)
	k, err := New(HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	same, err := New(HS256, bytes.Clone(secret))
	if err != nil {
		t.Fatal(err)
	}
	secret[0]++
	if !internalVerify(same, internalSign(t, k, internalInput)) || !bytes.Equal(k.private().([]byte), same.private().([]byte)) {
		t.Error("the key changed with its secret")
	}
}

// TestPublishedSignatures checks the examples of the RFCs, with their published keys.
func TestPublishedSignatures(t *testing.T) {
	const input7515 = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for _, tt := range []struct {
		name, jwk, input, signature string
		deterministic               bool
	}{
		{
			"RFC 7515 A.1", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + input7515, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true,
		},
		{
			"RFC 7515 A.3", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`,
			"eyJhbGciOiJFUzI1NiJ9" + input7515, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", false,
		},
		{
			"RFC 8037 A.4", `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", true,
		},
	} {
		k, err := Parse("", []byte(tt.jwk))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		token := tt.input + "." + tt.signature
		if !internalVerify(k, token) {
			t.Errorf("%s: does not verify", tt.name)
		}
		if got := internalSign(t, k, tt.input); tt.deterministic && got != token {
			t.Errorf("%s: signed as %s", tt.name, got)
		}
	}
}

// TestPSSSaltLength: salts of another length than the hash's are RSA-PSS, but
// not JOSE (RFC 7518 §3.5).
func TestPSSSaltLength(t *testing.T) {
	for _, s := range suites[6:9] {
		k, err := New(s.alg, internalRSA())
		if err != nil {
			t.Fatal(err)
		}
		h := s.hash.New()
		h.Write([]byte(internalInput))
		for salt, want := range map[int]bool{0: false, 20: false, s.hash.Size() - 1: false, s.hash.Size(): true, s.hash.Size() + 1: false, s.hash.Size() + 32: false} {
			signature, err := rsa.SignPSS(rand.Reader, internalRSA(), s.hash, h.Sum(nil), &rsa.PSSOptions{SaltLength: salt})
			if err != nil {
				t.Fatal(err)
			}
			if got := internalVerify(k, internalInput+"."+base64.RawURLEncoding.EncodeToString(signature)); got != want {
				t.Errorf("%s with a salt of %d bytes: verifies is %t", s.alg, salt, got)
			}
		}
	}
}

// TestExternalSigner has signers go wrong in every way: the answer is an error,
// never a token.
func TestExternalSigner(t *testing.T) {
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	_, otherEd, _ := ed25519.GenerateKey(rand.Reader)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherEC, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	errKMS := errors.New("kms: denied")
	returns := func(signature []byte) func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
		return func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return signature, nil }
	}
	der := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	type pair struct{ R, S *big.Int }
	one, huge := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	for _, tt := range []struct {
		name string
		alg  Algorithm
		key  crypto.Signer
		sign func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error)
		want string
	}{
		{"fails", EdDSA, edKey, func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errKMS }, "kms: denied"},
		{"panics", EdDSA, edKey, func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { panic("lost the line") }, "panicked: lost the line"},
		{"panics", RS256, internalRSA(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
			return (*rsa.PrivateKey)(nil).D.Bytes(), nil
		}, "panicked"},
		{"nil", EdDSA, edKey, returns(nil), "does not verify"},
		{"nil", RS256, internalRSA(), returns(nil), "does not verify"},
		{"nil", ES256, ecKey, returns(nil), "not an ASN.1"},
		{"zeros", PS256, internalRSA(), returns(make([]byte, 256)), "does not verify"},
		{"zeros", EdDSA, edKey, returns(make([]byte, 64)), "does not verify"},
		{"raw r and s", ES256, ecKey, returns(make([]byte, 64)), "not an ASN.1"},
		{"r of 0", ES256, ecKey, returns(der(pair{big.NewInt(0), one})), "not an ASN.1"},
		{"s of 0", ES256, ecKey, returns(der(pair{one, big.NewInt(0)})), "not an ASN.1"},
		{"negative r", ES256, ecKey, returns(der(pair{big.NewInt(-1), one})), "not an ASN.1"},
		{"negative s", ES256, ecKey, returns(der(pair{one, big.NewInt(-1)})), "not an ASN.1"},
		{"huge r", ES256, ecKey, returns(der(pair{huge, one})), "not an ASN.1"},
		{"huge s", ES256, ecKey, returns(der(pair{one, huge})), "not an ASN.1"},
		{"trailing data", ES256, ecKey, func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			signature, err := ecKey.Sign(random, digest, opts)
			return append(signature, 0), err
		}, "not an ASN.1"},
		{"another key", EdDSA, edKey, otherEd.Sign, "does not verify"},
		{"another key", ES256, ecKey, otherEC.Sign, "does not verify"},
		{"another padding", PS256, internalRSA(), func(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPKCS1v15(random, internalRSA(), crypto.SHA256, digest)
		}, "does not verify"},
		{"another salt length", PS256, internalRSA(), func(random io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
			return rsa.SignPSS(random, internalRSA(), crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		}, "does not verify"},
		{"another hash", RS256, internalRSA(), func(random io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
			digest := sha512.Sum512([]byte(internalInput))
			return rsa.SignPKCS1v15(random, internalRSA(), crypto.SHA512, digest[:])
		}, "does not verify"},
	} {
		k, err := New(tt.alg, hidden{tt.key, tt.sign})
		if err != nil {
			t.Fatal(err)
		}
		token, err := k.Sign(nil, []byte(internalInput))
		if token != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), string(tt.alg)+": ") {
			t.Errorf("%s %s: %q, %v", tt.alg, tt.name, token, err)
		}
		if tt.want == errKMS.Error() && !errors.Is(err, errKMS) {
			t.Errorf("the signer's own error is not wrapped: %v", err)
		}
	}
}

// TestExternalSignerAsked: what a KMS client is asked for, it must be able to
// tell from the options.
func TestExternalSignerAsked(t *testing.T) {
	digest := sha256.Sum256([]byte(internalInput))
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		alg  Algorithm
		key  crypto.Signer
		want string
	}{
		{RS256, internalRSA(), fmt.Sprintf("%x crypto.Hash SHA-256", digest)},
		{PS256, internalRSA(), fmt.Sprintf("%x *rsa.PSSOptions &{-1 SHA-256}", digest)},
		{EdDSA, edKey, fmt.Sprintf("%x crypto.Hash 0", internalInput)},
	} {
		var got string
		k, err := New(tt.alg, hidden{tt.key, func(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			got = fmt.Sprintf("%x %T %v", digest, opts, opts)
			return tt.key.Sign(random, digest, opts)
		}})
		if err != nil {
			t.Fatal(err)
		}
		internalSign(t, k, internalInput)
		if tt.alg == EdDSA {
			got = strings.Replace(got, "unknown hash value 0", "0", 1)
		}
		if got != tt.want {
			t.Errorf("%s: asked for\n%s, want\n%s", tt.alg, got, tt.want)
		}
	}
}

// TestHMACOfLongInput compares with crypto/hmac, around the length of the pooled
// buffer and with states that have been used before.
func TestHMACOfLongInput(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	for _, s := range suites[:3] {
		k, err := New(s.alg, secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, length := range []int{0, 1, 1023, 1024, 1025, 2048, 3000, 100_000} {
			input := strings.Repeat("a", length)
			h := hmac.New(s.hash.New, secret)
			io.WriteString(h, input)
			token := input + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
			if got := internalSign(t, k, input); got != token || !internalVerify(k, token) {
				t.Errorf("%s of %d bytes: another MAC", s.alg, length)
			}
		}
	}
}

// TestConcurrentUse signs and verifies with the same keys from many
// goroutines: pooled states must not mix.
func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for _, alg := range []Algorithm{HS256, HS512, RS256, PS256, ES256, EdDSA} {
		s, err := alg.suite()
		if err != nil {
			t.Fatal(err)
		}
		k, err := New(alg, internalMaterial(t, s))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					input := strings.Repeat(fmt.Sprintf("%d-%d.", i, j), 1+j*20)
					token, err := k.Sign([]byte(input+"."), []byte(input))
					if err != nil || !k.Verify(string(token), len(input)) || k.Verify("x"+string(token[1:]), len(input)) {
						t.Errorf("%s: %v", alg, err)
					}
					if k.Symmetric() {
						continue
					}
					if text, err := k.MarshalPEM(); err != nil || len(text) == 0 {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestEd25519Points compares checkEd25519Point with crypto/ed25519, which says
// of an encoding that it is no point when it verifies.
func TestEd25519Points(t *testing.T) {
	signature := make([]byte, ed25519.SignatureSize)
	isPoint := func(encoded []byte) bool {
		err := ed25519.VerifyWithOptions(encoded, nil, signature, &ed25519.Options{})
		return err != nil && !strings.Contains(err.Error(), "bad public key")
	}
	points := 0
	for i := range 500 {
		var encoded [32]byte
		rand.Read(encoded[:])
		if i < 64 { // small y, never of small order but 0 and 1
			encoded = [32]byte{0: byte(2 + i/2), 31: byte(i%2) << 7}
		}
		err := checkEd25519Point(encoded)
		if want := isPoint(encoded[:]); want != (err == nil) {
			t.Errorf("%x: %v, want a point: %t", encoded, err, want)
		} else if want {
			points++
		}
	}
	if points < 150 || points > 350 {
		t.Errorf("%d of 500 are points, want about half", points)
	}
	for range 200 {
		pub, _, _ := ed25519.GenerateKey(rand.Reader)
		if err := checkEd25519Point([32]byte(pub)); err != nil {
			t.Errorf("%x: %v", pub, err)
		}
	}
}

func TestAppendJWK(t *testing.T) {
	for i := range suites {
		s := &suites[i]
		k, err := New(s.alg, internalMaterial(t, s))
		if err != nil {
			t.Fatal(err)
		}
		object, err := k.AppendPublicJWK([]byte("["))
		if s.family == familyHMAC {
			if err == nil || len(object) != 0 {
				t.Errorf("%s: %q, %v", s.alg, object, err)
			}
			continue
		}
		if err != nil || object[0] != '[' {
			t.Fatalf("%s: %q, %v", s.alg, object, err)
		}
		var m map[string]string
		if err := json.Unmarshal(object[1:], &m); err != nil {
			t.Fatal(err)
		}
		names := map[family][]string{
			familyRSA: {"n", "e"}, familyPSS: {"n", "e"}, familyECDSA: {"crv", "x", "y"}, familyEd25519: {"crv", "x"},
		}[s.family]
		if len(m) != len(names)+4 || m["kid"] != k.id || m["alg"] != string(s.alg) || m["use"] != "sig" || m["kty"] == "" {
			t.Errorf("%s: %s", s.alg, object)
		}
		for _, name := range names {
			if m[name] == "" {
				t.Errorf("%s: no %s", s.alg, name)
			}
		}
	}
	k, _ := Generate(EdDSA)
	object, err := k.WithID(`a"<b`).AppendPublicJWK(nil)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := Parse("", object); err != nil || same.ID() != `a"<b` || !same.assigned {
		t.Errorf("%s: %v, %v", object, same, err)
	}
	for _, k := range []*Key{nil, k.WithID("\xff")} {
		if object, err := k.AppendPublicJWK(nil); err == nil {
			t.Errorf("%v: %s", k, object)
		}
	}
}

// FuzzParseKey: nothing makes ParseKey panic, and a key that it reads is one
// that all other forms hold, too.
func FuzzParseKey(f *testing.F) {
	for i := range suites {
		s := &suites[i]
		material := internalMaterial(f, s)
		f.Add(string(s.alg), internalJWK(f, material, nil))
		f.Add("", internalJWK(f, material, map[string]any{"alg": s.alg, "kid": "a", "use": "sig", "key_ops": []string{"sign", "verify"}}))
		f.Add("", internalJWK(f, material, map[string]any{"key_ops": []string{"verify"}, "ext": true, "KID": 1}))
		if k, err := New(s.alg, material); err == nil && !k.Symmetric() {
			private, _ := k.MarshalPEM()
			public, _ := k.Public().MarshalPEM()
			object, _ := k.AppendPublicJWK(nil)
			f.Add(string(s.alg), private)
			f.Add("", public)
			f.Add("", object)
			f.Add("", append(private, public...))
		}
	}
	for _, text := range parseRefusals {
		f.Add("", []byte(text))
	}
	f.Fuzz(func(t *testing.T, alg string, data []byte) {
		k, err := Parse(Algorithm(alg), data)
		if err != nil {
			if k != nil {
				t.Fatalf("%v, %v", k, err)
			}
			return
		}
		if alg != "" && k.Algorithm() != Algorithm(alg) || k.Check() != nil {
			t.Fatalf("for %q: %v", alg, k)
		}
		if k.CanSign() {
			if token := internalSign(t, k, internalInput); !internalVerify(k, token) {
				t.Fatalf("%v does not verify its own token", k)
			}
		}
		if k.Symmetric() {
			return
		}
		text, err := k.MarshalPEM()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(k.Algorithm(), text)
		if err != nil || again.ID() != k.WithID("").ID() || again.CanSign() != k.CanSign() {
			t.Fatalf("%v by PEM is %v, %v", k, again, err)
		}
		if twice, err := again.MarshalPEM(); err != nil || !bytes.Equal(twice, text) {
			t.Fatalf("PEM is %q, then %q (%v)", text, twice, err)
		}
		object, err := k.AppendPublicJWK(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = Parse("", object); err != nil || again.ID() != k.ID() || again.Algorithm() != k.Algorithm() {
			t.Fatalf("%v by JWK is %v, %v", k, again, err)
		}
	})
}

// parseRefusals are texts that are no key.
var parseRefusals = []string{
	"", " ", "{", "{}", "[]", "null", `""`, `{"kty":"oct"}`, `{"kty":"oct","k":""}`, `{"keys":[]}`,
	`{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	`{"kty":"EC","crv":"P-256","x":"","y":""}`, `{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`,
	`{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":1}`, `{"kty":null}`, `{"kty":"oct","kty":"oct"}`, `{"kty":"oct","K":""}`,
	"-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
	"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
	string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{0x30, 0}})),
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", "ssh-ed25519 AAAA",
}

func TestParseRefusals(t *testing.T) {
	for _, text := range parseRefusals {
		if k, err := Parse("", []byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, k)
		}
	}
}
