package main_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// signer makes tokens with any header and any claims.
type signer struct {
	t   *testing.T
	key *jose.Key
}

func newSigner(t *testing.T, alg jose.Algorithm) signer {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return signer{t, key}
}

// private returns a file with the key, and public one with its public part.
func (s signer) file() string {
	key := s.key
	if public := key.Public(); public != nil {
		key = public
	}
	jwk, err := key.MarshalJWK()
	if err != nil {
		s.t.Fatal(err)
	}
	return file(s.t, string(jwk))
}

func (s signer) sign(header, claims string) string {
	text, err := jose.SignToken(s.key, base64.RawURLEncoding.EncodeToString([]byte(header))+".", []byte(claims))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

const (
	issuer = "https://login.example"
	api    = "https://api.example"
)

// with returns a token whose claims are good except for the given members. A
// nil value removes one.
func (s signer) with(members map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": issuer, "sub": "ann", "aud": api, "iat": now, "exp": now + 600}
	for name, value := range members {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.sign(s.header(""), string(text))
}

// header returns a header with further members.
func (s signer) header(more string) string {
	return fmt.Sprintf(`{"alg":%q,"typ":"JWT"%s}`, s.key.Algorithm(), more)
}

// TestExplain explains broken tokens: the first rule that fails, and the fix.
func TestExplain(t *testing.T) {
	es, hs, hs512 := newSigner(t, jose.ES256), newSigner(t, jose.HS256), newSigner(t, jose.HS512)
	other := newSigner(t, jose.ES256)
	key := es.file()
	now := time.Now().Unix()
	good := es.with(nil)
	segments := strings.Split(good, ".")
	goodClaims := fmt.Sprintf(`{"iss":%q,"sub":"ann","aud":%q,"exp":%d}`, issuer, api, now+600)
	claims := func(name string, value any) string { return es.with(map[string]any{name: value}) }

	for _, test := range []struct {
		name, token string
		flags       []string
		first, fix  string
	}{
		{"with Bearer", "Bearer " + good, nil, "form", `without "Bearer"`},
		{"in quotes", `"` + good + `"`, nil, "form", "Remove the quotes"},
		{"opaque", "2YotnFZFEjr1zCsicMWpAA", nil, "form", "opaque"},
		{"encrypted", "a.b.c.d.e", nil, "form", "encrypted (JWE)"},
		{"cut off after the claims", segments[0] + "." + segments[1], nil, "form", "cut off"},
		{"cut off in the signature", good[:len(good)-10], nil, "signature", "copy all of the token"},
		{"without a signature", segments[0] + "." + segments[1] + ".", nil, "signature", "The signature is missing"},
		{"too long", good + strings.Repeat("A", 20<<10), nil, "form", "MaxTokenBytes"},
		{"header not base64url", "!" + good, nil, "header", "damaged"},
		{"header not JSON", es.sign("alg", goodClaims), nil, "header", "damaged"},
		{"alg twice", es.sign(`{"alg":"ES256","alg":"ES256"}`, goodClaims), nil, "header", "damaged"},
		{"alg none", es.sign(`{"alg":"none"}`, goodClaims), nil, "key", "The token is not signed"},
		{"alg a number", es.sign(`{"alg":1}`, goodClaims), nil, "header", "Have the issuer write alg as a string"},
		{"kid a number, no alg", es.sign(`{"kid":1}`, goodClaims), nil, "header", "Have the issuer write kid as a string"},
		{"typ a number", es.sign(`{"alg":"ES256","typ":1,"crit":[]}`, goodClaims), nil, "header", "Have the issuer write typ as a string"},
		{"b64", es.sign(es.header(`,"b64":false`), goodClaims), nil, "header", "base64url (b64)"},
		{"a long header", es.sign(es.header(`,"x5c":"`+strings.Repeat("A", 8<<10)+`"`), goodClaims), nil, "header", "certificates (x5c)"},
		{"an unknown kid, and damage", es.sign(es.header(`,"kid":"other"`), goodClaims) + "\u2014", nil, "key", "have other IDs"},
		{"an unknown alg, and damage", es.sign(`{"alg":"es256"}`, goodClaims) + "\u2014", nil, "key", `Have it write "ES256"`},
		{"null", "null", nil, "form", "has no token"},
		{"percent-encoded", strings.ReplaceAll(good, ".", "%2E"), nil, "form", "url.QueryUnescape"},
		{"two tokens", good + "," + good, nil, "form", "one Authorization header"},
		{"SAML", "<saml:Assertion></saml:Assertion>", nil, "form", "SAML"},
		{"PASETO", "v4.public.AAAA", nil, "form", "Have the issuer make JWTs"},
		{"base64 of a token", base64.StdEncoding.EncodeToString([]byte(good)), nil, "form", "base64 -d"},
		{"alg in small letters", es.sign(`{"alg":"es256"}`, goodClaims), nil, "key", `Have it write "ES256"`},
		{"alg in small letters, a secret", hs.sign(`{"alg":"hs256"}`, goodClaims), []string{"-key", hs.file()}, "key", `Have it write "HS256"`},
		{"alg of Java", es.sign(`{"alg":"SHA256withECDSA"}`, goodClaims), nil, "key", "If the issuer means ES256, it must write that"},
		{"a cut header", es.sign(`{"alg":"ES256"`, goodClaims), nil, "header", "The end is missing"},
		{"cut claims", es.sign(es.header(""), strings.TrimSuffix(goodClaims, "}")), nil, "payload", "The end is missing"},
		{"half of an emoji", es.sign(es.header(""), `{"name":"\ud83d"}`), nil, "payload", "between characters"},
		{"claims of Python", es.sign(es.header(""), "{'sub': None}"), nil, "payload", "json.dumps"},
		{"claims of Python after a number", es.sign(es.header(""), `{"sub":1,"x":None}`), nil, "payload", "json.dumps"},
		{"claims not base64url", segments[0] + ".e30=." + segments[2], nil, "signature", "changed"},
		{"empty audience", claims("aud", []string{}), nil, "audience", "The aud is empty. Request a token for this service"},
		{"empty text as audience", claims("aud", ""), nil, "audience", "The aud is empty"},
		{"audience null", es.sign(es.header(""), strings.Replace(goodClaims, `"aud":"https://api.example"`, `"aud":null`, 1)), nil, "audience", "a string or an array"},
		{"exp -1e300", es.sign(es.header(""), strings.Replace(goodClaims, `"exp":`, `"exp":-1e300,"x":`, 1)), nil, "expiry", "out of range"},
		{"lifetime as exp", claims("exp", 3600), nil, "expiry", "The number is a lifetime"},
		{"nbf -1e300", es.sign(es.header(""), strings.Replace(goodClaims, "{", `{"nbf":-1e300,`, 1)), nil, "not before", "The number is out of range"},
		{"iat 1e308", es.sign(es.header(""), strings.Replace(goodClaims, "{", `{"iat":1e308,`, 1)), nil, "issued at", "The number is out of range"},
		{"iat -1e19", es.sign(es.header(""), strings.Replace(goodClaims, "{", `{"iat":-1e19,`, 1)), nil, "issued at", "The number is out of range"},
		{"iat in microseconds", claims("iat", now*1e6), nil, "issued at", "microseconds"},
		{"line breaks", good[:40] + "\n" + good[40:len(good)-9] + "\n" + good[len(good)-9:], nil, "signature", "in one line"},
		{"a line break in the claims", segments[0] + "." + segments[1][:9] + "\n" + segments[1][9:] + "." + segments[2], nil, "signature", "in one line"},
		{"standard base64", segments[0] + "." + segments[1] + "." + strings.Repeat("+/", 43), nil, "signature", "base64.RawURLEncoding"},
		{"exp 1e400", es.sign(es.header(""), strings.Replace(goodClaims, `"exp":`, `"exp":1e400,"x":`, 1)), nil, "expiry", "as a number of seconds"},
		{"no alg", es.sign(`{"typ":"JWT"}`, goodClaims), nil, "header", "not signed"},
		{"crit", es.sign(es.header(`,"crit":["x"]`), goodClaims), nil, "header", "extension"},
		{"ID token type", es.sign(`{"alg":"ES256","typ":"id+jwt"}`, goodClaims), nil, "type", `VerifierOptions.Types: []string{"id+jwt"}`},
		{"refresh token", es.sign(`{"alg":"ES256","typ":"rt+jwt"}`, goodClaims), nil, "type", "refresh token"},
		{"DPoP proof", es.sign(`{"alg":"ES256","typ":"dpop+jwt"}`, goodClaims), nil, "type", "the DPoP header"},
		{"demanded type", good, []string{"-typ", "at+jwt"}, "type", "Types"},
		{"algorithm unknown", es.sign(`{"alg":"ES256K"}`, goodClaims), nil, "key", `"ES256K" is not supported`},
		{"HS512 for another key", hs512.with(nil), nil, "key", "jwtauth.NewKey(jwtauth.HS512, secret)"},
		{"HS256 against an HS512 key", hs.with(nil), []string{"-key", hs512.file()}, "key", "Give a key for HS256"},
		{"header not UTF-8", es.sign(es.header(",\"x\":\"\xff\""), goodClaims), nil, "header", "The issuer must write the JSON in UTF-8"},
		{"audience with a slash, not the first", claims("aud", []string{"x", api + "/"}), nil, "audience", `Audience: []string{"https://api.example/"} (-aud)`},
		{"unknown kid", es.sign(es.header(`,"kid":"other"`), goodClaims), nil, "key", `the token names "other"`},
		{"key of another issuer", other.with(nil), nil, "signature", `It says that it comes from "https://login.example"`},
		{"claims changed", segments[0] + "." + strings.Split(claims("sub", "eve"), ".")[1] + "." + segments[2], nil, "signature", "changed on the way"},
		{"claims not JSON", es.sign(es.header(""), "ann"), nil, "payload", "one JSON object"},
		{"sub twice", es.sign(es.header(""), strings.Replace(goodClaims, "{", `{"sub":"eve",`, 1)), nil, "payload", "without duplicate members"},
		{"expired a minute ago", claims("exp", now-60), nil, "expiry", "VerifierOptions.Leeway (-leeway; at most 5m)"},
		{"expired 7m20s ago", claims("exp", now-440), []string{"-leeway", "4m"}, "expiry", "ago. Get a new token"},
		{"expired yesterday", claims("exp", now-86400), nil, "expiry", "Get a new token"},
		{"no exp", claims("exp", nil), nil, "expiry", "Have the issuer set exp"},
		{"exp a string", claims("exp", "1"), nil, "expiry", "as a number of seconds"},
		{"exp in milliseconds", claims("exp", now*1000), nil, "expiry", "divide it by 1000"},
		{"nbf in an hour", claims("nbf", now+3600), nil, "not before", "If they are right, the token is for later."},
		{"nbf in a minute", claims("nbf", now+90), nil, "not before", "VerifierOptions.Leeway (-leeway; at most 5m)"},
		{"iat in an hour", claims("iat", now+3600), nil, "issued at", "Correct the clocks"},
		{"iat a string", claims("iat", "now"), nil, "issued at", "as a number of seconds"},
		{"too old", claims("iat", now-7200), []string{"-max-age", "1h"}, "issued at", "raise VerifierOptions.MaxAge (-max-age)"},
		{"no iat for MaxAge", claims("iat", nil), []string{"-max-age", "1h"}, "issued at", "MaxAge needs iat"},
		{"other issuer", claims("iss", "https://other.example"), nil, "issuer", `VerifierOptions.Issuer: "https://other.example"`},
		{"issuer with a slash", claims("iss", issuer+"/"), nil, "issuer", "slash at the end"},
		{"no issuer", claims("iss", nil), nil, "issuer", "AnyIssuer (no -iss) with a Check"},
		{"issuer a number", claims("iss", 1), nil, "issuer", "as a string"},
		{"other audience", claims("aud", "https://shop.example"), nil, "audience", `The token is for "https://shop.example"`},
		{"audience with a slash", claims("aud", []string{api + "/"}), nil, "audience", "slash at the end"},
		{"ID token", es.with(map[string]any{"aud": "client", "nonce": "n"}), nil, "audience", "This is an ID token"},
		{"Cognito", es.with(map[string]any{"aud": nil, "client_id": "c", "token_use": "access"}), nil, "audience", "AnyAudience (no -aud) with a Check that compares client_id"},
		{"audience an object", claims("aud", map[string]any{}), nil, "audience", "a string or an array"},
		{"no subject", claims("sub", nil), nil, "subject", "Have the issuer set sub"},
		{"subject in user_id", es.with(map[string]any{"sub": nil, "user_id": "7"}), nil, "subject", "it is in user_id"},
		{"subject a number", claims("sub", 42), nil, "subject", `"42" instead of 42`},
		{"subject empty", claims("sub", ""), nil, "subject", "must not be empty"},
		{"bound to a key", claims("cnf", map[string]string{"jkt": "x"}), nil, "binding", "package dpop"},
	} {
		flags := append([]string{"explain", "-json", "-iss", issuer, "-aud", api}, test.flags...)
		if !strings.Contains(strings.Join(test.flags, " "), "-key") {
			flags = append(flags, "-key", key)
		}
		r := jwtauthCommand(t, test.token, flags...)
		var report struct {
			Accepted bool
			First    string
			Rules    []struct{ Rule, Result, Detail, Fix string }
		}
		if err := json.Unmarshal([]byte(r.out), &report); err != nil || r.code != 1 || report.Accepted || report.First != test.first {
			t.Errorf("%s: exit code %d, first %q, want %q: %s %s", test.name, r.code, report.First, test.first, r.out, r.err)
			continue
		}
		if v := jwtauthCommand(t, test.token, append([]string{"verify"}, flags[2:]...)...); v.code != 1 {
			t.Errorf("%s: verify disagrees: %+v", test.name, v)
		}
		for _, rule := range report.Rules {
			if rule.Rule == test.first && (!strings.Contains(rule.Fix, test.fix) || rule.Detail == "") {
				t.Errorf("%s: %q, fix %q, want %q", test.name, rule.Detail, rule.Fix, test.fix)
			}
			if rule.Result == "fail" && (rule.Fix == "" || rule.Detail == "") {
				t.Errorf("%s: %+v", test.name, rule)
			}
			if rule.Rule == "payload" && strings.Contains(rule.Detail, "sub is not") {
				t.Errorf("%s: the detail is about another fault: %s", test.name, rule.Detail)
			}
		}
	}
	if r := jwtauthCommand(t, good, "explain", "-iss", issuer, "-aud", api, "-key", key); r.code != 0 || !strings.HasSuffix(r.out, "\naccepted\n") {
		t.Errorf("a good token: %+v", r)
	}
}

// Several faults are all shown.
func TestExplainSeveral(t *testing.T) {
	s := newSigner(t, jose.ES256)
	token := s.with(map[string]any{"exp": 1, "iss": "x", "aud": "y", "sub": 1})
	r := jwtauthCommand(t, token, "explain", "-iss", issuer, "-aud", api)
	if r.code != 1 || strings.Count(r.out, "FAIL") != 4 || strings.Count(r.out, "fix:") != 4 || !strings.Contains(r.out, "no key is given") {
		t.Error(r.out)
	}
	if !strings.Contains(r.out, "\npass  not before\n") || !strings.Contains(r.out, "\nFAIL  audience    token for") {
		t.Errorf("the columns are not aligned:\n%s", r.out)
	}
	if strings.Contains(r.out, "\x1b") {
		t.Error("the output has colors, but is not a terminal")
	}
	if r := jwtauthCommand(t, token, "explain", "-at", "1970-01-01T00:00:00Z", "-key", s.file(), "-any-sub"); strings.Contains(r.out, "FAIL  expiry") {
		t.Errorf("-at has no effect: %s", r.out)
	}
}

// Without -iss and -aud, a service still refuses those of a wrong type.
func TestExplainWrongType(t *testing.T) {
	s := newSigner(t, jose.ES256)
	for claim, rule := range map[string]string{"iss": "issuer", "aud": "audience"} {
		r := jwtauthCommand(t, s.with(map[string]any{claim: 1}), "explain", "-key", s.file())
		if want := fmt.Sprintf("the first rule that fails is %q", rule); r.code != 1 || !strings.Contains(r.out, want) || !strings.Contains(r.out, "fix: Have the issuer write "+claim+" as a string") {
			t.Errorf("%s: %+v", claim, r)
		}
	}
}

// TestExplainSecret finds the difference between two secrets.
func TestExplainSecret(t *testing.T) {
	raw := "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFG"
	text := base64.StdEncoding.EncodeToString([]byte(raw))
	for _, test := range []struct{ secret, signer, want string }{
		{text, raw, "decodes the secret from base64"},
		{base64.RawURLEncoding.EncodeToString([]byte(raw)), raw, "base64.Raw"},
		{fmt.Sprintf("%x", raw), raw, "hexadecimal"},
		{raw + "\n", raw + "\n", "line break at its end"},
		{raw, raw + "\n", "line break at its end"},
		{raw, raw + "\r\n", "line break at its end"},
		{raw + "\r\n", raw + "\r", "line break at its end"},
		{raw, `"` + raw + `"`, "in quotes"},
		{raw, "\uFEFF" + raw, "byte order mark"},
		{raw, text, "before it is decoded"},
		{raw, base64.RawURLEncoding.EncodeToString([]byte(raw)), "before it is decoded"},
		{raw, fmt.Sprintf("%x", raw), "before it is decoded"},
		{raw, "another secret of at least thirty-two bytes", "byte by byte"},
	} {
		key, err := jose.New(jose.HS256, []byte(test.signer))
		if err != nil {
			t.Fatal(err)
		}
		token := signer{t, key}.with(nil)
		r := jwtauthCommand(t, token, "explain", "-secret", file(t, test.secret))
		if r.code != 1 || !strings.Contains(r.out, test.want) || strings.Contains(r.out, test.secret) {
			t.Errorf("want %q: %s", test.want, r.out)
		}
	}
}

// An argument is empty if the shell knows no variable of the name.
func TestExplainEmpty(t *testing.T) {
	if r := jwtauthCommand(t, "", "explain", ""); r.code != 1 || !strings.Contains(r.out, "fix: The client has no token.") {
		t.Errorf("%+v", r)
	}
}
