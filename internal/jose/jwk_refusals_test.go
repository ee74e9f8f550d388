package jose_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestParseJWKRefuses(t *testing.T) {
	type with = map[string]any
	rsaKey, p256, ed, oct := jwkOf(rsaKey()), jwkOf(p256Key()), jwkOf(edKey()), jwkOf(randomBytes(32))
	text := base64.RawURLEncoding.EncodeToString
	ed["x"] = text(edKey()[32:])
	leadingZero := func(m with, name string) string {
		return text(append([]byte{0}, must(base64.RawURLEncoding.DecodeString(m[name].(string)))...))
	}
	for _, tt := range []struct {
		name, text string
		alg        jose.Algorithm
		want       string
	}{
		{"set", `{"keys":[` + jwkWith(ed, nil) + `]}`, "", "JWK is a set of keys; pass one of its keys"},
		{"array", `[` + jwkWith(ed, nil) + `]`, "", "JSON, like a JWK"},
		{"two", jwkWith(ed, nil) + jwkWith(ed, nil), "", "other text after"},
		{"trailing data", jwkWith(ed, nil) + "x", "", "other text after"},
		{"cut", jwkWith(ed, nil)[:50], "", "cut short"},
		{"trailing comma", strings.Replace(jwkWith(ed, nil), "}", ",}", 1), "", "comma before a closing bracket"},
		{"UTF-8", strings.Replace(jwkWith(ed, with{"kid": "a"}), `"a"`, "\"\xff\"", 1), "", "not valid UTF-8"},
		{"twice", strings.Replace(jwkWith(ed, nil), "{", `{"kty":"OKP",`, 1), "", `has member "kty" twice`},
		{"twice, unknown", strings.Replace(jwkWith(ed, nil), "{", `{"a":1,"\u0061":2,`, 1), "", `has member "a" twice`},
		{"another case", jwkWith(ed, with{"Kty": "RSA"}), "", `has a member that differs from kty only in case`},
		{"another case", jwkWith(oct, with{"k": nil, "K": oct["k"]}), "", `has a member that differs from k only in case`},
		{"long s", jwkWith(ed, with{"u\u017fe": "enc"}), "", `has a member that differs from use only in case`},
		{"Kelvin sign", jwkWith(ed, with{"\u212aid": "a"}), "", `has a member that differs from kid only in case`},

		{"no kty", jwkWith(ed, with{"kty": nil}), "", "has no member kty"},
		{"kty null", strings.Replace(jwkWith(ed, nil), `"kty":"OKP"`, `"kty":null`, 1), "", "has no member kty"},
		{"kty null and present", `{"kty":null,` + jwkWith(ed, nil)[1:], "", `has member "kty" twice`},
		{"kty of another type", jwkWith(ed, with{"kty": 1}), "", "member kty is not a string"},
		{"unknown kty", jwkWith(ed, with{"kty": "AKP"}), "", `has type "AKP"; the supported types are RSA, EC, OKP and oct`},
		{"kty in another case", jwkWith(p256, with{"kty": "ec"}), "", `has type "ec"; the supported types are`},
		{"wrong kty", jwkWith(p256, with{"kty": "RSA"}), "", "has no member n, which its type requires"},
		{"wrong kty", jwkWith(rsaKey, with{"kty": "oct"}), "", "has no member k, which its type requires"},
		{"RSA with k", jwkWith(rsaKey, with{"k": oct["k"]}), "", `has type "RSA" and member k`},

		{"alg for encryption", jwkWith(rsaKey, with{"alg": "RSA-OAEP-256"}), "", `algorithm "RSA-OAEP-256" is not one of HS256`},
		{"alg none", jwkWith(oct, with{"alg": "none"}), "", `algorithm "none" is not one of HS256`},
		{"alg empty", jwkWith(oct, with{"alg": ""}), "", `algorithm "" is not one of HS256`},
		{"alg of another type", jwkWith(oct, with{"alg": []string{"HS256"}}), "", "member alg is not a string"},
		{"alg of another key", jwkWith(rsaKey, with{"alg": "ES256"}), "", "ES256 key is an RSA key"},
		{"alg of another key", jwkWith(rsaKey, with{"alg": "HS256"}), "", "HS256 key is an RSA key"},
		{"alg of another key", jwkWith(oct, with{"alg": "RS256"}), "", "RS256 key is a []byte"},
		{"alg of another curve", jwkWith(p256, with{"alg": "ES384"}), "", "ECDSA key is on P-256; ES384 requires P-384"},
		{"another alg", jwkWith(rsaKey, with{"alg": "PS256"}), "RS256", "has alg PS256, not RS256"},
		{"another alg", jwkWith(oct, with{"alg": "HS512"}), "HS256", "has alg HS512, not HS256"},
		{"RFC 9864 name for another", jwkWith(rsaKey, with{"alg": "Ed25519"}), "", "EdDSA key is an RSA key"},
		{"HMAC of a public key", jwkWith(rsaKey, nil), "HS256", "HS256 key is an RSA key"},

		{"use enc", jwkWith(ed, with{"use": "enc"}), "", `has use "enc"`},
		{"use empty", jwkWith(ed, with{"use": ""}), "", `has use ""`},
		{"use of another type", jwkWith(ed, with{"use": true}), "", "member use is not a string"},
		{"key_ops encrypt", jwkWith(ed, with{"key_ops": []string{"encrypt", "decrypt"}}), "", `has key_ops without "verify"`},
		{"key_ops joined", jwkWith(ed, with{"key_ops": []string{"sign, verify"}}), "", `has key_ops without "verify"`},
		{"key_ops sign of a public key", jwkWith(ed, with{"key_ops": []string{"sign"}, "d": nil}), "", `has key_ops without "verify"`},
		{"key_ops sign of a secret", jwkWith(oct, with{"key_ops": []string{"sign"}}), "", `has key_ops without "verify"`},
		{"key_ops twice", jwkWith(ed, with{"key_ops": []string{"sign", "verify", "sign"}}), "", `has key_ops "sign" twice`},
		{"key_ops beside use", jwkWith(ed, with{"use": "sig", "key_ops": []string{"verify", "encrypt"}}), "", `has key_ops "encrypt", which contradicts use "sig"`},
		{"key_ops string", jwkWith(ed, with{"key_ops": "verify"}), "", "member key_ops is not an array of strings"},
		{"key_ops of numbers", jwkWith(ed, with{"key_ops": []any{"verify", 1}}), "", "member key_ops is not an array of strings"},
		{"key_ops with null", `{"key_ops":["verify",null],` + jwkWith(ed, nil)[1:], "", "member key_ops is not an array of strings"},
		{"issuer of another type", jwkWith(ed, with{"issuer": 7}), "", "member issuer is not a string"},
		{"issuer empty", jwkWith(ed, with{"issuer": ""}), "", "has an empty issuer"},
		{"issuer in another case", jwkWith(ed, with{"Issuer": "https://id.example"}), "", "differs from issuer only in case"},
		{"kid of another type", jwkWith(ed, with{"kid": 7}), "", "member kid is not a string"},
		{"long kid", jwkWith(ed, with{"kid": strings.Repeat("a", 257)}), "", "member kid cannot be used: key ID is 257 bytes"},
		{"kid with line break", jwkWith(ed, with{"kid": "a\nb"}), "", "member kid cannot be used"},

		{"no k", jwkWith(oct, with{"k": nil}), "", "has no member k, which its type requires"},
		{"empty k", jwkWith(oct, with{"k": ""}), "", "HS256 key is 0 bytes"},
		{"short k", jwkWith(oct, with{"k": text(randomBytes(31))}), "", "HS256 key is 31 bytes"},
		{"short k for alg", jwkWith(oct, with{"alg": "HS512"}), "", "HS512 key is 32 bytes"},
		{"k null", jwkWith(oct, with{"k": json.RawMessage("null")}), "", "has no member k, which its type requires"},
		{"k with one sign too many", jwkWith(oct, with{"k": oct["k"].(string) + "=="}), "", "member k is not base64url"},
		{"k with padding alone", jwkWith(oct, with{"k": "===="}), "", "member k is not base64url"},
		{"k in base64", jwkWith(oct, with{"k": strings.Repeat("+/", 30)}), "", "member k is not base64url"},
		{"k with line break", jwkWith(oct, with{"k": oct["k"].(string) + "\n"}), "", "member k is not base64url"},
		{"k with loose bits", jwkWith(oct, with{"k": looseBits(oct["k"].(string))}), "", "member k is not base64url"},
		{"k of a public key", jwkWith(oct, with{"k": text(spkiOf("ES256"))}), "", "member k is the DER of a key"},

		{"no n", jwkWith(rsaKey, with{"n": nil}), "", "has no member n"},
		{"no e", jwkWith(rsaKey, with{"e": nil}), "", "has no member e"},
		{"n as number", jwkWith(rsaKey, with{"n": 3}), "", "member n is not a string"},
		{"e of zero bytes", jwkWith(rsaKey, with{"e": "AAAA"}), "", "RSA exponent is 0"},
		{"n of zero bytes", jwkWith(rsaKey, with{"n": "AAAA", "d": nil}), "", "RSA key has no modulus"},
		{"e empty", jwkWith(rsaKey, with{"e": ""}), "", "member e is empty"},
		{"e of 1", jwkWith(rsaKey, with{"e": "AQ"}), "", "RSA exponent is 1"},
		{"e even", jwkWith(rsaKey, with{"e": "AQAA"}), "", "RSA exponent 65536 is even"},
		{"e of 2^31+1", jwkWith(rsaKey, with{"e": "gAAAAQ"}), "", "member e is 2³¹ or more"},
		{"e of 2^64+3", jwkWith(rsaKey, with{"e": "AQAAAAAAAAAD"}), "", "member e is 2³¹ or more"},
		{"n of 1024 bits", jwkWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(rsaPublic(1024, 1, 3).N.Bytes())}), "", "RSA key is 1024 bits"},
		{"n of 16385 bits", jwkWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(rsaPublic(16385, 1, 3).N.Bytes())}), "", "RSA key is 16385 bits"},
		{"n even", jwkWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(rsaPublic(2048, 2, 3).N.Bytes())}), "", "RSA modulus is even"},
		{"no p", jwkWith(rsaKey, with{"p": nil}), "", "has no member p, which its type requires"},
		{"no qi", jwkWith(rsaKey, with{"qi": nil}), "", "has no member qi, which its type requires"},
		{"three primes", jwkWith(rsaKey, with{"oth": []any{}}), "", "more than two primes (oth)"},
		{"wrong d", jwkWith(rsaKey, with{"d": rsaKey["p"]}), "", "RSA private key that is not consistent"},
		{"wrong dp", jwkWith(rsaKey, with{"dp": rsaKey["dq"]}), "", "RSA private key that is not consistent"},
		{"wrong qi", jwkWith(rsaKey, with{"qi": "AQ"}), "", "RSA private key that is not consistent"},

		{"crv of another type", jwkWith(p256, with{"crv": 1}), "", "member crv is not a string"},
		{"crv of another type", jwkWith(ed, with{"crv": 1}), "", "member crv is not a string"},
		{"no crv", jwkWith(p256, with{"crv": nil}), "", "the supported curves are P-256, P-384 and P-521"},
		{"secp256k1", jwkWith(p256, with{"crv": "secp256k1"}), "", `has type EC and crv "secp256k1"; the supported curves are`},
		{"another crv", jwkWith(p256, with{"crv": "P-384"}), "", "member x is 32 bytes instead of 48"},
		{"no x", jwkWith(p256, with{"x": nil}), "", "has no member x"},
		{"no y", jwkWith(p256, with{"y": nil}), "", "has no member y"},
		{"x with zero byte", jwkWith(p256, with{"x": leadingZero(p256, "x")}), "", "member x is 33 bytes instead of 32"},
		{"short y", jwkWith(p256, with{"y": "AQ"}), "", "member y is 1 bytes instead of 32"},
		{"off the curve", jwkWith(p256, with{"y": p256["x"]}), "", "members x and y are not a point on P-256"},
		{"another d", jwkWith(p256, with{"d": text(must(ecKey(elliptic.P256())().Bytes()))}), "", "member d does not belong to x and y"},
		{"d of 0", jwkWith(p256, with{"d": text(make([]byte, 32))}), "", "member d is out of range for P-256"},
		{"short d", jwkWith(p256, with{"d": "AQ"}), "", "member d is 1 bytes instead of 32"},
		{"another algorithm", jwkWith(p256, nil), "EdDSA", "EdDSA key is an ECDSA key"},

		{"Ed448", jwkWith(ed, with{"crv": "Ed448"}), "", `has type OKP and crv "Ed448"; the supported curve is Ed25519`},
		{"X25519", jwkWith(ed, with{"crv": "X25519"}), "", `has type OKP and crv "X25519"; the supported curve is Ed25519`},
		{"x of 31 bytes", jwkWith(ed, with{"x": text(edKey()[33:]), "d": nil}), "", "member x is 31 bytes instead of 32"},
		{"small order", jwkWith(ed, with{"x": text(make([]byte, 32)), "d": nil}), "", "small order"},
		{"another d", jwkWith(ed, with{"d": text(randomBytes(32))}), "", "member d does not belong to x"},
		{"d of 64 bytes", jwkWith(ed, with{"d": text(edKey())}), "", "member d is 64 bytes instead of 32"},
		{"too long", jwkWith(ed, with{"a": strings.Repeat("a", 64<<10)}), "", "the maximum is 65536"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse(tt.alg, []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != nil {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}
