package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// tokenErrors are all reasons to refuse a token.
var tokenErrors = []error{
	jwtauth.ErrTokenMalformed, jwtauth.ErrTokenType, jwtauth.ErrKeyUnknown, jwtauth.ErrSignatureInvalid,
	jwtauth.ErrClaimsInvalid, jwtauth.ErrTokenExpired, jwtauth.ErrTokenNotYetValid, jwtauth.ErrTokenTooOld,
	jwtauth.ErrIssuerMismatch, jwtauth.ErrAudienceMismatch,
}

// checkRefusal checks that err is want and ErrTokenInvalid, nothing else, and holds nothing of the token.
func checkRefusal(t testing.TB, err, want error, token string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %v", want)
	}
	if !errors.Is(err, jwtauth.ErrTokenInvalid) {
		t.Errorf("%v is not ErrTokenInvalid", err)
	}
	for _, sentinel := range append(tokenErrors, jwtauth.ErrUnavailable, jwtauth.ErrTokenMissing, jwtauth.ErrInvalidRequest) {
		if is := errors.Is(err, sentinel); is != (sentinel == want) {
			t.Errorf("got %v, want %v: errors.Is(err, %v) is %v", err, want, sentinel, is)
		}
	}
	checkNoToken(t, err.Error(), token)
}

// checkNoToken checks that text holds no segment of token.
func checkNoToken(t testing.TB, text, token string) {
	t.Helper()
	for segment := range strings.SplitSeq(token, ".") {
		if len(segment) >= 4 && strings.Contains(text, segment) {
			t.Errorf("%q holds %q of the token", text, segment)
		}
	}
}

var headerCases = []struct {
	name   string
	header string
	types  []string
	want   error // nil: accepted
}{
	{"ordinary", plainHeader, nil, nil},
	{"no typ", `{"alg":"ALG"}`, nil, nil},
	{"typ in another case", `{"alg":"ALG","typ":"jwt"}`, nil, nil},
	{"typ as a media type", `{"alg":"ALG","typ":"Application/JWT"}`, nil, nil},
	{"access token", `{"alg":"ALG","typ":"at+jwt"}`, nil, nil},
	{"access token as a media type", `{"alg":"ALG","typ":"application/AT+JWT"}`, nil, nil},
	{"empty typ", `{"alg":"ALG","typ":""}`, nil, jwtauth.ErrTokenType},
	{"ID token of its own type", `{"alg":"ALG","typ":"id+jwt"}`, nil, jwtauth.ErrTokenType},
	{"refresh token", `{"alg":"ALG","typ":"rt+jwt"}`, nil, jwtauth.ErrTokenType},
	{"typ with a longer prefix", `{"alg":"ALG","typ":"application/x/jwt"}`, nil, jwtauth.ErrTokenType},
	{"typ with another prefix", `{"alg":"ALG","typ":"text/jwt"}`, nil, jwtauth.ErrTokenType},
	{"typ with a prefix alone", `{"alg":"ALG","typ":"application/"}`, nil, jwtauth.ErrTokenType},
	{"typ with a space", `{"alg":"ALG","typ":"JWT "}`, nil, jwtauth.ErrTokenType},
	{"typ is null", `{"alg":"ALG","typ":null}`, nil, jwtauth.ErrTokenMalformed},
	{"typ in capitals is no typ", `{"alg":"ALG","TYP":"rt+jwt"}`, nil, nil},

	{"type that is asked for", `{"alg":"ALG","typ":"at+jwt"}`, []string{"at+jwt"}, nil},
	{"type that is asked for, in another case", `{"alg":"ALG","typ":"AT+jwt"}`, []string{"at+JWT"}, nil},
	{"type that is asked for, as a media type", `{"alg":"ALG","typ":"application/at+jwt"}`, []string{"at+jwt"}, nil},
	{"type that is asked for as a media type", `{"alg":"ALG","typ":"at+jwt"}`, []string{"application/at+jwt"}, nil},
	{"second type that is asked for", `{"alg":"ALG","typ":"logout+jwt"}`, []string{"at+jwt", "logout+jwt"}, nil},
	{"prefix of a type with a slash", `{"alg":"ALG","typ":"application/x/y"}`, []string{"x/y"}, jwtauth.ErrTokenType},
	{"type with a slash", `{"alg":"ALG","typ":"x/y"}`, []string{"x/y"}, nil},
	{"not the type that is asked for", `{"alg":"ALG","typ":"JWT"}`, []string{"at+jwt"}, jwtauth.ErrTokenType},
	{"no type where one is asked for", `{"alg":"ALG"}`, []string{"at+jwt"}, jwtauth.ErrTokenType},
	{"empty type where one is asked for", `{"alg":"ALG","typ":""}`, []string{"at+jwt"}, jwtauth.ErrTokenType},

	{"alg none", `{"alg":"none"}`, nil, jwtauth.ErrKeyUnknown},
	{"alg None", `{"alg":"None"}`, nil, jwtauth.ErrKeyUnknown},
	{"empty alg", `{"alg":""}`, nil, jwtauth.ErrTokenMalformed},
	{"no alg", `{"typ":"JWT"}`, nil, jwtauth.ErrTokenMalformed},
	{"unknown alg", `{"alg":"XS256"}`, nil, jwtauth.ErrKeyUnknown},
	{"alg in small letters", `{"alg":"hs256"}`, nil, jwtauth.ErrKeyUnknown},
	{"alg of another key type", `{"alg":"RS256"}`, nil, jwtauth.ErrKeyUnknown},
	{"alg with another hash", `{"alg":"HS512"}`, nil, jwtauth.ErrKeyUnknown},
	{"two algs", `{"alg":"ALG","alg":"ALG"}`, nil, jwtauth.ErrTokenMalformed},
	{"two algs by escape", `{"alg":"ALG","\u0061lg":"none"}`, nil, jwtauth.ErrTokenMalformed},
	{"two of any member", `{"alg":"ALG","x":1,"x":1}`, nil, jwtauth.ErrTokenMalformed},
	{"alg in another case beside", `{"alg":"ALG","ALG":"none"}`, nil, nil},
	{"crit", `{"alg":"ALG","crit":["exp"],"exp":1}`, nil, jwtauth.ErrTokenMalformed},
	{"empty crit", `{"alg":"ALG","crit":[]}`, nil, jwtauth.ErrTokenMalformed},
	{"b64 false", `{"alg":"ALG","b64":false}`, nil, jwtauth.ErrTokenMalformed},
	{"offered keys", `{"alg":"ALG","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://evil.example","x5c":["AAAA"],"x5u":"https://evil.example","zip":"DEF"}`, nil, nil},
	{"kid that nobody has chosen", `{"alg":"ALG","kid":"../../dev/null"}`, nil, nil},
	{"kid of the wrong type", `{"alg":"ALG","kid":7}`, nil, jwtauth.ErrTokenMalformed},
	{"not JSON", `alg=ALG`, nil, jwtauth.ErrTokenMalformed},
	{"array", `["ALG"]`, nil, jwtauth.ErrTokenMalformed},
	{"text behind", `{"alg":"ALG"}{}`, nil, jwtauth.ErrTokenMalformed},
	{"not UTF-8", "{\"alg\":\"ALG\",\"x\":\"\xff\"}", nil, jwtauth.ErrTokenMalformed},
	{"lone surrogate", `{"alg":"ALG","kid":"\udc00"}`, nil, jwtauth.ErrTokenMalformed},
	{"nested too deep", `{"alg":"ALG","x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, nil, jwtauth.ErrTokenMalformed},
	{"too long", `{"alg":"ALG","x":"` + strings.Repeat("x", 8<<10) + `"}`, nil, jwtauth.ErrTokenMalformed},
}

func TestVerifyHeaders(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		for _, c := range headerCases {
			t.Run(c.name, func(t *testing.T) {
				v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Types = c.types })
				token := f.token(c.header, goodClaims)
				for range 2 {
					claims, err := v.VerifyToken(t.Context(), token)
					if c.want != nil {
						checkRefusal(t, err, c.want, token)
						continue
					}
					if err != nil || claims.Subject != "user-1" {
						t.Fatalf("claims %v, error %v", claims, err)
					}
				}
			})
		}
	})
}

var claimsCases = []struct {
	name    string
	payload string
	change  func(*jwtauth.VerifierOptions)
	want    error // nil: accepted
}{
	{"ordinary", goodClaims, nil, nil},
	{"white space", strings.ReplaceAll(goodClaims, ",", " ,\n\t"), nil, nil},
	{"escaped names", strings.ReplaceAll(goodClaims, `"exp"`, `"\u0065x\u0070"`), nil, nil},
	{"private number beyond a float64", withClaims(`"n":1e999`), nil, nil},
	{"private claims of every kind", withClaims(`"a":null`, `"b":[1,{"c":true}]`, `"d":-1.5e3`), nil, nil},
	{"null for a private claim", withClaims(`"name":null`), nil, nil},

	// The form.
	{"nothing", ``, nil, jwtauth.ErrClaimsInvalid},
	{"not JSON", `iss=x&exp=1800000900`, nil, jwtauth.ErrClaimsInvalid},
	{"null", `null`, nil, jwtauth.ErrClaimsInvalid},
	{"array", `[` + goodClaims + `]`, nil, jwtauth.ErrClaimsInvalid},
	{"string", `"user-1"`, nil, jwtauth.ErrClaimsInvalid},
	{"text behind", goodClaims + "x", nil, jwtauth.ErrClaimsInvalid},
	{"second object behind", goodClaims + `{"sub":"admin"}`, nil, jwtauth.ErrClaimsInvalid},
	{"broken at the end", strings.TrimSuffix(goodClaims, "}"), nil, jwtauth.ErrClaimsInvalid},
	{"comma at the end", strings.TrimSuffix(goodClaims, "}") + ",}", nil, jwtauth.ErrClaimsInvalid},
	{"byte order mark", "\ufeff" + goodClaims, nil, jwtauth.ErrClaimsInvalid},
	{"not UTF-8", withClaims("\"x\":\"\xff\""), nil, jwtauth.ErrClaimsInvalid},
	{"not UTF-8 in a name", withClaims("\"\xff\":1"), nil, jwtauth.ErrClaimsInvalid},
	{"lone surrogate", withClaims(`"x":"\ud800"`), nil, jwtauth.ErrClaimsInvalid},
	{"nested too deep", withClaims(`"x":` + strings.Repeat("[", 256) + strings.Repeat("]", 256)), nil, jwtauth.ErrClaimsInvalid},
	{"exp twice", strings.TrimSuffix(goodClaims, "}") + `,"exp":1800000900}`, nil, jwtauth.ErrClaimsInvalid},
	{"exp twice by escape", strings.TrimSuffix(goodClaims, "}") + `,"\u0065xp":1800000900}`, nil, jwtauth.ErrClaimsInvalid},
	{"sub twice", strings.TrimSuffix(goodClaims, "}") + `,"sub":"admin"}`, nil, jwtauth.ErrClaimsInvalid},
	{"private claim twice", strings.TrimSuffix(goodClaims, "}") + `,"role":"user","role":"admin"}`, nil, jwtauth.ErrClaimsInvalid},

	// Names are exact: encoding/json would take the later of these.
	{"EXP does not count", withClaims(`"exp":1799999999`, `"EXP":1800000900`), nil, jwtauth.ErrTokenExpired},
	{"EXP alone", strings.Replace(goodClaims, `"exp"`, `"EXP"`, 1), nil, jwtauth.ErrClaimsInvalid},
	{"EXP in the past does not count", withClaims(`"EXP":1`), nil, nil},
	{"Iss alone", strings.Replace(goodClaims, `"iss"`, `"Iss"`, 1), nil, jwtauth.ErrIssuerMismatch},
	{"long s in iss", strings.Replace(goodClaims, `"iss"`, "\"is\u017f\"", 1), nil, jwtauth.ErrIssuerMismatch},
	{"AUD alone", strings.Replace(goodClaims, `"aud"`, `"AUD"`, 1), nil, jwtauth.ErrAudienceMismatch},
	{"NBF does not count", withClaims(`"NBF":1900000000`), nil, nil},

	// Types.
	{"iss is a number", withClaims(`"iss":7`), nil, jwtauth.ErrClaimsInvalid},
	{"iss is null", withClaims(`"iss":null`), nil, jwtauth.ErrClaimsInvalid},
	{"iss is an array", withClaims(`"iss":["https://issuer.example"]`), nil, jwtauth.ErrClaimsInvalid},
	{"sub is a number", withClaims(`"sub":7`), nil, jwtauth.ErrClaimsInvalid},
	{"sub is null", withClaims(`"sub":null`), nil, jwtauth.ErrClaimsInvalid},
	{"jti is a number", withClaims(`"jti":7`), nil, jwtauth.ErrClaimsInvalid},
	{"jti is an object", withClaims(`"jti":{"a":"b"}`), nil, jwtauth.ErrClaimsInvalid},
	{"sid is a number", withClaims(`"sid":7`), nil, jwtauth.ErrClaimsInvalid},
	{"sid is true", withClaims(`"sid":true`), nil, jwtauth.ErrClaimsInvalid},
	{"scope is a number", withClaims(`"scope":7`), nil, jwtauth.ErrClaimsInvalid},
	{"scope is null", withClaims(`"scope":null`), nil, jwtauth.ErrClaimsInvalid},
	{"scope holds a number", withClaims(`"scope":["a",7]`), nil, jwtauth.ErrClaimsInvalid},
	{"aud is null", withClaims(`"aud":null`), nil, jwtauth.ErrClaimsInvalid},
	{"aud is a number", withClaims(`"aud":7`), nil, jwtauth.ErrClaimsInvalid},
	{"aud is an object", withClaims(`"aud":{"api":true}`), nil, jwtauth.ErrClaimsInvalid},
	{"aud holds a number first", withClaims(`"aud":[7,"api"]`), nil, jwtauth.ErrClaimsInvalid},
	{"aud holds a number last", withClaims(`"aud":["api",7]`), nil, jwtauth.ErrClaimsInvalid},
	{"aud holds null", withClaims(`"aud":["api",null]`), nil, jwtauth.ErrClaimsInvalid},
	{"aud holds an array", withClaims(`"aud":["api",["web"]]`), nil, jwtauth.ErrClaimsInvalid},
	{"exp is a string", withClaims(`"exp":"1800000900"`), nil, jwtauth.ErrClaimsInvalid},
	{"exp is null", withClaims(`"exp":null`), nil, jwtauth.ErrClaimsInvalid},
	{"exp is true", withClaims(`"exp":true`), nil, jwtauth.ErrClaimsInvalid},
	{"exp is an array", withClaims(`"exp":[1800000900]`), nil, jwtauth.ErrClaimsInvalid},
	{"nbf is a string", withClaims(`"nbf":"1800000000"`), nil, jwtauth.ErrClaimsInvalid},
	{"nbf is null", withClaims(`"nbf":null`), nil, jwtauth.ErrClaimsInvalid},
	{"iat is a string", withClaims(`"iat":"1800000000"`), nil, jwtauth.ErrClaimsInvalid},
	{"iat is null", withClaims(`"iat":null`), nil, jwtauth.ErrClaimsInvalid},
	{"auth_time is a string", withClaims(`"auth_time":"1800000000"`), nil, jwtauth.ErrClaimsInvalid},
	{"auth_time is null", withClaims(`"auth_time":null`), nil, jwtauth.ErrClaimsInvalid},

	// Dates that are none.
	{"exp out of the range of floats", withClaims(`"exp":1e400`), nil, jwtauth.ErrClaimsInvalid},
	{"exp far too late", withClaims(`"exp":1e300`), nil, jwtauth.ErrClaimsInvalid},
	{"exp beyond 64 bits", withClaims(`"exp":18446744073709551617`), nil, jwtauth.ErrClaimsInvalid},
	{"exp beyond 63 bits", withClaims(`"exp":9223372036854775807`), nil, jwtauth.ErrClaimsInvalid},
	{"exp in milliseconds", withClaims(`"exp":1800000900000`), nil, jwtauth.ErrClaimsInvalid},
	{"exp behind the year 9999", withClaims(`"exp":253402300800`), nil, jwtauth.ErrClaimsInvalid},
	{"exp at the end of the year 9999", withClaims(`"exp":253402300799`), nil, nil},
	{"exp before the year 1", withClaims(`"exp":-62135596801`), nil, jwtauth.ErrClaimsInvalid},
	{"nbf behind the year 9999", withClaims(`"nbf":253402300800`), nil, jwtauth.ErrClaimsInvalid},
	{"nbf before the year 1", withClaims(`"nbf":-1e30`), nil, jwtauth.ErrClaimsInvalid},
	{"iat behind the year 9999", withClaims(`"iat":253402300800`), nil, jwtauth.ErrClaimsInvalid},
	{"auth_time behind the year 9999", withClaims(`"auth_time":253402300800`), nil, jwtauth.ErrClaimsInvalid},

	// exp.
	{"no exp", withoutClaim("exp"), nil, jwtauth.ErrClaimsInvalid},
	{"expired", withClaims(`"exp":1799999999`), nil, jwtauth.ErrTokenExpired},
	{"expires now", withClaims(`"exp":1800000000`), nil, jwtauth.ErrTokenExpired},
	{"expires in half a second", withClaims(`"exp":1800000000.5`), nil, nil},
	{"expired half a second ago", withClaims(`"exp":1799999999.5`), nil, jwtauth.ErrTokenExpired},
	{"expires next", withClaims(`"exp":1800000001`), nil, nil},
	{"exp 0", withClaims(`"exp":0`), nil, jwtauth.ErrTokenExpired},
	{"exp -1", withClaims(`"exp":-1`), nil, jwtauth.ErrTokenExpired},
	{"exp with an exponent", withClaims(`"exp":1.8000009e9`), nil, nil},
	{"expired within the leeway", withClaims(`"exp":1799999971`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, nil},
	{"expired at the end of the leeway", withClaims(`"exp":1799999970`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, jwtauth.ErrTokenExpired},
	{"expired within another leeway", withClaims(`"exp":1799999701`), func(o *jwtauth.VerifierOptions) { o.Leeway = 5 * time.Minute }, nil},

	// nbf and iat.
	{"nbf now", withClaims(`"nbf":1800000000`), nil, nil},
	{"nbf in half a second", withClaims(`"nbf":1800000000.5`), nil, jwtauth.ErrTokenNotYetValid},
	{"nbf next", withClaims(`"nbf":1800000001`), nil, jwtauth.ErrTokenNotYetValid},
	{"nbf at the end of the leeway", withClaims(`"nbf":1800000030`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, nil},
	{"nbf behind the leeway", withClaims(`"nbf":1800000031`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, jwtauth.ErrTokenNotYetValid},
	{"no iat", withoutClaim("iat"), nil, nil},
	{"iat next", withClaims(`"iat":1800000001`), nil, jwtauth.ErrTokenNotYetValid},
	{"iat at the end of the leeway", withClaims(`"iat":1800000030`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, nil},
	{"iat behind the leeway", withClaims(`"iat":1800000031`), func(o *jwtauth.VerifierOptions) { o.Leeway = 0 }, jwtauth.ErrTokenNotYetValid},
	{"auth_time in the future is the login's affair", withClaims(`"auth_time":1800000100`), nil, nil},

	// MaxAge.
	{"young enough", withClaims(`"iat":1799999941`), maxAge(time.Minute), nil},
	{"too old now", withClaims(`"iat":1799999940`), maxAge(time.Minute), jwtauth.ErrTokenTooOld},
	{"old within the leeway", withClaims(`"iat":1799999911`), func(o *jwtauth.VerifierOptions) { o.Leeway, o.MaxAge = 0, time.Minute }, nil},
	{"old behind the leeway", withClaims(`"iat":1799999910`), func(o *jwtauth.VerifierOptions) { o.Leeway, o.MaxAge = 0, time.Minute }, jwtauth.ErrTokenTooOld},
	{"no iat with MaxAge", withoutClaim("iat"), maxAge(time.Minute), jwtauth.ErrClaimsInvalid},

	// iss.
	{"another issuer", withClaims(`"iss":"https://evil.example"`), nil, jwtauth.ErrIssuerMismatch},
	{"issuer with a slash", withClaims(`"iss":"https://issuer.example/"`), nil, jwtauth.ErrIssuerMismatch},
	{"issuer in another case", withClaims(`"iss":"https://Issuer.example"`), nil, jwtauth.ErrIssuerMismatch},
	{"beginning of the issuer", withClaims(`"iss":"https://issuer"`), nil, jwtauth.ErrIssuerMismatch},
	{"empty issuer", withClaims(`"iss":""`), nil, jwtauth.ErrIssuerMismatch},
	{"no issuer", withoutClaim("iss"), nil, jwtauth.ErrIssuerMismatch},
	{"any issuer", withClaims(`"iss":"https://other.example"`), anyIssuer, nil},
	{"any issuer, none", withoutClaim("iss"), anyIssuer, nil},

	// aud.
	{"audience in a list", withClaims(`"aud":["web","api"]`), nil, nil},
	{"audience first in a list", withClaims(`"aud":["api","web"]`), nil, nil},
	{"audience alone in a list", withClaims(`"aud":["api"]`), nil, nil},
	{"second of two names of the service", withClaims(`"aud":"backend"`), func(o *jwtauth.VerifierOptions) { o.Audience = []string{"api", "backend"} }, nil},
	{"another audience", withClaims(`"aud":"web"`), nil, jwtauth.ErrAudienceMismatch},
	{"other audiences", withClaims(`"aud":["web","app"]`), nil, jwtauth.ErrAudienceMismatch},
	{"audience in another case", withClaims(`"aud":"API"`), nil, jwtauth.ErrAudienceMismatch},
	{"longer audience", withClaims(`"aud":"api2"`), nil, jwtauth.ErrAudienceMismatch},
	{"audiences in one text", withClaims(`"aud":"web api"`), nil, jwtauth.ErrAudienceMismatch},
	{"empty audience", withClaims(`"aud":""`), nil, jwtauth.ErrAudienceMismatch},
	{"empty list of audiences", withClaims(`"aud":[]`), nil, jwtauth.ErrAudienceMismatch},
	{"no audience", withoutClaim("aud"), nil, jwtauth.ErrAudienceMismatch},
	{"any audience", withClaims(`"aud":"web"`), anyAudience, nil},
	{"any audience, none", withoutClaim("aud"), anyAudience, nil},

	// ScopeClaims.
	{"scopes of the wrong type in another claim", withClaims(`"roles":7`), nil, nil},
	{"scopes of the wrong type in a scope claim", withClaims(`"roles":7`), scopeClaims("roles"), jwtauth.ErrClaimsInvalid},
	{"array of the wrong type in a scope claim", withClaims(`"roles":["a",{}]`), scopeClaims("roles"), jwtauth.ErrClaimsInvalid},
}

func maxAge(d time.Duration) func(*jwtauth.VerifierOptions) {
	return func(o *jwtauth.VerifierOptions) { o.MaxAge = d }
}

func scopeClaims(names ...string) func(*jwtauth.VerifierOptions) {
	return func(o *jwtauth.VerifierOptions) { o.ScopeClaims = names }
}

func anyIssuer(o *jwtauth.VerifierOptions)   { o.Issuer, o.AnyIssuer = "", true }
func anyAudience(o *jwtauth.VerifierOptions) { o.Audience, o.AnyAudience = nil, true }

// Each case is judged by both kinds of key, with the cache and without, first and again: the verdict is one.
func TestVerifyClaims(t *testing.T) {
	for _, f := range []forger{forgeHS256(t), forgeEdDSA(t)} {
		t.Run(string(f.alg), func(t *testing.T) {
			for _, c := range claimsCases {
				t.Run(c.name, func(t *testing.T) {
					if c.change == nil {
						c.change = func(*jwtauth.VerifierOptions) {}
					}
					token := f.claims(c.payload)
					for _, v := range []*jwtauth.Verifier{f.verifier(t, c.change), f.verifier(t, c.change, noCache)} {
						for range 3 {
							claims, err := v.VerifyToken(t.Context(), token)
							if c.want != nil {
								checkRefusal(t, err, c.want, token)
								continue
							}
							if err != nil || claims.Subject != "user-1" {
								t.Fatalf("claims %v, error %v", claims, err)
							}
						}
					}
				})
			}
		})
	}
}

func TestVerifyStructure(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		v := f.verifier(t)
		header, payload := b64(`{"alg":"`+string(f.alg)+`"}`), b64(goodClaims)
		good := f.segments(header, payload)
		signature := good[strings.LastIndex(good, ".")+1:]
		flip := func(i int) string { // another digit in the place of one
			c := "A"
			if good[i] == 'A' {
				c = "B"
			}
			return good[:i] + c + good[i+1:]
		}
		cases := []struct {
			name, token string
			want        error
		}{
			{"empty", "", jwtauth.ErrTokenMalformed},
			{"one segment", header, jwtauth.ErrTokenMalformed},
			{"two segments", header + "." + payload, jwtauth.ErrTokenMalformed},
			{"four segments", good + ".", jwtauth.ErrTokenMalformed},
			{"four segments, the signature last", header + "." + payload + "." + "x" + "." + signature, jwtauth.ErrTokenMalformed},
			{"five segments", good + ".x.y", jwtauth.ErrTokenMalformed},
			{"dots", "..", jwtauth.ErrTokenMalformed},
			{"no header", "." + payload + "." + signature, jwtauth.ErrTokenMalformed},
			{"no payload", header + ".." + signature, jwtauth.ErrSignatureInvalid},
			{"no payload, signed", f.segments(header, ""), jwtauth.ErrClaimsInvalid},
			{"no signature", header + "." + payload + ".", jwtauth.ErrSignatureInvalid},
			{"short signature", good[:len(good)-4], jwtauth.ErrSignatureInvalid},
			{"long signature", good + "AAAA", jwtauth.ErrSignatureInvalid},
			{"padded signature", good + "==", jwtauth.ErrSignatureInvalid},
			{"line break in the signature", good + "\n", jwtauth.ErrSignatureInvalid},
			{"changed signature", flip(len(good) - 10), jwtauth.ErrSignatureInvalid},
			{"changed payload", flip(len(header) + 10), jwtauth.ErrSignatureInvalid},
			{"payload of another", header + "." + b64(withClaims(`"sub":"admin"`)) + "." + signature, jwtauth.ErrSignatureInvalid},
			{"header padded, signed", f.segments(header+"=", payload), jwtauth.ErrTokenMalformed},
			{"header with a line break, signed", f.segments(header[:4]+"\n"+header[4:], payload), jwtauth.ErrTokenMalformed},
			{"payload padded, signed", f.segments(header, payload+"="), jwtauth.ErrClaimsInvalid},
			{"payload with a line break, signed", f.segments(header, payload+"\n"), jwtauth.ErrClaimsInvalid},
			{"payload in the standard alphabet, signed", f.segments(header, b64(withClaims(`"x":"`))+"+/+/"), jwtauth.ErrClaimsInvalid},
		}
		if _, err := v.VerifyToken(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				for range 2 {
					_, err := v.VerifyToken(t.Context(), c.token)
					checkRefusal(t, err, c.want, c.token)
				}
			})
		}
		t.Run("another key's signature", func(t *testing.T) {
			other := map[jwtauth.Algorithm]func(testing.TB) forger{
				jwtauth.HS256: forgeHS256, jwtauth.ES256: forgeES256, jwtauth.EdDSA: forgeEdDSA,
			}[f.alg](t)
			token := other.segments(header, payload)
			_, err := v.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
		})
		t.Run("changed header", func(t *testing.T) {
			token := b64(`{"alg":"`+string(f.alg)+`" }`) + "." + payload + "." + signature
			_, err := v.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
		})
	})
}

// Text that is no canonical base64url of valid claims must be seen as such, where the bits left over are all that is wrong.
func TestVerifyLeftOverBits(t *testing.T) {
	f := forgeHS256(t)
	v := f.verifier(t)
	payload := goodClaims
	for len(payload)%3 != 1 {
		payload = " " + payload
	}
	text := b64(payload)
	if _, err := v.VerifyToken(t.Context(), f.segments(b64(`{"alg":"HS256"}`), text)); err != nil {
		t.Fatal(err)
	}
	token := f.segments(b64(`{"alg":"HS256"}`), text[:len(text)-1]+string(text[len(text)-1]+1))
	_, err := v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrClaimsInvalid, token)
}

func TestVerifyLength(t *testing.T) {
	cases := []struct{ option, limit int }{{0, 16 << 10}, {8 << 10, 8 << 10}, {64 << 10, 64 << 10}, {1 << 20, 1 << 20}}
	eachForger(t, func(t *testing.T, f forger) {
		for _, c := range cases {
			t.Run(fmt.Sprint(c.option), func(t *testing.T) {
				v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.MaxTokenBytes = c.option })
				// White space lengthens the payload, so that the token has its length exactly or by one more.
				of := func(length int) string {
					base := f.claims(goodClaims)
					for pad := (length - len(base)) / 4 * 3; ; pad++ {
						token := f.claims(strings.Repeat(" ", pad) + goodClaims)
						if len(token) >= length {
							return token
						}
					}
				}
				longest := of(c.limit - 1)
				if len(longest) > c.limit {
					t.Fatalf("a token of %d bytes, want at most %d", len(longest), c.limit)
				}
				if _, err := v.VerifyToken(t.Context(), longest); err != nil {
					t.Errorf("a token of %d bytes: %v", len(longest), err)
				}
				_, err := v.VerifyToken(t.Context(), of(c.limit+1))
				checkRefusal(t, err, jwtauth.ErrTokenMalformed, "")
				if !strings.Contains(err.Error(), "MaxTokenBytes") {
					t.Errorf("%v does not name MaxTokenBytes", err)
				}
			})
		}
	})
}

// RFC 9864 names the algorithm of an Ed25519 key "Ed25519".
func TestVerifyEd25519Name(t *testing.T) {
	f := forgeEdDSA(t)
	token := f.token(`{"alg":"Ed25519"}`, goodClaims)
	if claims, err := f.verifier(t).VerifyToken(t.Context(), token); err != nil || claims.Subject != "user-1" {
		t.Errorf("claims %v, error %v", claims, err)
	}
	for _, name := range []string{"ed25519", "Ed448", "ED25519", "EDDSA"} {
		token := f.token(`{"alg":"`+name+`"}`, goodClaims)
		_, err := f.verifier(t).VerifyToken(t.Context(), token)
		checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
	}
}

// A public key's text as the secret of an HMAC: the classic confusion.
func TestVerifyKeyConfusion(t *testing.T) {
	public, secret := forgeES256(t), forgeHS256(t)
	for _, header := range []string{`{"alg":"HS256"}`, `{"alg":"none"}`, `{"alg":"ES384"}`, `{"alg":"RS256"}`} {
		token := secret.token(header, goodClaims)
		_, err := public.verifier(t).VerifyToken(t.Context(), token)
		checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
	}
	// Even a source that hands out a key of another algorithm cannot make a token choose.
	all := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{secret.key, {}, public.key}, nil
	})
	v := newVerifier(t, all, options())
	if _, err := v.VerifyToken(t.Context(), public.claims(goodClaims)); err != nil {
		t.Errorf("the right key behind two others: %v", err)
	}
	token := secret.token(`{"alg":"ES256"}`, goodClaims)
	_, err := v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
	token = secret.token(`{"alg":"HS512"}`, goodClaims) // signed with HS256
	_, err = v.VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
	token = secret.token(`{"alg":"HS384"}`, goodClaims)
	_, err = newVerifier(t, keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
		return []jwtauth.Key{{}}, nil
	}), options()).VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
}

// Of a large set, 16 keys are tried.
func TestVerifyCandidates(t *testing.T) {
	for _, forge := range []func(testing.TB) forger{forgeHS256, forgeEdDSA} {
		signers := make([]forger, 20)
		keys := make([]jwtauth.Key, len(signers))
		for i := range signers {
			signers[i] = forge(t)
			keys[i] = signers[i].key
		}
		source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
		v := newVerifier(t, source, options())
		for i, signer := range signers {
			token := signer.claims(goodClaims)
			_, err := v.VerifyToken(t.Context(), token)
			if i < 16 && err != nil {
				t.Errorf("%s: the key at %d is not tried: %v", signer.alg, i, err)
			}
			if i >= 16 {
				checkRefusal(t, err, jwtauth.ErrSignatureInvalid, token)
			}
		}
	}
}

func TestVerifyKeySource(t *testing.T) {
	f := forgeES256(t)
	token := f.token(`{"alg":"ES256","kid":"the-kid"}`, goodClaims)
	outage := errors.New("dial tcp: connection refused")
	cases := []struct {
		name   string
		keys   []jwtauth.Key
		err    error
		want   error
		text   string // that the error holds
		unsaid error  // that is not wrapped
	}{
		{name: "no keys", want: jwtauth.ErrKeyUnknown},
		{name: "keys of another algorithm", keys: []jwtauth.Key{forgeHS256(t).key, forgeEdDSA(t).key}, want: jwtauth.ErrKeyUnknown},
		{name: "another key", keys: []jwtauth.Key{forgeES256(t).key}, want: jwtauth.ErrSignatureInvalid},
		{name: "outage", err: outage, want: jwtauth.ErrUnavailable, text: "connection refused", unsaid: outage},
		{name: "outage beside keys", keys: []jwtauth.Key{f.key}, err: outage, want: jwtauth.ErrUnavailable},
		{name: "outage by name", err: fmt.Errorf("%w: later", jwtauth.ErrUnavailable), want: jwtauth.ErrUnavailable, text: "later"},
		{name: "says that it does not know", err: fmt.Errorf("%w: no such kid", jwtauth.ErrKeyUnknown), want: jwtauth.ErrKeyUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := newVerifier(t, keySourceFunc(func(_ context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
				if alg != jwtauth.ES256 || kid != "the-kid" {
					t.Errorf("asked for %q, %q", alg, kid)
				}
				return c.keys, c.err
			}), options())
			claims, err := v.VerifyToken(t.Context(), token)
			if claims != nil {
				t.Error("there are claims beside the error")
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if isRefusal := c.want != jwtauth.ErrUnavailable; errors.Is(err, jwtauth.ErrTokenInvalid) != isRefusal || errors.Is(err, jwtauth.ErrUnavailable) == isRefusal {
				t.Errorf("%v is both a refusal and an outage, or neither", err)
			}
			if c.unsaid != nil && errors.Is(err, c.unsaid) {
				t.Errorf("%v wraps the source's own error", err)
			}
			checkNoToken(t, err.Error(), token)
		})
	}
}

// The source sees the request's context, and is asked for every token, cached or not.
func TestVerifyAsksTheSourceEachTime(t *testing.T) {
	type mark struct{}
	f := forgeEdDSA(t)
	asked := 0
	v := newVerifier(t, keySourceFunc(func(ctx context.Context, _ jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
		asked++
		if ctx.Value(mark{}) != "here" {
			t.Error("the context is another one")
		}
		return []jwtauth.Key{f.key}, nil
	}), options())
	token := f.claims(goodClaims)
	for range 5 {
		if _, err := v.VerifyToken(context.WithValue(t.Context(), mark{}, "here"), token); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 5 {
		t.Errorf("asked %d times for 5 tokens", asked)
	}
}

func TestVerifyClaimsContent(t *testing.T) {
	f := forgeES256(t)
	v := f.verifier(t)
	token := f.claims(`{"iss":"https://issuer.example","sub":"üser \"1\"","aud":["web","api"],"exp":1800000900.25,"nbf":1799999990,` +
		`"iat":1799999995.5,"auth_time":1799990000,"jti":"id-1","sid":"session-1","scope":"a b","name":"Ann"}`)
	for range 2 {
		claims, err := v.VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%q %q %q %q %q %q", claims.Issuer, claims.Subject, claims.Audience, claims.ID, claims.SessionID, claims.Scope)
		if want := `"https://issuer.example" "üser \"1\"" ["web" "api"] "id-1" "session-1" "a b"`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		for _, date := range []struct {
			name string
			got  time.Time
			want time.Time
		}{
			{"exp", claims.ExpiresAt, time.Unix(now+900, 250e6)},
			{"nbf", claims.NotBefore, time.Unix(now-10, 0)},
			{"iat", claims.IssuedAt, time.Unix(now-5, 500e6)},
			{"auth_time", claims.AuthTime, time.Unix(1_799_990_000, 0)},
		} {
			if !date.got.Equal(date.want) {
				t.Errorf("%s is %v, want %v", date.name, date.got, date.want)
			}
		}
		var own struct {
			Name string `json:"name"`
			Sub  string `json:"sub"`
		}
		if err := claims.Decode(&own); err != nil || own.Name != "Ann" || own.Sub != `üser "1"` {
			t.Errorf("decoded %+v, %v", own, err)
		}
	}
}

// A token without a kid is tried with fewer keys where these are large.
func TestVerifyBoundsWork(t *testing.T) {
	good := keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSA()))
	issuer := keyMust(jwtauth.NewIssuer(good, jwtauth.IssuerOptions{}))
	named := keyMust(issuer.Sign("user-1", nil))
	for large, want := range map[int]error{7: nil, 8: jwtauth.ErrSignatureInvalid} {
		var keys []jwtauth.Key
		for n := range large {
			keys = append(keys, keyMust(jwtauth.NewKey(jwtauth.RS256, keyRSAPublic(4096, int64(2*n+1), 65537))))
		}
		keys = append(keys, good)
		unnamed := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return keys, nil })
		v := newVerifier(t, unnamed, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true})
		if _, err := v.VerifyToken(t.Context(), named); !errors.Is(err, want) {
			t.Errorf("behind %d keys of 4096 bits: %v, want %v", large, err, want)
		}
	}
}
