package jsonscan_test

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// FuzzScan holds the scanner against encoding/json. What both accept reads the same; what only
// encoding/json accepts has one of the reasons that the package names, found here in another
// way; and the scanner accepts nothing that encoding/json does not.
func FuzzScan(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.text)
	}
	for _, c := range refused {
		f.Add(c.text)
	}
	for _, c := range ambiguous {
		f.Add(c.text)
	}
	f.Add(ordinary)
	f.Add(`{"a":` + strings.Repeat("[", jsonscan.MaxDepth) + strings.Repeat("]", jsonscan.MaxDepth) + "}")
	f.Fuzz(func(t *testing.T, text string) {
		got, valid := walk(t, text)
		if !json.Valid([]byte(text)) {
			if valid {
				t.Fatalf("%q: accepted, but is no JSON", text)
			}
			return
		}
		if reason := stricter(t, text); valid == (reason != "") {
			t.Fatalf("%q: accepted: %v; reason to refuse it: %q", text, valid, reason)
		}
		if !valid {
			return
		}
		want := reference(t, text)
		if len(got) != len(want) {
			t.Fatalf("%q: %d members, want %d", text, len(got), len(want))
		}
		for i := range want {
			if !sameMember(got[i], want[i]) {
				t.Errorf("%q: member %d:\ngot  %+v\nwant %+v", text, i, got[i], want[i])
			}
		}
	})
}

// reference reads the members of an object by encoding/json.
func reference(t *testing.T, text string) (members []member) {
	d := json.NewDecoder(strings.NewReader(text))
	if brace, err := d.Token(); err != nil || brace != json.Delim('{') {
		t.Fatalf("%q: begins with %v, %v", text, brace, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		m := member{name: name.(string), text: string(raw)}
		var value any
		d := json.NewDecoder(strings.NewReader(m.text))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		switch value := value.(type) {
		case nil:
			m.kind = jsonscan.Null
		case bool:
			m.kind = jsonscan.Bool
		case json.Number:
			m.kind = jsonscan.Number
		case string:
			m.kind, m.str = jsonscan.String, value
		case []any:
			m.kind = jsonscan.Array
			var elements []json.RawMessage
			if err := json.Unmarshal(raw, &elements); err != nil {
				t.Fatal(err)
			}
			for _, e := range elements {
				m.elements = append(m.elements, string(e))
			}
		default:
			m.kind = jsonscan.Object
		}
		members = append(members, m)
	}
	return members
}

// stricter says which of the documented reasons there is to refuse a valid JSON text, "" for none.
func stricter(t *testing.T, text string) string {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return "not an object"
	}
	if !utf8.ValidString(text) {
		return "not UTF-8"
	}
	if loneSurrogate(text) {
		return "lone surrogate"
	}
	names := make(map[string]bool)
	depth := 0
	isName := false
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // 1e999 is a number, though no float64
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		switch token := token.(type) {
		case json.Delim:
			switch token {
			case '{', '[':
				depth++
				if depth > jsonscan.MaxDepth {
					return "nested too deep"
				}
				isName = depth == 1
			default:
				depth--
				isName = depth == 1 // behind a value of the outermost object
			}
			continue
		case string:
			if depth == 1 && isName {
				if names[token] {
					return "named twice"
				}
				names[token] = true
				isName = false
				continue
			}
		}
		if depth == 1 {
			isName = true
		}
	}
}

var escape = regexp.MustCompile(`\\(?:u([0-9a-fA-F]{4})|.)`)

// loneSurrogate looks for one in a valid JSON text, where backslashes stand in strings alone.
func loneSurrogate(text string) bool {
	high := -1 // where the escape ends that awaits its second half
	for _, at := range escape.FindAllStringSubmatchIndex(text, -1) {
		var code uint64
		if at[2] >= 0 {
			code, _ = strconv.ParseUint(text[at[2]:at[3]], 16, 16)
		}
		isLow := 0xdc00 <= code && code <= 0xdfff
		if isLow != (high == at[0]) || high >= 0 && high != at[0] {
			return true
		}
		high = -1
		if 0xd800 <= code && code <= 0xdbff {
			high = at[1]
		}
	}
	return high >= 0
}
