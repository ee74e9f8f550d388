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

// FuzzScan compares the scanner with encoding/json. A text that both accept has
// the same members. A text that only encoding/json accepts breaks one of the
// rules in the package comment, which this test checks in its own way. The
// scanner accepts no text that encoding/json refuses.
func FuzzScan(f *testing.F) {
	for _, c := range accepted {
		f.Add(c.text)
	}
	for _, c := range refused {
		f.Add(c.text)
	}
	for _, c := range objects {
		f.Add(c.text)
	}
	f.Add(ordinary)
	f.Add(`{"a":` + strings.Repeat("[", jsonscan.MaxDepth) + strings.Repeat("]", jsonscan.MaxDepth) + "}")
	f.Fuzz(func(t *testing.T, text string) {
		got, valid := walk(t, text)
		if !json.Valid([]byte(text)) {
			if valid {
				t.Fatalf("%q: accepted, but it is not JSON", text)
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

// stricter returns the rule of the package comment that a valid JSON text
// breaks, or "".
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
	d.UseNumber() // 1e999 is valid JSON, but too large for a float64
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
				isName = depth == 1 // a value of the outermost object has ended
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

// loneSurrogate reports whether a valid JSON text contains the escape of a lone
// surrogate. In valid JSON, backslashes occur in strings only.
func loneSurrogate(text string) bool {
	high := -1 // the end of a high surrogate, if it is the last escape
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
