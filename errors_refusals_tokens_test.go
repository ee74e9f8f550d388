package jwtauth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// refusalsOfTokens are the refusals of a Verifier. No text contains a value of
// the token.
func refusalsOfTokens(t *testing.T) []refusal {
	return append(refusalsOfForm(t), refusalsOfClaims(t)...)
}

const (
	malformedToken = "token malformed: "
	unknownKey     = "no key for the token: "
	badSignature   = "token signature invalid: "
	otherType      = "token of another type: "
	badClaims      = "token claims invalid: "
	notYet         = "token not yet valid: "
)

// refusalsOfForm are those before the claims are read.
func refusalsOfForm(t *testing.T) []refusal {
	f, secret, public := forgeES256(t), forgeHS256(t), forgeEdDSA(t)
	v, hmac := f.verifier(t), secret.verifier(t)
	both := newVerifier(t, staticKeys(t, secret.key, public.key), options())
	named := newVerifier(t, staticKeys(t, f.key.WithID("2026")), options())
	foreign := newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return nil, nil }), options())
	typed := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Types = []string{"at+jwt"} })
	good := f.claims(goodClaims)
	with := func(header string) string { return f.token(header, goodClaims) }
	const header = malformedToken + "the header, its first segment, "
	const encoding = "is not base64url without padding (RFC 7515, section 2)"
	var all []refusal
	add := func(setup string, v *jwtauth.Verifier, token, err string) {
		all = append(all, refusal{setup: setup, err: err, request: get(token), verifier: v})
	}
	add("an opaque token of the provider", v, "mF_9B5f41JqM", malformedToken+"one segment instead of three: an opaque token, which only its issuer can check (introspection, RFC 7662)")
	add("an encrypted ID token", v, "a.b.c.d.e", malformedToken+"five segments: the token is encrypted (JWE)")
	add("a token without its last part", v, good[:strings.LastIndexByte(good, '.')], malformedToken+"two segments instead of three: the signature was cut off")
	add("a token of 17 KiB with all groups of the user", v, f.ofLength(t, 17<<10), malformedToken+"longer than MaxTokenBytes (16384)")
	add("a token whose first part was cut off", v, good[strings.IndexByte(good, '.'):], header+"is empty")
	add("a token of standard base64, with + and /", v, "eyJhbGciOiJFUzI1NiJ9+/+/"+good[strings.IndexByte(good, '.'):], header+encoding+": it has + or / of standard base64 instead of - and _")
	add("a header of 9 KiB with a certificate chain", v, with(`{"alg":"ALG","x5c":["`+strings.Repeat("x", 8<<10)+`"]}`), header+"is longer than 8192 characters")
	add("a text with two dots", v, "www.example.com", header+"is not a JSON object (RFC 8259)")
	add("the header is not JSON", v, with(`alg=ALG`), header+"is not a JSON object (RFC 8259)")
	add("kid twice", v, with(`{"alg":"ALG","kid":"a","kid":"b"}`), malformedToken+"the header has two members of the same name")
	add("the header without alg", v, with(`{"typ":"JWT"}`), malformedToken+"alg, the algorithm in the header, is missing or not a string")
	add("kid is the number 7", v, with(`{"alg":"ALG","kid":7}`), malformedToken+"kid in the header is not a string")
	add("typ is null", v, with(`{"alg":"ALG","typ":null}`), malformedToken+"typ in the header is not a string")
	add("crit", v, with(`{"alg":"ALG","crit":["exp"],"exp":1}`), malformedToken+"the header has crit, which demands an extension (RFC 7515, section 4.1.11), and none is supported")
	add("an unencoded payload", v, with(`{"alg":"ALG","b64":false}`), malformedToken+"the header has b64, and only true is supported (RFC 7797)")

	add("an ID token of its own type", v, with(`{"alg":"ALG","typ":"secret+jwt"}`), otherType+`typ in the header is not one of ["jwt" "at+jwt"]`)
	add("the refresh token as an access token", v, with(`{"alg":"ALG","typ":"rt+jwt"}`), otherType+"it is a refresh token, which only Issuer.Refresh accepts")
	add("Types: at+jwt, the provider writes JWT", typed, with(`{"alg":"ALG","typ":"JWT"}`), otherType+`typ in the header is not one of ["at+jwt"]`)
	add("Types: at+jwt, the provider writes no typ", typed, with(`{"alg":"ALG"}`), otherType+`the header has no typ; it must be one of ["at+jwt"]`)

	add("an unsigned token", v, f.token(`{"alg":"None"}`, goodClaims), unknownKey+"alg in the header is none: the token is not signed")
	add("alg is ES256K", v, f.token(`{"alg":"ES256K"}`, goodClaims), unknownKey+"alg in the header is not supported; the algorithms are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA")
	add("the partner signs with HS512", hmac, secret.token(`{"alg":"HS512"}`, goodClaims), unknownKey+
		"the keys are for HS256, the header says HS512; if the issuer uses that, configure NewKey(HS512, secret) with a secret of at least 64 bytes")
	add("the provider signs with RS256", v, f.token(`{"alg":"RS256"}`, goodClaims), unknownKey+"the keys are for ES256, the header says RS256")
	add("the public key is used as a secret", v, f.token(`{"alg":"HS256"}`, goodClaims), unknownKey+"the keys are for ES256, the header says HS256")
	add("two kinds of keys, a token of a third", both, f.token(`{"alg":"HS384"}`, goodClaims), unknownKey+"the keys are for HS256, EdDSA, the header says HS384")
	add("the provider has a new key", named, with(`{"alg":"ALG","kid":"secret"}`), unknownKey+"no ES256 key has the ID in kid; use the IDs of the issuer (Key.WithID), and its present keys")
	add("a KeySource of the application", foreign, with(`{"alg":"ALG","kid":"secret"}`), unknownKey+"the KeySource has no ES256 key for the kid in the header")

	add("a token of another key", v, forgeES256(t).claims(goodClaims), badSignature+"it was made with another key, or the token was changed")
	add("a token of another secret", hmac, forgeHS256(t).claims(goodClaims), badSignature+"it was made with another secret, or the token was changed; perhaps only one side decodes it from base64")
	add("the signature was cut off", v, good[:strings.LastIndexByte(good, '.')+1], badSignature+"the signature, the third segment, is empty")
	add("the signature is padded", v, good+"=", badSignature+"the signature, the third segment, "+encoding+": it ends with =")
	return all
}

func refusalsOfClaims(t *testing.T) []refusal {
	f := forgeES256(t)
	v := f.verifier(t)
	two := f.verifier(t, func(o *jwtauth.VerifierOptions) {
		o.Audience, o.MaxAge, o.Leeway = []string{"api", "web"}, time.Hour, time.Minute
	})
	refused := f.verifier(t, func(o *jwtauth.VerifierOptions) {
		o.Check = func(context.Context, *jwtauth.Claims) error { return fmt.Errorf("tenant unknown") }
	})
	byIssuer, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": v})
	if err != nil {
		t.Fatal(err)
	}
	var all []refusal
	add := func(setup string, v jwtauth.TokenVerifier, payload, err string) {
		all = append(all, refusal{setup: setup, err: err, request: get(f.claims(payload)), verifier: v})
	}
	claim := func(setup, member, err string) { add(setup, v, withClaims(member), badClaims+err) }
	without := func(name, err string) { add("a token without "+name, v, withoutClaim(name), err) }

	add("an empty payload", v, "", badClaims+"the payload, the second segment, is empty")
	add("a payload in Latin-1", v, withClaims("\"name\":\"secr\xe9t\""), badClaims+"the payload is not valid UTF-8")
	add("a payload that is no object", v, `["secret"]`, badClaims+"the payload is not a JSON object (RFC 8259)")
	claim("aud twice", `"aud":"secret","aud":"api"`, `"aud" is given twice`)
	claim("roles twice", `"roles":"secret","roles":"api"`, `"roles" is given twice`)
	claim("iss is null", `"iss":null`, "iss is not a string")
	claim("sub is the number of the user", `"sub":12345`, "sub is not a string")
	claim("aud is an object", `"aud":{"secret":1}`, "aud is neither a string nor an array of strings")
	claim("aud has a number", `"aud":["api",12345]`, "aud is neither a string nor an array of strings")
	claim("exp is a string", `"exp":"1800000900"`, "exp is not a number but a string; it counts seconds since 1970, without quotes")
	claim("exp is null", `"exp":null`, "exp is not a number")
	claim("exp in milliseconds", `"exp":1800000900000`, "exp is out of range; it counts seconds since 1970, not milliseconds")
	claim("nbf is a date", `"nbf":"2026-01-01"`, "nbf is not a number but a string; it counts seconds since 1970, without quotes")
	claim("iat in milliseconds", `"iat":1800000000000`, "iat is out of range; it counts seconds since 1970, not milliseconds")
	claim("sub is empty", `"sub":""`, "sub is missing or empty: the issuer must set it, or set AnySubject with a Check")
	without("exp", badClaims+"exp is missing; a token must expire")
	without("sub", badClaims+"sub is missing or empty: the issuer must set it, or set AnySubject with a Check")
	without("iss", `token of another issuer: iss is missing or empty; it must be "https://issuer.example"`)
	without("aud", `token for another audience: aud is missing or empty; it must contain "api"`)
	add("aud is an empty list", v, withClaims(`"aud":[]`), `token for another audience: aud is an empty array; it must contain "api"`)
	add("aud is an empty text", v, withClaims(`"aud":""`), `token for another audience: aud is an empty string; it must contain "api"`)
	add("MaxAge and a token without iat", two, withoutClaim("iat"), badClaims+"iat is missing; VerifierOptions.MaxAge requires it")

	add("a token of the staging issuer", v, withClaims(`"iss":"https://staging.example"`), `token of another issuer: iss is not "https://issuer.example"`)
	add("a slash at the end of iss", v, withClaims(`"iss":"https://issuer.example/"`), `token of another issuer: iss is not "https://issuer.example"; it differs only in a slash at the end`)
	add("an ID token: aud is the client", v, withClaims(`"aud":"client-1"`), `token for another audience: aud does not contain "api"`)
	add("two audiences are configured", two, withClaims(`"aud":"client-1"`), `token for another audience: aud does not contain ["api" "web"]`)
	add("ByIssuer and a token of another issuer", byIssuer, withClaims(`"iss":"https://other.example"`), "token of another issuer: no verifier for its iss")
	add("ByIssuer and a token without iss", byIssuer, withoutClaim("iss"), "token of another issuer: iss is missing")

	add("a token of yesterday", v, withClaims(`"exp":1799900000`), "token expired: exp is more than Leeway (0s) ago")
	add("a token of yesterday, with leeway", two, withClaims(`"exp":1799900000`), "token expired: exp is more than Leeway (1m0s) ago")
	add("the clock of the issuer is ahead, nbf", v, withClaims(`"nbf":1800000060`), notYet+"nbf is in the future; compare the clocks of both machines")
	add("the clock of the issuer is ahead, iat", v, withClaims(`"iat":1800000060`), notYet+"iat is in the future; compare the clocks of both machines")
	add("MaxAge of an hour", two, withClaims(`"iat":1799990000`), "token older than MaxAge: iat is more than 1h0m0s ago")
	add("a DPoP token without ProofOfPossession", v, withClaims(`"cnf":{"jkt":"secret"}`), "token refused: it is bound to a key (cnf), which VerifyToken cannot check: use Verify with ProofOfPossession (see package dpop), or request a bearer token")
	add("Check returns errors.New(\"tenant unknown\")", refused, goodClaims, "token refused: refused by Check: tenant unknown")
	return all
}
