package jwtauth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

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

	// Names are exact: encoding/json would use the later one of these.
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
	{"jti is a number", withClaims(`"jti":7`), nil, nil},
	{"jti is an object", withClaims(`"jti":{"a":"b"}`), nil, nil},
	{"sid is a number", withClaims(`"sid":7`), nil, nil},
	{"sid is true", withClaims(`"sid":true`), nil, nil},
	{"scope is a number", withClaims(`"scope":7`), nil, nil},
	{"scope is null", withClaims(`"scope":null`), nil, nil},
	{"scope holds a number", withClaims(`"scope":["a",7]`), nil, nil},
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
	{"auth_time is a string", withClaims(`"auth_time":"1800000000"`), nil, nil},
	{"auth_time is null", withClaims(`"auth_time":null`), nil, nil},

	// Times out of range.
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
	{"auth_time behind the year 9999", withClaims(`"auth_time":253402300800`), nil, nil},

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
	{"auth_time in the future is accepted", withClaims(`"auth_time":1800000100`), nil, nil},

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
	{"scopes of the wrong type in a scope claim", withClaims(`"roles":7`), scopeClaims("roles"), nil},
	{"array of the wrong type in a scope claim", withClaims(`"roles":["a",{}]`), scopeClaims("roles"), nil},
}

func maxAge(d time.Duration) func(*jwtauth.VerifierOptions) {
	return func(o *jwtauth.VerifierOptions) { o.MaxAge = d }
}

func scopeClaims(names ...string) func(*jwtauth.VerifierOptions) {
	return func(o *jwtauth.VerifierOptions) { o.ScopeClaims = names }
}

func anyIssuer(o *jwtauth.VerifierOptions)   { o.Issuer, o.AnyIssuer, o.Check = "", true, accept }
func anySubject(o *jwtauth.VerifierOptions)  { o.AnySubject, o.Check = true, accept }
func anyAudience(o *jwtauth.VerifierOptions) { o.Audience, o.AnyAudience, o.Check = nil, true, accept }

// Both kinds of keys, with the cache and without, for the first time and again,
// must lead to the same result.
func TestVerifyClaims(t *testing.T) {
	t.Parallel()
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
