package compact_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

func segment(header string) string { return base64.RawURLEncoding.EncodeToString([]byte(header)) }

var headers = []struct {
	name string
	text string
	want compact.Header
	err  error
}{
	{"only alg", `{"alg":"HS256"}`, compact.Header{Algorithm: "HS256"}, nil},
	{"all parameters that are read", `{"alg":"ES256","kid":"k1","typ":"JWT"}`, compact.Header{Algorithm: "ES256", KeyID: "k1", Type: "JWT", Typed: true}, nil},
	{"escaped", `{"\u0061lg":"\u0045S256"}`, compact.Header{Algorithm: "ES256"}, nil},
	{"white space", "\n{ \"alg\" :\t\"HS256\" }\r\n", compact.Header{Algorithm: "HS256"}, nil},
	{"empty typ", `{"alg":"HS256","typ":""}`, compact.Header{Algorithm: "HS256", Typed: true}, nil},
	{"empty kid", `{"alg":"HS256","kid":""}`, compact.Header{Algorithm: "HS256"}, nil},
	{"unknown alg, which the verifier refuses", `{"alg":"none"}`, compact.Header{Algorithm: "none"}, nil},
	{"keys in the header are ignored", `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example/","x5u":"https://evil.example/","x5c":["AA"],"x5t":1,"x5t#S256":[]}`, compact.Header{Algorithm: "HS256"}, nil},
	{"number beyond a float64", `{"alg":"HS256","x":1e999}`, compact.Header{Algorithm: "HS256"}, nil},
	{"zip and cty", `{"alg":"HS256","zip":"DEF","cty":"JWT"}`, compact.Header{Algorithm: "HS256"}, nil},
	{"b64 true", `{"alg":"HS256","b64":true}`, compact.Header{Algorithm: "HS256"}, nil},
	{"names in another case are other names", `{"alg":"HS256","ALG":"none","Kid":"x","CRIT":["b64"],"B64":false,"Typ":"x"}`, compact.Header{Algorithm: "HS256"}, nil},

	{name: "empty", text: ``, err: compact.ErrHeaderEmpty},
	{name: "empty object", text: `{}`, err: compact.ErrHeaderAlg},
	{name: "array", text: `["alg","HS256"]`, err: compact.ErrHeaderJSON},
	{name: "null", text: `null`, err: compact.ErrHeaderJSON},
	{name: "no alg", text: `{"typ":"JWT"}`, err: compact.ErrHeaderAlg},
	{name: "alg in another case", text: `{"Alg":"HS256"}`, err: compact.ErrHeaderAlg},
	{name: "empty alg", text: `{"alg":""}`, err: compact.ErrHeaderAlg},
	{name: "null alg", text: `{"alg":null}`, err: compact.ErrHeaderAlg},
	{name: "alg is a number", text: `{"alg":256}`, err: compact.ErrHeaderAlg},
	{name: "alg is an array", text: `{"alg":["HS256"]}`, err: compact.ErrHeaderAlg},
	{name: "two algs", text: `{"alg":"none","alg":"HS256"}`, err: compact.ErrHeaderRepeated},
	{name: "two algs, one escaped", text: `{"alg":"HS256","\u0061lg":"none"}`, err: compact.ErrHeaderRepeated},
	{name: "two of another member", text: `{"alg":"HS256","x":1,"x":2}`, err: compact.ErrHeaderRepeated},
	{name: "kid is a number", text: `{"alg":"HS256","kid":1}`, err: compact.ErrHeaderKid},
	{"kid is null", `{"alg":"HS256","kid":null}`, compact.Header{Algorithm: "HS256"}, nil},
	{name: "kid is an object", text: `{"alg":"HS256","kid":{"k1":1}}`, err: compact.ErrHeaderKid},
	{name: "typ is a number", text: `{"alg":"HS256","typ":1}`, err: compact.ErrHeaderTyp},
	{name: "typ is null", text: `{"alg":"HS256","typ":null}`, err: compact.ErrHeaderTyp},
	{name: "crit", text: `{"alg":"HS256","crit":["exp"],"exp":1}`, err: compact.ErrHeaderCrit},
	{name: "crit first", text: `{"crit":["exp"],"exp":1,"alg":"HS256"}`, err: compact.ErrHeaderCrit},
	{name: "empty crit", text: `{"alg":"HS256","crit":[]}`, err: compact.ErrHeaderCrit},
	{name: "crit is null", text: `{"alg":"HS256","crit":null}`, err: compact.ErrHeaderCrit},
	{name: "crit escaped", text: `{"alg":"HS256","\u0063rit":["b64"]}`, err: compact.ErrHeaderCrit},
	{name: "b64 false", text: `{"alg":"HS256","b64":false}`, err: compact.ErrHeaderB64},
	{name: "b64 is a string", text: `{"alg":"HS256","b64":"true"}`, err: compact.ErrHeaderB64},
	{name: "b64 is null", text: `{"alg":"HS256","b64":null}`, err: compact.ErrHeaderB64},
	{name: "text after the object", text: `{"alg":"HS256"}x`, err: compact.ErrHeaderJSON},
	{name: "not closed", text: `{"alg":"HS256"`, err: compact.ErrHeaderJSON},
	{name: "comma at the end", text: `{"alg":"HS256","kid":"a",}`, err: compact.ErrHeaderJSON},
	{name: "byte order mark", text: "\ufeff{\"alg\":\"HS256\"}", err: compact.ErrHeaderJSON},
	{name: "not UTF-8", text: "{\"alg\":\"HS256\",\"x\":\"\xff\"}", err: compact.ErrHeaderJSON},
	{name: "lone surrogate", text: `{"alg":"HS256","kid":"\ud800"}`, err: compact.ErrHeaderJSON},
	{name: "nested too deep", text: `{"alg":"HS256","x":` + strings.Repeat("[", 256) + strings.Repeat("]", 256) + "}", err: compact.ErrHeaderJSON},
}

func TestParseHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.name, func(t *testing.T) {
			got, err := compact.ParseHeader(segment(c.text))
			switch {
			case err != c.err:
				t.Errorf("%s: %v, want %v", c.text, err, c.err)
			case err == nil && got != c.want:
				t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
			}
		})
	}
}

func TestParseHeaderEncoding(t *testing.T) {
	good := segment(`{"alg":"HS256" }`) // 16 bytes: two digits in the last group
	if _, err := compact.ParseHeader(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"padded":             good + "==",
		"line feed":          good + "\n",
		"unused bit set":     good[:len(good)-1] + string(good[len(good)-1]+1),
		"not base64url":      `{"alg":"HS256" }`,
		"standard alphabet":  strings.NewReplacer("-", "+", "_", "/").Replace(segment(`{"alg":"HS256","x":"??>>"}`)) + "+/+/",
		"one digit too many": good[:len(good)-1],
	} {
		if _, err := compact.ParseHeader(bad); err != compact.ErrHeaderEncoding {
			t.Errorf("%s: %v", name, err)
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
	if _, err := compact.ParseHeader(of(8192)); err != nil {
		t.Errorf("a header of 8192 characters: %v", err)
	}
	if _, err := compact.ParseHeader(of(8196)); err != compact.ErrHeaderLength {
		t.Errorf("a header of 8196 characters: %v", err)
	}
}

func TestSegmentsError(t *testing.T) {
	jws, jwe := segment(`{"alg":"HS256"}`), segment(`{"alg":"dir","enc":"A256GCM"}`)
	for token, want := range map[string]error{
		"opaque": compact.ErrOneSegment, jws: compact.ErrFirstSegment,
		"a.b": compact.ErrSegments, jws + ".b": compact.ErrTwoSegments, "ya29.a0Af": compact.ErrSegments,
		"a.b.c.d": compact.ErrSegments, ".a.b.c": compact.ErrOuterDot, jws + ".b.c.": compact.ErrOuterDot,
		"a.b.c.d.e": compact.ErrFiveSegments, jwe + "..c.d.e": compact.ErrFiveSegments, jwe + ".b.c.d.e": compact.ErrFiveSegments,
		jws + ".b.c" + jws + ".b.c": compact.ErrJoined, jws + ".b.c." + jws + ".b.c": compact.ErrJoined,
		"a.b.c.d.e.f": compact.ErrSegments,
		"":            compact.ErrEmpty, "null": compact.ErrNoValue,
	} {
		if got := compact.SegmentsError(token); got != want {
			t.Errorf("%q: %v, want %v", token, got, want)
		}
	}
}

// HeaderError names the damage of a header that is not base64url or not JSON,
// and leaves other errors as they are.
func TestHeaderError(t *testing.T) {
	for text, want := range map[string]string{
		segment("alg=HS256") + ".b.c":                      "the header, its first segment, is not a JSON object (RFC 8259)",
		segment(`{"alg":"HS256"`) + ".b.c":                 "the header, its first segment, is JSON that was cut short",
		segment(`{"alg":"HS256","kid":"\ud800"}`) + ".b.c": "the header, its first segment, has half of a surrogate pair (\\uD800 to \\uDFFF) in a string, which is no character (RFC 8259, section 8.2)",
		segment(`{'alg':'HS256'}`) + ".b.c":                "the header, its first segment, has single quotes; JSON has double quotes",
		"eyJ+.b.c":                                         "the header, its first segment, is not base64url without padding (RFC 7515, section 2): it has + or / of standard base64 instead of - and _",
		segment(`{"alg":"HS256" }`) + "==.b.c":             "the header, its first segment, is not base64url without padding (RFC 7515, section 2): it ends with =",
		segment(`{"alg":"HS256"}`) + "A.b.c":               "the header, its first segment, is not base64url without padding (RFC 7515, section 2): no encoder writes this length: the token was cut off, or a character was added",
		"eyJhbGciOiJIUzI1NiIgfR.b.c":                       "the header, its first segment, is not base64url without padding (RFC 7515, section 2): its last character was changed, or more were cut off",
		"e!J.b.c":                                          "the header, its first segment, is not base64url without padding (RFC 7515, section 2): it has a character that base64url does not have, such as a space or a percent sign",
		"Bearer " + segment(`{"alg":"HS256"}`) + ".b.c":    compact.ErrPrefixed.Error(),
		"v4.public.aaaa":                                   compact.ErrPASETO.Error(),
		segment(`{"alg":"HS256","alg":"HS256"}`) + ".b.c":  compact.ErrHeaderRepeated.Error(),
		"\"" + segment(`{"typ":"JWT"}`) + ".b.c\"":         compact.ErrQuoted.Error(),
		segment(`{"typ":"JWT"}`) + ".b.c":                  compact.ErrHeaderAlg.Error(),
	} {
		header, _, _ := strings.Cut(text, ".")
		_, err := compact.ParseHeader(header)
		got := compact.HeaderError(text, err)
		if got == nil || got.Error() != want || !slices.Contains(compact.Errors(), got) {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

// The caller finds each error in Errors.
func TestErrors(t *testing.T) {
	all := compact.Errors()
	for _, c := range headers {
		if c.err != nil && !slices.Contains(all, c.err) {
			t.Errorf("Errors lacks %v", c.err)
		}
	}
	for _, err := range []error{compact.ErrOneSegment, compact.ErrNoValue, compact.ErrSegments, compact.ErrHeaderLength, compact.ErrHeaderEncoding} {
		if !slices.Contains(all, err) {
			t.Errorf("Errors lacks %v", err)
		}
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
		got, err := compact.ParseHeader(segment(text))
		ok := err == nil
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
		kid, hasKid, kidIsString := text1("kid")
		typ, typed, typIsString := text1("typ")
		_, crit := members["crit"]
		b64, hasB64 := members["b64"]
		want := algIsString && alg != "" && (kidIsString || hasKid && members["kid"] == nil) && typIsString && !crit && (!hasB64 || b64 == true)
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
