package compact_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

func segment(header string) string { return base64.RawURLEncoding.EncodeToString([]byte(header)) }

var headers = []struct {
	name string
	text string
	want compact.Header // without Algorithm if the header is refused
}{
	{"only alg", `{"alg":"HS256"}`, compact.Header{Algorithm: "HS256"}},
	{"all parameters that are read", `{"alg":"ES256","kid":"k1","typ":"JWT"}`, compact.Header{Algorithm: "ES256", KeyID: "k1", Type: "JWT", Typed: true}},
	{"escaped", `{"\u0061lg":"\u0045S256"}`, compact.Header{Algorithm: "ES256"}},
	{"white space", "\n{ \"alg\" :\t\"HS256\" }\r\n", compact.Header{Algorithm: "HS256"}},
	{"empty typ", `{"alg":"HS256","typ":""}`, compact.Header{Algorithm: "HS256", Typed: true}},
	{"empty kid", `{"alg":"HS256","kid":""}`, compact.Header{Algorithm: "HS256"}},
	{"unknown alg, which the verifier refuses", `{"alg":"none"}`, compact.Header{Algorithm: "none"}},
	{"keys in the header are ignored", `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example/","x5u":"https://evil.example/","x5c":["AA"],"x5t":1,"x5t#S256":[]}`, compact.Header{Algorithm: "HS256"}},
	{"number beyond a float64", `{"alg":"HS256","x":1e999}`, compact.Header{Algorithm: "HS256"}},
	{"zip and cty", `{"alg":"HS256","zip":"DEF","cty":"JWT"}`, compact.Header{Algorithm: "HS256"}},
	{"b64 true", `{"alg":"HS256","b64":true}`, compact.Header{Algorithm: "HS256"}},
	{"names in another case are other names", `{"alg":"HS256","ALG":"none","Kid":"x","CRIT":["b64"],"B64":false,"Typ":"x"}`, compact.Header{Algorithm: "HS256"}},

	{name: "empty", text: ``},
	{name: "empty object", text: `{}`},
	{name: "array", text: `["alg","HS256"]`},
	{name: "null", text: `null`},
	{name: "no alg", text: `{"typ":"JWT"}`},
	{name: "alg in another case", text: `{"Alg":"HS256"}`},
	{name: "empty alg", text: `{"alg":""}`},
	{name: "null alg", text: `{"alg":null}`},
	{name: "alg is a number", text: `{"alg":256}`},
	{name: "alg is an array", text: `{"alg":["HS256"]}`},
	{name: "two algs", text: `{"alg":"none","alg":"HS256"}`},
	{name: "two algs, one escaped", text: `{"alg":"HS256","\u0061lg":"none"}`},
	{name: "two of another member", text: `{"alg":"HS256","x":1,"x":2}`},
	{name: "kid is a number", text: `{"alg":"HS256","kid":1}`},
	{name: "kid is null", text: `{"alg":"HS256","kid":null}`},
	{name: "kid is an object", text: `{"alg":"HS256","kid":{"k1":1}}`},
	{name: "typ is a number", text: `{"alg":"HS256","typ":1}`},
	{name: "typ is null", text: `{"alg":"HS256","typ":null}`},
	{name: "crit", text: `{"alg":"HS256","crit":["exp"],"exp":1}`},
	{name: "crit first", text: `{"crit":["exp"],"exp":1,"alg":"HS256"}`},
	{name: "empty crit", text: `{"alg":"HS256","crit":[]}`},
	{name: "crit is null", text: `{"alg":"HS256","crit":null}`},
	{name: "crit escaped", text: `{"alg":"HS256","\u0063rit":["b64"]}`},
	{name: "b64 false", text: `{"alg":"HS256","b64":false}`},
	{name: "b64 is a string", text: `{"alg":"HS256","b64":"true"}`},
	{name: "b64 is null", text: `{"alg":"HS256","b64":null}`},
	{name: "text after the object", text: `{"alg":"HS256"}x`},
	{name: "not closed", text: `{"alg":"HS256"`},
	{name: "comma at the end", text: `{"alg":"HS256","kid":"a",}`},
	{name: "byte order mark", text: "\ufeff{\"alg\":\"HS256\"}"},
	{name: "not UTF-8", text: "{\"alg\":\"HS256\",\"x\":\"\xff\"}"},
	{name: "lone surrogate", text: `{"alg":"HS256","kid":"\ud800"}`},
	{name: "nested too deep", text: `{"alg":"HS256","x":` + strings.Repeat("[", 256) + strings.Repeat("]", 256) + "}"},
}

func TestParseHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.name, func(t *testing.T) {
			got, ok := compact.ParseHeader(segment(c.text))
			switch {
			case ok != (c.want.Algorithm != ""):
				t.Errorf("%s: accepted: %v", c.text, ok)
			case ok && got != c.want:
				t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
			}
		})
	}
}

func TestParseHeaderEncoding(t *testing.T) {
	good := segment(`{"alg":"HS256" }`) // 16 bytes: two digits in the last group
	if _, ok := compact.ParseHeader(good); !ok {
		t.Fatal("a good header is refused")
	}
	for name, bad := range map[string]string{
		"padded":             good + "==",
		"line feed":          good + "\n",
		"unused bit set":     good[:len(good)-1] + string(good[len(good)-1]+1),
		"not base64url":      `{"alg":"HS256" }`,
		"standard alphabet":  strings.NewReplacer("-", "+", "_", "/").Replace(segment(`{"alg":"HS256","x":"??>>"}`)) + "+/+/",
		"one digit too many": good[:len(good)-1],
	} {
		if _, ok := compact.ParseHeader(bad); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseHeaderLength(t *testing.T) {
	of := func(length int) string { // a segment of this length, a multiple of 4
		const frame = `{"alg":"HS256","x":""}`
		text := `{"alg":"HS256","x":"` + strings.Repeat("x", length/4*3-len(frame)) + `"}`
		if s := segment(text); len(s) == length {
			return s
		}
		t.Fatalf("no segment of %d characters", length)
		return ""
	}
	if _, ok := compact.ParseHeader(of(8192)); !ok {
		t.Error("a header of 8192 characters is refused")
	}
	if _, ok := compact.ParseHeader(of(8196)); ok {
		t.Error("a header of 8196 characters is accepted")
	}
}

// FuzzParseHeader compares ParseHeader with encoding/json: accepted headers
// have the same values there, and refused headers have a reason to be refused.
// Whether the text is strict JSON is tested by FuzzScan of package jsonscan.
func FuzzParseHeader(f *testing.F) {
	for _, c := range headers {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := compact.ParseHeader(segment(text))
		strict := jsonscan.New(text)
		for strict.Next() {
		}
		if !strict.Valid() || len(segment(text)) > compact.MaxHeaderLen {
			if ok {
				t.Errorf("%q: accepted", text)
			}
			return
		}
		var members map[string]any // a map keeps the exact names, a struct ignores case
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber() // 1e999 is valid JSON, but too large for a float64
		if err := d.Decode(&members); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		text1 := func(name string) (value string, present, isString bool) {
			member, present := members[name]
			value, isString = member.(string)
			return value, present, isString || !present
		}
		alg, _, algIsString := text1("alg")
		kid, _, kidIsString := text1("kid")
		typ, typed, typIsString := text1("typ")
		_, crit := members["crit"]
		b64, hasB64 := members["b64"]
		want := algIsString && alg != "" && kidIsString && typIsString && !crit && (!hasB64 || b64 == true)
		if ok != want {
			t.Fatalf("%q: accepted: %v, want %v", text, ok, want)
		}
		if header := (compact.Header{Algorithm: alg, KeyID: kid, Type: typ, Typed: typed}); ok && got != header {
			t.Errorf("%q: %+v, want %+v", text, got, header)
		}
	})
}

func TestMediaType(t *testing.T) {
	for typ, want := range map[string]string{
		"":                    "",
		"JWT":                 "jwt",
		"at+JWT":              "at+jwt",
		"Application/AT+jwt":  "at+jwt",
		"application/x":       "x",
		"application/":        "application/",
		"application/x/y":     "application/x/y",
		"x/y":                 "x/y",
		"text/jwt":            "text/jwt",
		"applicationsjwt":     "applicationsjwt",
		" application/at+jwt": " application/at+jwt",
	} {
		if got := compact.MediaType(typ); got != want {
			t.Errorf("%q: %q, want %q", typ, got, want)
		}
	}
}
