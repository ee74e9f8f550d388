package compact_test

import (
	"bytes"
	"encoding/base64"
	"math"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

func TestSplit(t *testing.T) {
	cases := []struct {
		token         string
		first, second int // -1 if the token is refused
	}{
		{"a.b.c", 1, 3},
		{"..", 0, 1},
		{".b.", 0, 2},
		{"aa.bbb.cccc", 2, 6},
		{"a..c", 1, 2},
		{"", -1, -1},
		{"abc", -1, -1},
		{".", -1, -1},
		{"a.b", -1, -1},
		{"a.b.c.", -1, -1},
		{"a.b.c.d", -1, -1},
		{"...", -1, -1},
		{"a.b.c.d.e", -1, -1},
		{strings.Repeat(".", 1<<20), -1, -1},
	}
	for _, c := range cases {
		first, second, ok := compact.Split(c.token)
		if ok != (c.first >= 0) {
			t.Errorf("%.20q: ok is %v", c.token, ok)
		}
		if ok && (first != c.first || second != c.second) {
			t.Errorf("%.20q: dots at %d and %d, want %d and %d", c.token, first, second, c.first, c.second)
		}
	}
}

// decode is Decode, built on encoding/base64 and the rule that encoding the
// result returns the same text.
func decode(text string) (string, bool) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(data) != text {
		return "", false
	}
	return string(data), true
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) // an invalid byte is U+FFFD
}

func checkDecode(t *testing.T, text string) {
	t.Helper()
	const before = "kept"
	got, ok := compact.Decode([]byte(before), text)
	want, wantOK := decode(text)
	if _, ascii, ok := compact.DecodeText(nil, text); ok && ascii != isASCII(want) {
		t.Errorf("%q: reported as ASCII: %v", text, ascii)
	}
	switch {
	case ok != wantOK:
		t.Errorf("%q: accepted: %v, want %v", text, ok, wantOK)
	case ok && string(got) != before+want:
		t.Errorf("%q: %q, want %q", text, got, before+want)
	}
}

var encodings = []struct {
	name, text string
	ok         bool
}{
	{"empty", "", true},
	{"one byte", "AA", true},
	{"two bytes", "AAA", true},
	{"three bytes", "AAAA", true},
	{"every digit", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", true},
	{"one digit", "A", false},
	{"five digits", "AAAAA", false},
	{"unused bit set after one byte", "AB", false},
	{"highest unused bit set after one byte", "AI", false},
	{"unused bit set after two bytes", "AAB", false},
	{"highest unused bit set after two bytes", "AAC", false},
	{"padding", "AA==", false},
	{"padding after two bytes", "AAA=", false},
	{"standard alphabet", "+/AA", false},
	{"line feed", "AA\nAA", false},
	{"line feed at the end", "AAAA\n", false},
	{"four line breaks", "AAAA\r\n\r\n", false},
	{"space", "AA AA", false},
	{"dot", "AA.A", false},
	{"NUL", "AAA\x00", false},
	{"beyond ASCII", "AAA\xff", false},
	{"bad digit first of four", "!AAA", false},
	{"bad digit second of four", "A!AA", false},
	{"bad digit third of four", "AA!A", false},
	{"bad digit last of four", "AAA!", false},
	{"bad digit before good ones", "!AAAAAAAAAAA", false},
	{"bad digit first of three", "AAAA!AA", false},
	{"bad digit second of three", "AAAAA!A", false},
	{"bad digit last of three", "AAAAAA!", false},
	{"bad digit first of two", "AAAA!A", false},
	{"bad digit last of two", "AAAAA!", false},
}

func TestDecode(t *testing.T) {
	for _, c := range encodings {
		t.Run(c.name, func(t *testing.T) {
			if _, ok := compact.Decode(nil, c.text); ok != c.ok {
				t.Errorf("%q: accepted: %v, want %v", c.text, ok, c.ok)
			}
			checkDecode(t, c.text)
		})
	}
}

// TestDecodeText has one byte beyond ASCII at every position of texts of every
// length of the last group.
func TestDecodeText(t *testing.T) {
	for length := range 16 {
		text := bytes.Repeat([]byte("~"), length)
		checkDecode(t, base64.RawURLEncoding.EncodeToString(text))
		for at := range text {
			for _, c := range []byte{0x7f, 0x80, 0xff} {
				text := bytes.Clone(text)
				text[at] = c
				checkDecode(t, base64.RawURLEncoding.EncodeToString(text))
			}
		}
	}
}

// TestDecodeEveryByte tries every byte at every position of a long group and of
// the last group.
func TestDecodeEveryByte(t *testing.T) {
	for length := 1; length <= 11; length++ {
		for at := range length {
			for c := range 256 {
				text := []byte("QUJDREVGR0g"[:length])
				text[at] = byte(c)
				checkDecode(t, string(text))
			}
		}
	}
	for a := range 256 {
		for b := range 256 {
			checkDecode(t, string([]byte{byte(a), byte(b)}))
			checkDecode(t, string([]byte{'A', byte(a), byte(b)}))
		}
	}
}

func TestDecodedLen(t *testing.T) {
	for n := range 100 {
		if got, want := compact.DecodedLen(n), base64.RawURLEncoding.DecodedLen(n); got != want {
			t.Errorf("%d digits: %d, want %d", n, got, want)
		}
	}
	if got, want := compact.DecodedLen(math.MaxInt-3), math.MaxInt/4*3; got != want { // ends a group of 4
		t.Errorf("%d digits: %d, want %d", math.MaxInt-3, got, want)
	}
}

func TestDecodeIntoRoom(t *testing.T) {
	text := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("claims", 100)))
	room := make([]byte, 0, 600)
	allocs := testing.AllocsPerRun(100, func() {
		if got, ok := compact.Decode(room, text); !ok || len(got) != 600 {
			t.Fatalf("%d bytes, %v", len(got), ok)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations with enough capacity, want 0", allocs)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range encodings {
		f.Add(c.text)
	}
	f.Fuzz(checkDecode)
}
