package jwtauth_test

import (
	"context"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// damage is a text that a developer passes to VerifyToken, or signed claims.
type damage struct {
	setup, token, err string // err after "jwtauth: "
}

// The exact errors of texts that are not tokens, and of tokens that were
// changed on their way or made by hand. VerifyToken is called directly, as for
// a token from a message or a command line.
func TestRefusalTextsOfDamage(t *testing.T) {
	f := forgeES256(t)
	byIssuer, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": f.verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range substitutes(f) {
		_, err := f.verifier(t).VerifyToken(t.Context(), c.token)
		checkDamage(t, c, err)
	}
	for _, c := range damagedClaims(f) {
		for _, v := range []jwtauth.TokenVerifier{f.verifier(t), byIssuer} {
			_, err := v.VerifyToken(t.Context(), c.token)
			checkDamage(t, c, err)
		}
	}
}

func checkDamage(t *testing.T, c damage, err error) {
	t.Helper()
	t.Logf("%s\n\t%v", c.setup, err)
	if err == nil || err.Error() != "jwtauth: "+c.err {
		t.Errorf("%s:\n got %v\nwant jwtauth: %s", c.setup, err, c.err)
	}
	w := httptest.NewRecorder()
	jwtauth.WriteError(w, httptest.NewRequest("GET", "/", nil), err)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), c.err) {
		t.Errorf("%s: the client sees %d %s", c.setup, w.Code, w.Body)
	}
}

// substitutes are texts instead of a token, and tokens whose text was changed.
func substitutes(f forger) []damage {
	good := f.claims(goodClaims)
	part := strings.Split(good, ".")
	const (
		header   = malformedToken + "the header, its first segment, "
		encoding = "is not base64url without padding (RFC 7515, section 2): "
	)
	standard := base64.StdEncoding.EncodeToString([]byte(`{"alg":"ES256","x":"??>>"}`))
	list := []damage{
		{"an empty text", "", malformedToken + "no token, only an empty text"},
		{"localStorage.getItem returned null", "null", malformedToken + "a word such as null or undefined instead of a token: the sender reads a variable that has no value"},
		{"token is undefined in JavaScript", "undefined", malformedToken + "a word such as null or undefined instead of a token: the sender reads a variable that has no value"},
		{"fmt.Sprint of a map", "map[access_token:" + good + "]", malformedToken + "the text form of an object, such as [object Object] or b'…', instead of a token: send the token in it"},
		{"str() of bytes in Python", "b'" + good + "'", malformedToken + "the text form of an object, such as [object Object] or b'…', instead of a token: send the token in it"},
		{"the shell did not expand $TOKEN", "$TOKEN", malformedToken + "a placeholder such as $TOKEN or <token>, which was not replaced"},
		{"a token from a log that masks it", part[0] + ".***", malformedToken + "a token that a display or a log has shortened or masked (… or ***)"},
		{"a token in quotes", `"` + good + `"`, malformedToken + "the token is in quotes"},
		{"a quote before the token only", `'` + good, malformedToken + "the token is in quotes"},
		{"the value of the Authorization header", "Bearer " + good, malformedToken + "a scheme such as Bearer, or the name of a header, precedes the token: pass the token alone"},
		{"the Authorization header with its name", "Authorization: Bearer " + good, malformedToken + "a scheme such as Bearer, or the name of a header, precedes the token: pass the token alone"},
		{"a parameter with its name", "access_token=" + good, malformedToken + "a name and an equals sign precede the token: pass the value alone"},
		{"the URL of a callback", "https://app.example/#access_token=" + good, malformedToken + "a URL instead of a token"},
		{"a percent-encoded token", strings.ReplaceAll(good, ".", "%2E"), malformedToken + "the token is percent-encoded (%2E stands for a dot): decode it once"},
		{"two tokens with a comma", good + "," + good, malformedToken + "a comma in the token: two tokens or two headers were joined"},
		{"a line break within the header", good[:10] + "\n" + good[10:], malformedToken + "a space or a line break in the token or after it"},
		{"a byte order mark", "\ufeff" + good, malformedToken + "a character outside of ASCII, such as a byte order mark or a long dash"},
		{"the JSON serialization of a JWS", `{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`, malformedToken + "the JSON serialization of a JWS (RFC 7515, section 7.2): only the compact one is supported"},
		{"the JSON serialization of a JWE", `{"protected":"` + part[0] + `","ciphertext":"AAAA"}`, malformedToken + "the JSON serialization of a JWE: the token is encrypted"},
		{"the response of the token endpoint", `{"access_token":"` + good + `"}`, malformedToken + "the whole response of a token endpoint: pass its access_token alone"},
		{"the claims instead of the token", goodClaims, malformedToken + "JSON instead of a token"},
		{"a SAML assertion", "<saml:Assertion></saml:Assertion>", malformedToken + "XML, such as a SAML assertion, instead of a JWT"},
		{"a SAML response in base64", base64.StdEncoding.EncodeToString([]byte("<samlp:Response ID=\"_1\">")), malformedToken + "XML, such as a SAML assertion, instead of a JWT"},
		{"the public key instead of the token", "-----BEGIN PUBLIC KEY-----\nAAAA", malformedToken + "PEM instead of a token: it is a key or a certificate"},
		{"a PASETO token", "v4.public.AAAA", malformedToken + "a PASETO token, which is not a JWT"},
		{"a PASETO token with a footer", "v2.local.AAAA.AAAA", malformedToken + "a PASETO token, which is not a JWT"},
		{"a token from a secret of Kubernetes", base64.StdEncoding.EncodeToString([]byte(good)), malformedToken + "the token is encoded in base64 once more: decode it once"},
		{"an API key", "ghp_abcdefghij0123456789", malformedToken + "one segment instead of three: an opaque token, which only its issuer can check (introspection, RFC 7662)"},
		{"an opaque token with a dot", "ya29.a0AfH6SMC", malformedToken + "not three segments, separated by two dots"},
		{"only the header", part[0], malformedToken + "one segment instead of three, and it begins like the header of a JWT: the token was cut off, or its dots were lost"},
		{"header and payload", part[0] + "." + part[1], malformedToken + "two segments instead of three: the signature was cut off"},
		{"the token of a sentence", good + ".", malformedToken + "a dot before or after the token"},
		{"two tokens without a separator", good + good, malformedToken + "more than three segments: two tokens were joined"},
		{"two tokens with a dot", good + "." + good, malformedToken + "more than three segments: two tokens were joined"},
		{"an encrypted token", b64(`{"alg":"dir","enc":"A256GCM"}`) + "..AAAA.AAAA.AAAA", malformedToken + "five segments: the token is encrypted (JWE)"},
		{"a header in standard base64", strings.TrimRight(standard, "=") + "." + part[1] + "." + part[2], header + encoding + "it has + or / of standard base64 instead of - and _"},
		{"a header with padding", base64.URLEncoding.EncodeToString([]byte(`{"alg":"ES256" }`)) + "." + part[1] + "." + part[2], header + encoding + "it ends with ="},
		{"a character of the header was lost", part[0] + "AA" + "." + part[1] + "." + part[2], header + "has other text after the JSON object"},
		{"a header that was cut off", b64(`{"alg":"ES256","typ`) + "." + part[1] + "." + part[2], header + "is JSON that was cut short"},
		{"a header of Python's str()", b64(`{'alg': 'ES256'}`) + "." + part[1] + "." + part[2], header + "has single quotes; JSON has double quotes"},
		{"half of a surrogate pair in kid", f.token(`{"alg":"ALG","kid":"\ud800"}`, goodClaims), header + `has half of a surrogate pair (\uD800 to \uDFFF) in a string, which is no character (RFC 8259, section 8.2)`},
		{"a DPoP proof instead of the token", f.token(`{"alg":"ALG","typ":"dpop+jwt"}`, goodClaims), otherType + "it is a DPoP proof, which belongs in the DPoP header, and the access token in Authorization"},
	}
	return append(list, damagedSignatures(f)...)
}

// damagedSignatures are tokens whose algorithm or signature has another form.
func damagedSignatures(f forger) (list []damage) {
	const spelled = " must be spelled "
	const other = " is not a name of JWS (RFC 7518, section 3.1); if the issuer means "
	alg := func(name, err string) {
		list = append(list, damage{"alg is " + name, f.token(`{"alg":"`+name+`"}`, goodClaims), unknownKey + "alg in the header" + err})
	}
	alg("es256", spelled+"ES256: names of algorithms are case-sensitive (RFC 7515, section 4.1.1)")
	alg("Hs256", spelled+"HS256: names of algorithms are case-sensitive (RFC 7515, section 4.1.1)")
	alg("eddsa", spelled+"EdDSA: names of algorithms are case-sensitive (RFC 7515, section 4.1.1)")
	alg("NONE", " is none: the token is not signed")
	alg("SHA256withECDSA", other+"ES256, it must write that")
	alg("RSA-SHA256", other+"RS256, it must write that")
	alg("HmacSHA512", other+"HS512, it must write that")
	alg("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", other+"RS256, it must write that")
	alg("RSA-OAEP-256", " is an algorithm for encryption (RFC 7518, section 4.1), but the token has the form of a signed one")
	alg("ML-DSA-44", " is not supported; the algorithms are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA")

	good := f.claims(goodClaims)
	input := good[:strings.LastIndexByte(good, '.')]
	raw := f.sign(input)
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	der, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	encode := base64.RawURLEncoding.EncodeToString
	const encoding = "the signature, the third segment, is not base64url without padding (RFC 7515, section 2): "
	for _, c := range []damage{
		{"the signature of openssl dgst -sign", encode(der), "the signature is in ASN.1 DER form; JWS needs the 64 bytes of r and s (RFC 7518, section 3.4)"},
		{"the signature in hexadecimal", fmt.Sprintf("%x", raw), "the signature is hexadecimal; JWS needs base64url of its bytes (RFC 7515, section 2)"},
		{"the end of the token was cut off", encode(raw)[:80], "the signature does not have the 64 bytes of ES256: it was cut off, or is of another algorithm"},
		{"text after the token", encode(raw) + "AAAA", "the signature does not have the 64 bytes of ES256: it was cut off, or is of another algorithm"},
		{"a signature of 256 bytes", encode(make([]byte, 256)), "the signature does not have the 64 bytes of ES256: it was cut off, or is of another algorithm"},
		{"a line break after the token", encode(raw) + "\n", encoding + "it has a character that base64url does not have, such as a space or a percent sign"},
		{"the signature in standard base64", "+/" + encode(raw)[2:], encoding + "it has + or / of standard base64 instead of - and _"},
		{"one character was lost", encode(raw)[1:], encoding + "no encoder writes this length: the token was cut off, or a character was added"},
		{"the last character was changed", encode(make([]byte, 64))[:85] + "B", encoding + "its last character was changed, or more were cut off"},
		{"another signature", encode(make([]byte, 64)), "it was made with another key, or the token was changed"},
	} {
		list = append(list, damage{c.setup, input + "." + c.token, badSignature + c.err})
	}
	return list
}

// damagedClaims are claims that were made by hand or changed on their way. A
// ByIssuer sees the same damage.
func damagedClaims(f forger) (list []damage) {
	const payload = badClaims + "the payload "
	add := func(setup, claims, err string) { list = append(list, damage{setup, f.claims(claims), err}) }
	cut := strings.TrimSuffix(goodClaims, "}")
	add("the JSON of the claims was cut", cut, payload+"is JSON that was cut short")
	add("half of a surrogate pair", withClaims(`"aaa":"secret\ud83d"`), payload+`has half of a surrogate pair (\uD800 to \uDFFF) in a string, which is no character (RFC 8259, section 8.2)`)
	add("claims of Python's str()", "{'sub': 'ann'}", payload+"has single quotes; JSON has double quotes")
	add("a literal of JavaScript", "{sub: 1}", payload+"has a word without quotes that JSON does not have, such as NaN or None")
	add("None of Python", `{"a":None,"iss":"https://issuer.example"}`, payload+"has a word without quotes that JSON does not have, such as NaN or None")
	add("a comma after the last claim", cut+",}", payload+"has a comma before a closing bracket")
	add("a line break in a string", "{\"a\":\"b\n\"}", payload+"has a line break or another control character in a string")
	add("a byte order mark before the claims", "\ufeff"+goodClaims, payload+"begins with a byte order mark")
	add("claims that nest too deep", `{"a":`+strings.Repeat("[", 256)+strings.Repeat("]", 256)+"}", payload+"nests deeper than 256")
	add("a nested JWT", f.claims(goodClaims), badClaims+"the payload is a token itself (a nested JWT; RFC 7519, section 2)")

	claim := func(setup, member, err string) { add(setup, withClaims(member), err) }
	claim("exp is 1e400", `"exp":1e400`, badClaims+"exp is out of range; it counts seconds since 1970, and the year must be at most 9999")
	claim("Date.now() as exp", `"exp":1800000900000`, badClaims+"exp is out of range; it counts seconds since 1970, not milliseconds")
	claim("UnixNano as iat", `"iat":1800000000000000000`, badClaims+"iat is out of range; it counts seconds since 1970, not microseconds or nanoseconds")
	claim("a lifetime as exp", `"exp":3600`, "token expired: exp is before 1980; it is a time in seconds since 1970, not a lifetime")
	claim("aud is the audience in capital letters", `"aud":["API"]`, `token for another audience: aud does not contain "api"; it differs only in capital and small letters`)
	claim("two audiences in one text", `"aud":"web api"`, `token for another audience: aud does not contain "api"; it is one text with several names; the issuer must write an array of strings`)
	return list
}

// The differences of an issuer that are easily overlooked.
func TestRefusalTextsOfIssuers(t *testing.T) {
	f := forgeES256(t)
	for iss, want := range map[string]string{
		"http://issuer.example":   "; it differs only in its scheme (https://, http:// or none)",
		"issuer.example":          "; it differs only in its scheme (https://, http:// or none)",
		"https://ISSUER.example":  "; it differs only in capital and small letters",
		"https://issuer.example ": "; it differs only in white space at an end",
		"https://evil.example":    "",
	} {
		token := f.claims(withClaims(`"iss":"` + iss + `"`))
		_, err := f.verifier(t).VerifyToken(t.Context(), token)
		checkDamage(t, damage{iss, token, `token of another issuer: iss is not "https://issuer.example"` + want}, err)
	}
}

// A signature of RSA has the length of the modulus.
func TestRefusalTextsOfRSA(t *testing.T) {
	key := keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSAPublic(3072, 1, 65537)))
	v := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{key}, nil
	}), options())
	for size, want := range map[int]string{
		256: "the signature is not as long as the modulus of a key: it was made with a key of another length, or cut off",
		384: "it was made with another key, or the token was changed",
	} {
		token := b64(`{"alg":"RS256"}`) + "." + b64(goodClaims) + "." + b64(strings.Repeat("\x00", size))
		_, err := v.VerifyToken(t.Context(), token)
		checkDamage(t, damage{fmt.Sprint(size, " bytes"), token, badSignature + want}, err)
	}
}
