package jwtauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"iter"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// keyDER returns the SPKI of a public key for alg.
func keyDER(alg jwtauth.Algorithm) []byte {
	return keyMust(x509.MarshalPKIXPublicKey(keyMaterial(alg).(crypto.Signer).Public()))
}

func keyPEM(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// keyParams is the block that "openssl ecparam -genkey" writes before the key.
var keyParams = keyPEM("EC PARAMETERS", keyMust(asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})))

func TestParseKeyPEM(t *testing.T) {
	pkcs8 := func(private any) string { return keyPEM("PRIVATE KEY", keyMust(x509.MarshalPKCS8PrivateKey(private))) }
	spki := func(pub any) string { return keyPEM("PUBLIC KEY", keyMust(x509.MarshalPKIXPublicKey(pub))) }
	sec1 := func(p *ecdsa.PrivateKey) string {
		return keyPEM("EC PRIVATE KEY", keyMust(x509.MarshalECPrivateKey(p)))
	}
	for _, tt := range []struct {
		name, text string
		alg, want  jwtauth.Algorithm
		private    bool
		same       any
	}{
		{"PKCS8 RSA", pkcs8(keyRSA()), "", "RS256", true, keyRSA()},
		{"PKCS8 RSA", pkcs8(keyRSA()), "PS384", "PS384", true, keyRSA()},
		{"PKCS8 P-256", pkcs8(keyP256()), "", "ES256", true, keyP256()},
		{"PKCS8 P-384", pkcs8(keyP384()), "", "ES384", true, keyP384()},
		{"PKCS8 P-521", pkcs8(keyP521()), "ES512", "ES512", true, keyP521()},
		{"PKCS8 Ed25519", pkcs8(keyEd()), "", "EdDSA", true, keyEd()},
		{"PKCS1 private", keyPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(keyRSA())), "", "RS256", true, keyRSA()},
		{"PKCS1 public", keyPEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&keyRSA().PublicKey)), "RS512", "RS512", false, keyRSA()},
		{"SEC1 P-256", sec1(keyP256()), "", "ES256", true, keyP256()},
		{"SEC1 P-521", sec1(keyP521()), "", "ES512", true, keyP521()},
		{"SEC1 after parameters", keyParams + sec1(keyP256()), "", "ES256", true, keyP256()},
		{"SPKI RSA", spki(&keyRSA().PublicKey), "PS256", "PS256", false, keyRSA()},
		{"SPKI P-384", spki(&keyP384().PublicKey), "", "ES384", false, keyP384()},
		{"SPKI Ed25519", spki(keyEd().Public()), "EdDSA", "EdDSA", false, keyEd()},
		{"white space", "\n\t " + spki(keyEd().Public()) + "\r\n\n", "", "EdDSA", false, keyEd()},
		{"CRLF", strings.ReplaceAll(spki(keyEd().Public()), "\n", "\r\n"), "", "EdDSA", false, keyEd()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jwtauth.ParseKey(tt.alg, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			same := keyMust(jwtauth.NewKey(tt.want, tt.same))
			if !tt.private {
				same = same.Public()
			}
			if key.Algorithm() != tt.want || key.ID() != same.ID() || !bytes.Equal(keyMust(key.MarshalPEM()), keyMust(same.MarshalPEM())) {
				t.Errorf("read as %v, want %v", key, same)
			}
		})
	}
}

func TestParseKeyPEMRefuses(t *testing.T) {
	spki := keyPEM("PUBLIC KEY", keyDER("EdDSA"))
	pkcs8DER := keyMust(x509.MarshalPKCS8PrivateKey(keyEd()))
	pkcs8 := keyPEM("PRIVATE KEY", pkcs8DER)
	x25519 := keyMust(ecdh.X25519().GenerateKey(rand.Reader))
	weak := keyRSAPublic(1024, 1, 65537)
	for _, tt := range []struct {
		name, text string
		alg        jwtauth.Algorithm
		want       string
	}{
		{"unknown algorithm", spki, "none", `algorithm "none" is not one of`},
		{"HMAC", spki, "HS256", "HS256 does not go with an Ed25519 key"},
		{"another algorithm", spki, "RS256", "RS256 does not go with an Ed25519 key"},
		{"another curve", keyPEM("PUBLIC KEY", keyDER("ES256")), "ES384", "ECDSA key is on P-256; ES384 takes one on P-384"},
		{"P-224", keyPEM("PUBLIC KEY", keyMust(x509.MarshalPKIXPublicKey(&keyEC(elliptic.P224())().PublicKey))), "", "ECDSA key is on P-224"},
		{"weak", keyPEM("PUBLIC KEY", keyMust(x509.MarshalPKIXPublicKey(weak))), "", "RSA key is 1024 bits"},
		{"X25519 public", keyPEM("PUBLIC KEY", keyMust(x509.MarshalPKIXPublicKey(x25519.PublicKey()))), "", "X25519, which agrees on keys and cannot sign"},
		{"X25519 private", keyPEM("PRIVATE KEY", keyMust(x509.MarshalPKCS8PrivateKey(x25519))), "", "X25519, which agrees on keys and cannot sign"},
		{"small order", keyPEM("PUBLIC KEY", keyMust(x509.MarshalPKIXPublicKey(ed25519.PublicKey(make([]byte, 32))))), "", "small order"},

		{"encrypted PKCS8", keyPEM("ENCRYPTED PRIVATE KEY", keySecret(100)), "", "encrypted; decrypt it first (openssl pkey"},
		{"encrypted PKCS1", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "", "encrypted; decrypt it first (openssl pkey"},
		{"header lines", "-----BEGIN PUBLIC KEY-----\nComment: a\n\nAAAA\n-----END PUBLIC KEY-----\n", "", "has header lines"},
		{"certificate", keyPEM("CERTIFICATE", keySecret(100)), "", "is a certificate; its public key alone is wanted (openssl x509"},
		{"OpenSSH", keyPEM("OPENSSH PRIVATE KEY", keySecret(100)), "", "OpenSSH's own format; convert a copy of it (ssh-keygen"},
		{"parameters alone", keyParams, "", "names a curve and holds no key"},
		{"other block", keyPEM("DH PARAMETERS", keySecret(100)), "", `PEM block is "DH PARAMETERS"; it should be PRIVATE KEY`},
		{"secret as label", keyPEM("hunter2 hunter2 hunter2 hunter2", nil), "", "PEM block is (not shown)"},

		{"two keys", spki + spki, "", "several blocks"},
		{"key and certificate", spki + keyPEM("CERTIFICATE", keySecret(10)), "", "several blocks"},
		{"parameters after the key", spki + keyParams, "", "several blocks"},
		{"parameters before another key", keyParams + pkcs8, "", "several blocks"},
		{"text before", "key: " + spki, "", "preceded by other text"},
		{"text after", spki + "trailing", "", "followed by other text"},
		{"text between", keyParams + "# key\n" + keyPEM("EC PRIVATE KEY", keyMust(x509.MarshalECPrivateKey(keyP256()))), "", "followed by other text"},
		{"damaged block before", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n" + spki, "", "damaged or cut short"},
		{"no end", strings.TrimSuffix(spki, "-----END PUBLIC KEY-----\n"), "", "damaged or cut short"},
		{"wrong end", strings.Replace(spki, "END PUBLIC", "END PRIVATE", 1), "", "damaged or cut short"},
		{"bytes after the content", keyPEM("PRIVATE KEY", append(bytes.Clone(pkcs8DER), 0, 0)), "", `PEM block "PRIVATE KEY" has 2 bytes after its content`},
		{"cut content", keyPEM("PRIVATE KEY", pkcs8DER[:len(pkcs8DER)-1]), "", `PEM block "PRIVATE KEY" does not parse`},
		{"no content", keyPEM("PUBLIC KEY", nil), "", `PEM block "PUBLIC KEY" does not parse`},
		{"wrong label", keyPEM("RSA PRIVATE KEY", keyMust(x509.MarshalPKCS8PrivateKey(keyRSA()))), "", "holds another format than its label says"},

		{"empty", "", "", "key text is empty"},
		{"white space", " \n", "", "key text is empty"},
		{"secret", "correct horse battery staple, and then some", "", "neither PEM (-----BEGIN …) nor a JWK ({…}); a secret goes to NewKey"},
		{"DER", string(keyDER("ES256")), "", "the DER of a key"},
		{"bare base64", base64.StdEncoding.EncodeToString(keyDER("ES256")), "", "an encoding of the DER of a key"},
		{"base64 of PEM", base64.StdEncoding.EncodeToString([]byte(spki)), "", "an encoding of PEM"},
		{"OpenSSH public", "ssh-ed25519 AAAA", "", "an OpenSSH public key"},
		{"too long", strings.Repeat(" ", 64<<10) + spki, "", "at most 65536 are read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jwtauth.ParseKey(tt.alg, []byte(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != (jwtauth.Key{}) {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}

// keyJWK returns the members of a JWK with private part, for tests to change.
func keyJWK(material any) map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	switch p := material.(type) {
	case []byte:
		return map[string]any{"kty": "oct", "k": text(p)}
	case *rsa.PrivateKey:
		p.Precompute()
		return map[string]any{
			"kty": "RSA", "n": text(p.N.Bytes()), "e": text(big.NewInt(int64(p.E)).Bytes()), "d": text(p.D.Bytes()),
			"p": text(p.Primes[0].Bytes()), "q": text(p.Primes[1].Bytes()),
			"dp": text(p.Precomputed.Dp.Bytes()), "dq": text(p.Precomputed.Dq.Bytes()), "qi": text(p.Precomputed.Qinv.Bytes()),
		}
	case *ecdsa.PrivateKey:
		point := keyMust(p.PublicKey.Bytes())
		size := len(point) / 2
		return map[string]any{
			"kty": "EC", "crv": p.Params().Name, "x": text(point[1 : 1+size]), "y": text(point[1+size:]), "d": text(keyMust(p.Bytes())),
		}
	case ed25519.PrivateKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": text(p[32:]), "d": text(p[:32])}
	}
	panic("no JWK")
}

// keyWith returns the JWK of m with other members; nil removes one.
func keyWith(m map[string]any, changes map[string]any) string {
	m = maps.Clone(m)
	for name, value := range changes {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
	}
	return string(keyMust(json.Marshal(m)))
}

func TestParseKeyJWK(t *testing.T) {
	type with = map[string]any
	rsaKey, p256, ed, oct := keyJWK(keyRSA()), keyJWK(keyP256()), keyJWK(keyEd()), keyJWK(keySecret(64))
	public := with{"d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}
	for _, tt := range []struct {
		name, text string
		alg        jwtauth.Algorithm
		want       string // as Key.String
	}{
		{"RSA", keyWith(rsaKey, with{"kid": "a"}), "", `RS256, id "a", private`},
		{"RSA public", keyWith(rsaKey, with{"kid": "a"}), "PS512", `PS512, id "a", private`},
		{"RSA public", keyWith(keyMap(keyWith(rsaKey, public)), with{"kid": "a"}), "", `RS256, id "a", public`},
		{"alg", keyWith(rsaKey, with{"kid": "a", "alg": "PS256"}), "", `PS256, id "a", private`},
		{"alg", keyWith(rsaKey, with{"kid": "a", "alg": "PS256"}), "PS256", `PS256, id "a", private`},
		{"EC", keyWith(p256, with{"kid": "a"}), "", `ES256, id "a", private`},
		{"EC P-521", keyWith(keyJWK(keyP521()), with{"kid": "a", "d": nil}), "", `ES512, id "a", public`},
		{"OKP", keyWith(ed, with{"kid": "a"}), "", `EdDSA, id "a", private`},
		{"OKP alg", keyWith(ed, with{"kid": "a", "alg": "EdDSA", "d": nil}), "", `EdDSA, id "a", public`},
		{"OKP alg of RFC 9864", keyWith(ed, with{"kid": "a", "alg": "Ed25519"}), "EdDSA", `EdDSA, id "a", private`},
		{"oct", keyWith(oct, nil), "", `HS256, id "", secret`},
		{"oct", keyWith(oct, with{"kid": "a"}), "HS512", `HS512, id "a", secret`},
		{"empty kid", keyWith(oct, with{"kid": ""}), "", `HS256, id "", secret`},
		{"kid of 256 bytes", keyWith(oct, with{"kid": strings.Repeat("é", 128)}), "", `HS256, id "` + strings.Repeat("é", 128) + `", secret`},
		{"use", keyWith(p256, with{"kid": "a", "use": "sig"}), "", `ES256, id "a", private`},
		{"key_ops sign", keyWith(p256, with{"kid": "a", "key_ops": []string{"sign"}}), "", `ES256, id "a", private`},
		{"key_ops verify", keyWith(p256, with{"kid": "a", "key_ops": []string{"verify"}}), "", `ES256, id "a", public`},
		{"key_ops both", keyWith(p256, with{"kid": "a", "use": "sig", "key_ops": []string{"verify", "sign"}}), "", `ES256, id "a", private`},
		{"key_ops others", keyWith(p256, with{"kid": "a", "key_ops": []string{"verify", "deriveKey"}}), "", `ES256, id "a", public`},
		{"other members", keyWith(p256, with{"kid": "a", "ext": true, "x5c": []string{"AA"}, "x5t#S256": "AA", "iat": 1, "nested": with{"a": with{"a": 1}}}), "", `ES256, id "a", private`},
		{"white space", " \r\n" + keyWith(p256, with{"kid": "a"}) + "\t\n", "", `ES256, id "a", private`},
		{"escapes", strings.Replace(keyWith(ed, with{"kid": "a"}), `"kid":"a"`, `"\u006bid":"\u0061"`, 1), "", `EdDSA, id "a", private`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jwtauth.ParseKey(tt.alg, []byte(tt.text))
			if want := "jwtauth.Key(" + tt.want + ")"; err != nil || key.String() != want {
				t.Errorf("%v, %v, want %s", key, err, want)
			}
		})
	}
}

func keyMap(object string) (m map[string]any) {
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		panic(err)
	}
	return m
}

func TestParseKeyJWKRefuses(t *testing.T) {
	type with = map[string]any
	rsaKey, p256, ed, oct := keyJWK(keyRSA()), keyJWK(keyP256()), keyJWK(keyEd()), keyJWK(keySecret(32))
	text := base64.RawURLEncoding.EncodeToString
	ed["x"] = text(keyEd()[32:])
	leadingZero := func(m with, name string) string {
		return text(append([]byte{0}, keyMust(base64.RawURLEncoding.DecodeString(m[name].(string)))...))
	}
	// A last character that carries bits beyond the last byte.
	loose := func(m with, name string) string {
		s := m[name].(string)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])+1])
	}
	for _, tt := range []struct {
		name, text string
		alg        jwtauth.Algorithm
		want       string
	}{
		{"set", `{"keys":[` + keyWith(ed, nil) + `]}`, "", "JWK is a set of keys; pass one of its keys"},
		{"array", `[` + keyWith(ed, nil) + `]`, "", "JSON, like a JWK"},
		{"two", keyWith(ed, nil) + keyWith(ed, nil), "", "not valid JSON"},
		{"trailing data", keyWith(ed, nil) + "x", "", "not valid JSON"},
		{"cut", keyWith(ed, nil)[:50], "", "not valid JSON"},
		{"trailing comma", strings.Replace(keyWith(ed, nil), "}", ",}", 1), "", "not valid JSON"},
		{"UTF-8", strings.Replace(keyWith(ed, with{"kid": "a"}), `"a"`, "\"\xff\"", 1), "", "not valid JSON"},
		{"twice", strings.Replace(keyWith(ed, nil), "{", `{"kty":"OKP",`, 1), "", `has member "kty" twice`},
		{"twice, unknown", strings.Replace(keyWith(ed, nil), "{", `{"a":1,"\u0061":2,`, 1), "", `has member "a" twice`},
		{"another case", keyWith(ed, with{"Kty": "RSA"}), "", `has a member named like kty in another case`},
		{"another case", keyWith(oct, with{"k": nil, "K": oct["k"]}), "", `has a member named like k in another case`},
		{"long s", keyWith(ed, with{"u\u017fe": "enc"}), "", `has a member named like use in another case`},
		{"Kelvin sign", keyWith(ed, with{"\u212aid": "a"}), "", `has a member named like kid in another case`},

		{"no kty", keyWith(ed, with{"kty": nil}), "", "has no member kty"},
		{"kty of another type", keyWith(ed, with{"kty": 1}), "", "member kty is not a string"},
		{"kty null", strings.Replace(keyWith(ed, nil), `"kty":"OKP"`, `"kty":null`, 1), "", "member kty is not a string"},
		{"unknown kty", keyWith(ed, with{"kty": "AKP"}), "", `is of type "AKP"; known are RSA, EC, OKP and oct`},
		{"kty in another case", keyWith(p256, with{"kty": "ec"}), "", `is of type "ec"; known are`},
		{"wrong kty", keyWith(p256, with{"kty": "RSA"}), "", "has no member n, which its type needs"},
		{"wrong kty", keyWith(rsaKey, with{"kty": "oct"}), "", "has no member k, which its type needs"},
		{"RSA with k", keyWith(rsaKey, with{"k": oct["k"]}), "", `is of type "RSA" and has k`},

		{"alg for encryption", keyWith(rsaKey, with{"alg": "RSA-OAEP-256"}), "", `algorithm "RSA-OAEP-256" is not one of HS256`},
		{"alg none", keyWith(oct, with{"alg": "none"}), "", `algorithm "none" is not one of HS256`},
		{"alg empty", keyWith(oct, with{"alg": ""}), "", `algorithm "" is not one of HS256`},
		{"alg of another type", keyWith(oct, with{"alg": []string{"HS256"}}), "", "member alg is not a string"},
		{"alg of another key", keyWith(rsaKey, with{"alg": "ES256"}), "", "ES256 does not go with an RSA key"},
		{"alg of another key", keyWith(rsaKey, with{"alg": "HS256"}), "", "HS256 does not go with an RSA key"},
		{"alg of another key", keyWith(oct, with{"alg": "RS256"}), "", "RS256 key is a []byte"},
		{"alg of another curve", keyWith(p256, with{"alg": "ES384"}), "", "ECDSA key is on P-256; ES384 takes one on P-384"},
		{"another alg", keyWith(rsaKey, with{"alg": "PS256"}), "RS256", "is for PS256, by its alg, not for RS256"},
		{"another alg", keyWith(oct, with{"alg": "HS512"}), "HS256", "is for HS512, by its alg, not for HS256"},
		{"RFC 9864 name for another", keyWith(rsaKey, with{"alg": "Ed25519"}), "", "EdDSA does not go with an RSA key"},
		{"HMAC of a public key", keyWith(rsaKey, nil), "HS256", "HS256 does not go with an RSA key"},

		{"use enc", keyWith(ed, with{"use": "enc"}), "", `has use "enc"`},
		{"use empty", keyWith(ed, with{"use": ""}), "", `has use ""`},
		{"use of another type", keyWith(ed, with{"use": true}), "", "member use is not a string"},
		{"key_ops encrypt", keyWith(ed, with{"key_ops": []string{"encrypt", "decrypt"}}), "", `has key_ops without "verify"`},
		{"key_ops empty", keyWith(ed, with{"key_ops": []string{}}), "", `has key_ops without "verify"`},
		{"key_ops joined", keyWith(ed, with{"key_ops": []string{"sign, verify"}}), "", `has key_ops without "verify"`},
		{"key_ops sign of a public key", keyWith(ed, with{"key_ops": []string{"sign"}, "d": nil}), "", `has key_ops without "verify"`},
		{"key_ops sign of a secret", keyWith(oct, with{"key_ops": []string{"sign"}}), "", `has key_ops without "verify"`},
		{"key_ops twice", keyWith(ed, with{"key_ops": []string{"sign", "verify", "sign"}}), "", `has key_ops "sign" twice`},
		{"key_ops beside use", keyWith(ed, with{"use": "sig", "key_ops": []string{"verify", "encrypt"}}), "", `has key_ops "encrypt" beside use "sig"`},
		{"key_ops string", keyWith(ed, with{"key_ops": "verify"}), "", "member key_ops is not an array of strings"},
		{"key_ops of numbers", keyWith(ed, with{"key_ops": []any{"verify", 1}}), "", "member key_ops is not an array of strings"},
		{"key_ops with null", `{"key_ops":["verify",null],` + keyWith(ed, nil)[1:], "", "member key_ops is not an array of strings"},
		{"key_ops null", `{"key_ops":null,` + keyWith(ed, nil)[1:], "", "member key_ops is not an array of strings"},
		{"kid of another type", keyWith(ed, with{"kid": 7}), "", "member kid is not a string"},
		{"long kid", keyWith(ed, with{"kid": strings.Repeat("a", 257)}), "", "member kid cannot be used: key id of 257 bytes"},
		{"kid with line break", keyWith(ed, with{"kid": "a\nb"}), "", "member kid cannot be used"},

		{"no k", keyWith(oct, with{"k": nil}), "", "has no member k, which its type needs"},
		{"empty k", keyWith(oct, with{"k": ""}), "", "HS256 key is 0 bytes"},
		{"short k", keyWith(oct, with{"k": text(keySecret(31))}), "", "HS256 key is 31 bytes"},
		{"short k for alg", keyWith(oct, with{"alg": "HS512"}), "", "HS512 key is 32 bytes"},
		{"padded k", keyWith(oct, with{"k": oct["k"].(string) + "="}), "", "member k is not base64url"},
		{"k in base64", keyWith(oct, with{"k": strings.Repeat("+/", 30)}), "", "member k is not base64url"},
		{"k with line break", keyWith(oct, with{"k": oct["k"].(string) + "\n"}), "", "member k is not base64url"},
		{"k with loose bits", keyWith(oct, with{"k": loose(oct, "k")}), "", "member k is not base64url"},
		{"k of a public key", keyWith(oct, with{"k": text(keyDER("ES256"))}), "", "its k is the DER of a key"},

		{"no n", keyWith(rsaKey, with{"n": nil}), "", "has no member n"},
		{"no e", keyWith(rsaKey, with{"e": nil}), "", "has no member e"},
		{"n as number", keyWith(rsaKey, with{"n": 3}), "", "member n is not a string"},
		{"n with zero byte", keyWith(rsaKey, with{"n": leadingZero(rsaKey, "n")}), "", "member n is empty or begins with a zero byte"},
		{"e with zero byte", keyWith(rsaKey, with{"e": "AAEAAQ"}), "", "member e is empty or begins with a zero byte"},
		{"e empty", keyWith(rsaKey, with{"e": ""}), "", "member e is empty"},
		{"e of 1", keyWith(rsaKey, with{"e": "AQ"}), "", "RSA exponent is 1"},
		{"e even", keyWith(rsaKey, with{"e": "AQAA"}), "", "RSA exponent 65536 is even"},
		{"e of 2^31+1", keyWith(rsaKey, with{"e": "gAAAAQ"}), "", "member e is 2³¹ or more"},
		{"e of 2^64+3", keyWith(rsaKey, with{"e": "AQAAAAAAAAAD"}), "", "member e is 2³¹ or more"},
		{"n of 1024 bits", keyWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(keyRSAPublic(1024, 1, 3).N.Bytes())}), "", "RSA key is 1024 bits"},
		{"n of 16385 bits", keyWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(keyRSAPublic(16385, 1, 3).N.Bytes())}), "", "RSA key is 16385 bits"},
		{"n even", keyWith(with{"kty": "RSA", "e": "AQAB"}, with{"n": text(keyRSAPublic(2048, 2, 3).N.Bytes())}), "", "RSA modulus is even"},
		{"no p", keyWith(rsaKey, with{"p": nil}), "", "has no member p, which its type needs"},
		{"no qi", keyWith(rsaKey, with{"qi": nil}), "", "has no member qi, which its type needs"},
		{"three primes", keyWith(rsaKey, with{"oth": []any{}}), "", "more than two primes (oth)"},
		{"wrong d", keyWith(rsaKey, with{"d": rsaKey["p"]}), "", "RSA private key that is not consistent"},
		{"wrong dp", keyWith(rsaKey, with{"dp": rsaKey["dq"]}), "", "RSA private key that is not consistent"},
		{"wrong qi", keyWith(rsaKey, with{"qi": "AQ"}), "", "RSA private key that is not consistent"},

		{"no crv", keyWith(p256, with{"crv": nil}), "", "known are P-256, P-384 and P-521"},
		{"secp256k1", keyWith(p256, with{"crv": "secp256k1"}), "", `is of type EC with crv "secp256k1"; known are`},
		{"another crv", keyWith(p256, with{"crv": "P-384"}), "", "member x is 32 bytes instead of 48"},
		{"no x", keyWith(p256, with{"x": nil}), "", "has no member x"},
		{"no y", keyWith(p256, with{"y": nil}), "", "has no member y"},
		{"x with zero byte", keyWith(p256, with{"x": leadingZero(p256, "x")}), "", "member x is 33 bytes instead of 32"},
		{"short y", keyWith(p256, with{"y": "AQ"}), "", "member y is 1 bytes instead of 32"},
		{"off the curve", keyWith(p256, with{"y": p256["x"]}), "", "members x and y are no point on P-256"},
		{"another d", keyWith(p256, with{"d": text(keyMust(keyEC(elliptic.P256())().Bytes()))}), "", "member d does not belong to x and y"},
		{"d of 0", keyWith(p256, with{"d": text(make([]byte, 32))}), "", "member d is out of range for P-256"},
		{"short d", keyWith(p256, with{"d": "AQ"}), "", "member d is 1 bytes instead of 32"},
		{"d null", strings.Replace(keyWith(p256, with{"d": nil}), "{", `{"d":null,`, 1), "", "member d is not a string"},
		{"another algorithm", keyWith(p256, nil), "EdDSA", "EdDSA does not go with an ECDSA key"},

		{"Ed448", keyWith(ed, with{"crv": "Ed448"}), "", `is of type OKP with crv "Ed448"; known is Ed25519`},
		{"X25519", keyWith(ed, with{"crv": "X25519"}), "", `is of type OKP with crv "X25519"; known is Ed25519`},
		{"x of 31 bytes", keyWith(ed, with{"x": text(keyEd()[33:]), "d": nil}), "", "member x is 31 bytes instead of 32"},
		{"small order", keyWith(ed, with{"x": text(make([]byte, 32)), "d": nil}), "", "small order"},
		{"another d", keyWith(ed, with{"d": text(keySecret(32))}), "", "member d does not belong to x"},
		{"d of 64 bytes", keyWith(ed, with{"d": text(keyEd())}), "", "member d is 64 bytes instead of 32"},
		{"too long", keyWith(ed, with{"a": strings.Repeat("a", 64<<10)}), "", "at most 65536 are read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jwtauth.ParseKey(tt.alg, []byte(tt.text))
			if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != (jwtauth.Key{}) {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}

// Keys and thumbprints as the RFCs print them.
const (
	keyRFC7638 = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	keyRFC8037 = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestThumbprint(t *testing.T) {
	for _, tt := range []struct{ name, jwk, want string }{
		{"RFC 7638 §3.1", keyRFC7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 8037 A.3", keyRFC8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		key := keyMust(jwtauth.ParseKey("", []byte(tt.jwk)))
		if got := key.WithID("").ID(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if id := keyMust(jwtauth.ParseKey("", []byte(keyRFC7638))).ID(); id != "2011-04-29" {
		t.Errorf("the kid of a JWK is its id, not %q", id)
	}
}

func TestMarshalPEM(t *testing.T) {
	for _, alg := range keyAlgorithms {
		key := keyMust(jwtauth.NewKey(alg, keyMaterial(alg)))
		text, err := key.MarshalPEM()
		if strings.HasPrefix(string(alg), "HS") {
			if text != nil || err == nil || !strings.HasPrefix(err.Error(), "jwtauth: "+string(alg)) {
				t.Errorf("%s: %q, %v", alg, text, err)
			}
			continue
		}
		block, rest := pem.Decode(text)
		if err != nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
			t.Fatalf("%s: %q, %v", alg, text, err)
		}
		same, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil || !same.(interface{ Equal(crypto.PrivateKey) bool }).Equal(keyMaterial(alg)) {
			t.Errorf("%s: another key, %v", alg, err)
		}
		external := keyMust(jwtauth.NewKey(alg, keyPublic(keyMaterial(alg).(crypto.Signer).Public())))
		if text := keyMust(external.MarshalPEM()); !bytes.Equal(text, keyMust(key.Public().MarshalPEM())) {
			t.Errorf("%s: the PEM of a key in a KMS is not its public part: %q", alg, text)
		}
	}
}

func TestKeyFromEnv(t *testing.T) {
	const name = "JWTAUTH_TEST_KEY"
	private := string(keyMust(keyMust(jwtauth.NewKey("ES256", keyP256())).MarshalPEM()))
	jwk := string(keyMust(json.Marshal(keyJWK(keyEd()))))
	for _, tt := range []struct{ name, value, want string }{
		{"PEM", private, "ES256"},
		{"PEM with \\n", strings.ReplaceAll(private, "\n", `\n`), "ES256"},
		{"PEM with \\r\\n", strings.ReplaceAll(private, "\n", `\r\n`), "ES256"},
		{"PEM with white space", "\n" + private + "\n", "ES256"},
		{"JWK", jwk + "\n", "EdDSA"},
		{"JWK with alg", `{"kty":"oct","alg":"HS512","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`, "HS512"},
		{"32 bytes", "0123456789abcdef0123456789abcde!", "HS256"},
		{"base64", base64.StdEncoding.EncodeToString(keySecret(32)), "HS256"},
		{"spaces within", "correct horse battery staple, and then some", "HS256"},
		{"literal \\n", `a secret with a backslash-n \n in it`, "HS256"},
	} {
		t.Setenv(name, tt.value)
		if key, err := jwtauth.KeyFromEnv(name); err != nil || string(key.Algorithm()) != tt.want {
			t.Errorf("%s: %v, %v", tt.name, key, err)
		}
	}
	for _, tt := range []struct{ name, value, want string }{
		{"empty", "", "not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32)"},
		{"white space", " \n", "not set or empty"},
		{"short", "0123456789abcdef0123456789abcde", "HS256 key is 31 bytes"},
		{"line break at the end", "0123456789abcdef0123456789abcdef\n", "begins or ends with white space"},
		{"space before", " 0123456789abcdef0123456789abcdef", "begins or ends with white space"},
		{"cut PEM", private[:100], "damaged or cut short"},
		{"PEM without lines", strings.ReplaceAll(private, "\n", ""), "damaged or cut short"},
		{"PEM in quotes", `"` + private + `"`, "preceded by other text"},
		{"PEM's first line lost", private[strings.Index(private, "\n")+1:], "the DER of a key"},
		{"PEM's dashes lost", "BEGIN PRIVATE KEY MC4CAQAwBQYDK2VwBCIEIAAA", "neither PEM"},
		{"encrypted", keyPEM("ENCRYPTED PRIVATE KEY", keySecret(100)), "decrypt it first"},
		{"cut JWK", jwk[:len(jwk)-1], "JWK is not valid JSON"},
		{"JSON", `{"secret":"0123456789abcdef0123456789abcdef"}`, "JWK has no member kty"},
		{"DER", base64.StdEncoding.EncodeToString(keyDER("RS256")), "an encoding of the DER of a key"},
		{"DER of another key", base64.StdEncoding.EncodeToString(keyDER("EdDSA")), "an encoding of the DER of a key"},
		{"cut DER", base64.StdEncoding.EncodeToString(keyDER("RS256"))[:100], "an encoding of the DER of a key"},
		{"private DER", base64.RawURLEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(keyRSA())), "an encoding of the DER of a key"},
		{"public JWK in quotes", `'` + jwk + `'`, "in quotes or brackets"},
		{"public JWK in a list", `[` + jwk + `]`, "in quotes or brackets"},
		{"public JWK behind a mark", "\uFEFF" + jwk, "JSON, like a JWK"},
		{"public JWK behind a word", "export KEY=" + jwk, "JSON, like a JWK"},
		{"public JWK escaped", strings.Trim(strconv.Quote(jwk), `"`), "JWK is not valid JSON"},
		{"two JWKs", jwk + "\n" + jwk, "JWK"},
		{"XML", "<RSAKeyValue><Modulus>0123456789abcdef0123456789abcdef</Modulus></RSAKeyValue>", "in quotes or brackets"},
		{"DER in lines of \\n", strings.Join(slices.Collect(chunks(base64.StdEncoding.EncodeToString(keyDER("RS256")), 64)), `\n`), "an encoding of the DER of a key"},
		{"reference", "${SECRET_THAT_NOBODY_REPLACED_IN_TIME}", "refers to something else"},
		{"URL", "https://login.example.com/.well-known/jwks.json", "refers to something else"},
		{"base64 of PEM", base64.StdEncoding.EncodeToString([]byte(private)), "an encoding of PEM"},
		{"base64 of JWK", base64.StdEncoding.EncodeToString([]byte(jwk)), "an encoding of JSON, like a JWK"},
		{"OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA me@host", "an OpenSSH public key"},
	} {
		t.Setenv(name, tt.value)
		key, err := jwtauth.KeyFromEnv(name)
		if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: environment variable "+name+": ") || !strings.Contains(err.Error(), tt.want) {
			t.Fatalf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		if key != (jwtauth.Key{}) {
			t.Errorf("%s: key %v beside the error", tt.name, key)
		}
		value := strings.TrimSpace(tt.value)
		for i := 0; i+12 <= len(value); i++ {
			if piece := value[i : i+12]; strings.Contains(err.Error(), piece) && !strings.Contains("-----BEGIN -----END JWK PRIVATE KEY", piece) {
				t.Errorf("%s: the error shows %q: %v", tt.name, piece, err)
			}
		}
	}
}

// chunks cuts s into pieces of n bytes.
func chunks(s string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(s) > n && yield(s[:n]) {
			s = s[n:]
		}
		yield(s)
	}
}
