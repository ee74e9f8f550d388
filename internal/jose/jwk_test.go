package jose_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestParseJWK(t *testing.T) {
	type with = map[string]any
	rsaKey, p256, ed, oct := jwkOf(rsaKey()), jwkOf(p256Key()), jwkOf(edKey()), jwkOf(randomBytes(64))
	public := with{"kid": "a", "d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}
	for _, tt := range []struct {
		name, text string
		alg        jose.Algorithm
		want       string // as Key.String
	}{
		{"RSA", jwkWith(rsaKey, with{"kid": "a"}), "", `RS256, id "a", private`},
		{"RSA public", jwkWith(rsaKey, with{"kid": "a"}), "PS512", `PS512, id "a", private`},
		{"RSA public", jwkWith(rsaKey, public), "", `RS256, id "a", public`},
		{"alg", jwkWith(rsaKey, with{"kid": "a", "alg": "PS256"}), "", `PS256, id "a", private`},
		{"alg", jwkWith(rsaKey, with{"kid": "a", "alg": "PS256"}), "PS256", `PS256, id "a", private`},
		{"EC", jwkWith(p256, with{"kid": "a"}), "", `ES256, id "a", private`},
		{"EC P-521", jwkWith(jwkOf(p521Key()), with{"kid": "a", "d": nil}), "", `ES512, id "a", public`},
		{"OKP", jwkWith(ed, with{"kid": "a"}), "", `EdDSA, id "a", private`},
		{"OKP alg", jwkWith(ed, with{"kid": "a", "alg": "EdDSA", "d": nil}), "", `EdDSA, id "a", public`},
		{"OKP alg of RFC 9864", jwkWith(ed, with{"kid": "a", "alg": "Ed25519"}), "EdDSA", `EdDSA, id "a", private`},
		{"oct", jwkWith(oct, nil), "", `HS256, id "", secret`},
		{"oct", jwkWith(oct, with{"kid": "a"}), "HS512", `HS512, id "a", secret`},
		{"empty kid", jwkWith(oct, with{"kid": ""}), "", `HS256, id "", secret`},
		{"kid of 256 bytes", jwkWith(oct, with{"kid": strings.Repeat("é", 128)}), "", `HS256, id "` + strings.Repeat("é", 128) + `", secret`},
		{"use", jwkWith(p256, with{"kid": "a", "use": "sig"}), "", `ES256, id "a", private`},
		{"key_ops sign", jwkWith(p256, with{"kid": "a", "key_ops": []string{"sign"}}), "", `ES256, id "a", private`},
		{"key_ops verify", jwkWith(p256, with{"kid": "a", "key_ops": []string{"verify"}}), "", `ES256, id "a", public`},
		{"key_ops both", jwkWith(p256, with{"kid": "a", "use": "sig", "key_ops": []string{"verify", "sign"}}), "", `ES256, id "a", private`},
		{"key_ops others", jwkWith(p256, with{"kid": "a", "key_ops": []string{"verify", "deriveKey"}}), "", `ES256, id "a", public`},
		{"other members", jwkWith(p256, with{"kid": "a", "ext": true, "x5c": []string{"AA"}, "x5t#S256": "AA", "iat": 1, "nested": with{"a": with{"a": 1}}}), "", `ES256, id "a", private`},
		{"white space", " \r\n" + jwkWith(p256, with{"kid": "a"}) + "\t\n", "", `ES256, id "a", private`},
		{"escapes", strings.Replace(jwkWith(ed, with{"kid": "a"}), `"kid":"a"`, `"\u006bid":"\u0061"`, 1), "", `EdDSA, id "a", private`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse(tt.alg, []byte(tt.text))
			if err != nil || key.String() != tt.want {
				t.Errorf("%v, %v, want %s", key, err, tt.want)
			}
		})
	}
}

// Some libraries write members that a key does not have, a zero byte before a
// number, or padding. None of it changes the key.
func TestParseJWKTolerates(t *testing.T) {
	type with = map[string]any
	null := json.RawMessage("null")
	rsaJWK, p256, ed, oct := jwkOf(rsaKey()), jwkOf(p256Key()), jwkOf(edKey()), jwkOf(randomBytes(64))
	public := with{"kid": "a", "d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}
	zero := func(m with, name string) string {
		return base64.RawURLEncoding.EncodeToString(append([]byte{0, 0}, must(base64.RawURLEncoding.DecodeString(m[name].(string)))...))
	}
	padded := func(m with, name string) string {
		text := m[name].(string)
		return text + strings.Repeat("=", (4-len(text)%4)%4)
	}
	for _, tt := range []struct {
		name         string
		plain, given string
	}{
		{"null members", jwkWith(rsaJWK, public), `{"alg":null,"use":null,"key_ops":null,"d":null,"p":null,"k":null,"oth":null,"issuer":null,"x5c":null,` + jwkWith(rsaJWK, public)[1:]},
		{"kid null", jwkWith(ed, nil), jwkWith(ed, with{"kid": null})},
		{"d null", jwkWith(p256, with{"d": nil}), jwkWith(p256, with{"d": null})},
		{"key_ops empty", jwkWith(p256, nil), jwkWith(p256, with{"key_ops": []string{}})},
		{"key_ops of a secret empty", jwkWith(oct, nil), jwkWith(oct, with{"use": "sig", "key_ops": []string{}})},
		{"zero bytes before n and e", jwkWith(rsaJWK, public), jwkWith(jwkWithout(rsaJWK, public), with{"n": zero(rsaJWK, "n"), "e": zero(rsaJWK, "e")})},
		{"zero bytes before private numbers", jwkWith(rsaJWK, nil), jwkWith(rsaJWK, with{"d": zero(rsaJWK, "d"), "p": zero(rsaJWK, "p"), "qi": zero(rsaJWK, "qi")})},
		{"padded n and d", jwkWith(rsaJWK, nil), jwkWith(rsaJWK, with{"n": padded(rsaJWK, "n"), "d": padded(rsaJWK, "d")})},
		{"padded x and y", jwkWith(p256, nil), jwkWith(p256, with{"x": padded(p256, "x"), "y": padded(p256, "y")})},
		{"padded k", jwkWith(oct, nil), jwkWith(oct, with{"k": padded(oct, "k")})},
	} {
		want, got := must(jose.Parse("", []byte(tt.plain))), must(jose.Parse("", []byte(tt.given)))
		if w, g := must(want.MarshalJWK()), must(got.MarshalJWK()); string(w) != string(g) || want.Assigned() != got.Assigned() {
			t.Errorf("%s: another key: %v, want %v", tt.name, got, want)
		}
	}
}

// The issuer belongs to a key, also after it was written and read again.
func TestJWKIssuer(t *testing.T) {
	const issuer = "https://login.example/{tenantid}/v2.0"
	for _, private := range []bool{false, true} {
		text := jwkWith(jwkOf(p256Key()), map[string]any{"issuer": issuer, "kid": "a"})
		key := must(jose.Parse("", []byte(text)))
		if !private {
			key = key.Public()
		}
		if key.Issuer() != issuer || key.WithID("b").Issuer() != issuer {
			t.Errorf("the issuer is %q", key.Issuer())
		}
		if again := must(jose.Parse("", must(key.MarshalJWK()))); again.Issuer() != issuer {
			t.Errorf("MarshalJWK: the issuer is %q", again.Issuer())
		}
		if again := must(jose.Parse("", must(key.AppendPublicJWK(nil)))); again.Issuer() != issuer {
			t.Errorf("AppendPublicJWK: the issuer is %q", again.Issuer())
		}
	}
	var none *jose.Key
	if none.Issuer() != "" || must(jose.Generate(jose.EdDSA)).Issuer() != "" {
		t.Error("a key without a JWK has an issuer")
	}
}

// TestScanJWK reads JWKs of a key set, whose keys may be unusable.
func TestScanJWK(t *testing.T) {
	for _, tt := range []struct{ name, text, id, secret string }{
		{"empty", `{}`, "", ""},
		{"ID", `{"kid":"a"}`, "a", ""},
		{"ID of another type", `{"kid":1}`, "", ""},
		{"ID with a line break", `{"kid":"a\nb"}`, "", ""},
		{"long ID", `{"kid":"` + strings.Repeat("a", 257) + `"}`, "", ""},
		{"public", string(must(must(jose.New("RS256", rsaKey())).WithID("a").AppendPublicJWK(nil))), "a", ""},
		{"RSA", jwkWith(jwkOf(rsaKey()), nil), "", "d"},
		{"EC", jwkWith(jwkOf(p256Key()), nil), "", "d"},
		{"oct", jwkWith(jwkOf(randomBytes(32)), nil), "", "k"},
		{"p", `{"p":7}`, "", "p"},
		{"null", `{"kid":null,"k":null,"d":null,"p":null,"oth":null}`, "", ""},
		{"q", `{"q":1}`, "", "q"},
		{"dp", `{"dp":""}`, "", "dp"},
		{"dq", `{"dq":""}`, "", "dq"},
		{"qi", `{"qi":""}`, "", "qi"},
		{"oth", `{"oth":[]}`, "", "oth"},
	} {
		m, err := jose.ScanJWK([]byte(tt.text))
		if err != nil || m.ID() != tt.id || m.Secret() != tt.secret {
			t.Errorf("%s: ID %q, secret %q, %v", tt.name, m.ID(), m.Secret(), err)
		}
	}
	m := must(jose.ScanJWK([]byte(`{"a":"b","c":1}`)))
	if a, ok, err := m.Text("a"); a != "b" || !ok || err != nil {
		t.Errorf("a: %q, %t, %v", a, ok, err)
	}
	if c, ok, err := m.Text("c"); c != "" || !ok || err == nil {
		t.Errorf("c: %q, %t, %v", c, ok, err)
	}
	if d, ok, err := m.Text("d"); d != "" || ok || err != nil {
		t.Errorf("d: %q, %t, %v", d, ok, err)
	}
}

func TestScanJWKRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                            "JWK is not valid JSON",
		`{`:                           "JWK is JSON that was cut short",
		"{\"a\":\"\xff\"}":            "JWK is not valid UTF-8",
		`[]`:                          "JWK is not a JSON object",
		`"a"`:                         "JWK is not a JSON object",
		`{"a":1,"a":2}`:               `JWK has member "a" twice`,
		`{"KID":"a"}`:                 "JWK has a member that differs from kid only in case",
		`{"keys":[]}`:                 "JWK is a set of keys",
		`{"a s3cret":1,"a s3cret":1}`: `JWK has member "a s3cret" twice`,
		`{"a":"` + strings.Repeat("a", 64<<10) + `"}`: "JWK is 65544 bytes; the maximum is 65536",
	} {
		if m, err := jose.ScanJWK([]byte(text)); m != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %v, %v, want %q", text, m, err, want)
		}
	}
}
