package compact_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

const jws = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln"

// damages are texts that are sent instead of tokens, and damaged tokens.
var damages = map[error][]string{
	compact.ErrEmpty:       {"", " ", "\n"},
	compact.ErrNoValue:     {"null", "undefined", "None", "NULL", "nil", "<nil>", "(null)", "NaN", "true", "false", " null\n"},
	compact.ErrObject:      {"[object Object]", "[object Promise]", "map[access_token:" + jws + "]", "b'" + jws + "'", `b"` + jws + `"`, "Promise { <pending> }"},
	compact.ErrPlaceholder: {"$TOKEN", "${TOKEN}", "{{token}}", "<token>", "<your token>", "%TOKEN%", "YOUR_TOKEN", "your-jwt-here"},
	compact.ErrShortened:   {"eyJhbGci...", "eyJhbGci…", "***", "eyJhbGciOiJIUzI1NiJ9.***", jws + "…"},
	compact.ErrQuoted:      {`"` + jws + `"`, "'" + jws + "'", "`" + jws + "`", `"` + jws, jws + `"`, "“" + jws + "”"},
	compact.ErrPrefixed:    {"Bearer " + jws, "bearer  " + jws, "Bearer:" + jws, "Bearer%20" + jws, "JWT " + jws, "DPoP " + jws, "Authorization: Bearer " + jws},
	compact.ErrNamed:       {"access_token=" + jws, "session=" + jws, "session=" + jws + "; Path=/"},
	compact.ErrURL:         {"https://app.example/#access_token=" + jws, "http://app.example/"},
	compact.ErrPercent:     {strings.ReplaceAll(jws, ".", "%2E"), jws + "%3D", jws + "%22"},
	compact.ErrComma:       {jws + "," + jws, "a,b"},
	compact.ErrSpace:       {jws + "\n", " " + jws, jws[:10] + "\r\n" + jws[10:], jws[:10] + " " + jws[10:], jws[:30] + " " + jws[30:], "a b"},
	compact.ErrInvisible:   {"\ufeff" + jws, strings.ReplaceAll(jws, ".", "\u2024"), jws + "\u200b", "eyJ–"},
	compact.ErrJWSJSON:     {`{"payload":"eyJ","signatures":[{"protected":"eyJ","signature":"c2ln"}]}`, `{"payload":"eyJ","protected":"eyJ","signature":"c2ln"}`},
	compact.ErrJWEJSON:     {`{"protected":"eyJ","iv":"a","ciphertext":"b","tag":"c"}`},
	compact.ErrResponse:    {`{"access_token":"` + jws + `","token_type":"Bearer"}`},
	compact.ErrJSON:        {`{"sub":"ann"}`, "{a}"},
	compact.ErrXML:         {`<saml:Assertion ID="a"></saml:Assertion>`, `<?xml version="1.0"?>`, `<a/>`, base64.StdEncoding.EncodeToString([]byte(`<saml:Assertion ID="a">`)), base64.RawURLEncoding.EncodeToString([]byte(`<?xml version="1.0"?>`))},
	compact.ErrPEM:         {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
	compact.ErrPASETO:      {"v2.local.AAAA", "v4.public.AAAA.AAAA", "v1.local."},
	compact.ErrTwice:       {base64.StdEncoding.EncodeToString([]byte(jws)), base64.RawURLEncoding.EncodeToString([]byte(jws))},
	nil: {jws, "a.b.c", "..", "opaque", "mF_9B5f41JqM", "2YotnFZFEjr1zCsicMWpAA", "eyJhbGciOiJIUzI1NiJ9", "a.b.c.d.e", "www.example.com",
		"abc=", "abc==", "YWJjZGVmZ2hpamtsbW5vcA==", "100%", "ghp_abcdefghij0123456789ABCDEFGHIJ", "v1.M2YwZmU", "vault", "truely", "nullable", "PHNhbW", jws + "!"},
}

func TestDamage(t *testing.T) {
	all := compact.Errors()
	for want, texts := range damages {
		for _, text := range texts {
			if got := compact.Damage(text); got != want {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
		if want != nil && !slices.Contains(all, want) {
			t.Errorf("Errors lacks %v", want)
		}
	}
}

// FuzzDamage checks that Damage recognizes no damage in tokens, and that the
// errors of tokens are among Errors.
func FuzzDamage(f *testing.F) {
	for _, texts := range damages {
		for _, text := range texts {
			f.Add(text)
		}
	}
	all := compact.Errors()
	f.Fuzz(func(t *testing.T, text string) {
		for _, err := range []error{compact.SegmentsError(text), compact.HeaderError(text, headerError(text))} {
			if err != nil && !slices.Contains(all, err) {
				t.Errorf("%q: Errors lacks %v", text, err)
			}
		}
		signed := segment(`{"alg":"HS256"}`) + "." + segment(text) + "." + segment(text)
		if err := compact.Damage(signed); err != nil {
			t.Errorf("%q: %v", signed, err)
		}
		for s := range compact.Segment(3) {
			if _, ok := compact.Decode(nil, text); !ok && !slices.Contains(compact.EncodingErrors(s), compact.EncodingError(s, text)) {
				t.Errorf("%q: another error", text)
			}
		}
	})
}

func headerError(token string) error {
	header, _, _ := strings.Cut(token, ".")
	_, err := compact.ParseHeader(header)
	return err
}
