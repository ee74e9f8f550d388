package jose_test

import (
	"crypto"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestSignVerify signs with every algorithm and every form of a key, and
// verifies with every form of its public part.
func TestSignVerify(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			material := materialFor(alg)
			native := must(jose.New(alg, material))
			jwk := jwkOf(material)
			signers := map[string]*jose.Key{
				"native":       native,
				"JWK":          must(jose.Parse(alg, []byte(jwkWith(jwk, nil)))),
				"JWK with alg": must(jose.Parse("", []byte(jwkWith(jwk, map[string]any{"alg": alg, "use": "sig", "key_ops": []string{"sign", "verify"}})))),
			}
			verifiers := map[string]*jose.Key{}
			if !alg.Symmetric() {
				private := material.(crypto.Signer)
				signers["PEM"] = must(jose.Parse(alg, must(native.MarshalPEM())))
				signers["external"] = must(jose.New(alg, signerOf(private)))
				verifiers["public"] = must(jose.New(alg, private.Public()))
				verifiers["public PEM"] = must(jose.Parse(alg, must(native.Public().MarshalPEM())))
				verifiers["public JWK"] = must(jose.Parse("", must(native.AppendPublicJWK(nil))))
			}
			for name, k := range signers {
				verifiers[name+" itself"] = k
				if !alg.Symmetric() {
					verifiers["public part of "+name] = k.Public()
				}
			}
			for signer, k := range signers {
				if k.Algorithm() != alg || !k.CanSign() || k.Symmetric() != alg.Symmetric() {
					t.Errorf("%s: %v", signer, k)
				}
				token := signed(t, k, input)
				for verifier, v := range verifiers {
					if !verifies(v, token) {
						t.Errorf("%s signed, %s does not verify", signer, verifier)
					}
				}
			}
			for name, v := range verifiers {
				if v.ID() != native.ID() {
					t.Errorf("%s: ID %q, want %q", name, v.ID(), native.ID())
				}
			}
			if alg.RSA() && hashOf(alg) != crypto.SHA256 {
				return // generated like the others, and slow
			}
			generated := must(jose.Generate(alg))
			token := signed(t, generated, input)
			if !verifies(generated, token) || verifies(native, token) {
				t.Error("a generated key does not verify its own token, or another key does")
			}
		})
	}
}

// TestVerifyRefuses changes valid tokens in every place.
func TestVerifyRefuses(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			material := materialFor(alg)
			k := must(jose.New(alg, material))
			token := signed(t, k, input)
			dot := len(input)
			for i := range token {
				if i == dot {
					continue
				}
				others := "\n\r =.+/\x00"
				switch {
				case alg.Symmetric() || i%9 == 0: // costs one verification each
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
			for name, changed := range map[string]string{
				"no signature":                token[:dot+1],
				"a signature cut by one":      token[:len(token)-1],
				"a signature cut by four":     token[:len(token)-4],
				"a longer signature":          token + "A",
				"a signature with padding":    token + "=",
				"a signature with padding 2":  token + "==",
				"a line break at the end":     token + "\n",
				"the signature twice":         token + token[dot+1:],
				"a longer input":              "A" + token,
				"another last character":      looseBits(token),
				"the signature of other text": input[1:] + token[dot:],
			} {
				if verifies(k, changed) {
					t.Errorf("%s verifies", name)
				}
			}
			if k.Verify(token, len(token)) || k.Verify(token[dot+1:], -1) || k.Verify("", 0) || (*jose.Key)(nil).Verify(token, dot) {
				t.Error("verifies out of bounds or without a key")
			}
			for _, other := range jose.Algorithms() {
				if other == alg || other.Symmetric() != alg.Symmetric() {
					continue
				}
				same := material
				if secret, ok := material.([]byte); ok {
					same = append(secret, make([]byte, 64)...) // long enough for each hash
				}
				if otherKey, err := jose.New(other, same); err == nil && verifies(otherKey, token) {
					t.Errorf("verifies as %s", other)
				}
			}
		})
	}
}

// looseBits returns token with another last character that decodes to the same
// bytes: unless the size of the signature is a multiple of 3, the character has
// bits that belong to no byte. For a multiple of 3 the signature is another
// one.
func looseBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func TestSignRefuses(t *testing.T) {
	k := must(jose.Generate(jose.ES256))
	secret := jwkOf(randomBytes(32))
	verifyOnly := must(jose.Parse("", []byte(jwkWith(secret, map[string]any{"key_ops": []string{"verify"}}))))
	for name, tt := range map[string]struct {
		key  *jose.Key
		want string
	}{
		"nil":              {nil, "zero Key"},
		"public":           {k.Public(), "no private part"},
		"verify-only HMAC": {verifyOnly, "no private part"},
		"bad ID":           {k.WithID("a\n"), "control characters"},
		"long ID":          {k.WithID(strings.Repeat("a", 257)), "257 bytes"},
	} {
		if token, err := tt.key.Sign(nil, []byte("a.b")); token != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	if verifyOnly.CanSign() {
		t.Error("an HMAC key for verification can sign")
	}
	if !verifies(verifyOnly, signed(t, must(jose.Parse("", []byte(jwkWith(secret, nil)))), "a.b")) {
		t.Error("an HMAC key for verification does not verify")
	}
}

// TestPublishedSignatures verifies the examples of the RFCs with their
// published keys, and repeats those that are deterministic.
func TestPublishedSignatures(t *testing.T) {
	const payload7515 = ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	for _, tt := range []struct {
		name, jwk, input, signature string
		deterministic               bool
	}{
		{
			"RFC 7515 A.1", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + payload7515, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", true,
		},
		{
			"RFC 7515 A.3", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`,
			"eyJhbGciOiJFUzI1NiJ9" + payload7515, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", false,
		},
		{
			"RFC 8037 A.4", publishedEd25519,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg", true,
		},
	} {
		k := must(readJWK([]byte(tt.jwk)))
		token := tt.input + "." + tt.signature
		if !verifies(k, token) {
			t.Errorf("%s: does not verify", tt.name)
		}
		if got := signed(t, k, tt.input); tt.deterministic && got != token {
			t.Errorf("%s: signed as %s", tt.name, got)
		}
	}
}

// TestConcurrentUse uses the same keys in many goroutines. They share pooled
// states, which must not mix.
func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for _, alg := range []jose.Algorithm{jose.HS256, jose.HS512, jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		k := must(jose.New(alg, materialFor(alg)))
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					text := strings.Repeat(fmt.Sprintf("%d-%d.", i, j), 1+j*20)
					token, err := k.Sign([]byte(text+"."), []byte(text))
					if err != nil || !k.Verify(string(token), len(text)) || k.Verify("x"+string(token[1:]), len(text)) {
						t.Errorf("%s: %v", alg, err)
					}
					if object, err := k.MarshalJWK(); err != nil || len(object) == 0 {
						t.Error(err)
					}
					if text, err := k.MarshalPEM(); !k.Symmetric() && (err != nil || len(text) == 0) {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  *jose.Key
		want int
	}{
		{"nil", nil, 0},
		{"HMAC", must(jose.New(jose.HS256, randomBytes(32))), 1},
		{"Ed25519", must(jose.New(jose.EdDSA, edKey())), 2},
		{"P-256", must(jose.New(jose.ES256, p256Key())), 2},
		{"P-384", must(jose.New(jose.ES384, p384Key())), 20},
		{"P-521", must(jose.New(jose.ES512, p521Key())), 60},
		{"2048 bits", must(jose.New(jose.RS256, rsaPublic(2048, 1, 65537))), 1},
		{"2049 bits", must(jose.New(jose.RS256, rsaPublic(2049, 1, 65537))), 7},
		{"3072 bits", must(jose.New(jose.RS256, rsaPublic(3072, 1, 65537))), 7},
		{"4096 bits", must(jose.New(jose.PS256, rsaPublic(4096, 1, 3))), 12},
		{"6144 bits", must(jose.New(jose.RS256, rsaPublic(6144, 1, 65537))), 25},
		{"8192 bits", must(jose.New(jose.RS256, rsaPublic(8192, 1, 65537))), 44},
		{"exponent 2¹⁷-1", must(jose.New(jose.RS256, rsaPublic(2048, 1, 1<<17-1))), 1},
		{"exponent 2¹⁷+1", must(jose.New(jose.RS256, rsaPublic(2048, 1, 1<<17+1))), 4},
		{"8192 bits, exponent 2³¹-1", must(jose.New(jose.RS256, rsaPublic(8192, 1, 1<<31-1))), 176},
	} {
		if got := tt.key.Work(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
