package docs_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const rulesIssuer = "https://issuer.example"

func staticKeys(t testing.TB, keys ...jwtauth.Key) jwtauth.KeySource {
	t.Helper()
	source, err := jwtauth.StaticKeys(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func newKey(t testing.TB, alg jwtauth.Algorithm, material any) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.NewKey(alg, material)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rulesVerifier accepts the tokens of ruleClaims with keys.
func rulesVerifier(t testing.TB, keys jwtauth.KeySource) *jwtauth.Verifier {
	t.Helper()
	v, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: rulesIssuer, Audience: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func ruleClaims() object {
	return object{"iss": rulesIssuer, "aud": "api", "sub": "u1", "exp": now + 3000}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// No spelling of "none" makes a token without a signature valid, whatever the
// keys are.
func TestUnsecured(t *testing.T) {
	secret := draft{[]byte(supabaseJWTSecret), object{}, ruleClaims()}
	for name, source := range map[string]jwtauth.KeySource{
		"RSA":  staticKeys(t, newKey(t, jwtauth.RS256, &rsaKey.PublicKey)),
		"EC":   staticKeys(t, newKey(t, jwtauth.ES256, &ecKey.PublicKey)),
		"HMAC": staticKeys(t, newKey(t, jwtauth.HS256, secret.key)),
	} {
		v := rulesVerifier(t, source)
		_, rest, _ := strings.Cut(secret.sign(t), ".")
		payload, signature, _ := strings.Cut(rest, ".")
		for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", "", "null"} {
			for _, signature := range []string{"", signature} {
				token := encoded(`{"alg":"`+alg+`","typ":"JWT"}`) + "." + payload + "." + signature
				if claims, err := v.VerifyToken(t.Context(), token); claims != nil || !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Errorf("%s: alg %q: %v, %v", name, alg, claims, err)
				}
			}
		}
	}
}

// A token whose payload is another token is not read as claims, with or without
// the "cty" of RFC 7519, section 5.2.
func TestNestedToken(t *testing.T) {
	v := rulesVerifier(t, staticKeys(t, newKey(t, jwtauth.RS256, &rsaKey.PublicKey)))
	inner := draft{rsaKey, object{"typ": "JWT"}, ruleClaims()}.sign(t)
	if _, err := v.VerifyToken(t.Context(), inner); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{`{"alg":"RS256","cty":"JWT"}`, `{"alg":"RS256"}`} {
		token := signedText(t, header, inner)
		if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrClaimsInvalid) {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// signedText signs any text with rsaKey.
func signedText(t testing.TB, header, payload string) string {
	t.Helper()
	input := encoded(header) + "." + encoded(payload)
	signature, err := signRS256(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// A caller that looks at one of the two results only makes no mistake: with an
// error there are no claims.
func TestErrorMeansNoClaims(t *testing.T) {
	p := auth0Provider()
	for url, document := range p.documents {
		internet.publish(t, url, document)
	}
	v := p.verifier(t)
	tokens := forgeries(p.token.sign(t))
	for _, c := range append(commonCases(&p), p.cases...) {
		if c.refuse != "" {
			d := draft{p.token.key, maps.Clone(p.token.header), maps.Clone(p.token.claims)}
			c.change(&d)
			tokens[c.name] = d.sign(t)
		}
	}
	for name, token := range tokens {
		if claims, err := v.VerifyToken(t.Context(), token); claims != nil || err == nil {
			t.Errorf("%s: %v, %v", name, claims, err)
		}
	}
	if len(tokens) < 30 {
		t.Errorf("only %d tokens", len(tokens))
	}
}

// Signatures with r or s of 0, or of the order of the curve, are not valid.
func TestZeroSignature(t *testing.T) {
	for alg, curve := range map[jwtauth.Algorithm]elliptic.Curve{
		jwtauth.ES256: elliptic.P256(), jwtauth.ES384: elliptic.P384(), jwtauth.ES512: elliptic.P521(),
	} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		v := rulesVerifier(t, staticKeys(t, newKey(t, alg, &private.PublicKey)))
		payload, err := json.Marshal(ruleClaims())
		if err != nil {
			t.Fatal(err)
		}
		size, order := (curve.Params().BitSize+7)/8, curve.Params().N
		for _, r := range []*big.Int{new(big.Int), order, big.NewInt(1)} {
			for _, s := range []*big.Int{new(big.Int), order, big.NewInt(1)} {
				signature := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
				token := encoded(`{"alg":"`+string(alg)+`"}`) + "." + encoded(string(payload)) + "." + base64.RawURLEncoding.EncodeToString(signature)
				if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrSignatureInvalid) {
					t.Errorf("%s: r %v, s %v: %v", alg, r, s, err)
				}
			}
		}
	}
}

// Two issuers publish different keys under one ID. Neither can sign for the
// other.
func TestTwoIssuersOneKeyID(t *testing.T) {
	const a, b = "https://a.example", "https://b.example"
	verifiers := make(map[string]jwtauth.TokenVerifier)
	for issuer, key := range map[string]object{a: jwk(rsaKey, object{"kid": "1"}), b: jwk(strangerRSA, object{"kid": "1"})} {
		for url, document := range discovery(issuer, issuer+"/jwks", keySet(key)) {
			internet.publish(t, url, document)
		}
		keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
		if err != nil {
			t.Fatal(err)
		}
		verifiers[issuer], err = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuer, Audience: []string{"api"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	v, err := jwtauth.ByIssuer(verifiers)
	if err != nil {
		t.Fatal(err)
	}
	token := func(key any, issuer string) string {
		claims := ruleClaims()
		claims["iss"] = issuer
		return draft{key, object{"kid": "1"}, claims}.sign(t)
	}
	var f figures
	for range 2 { // with cold and with warm caches
		f.check(t, v, token(rsaKey, a), tokenCase{name: "the first issuer"})
		f.check(t, v, token(strangerRSA, b), tokenCase{name: "the second issuer"})
		f.check(t, v, token(strangerRSA, a), tokenCase{name: "the second for the first", refuse: "signature"})
		f.check(t, v, token(rsaKey, b), tokenCase{name: "the first for the second", refuse: "signature"})
	}
}

// No text of a public key is accepted as a secret, with or without invisible
// characters around it. Anyone who knows the public key could sign with it.
func TestPublicKeyAsSecret(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(keySet(jwk(rsaKey, nil)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(jwk(ecKey, nil))
	if err != nil {
		t.Fatal(err)
	}
	body := base64.StdEncoding.EncodeToString(der)
	count := 0
	for name, text := range map[string]string{
		"PEM":                  string(publicPEM(rsaKey)),
		"PKCS #1":              string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)})),
		"PEM of an EC key":     string(publicPEM(ecKey)),
		"a certificate":        string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"a certificate list":   string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})),
		"PEM on one line":      strings.ReplaceAll(string(publicPEM(rsaKey)), "\n", " "),
		"PEM without its ends": strings.Join(strings.Split(string(publicPEM(rsaKey)), "\n")[1:8], "\n"),
		"base64 of DER":        body,
		"a JWK":                string(key),
		"a key set":            string(set),
		"OpenSSH":              "ssh-rsa " + body,
		"PGP":                  "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + body + "\n-----END PGP PUBLIC KEY BLOCK-----\n",
		"SSH2":                 "---- BEGIN SSH2 PUBLIC KEY ----\n" + body + "\n---- END SSH2 PUBLIC KEY ----\n",
		"DER":                  string(der),
	} {
		for _, around := range []string{"", " ", "\n", "\t\r\n", "\ufeff", "\u200b", "\u00a0", "\u2060"} {
			for _, secret := range []string{around + text, text + around, around + text + around} {
				count++
				if _, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret)); err == nil {
					t.Errorf("%s with %q around it is accepted", name, around)
				}
			}
		}
	}
	t.Logf("%d texts refused", count)
}

// A claim name cannot end the object or add claims, because it is escaped.
func TestClaimNames(t *testing.T) {
	issuer, err := jwtauth.NewIssuer(newKey(t, jwtauth.ES256, ecKey), jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`x":1,"sub":"admin","y`, `x"}`, "a\nb", `\`, `\u0073ub`, "</script>"} {
		token, err := issuer.Sign("u1", map[string]any{name: "v"})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		claims, err := issuer.VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := claims.Decode(&all); err != nil || claims.Subject != "u1" || all[name] != "v" || len(all) != 5 {
			t.Errorf("%q: %v, %v", name, all, err)
		}
	}
}

// An Issuer can write all claims that RFC 9068, section 2.2, requires.
func TestAccessTokenClaims(t *testing.T) {
	issuer, err := jwtauth.NewIssuer(newKey(t, jwtauth.RS256, rsaKey), jwtauth.IssuerOptions{Issuer: rulesIssuer, Audience: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("u1", map[string]any{"client_id": "web", "scope": "read"}, jwtauth.ExpiresIn(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := rulesVerifier(t, staticKeys(t, newKey(t, jwtauth.RS256, &rsaKey.PublicKey))).VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := claims.Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		if all[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// An Issuer with an Audience refuses its own tokens for other services. One
// without an Audience has no name to compare.
func TestIssuerAudience(t *testing.T) {
	for name, c := range map[string]struct {
		audience []string
		want     error
	}{
		"with a name":    {[]string{"api"}, jwtauth.ErrAudienceMismatch},
		"without a name": {nil, nil},
	} {
		issuer, err := jwtauth.NewIssuer(newKey(t, jwtauth.ES256, ecKey), jwtauth.IssuerOptions{Audience: c.audience})
		if err != nil {
			t.Fatal(err)
		}
		token, err := issuer.Sign("u1", nil, jwtauth.ForAudience("web"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.VerifyToken(t.Context(), token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A stored hash of 60 bytes that are not ASCII is an error and no panic.
func TestHashNotASCII(t *testing.T) {
	for _, hash := range []string{
		strings.Repeat("é", 30), "$2b$04$" + strings.Repeat("é", 26) + "x", "$2b$0é$" + strings.Repeat("a", 52), "$2b$04$" + strings.Repeat("\xff", 53),
	} {
		if err := jwtauth.CheckPassword(context.Background(), hash, "password"); !errors.Is(err, jwtauth.ErrWrongPassword) {
			t.Errorf("%q: %v", fmt.Sprintf("%.20s", hash), err)
		}
	}
}
