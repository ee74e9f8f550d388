package jsonscan_test

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

var ambiguous = []struct {
	name string
	text string
	want bool
}{
	{"empty", `{}`, false},
	{"different names", `{"a":1,"b":2}`, false},
	{"equal names", `{"a":1,"a":2}`, true},
	{"case", `{"exp":1,"EXP":2}`, true},
	{"case by escape", `{"exp":1,"\u0045xp":2}`, true},
	{"Kelvin sign", `{"k":1,"` + "\u212a" + `":2}`, true},
	{"long s", `{"iss":1,"i` + "\u017f" + `s":2}`, true},
	{"final sigma", `{"ΣΑΣ":1,"σας":2}`, true},
	{"dotless i is another letter", `{"i":1,"` + "\u0131" + `":2}`, false},
	{"sharp s is not two letters", `{"ss":1,"ß":2}`, false},
	{"capital sharp s", `{"ß":1,"ẞ":2}`, true},
	{"accents count", `{"e":1,"é":2}`, false},
	{"combining accents count", `{"é":1,"` + "e\u0301" + `":2}`, false},
	{"one name at two levels", `{"a":{"A":1}}`, false},
	{"in an inner object", `{"x":{"a":1,"A":2}}`, true},
	{"equal names in an inner object", `{"x":{"a":1,"a":2}}`, true},
	{"in an object of an array", `{"x":[1,{"b":[{"a":1,"A":2}]}]}`, true},
	{"in two objects of an array", `{"x":[{"a":1},{"A":2}]}`, false},
	{"in the last of several", `{"x":[{"a":1},[],"s",{"a":1,"A":2}]}`, true},
	{"number beyond a float64", `{"a":1e999,"b":{"c":1,"C":-1e999}}`, true},
	{"space after a name", `{"a" :1,"a":2}`, true},
	{"strings are not names", `{"x":["a","A"],"y":"{\"a\":1,\"A\":2}"}`, false},
}

func TestAmbiguousCase(t *testing.T) {
	for _, c := range ambiguous {
		t.Run(c.name, func(t *testing.T) {
			if got := jsonscan.AmbiguousCase(c.text); got != c.want {
				t.Errorf("%s: %v, want %v", c.text, got, c.want)
			}
			if got := foldsTogether(t, c.text); got != c.want {
				t.Errorf("%s: by encoding/json and EqualFold %v, want %v", c.text, got, c.want)
			}
		})
	}
}

// TestAmbiguousCaseOfValue checks the value of one member. The outer object is not
// ambiguous, and is not part of the value.
func TestAmbiguousCaseOfValue(t *testing.T) {
	cases := []struct {
		value string
		want  bool
	}{
		{`null`, false},
		{`true`, false},
		{`1`, false},
		{`"{\"a\":1,\"A\":2}"`, false},
		{`{}`, false},
		{`[]`, false},
		{`{"A":1}`, false},
		{`{"b":1,"B":2}`, true},
		{`[{"b":1,"B":2}]`, true},
		{`[0,{"b":[{"c":1,"c":2}]}]`, true},
		{`[{"b":1},{"B":2}]`, false},
	}
	for _, c := range cases {
		s := jsonscan.New(`{"a":` + c.value + `}`)
		if !s.Next() {
			t.Fatalf("%s: not valid", c.value)
		}
		if got := s.Value().AmbiguousCase(); got != c.want {
			t.Errorf("%s: %v, want %v", c.value, got, c.want)
		}
	}
}

// TestAmbiguousCaseAmongMany covers the lengths at which the list of names
// becomes a map.
func TestAmbiguousCaseAmongMany(t *testing.T) {
	for _, count := range []int{2, 15, 16, 17, 18, 100} {
		names := make([]string, count)
		for i := range names {
			names[i] = `"name` + strconv.Itoa(i) + `"`
		}
		if jsonscan.AmbiguousCase("{" + strings.Join(names, ":1,") + ":1}") {
			t.Errorf("%d different names are ambiguous", count)
		}
		for i := range count - 1 {
			text := "{" + strings.Join(names, ":1,") + `:1,` + strings.ToUpper(names[i]) + ":2}"
			if !jsonscan.AmbiguousCase(text) {
				t.Errorf("of %d names, that at %d in capitals is not ambiguous", count, i)
			}
		}
	}
}

// foldsTogether is a plain version of AmbiguousCase, based on the tokens of
// encoding/json.
func foldsTogether(t testing.TB, text string) bool {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // 1e999 is valid JSON, but too large for a float64
	var value func() bool
	value = func() (found bool) {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		switch token {
		case json.Delim('{'):
			var names []string
			for d.More() {
				token, err := d.Token()
				if err != nil {
					t.Fatalf("%q: %v", text, err)
				}
				name := token.(string)
				for _, other := range names {
					found = found || strings.EqualFold(name, other)
				}
				names = append(names, name)
				found = value() || found
			}
			_, _ = d.Token()
		case json.Delim('['):
			for d.More() {
				found = value() || found
			}
			_, _ = d.Token()
		}
		return found
	}
	return value()
}

// TestFold compares Fold with strings.EqualFold for every letter, and for some
// pairs also with the rule by which encoding/json matches names to struct
// fields.
func TestFold(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		next := unicode.SimpleFold(r)
		if next == r {
			continue // it has one case only
		}
		if jsonscan.Fold(string(r)) != jsonscan.Fold(string(next)) {
			t.Errorf("%U and %U, its other case, fold differently", r, next)
		}
		if folded := jsonscan.Fold(string(r)); !strings.EqualFold(folded, string(r)) {
			t.Errorf("%U folds to %q, which is another letter", r, folded)
		}
	}
	pairs := [][2]string{
		{"exp", "EXP"}, {"kid", "\u212aid"}, {"iss", "i\u017f\u017f"}, {"ΣΑΣ", "σας"}, {"Å", "\u212b"}, {"Ω", "\u2126"},
		{"straße", "STRASSE"}, {"straße", "STRAẞE"}, {"i", "\u0131"}, {"I", "\u0130"}, {"i", "\u0130"}, {"exp", "exp"}, {"exp", "exq"},
		{"µ", "μ"}, {"θ", "ϑ"}, {"Θ", "ϴ"}, {"ǆ", "ǅ"}, {"é", "É"}, {"é", "e"}, {"ა", "Ა"}, {"a", "ａ"}, {"ａ", "Ａ"}, {"exp", "expo"},
	}
	for _, pair := range pairs {
		same := jsonscan.Fold(pair[0]) == jsonscan.Fold(pair[1])
		if want := strings.EqualFold(pair[0], pair[1]); same != want {
			t.Errorf("%q and %q fold together: %v; EqualFold says %v", pair[0], pair[1], same, want)
		}
		if want := fieldMatches(t, pair[0], pair[1]); same != want {
			t.Errorf("%q and %q fold together: %v; encoding/json says %v", pair[0], pair[1], same, want)
		}
	}
}

// fieldMatches reports whether encoding/json stores a member with the second
// name in a field with the first name.
func fieldMatches(t *testing.T, field, member string) bool {
	t.Helper()
	dst := reflect.New(reflect.StructOf([]reflect.StructField{{
		Name: "F", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`json:"` + field + `"`),
	}}))
	text, _ := json.Marshal(map[string]int{member: 7})
	if err := json.Unmarshal(text, dst.Interface()); err != nil {
		t.Fatal(err)
	}
	return dst.Elem().Field(0).Int() == 7
}

func FuzzAmbiguousCase(f *testing.F) {
	for _, c := range ambiguous {
		f.Add(c.text)
	}
	for _, c := range accepted {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, valid := walk(t, text); !valid {
			if !jsonscan.AmbiguousCase(text) {
				t.Errorf("%q is invalid, but not reported as ambiguous", text)
			}
			return
		}
		if got, want := jsonscan.AmbiguousCase(text), foldsTogether(t, text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add("exp", "EXP")
	f.Add("k", "\u212a")
	f.Add("ß", "ss")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return
		}
		if got, want := jsonscan.Fold(a) == jsonscan.Fold(b), strings.EqualFold(a, b); got != want {
			t.Errorf("%q and %q: %v, want %v", a, b, got, want)
		}
	})
}
