package jwtauth_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

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
	{"typ with as many letters as the prefix", `{"alg":"ALG","typ":"applicationsJWT"}`, nil, jwtauth.ErrTokenType},
	{"typ with a space", `{"alg":"ALG","typ":"JWT "}`, nil, jwtauth.ErrTokenType},
	{"typ is null", `{"alg":"ALG","typ":null}`, nil, jwtauth.ErrTokenMalformed},
	{"typ in capitals does not count", `{"alg":"ALG","TYP":"rt+jwt"}`, nil, nil},

	{"required type", `{"alg":"ALG","typ":"at+jwt"}`, []string{"at+jwt"}, nil},
	{"required type in another case", `{"alg":"ALG","typ":"AT+jwt"}`, []string{"at+JWT"}, nil},
	{"required type as a media type", `{"alg":"ALG","typ":"application/at+jwt"}`, []string{"at+jwt"}, nil},
	{"type required as a media type", `{"alg":"ALG","typ":"at+jwt"}`, []string{"application/at+jwt"}, nil},
	{"second required type", `{"alg":"ALG","typ":"logout+jwt"}`, []string{"at+jwt", "logout+jwt"}, nil},
	{"prefix of a type with a slash", `{"alg":"ALG","typ":"application/x/y"}`, []string{"x/y"}, jwtauth.ErrTokenType},
	{"shortest required type as a media type", `{"alg":"ALG","typ":"application/x"}`, []string{"x"}, nil},
	{"type with a slash", `{"alg":"ALG","typ":"x/y"}`, []string{"x/y"}, nil},
	{"not the required type", `{"alg":"ALG","typ":"JWT"}`, []string{"at+jwt"}, jwtauth.ErrTokenType},
	{"no type, but one is required", `{"alg":"ALG"}`, []string{"at+jwt"}, jwtauth.ErrTokenType},
	{"empty type, but one is required", `{"alg":"ALG","typ":""}`, []string{"at+jwt"}, jwtauth.ErrTokenType},

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
	{"kid of an attacker", `{"alg":"ALG","kid":"../../dev/null"}`, nil, nil},
	{"kid of the wrong type", `{"alg":"ALG","kid":7}`, nil, jwtauth.ErrTokenMalformed},
	{"kid is null", `{"alg":"ALG","kid":null}`, nil, nil},
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
				for range 4 {
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

// RFC 9864 calls the algorithm of an Ed25519 key "Ed25519".
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
