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

// objects are objects whose names repeat, exactly or but for case.
var objects = []struct {
	name             string
	text             string
	ambiguous, exact bool // two of the names of the object itself; of any object
}{
	{"empty", `{}`, false, false},
	{"different names", `{"a":1,"b":2}`, false, false},
	{"case", `{"exp":1,"EXP":2}`, true, false},
	{"case by escape", `{"exp":1,"\u0045xp":2}`, true, false},
	{"Kelvin sign", `{"k":1,"` + "\u212a" + `":2}`, true, false},
	{"long s", `{"iss":1,"i` + "\u017f" + `s":2}`, true, false},
	{"final sigma", `{"ΣΑΣ":1,"σας":2}`, true, false},
	{"dotless i is another letter", `{"i":1,"` + "\u0131" + `":2}`, false, false},
	{"sharp s is not two letters", `{"ss":1,"ß":2}`, false, false},
	{"capital sharp s", `{"ß":1,"ẞ":2}`, true, false},
	{"accents count", `{"e":1,"é":2}`, false, false},
	{"combining accents count", `{"é":1,"` + "e\u0301" + `":2}`, false, false},
	{"one name at two levels", `{"a":{"A":1}}`, false, false},
	{"case in an inner object", `{"x":{"a":1,"A":2}}`, false, false},
	{"equal names in an inner object", `{"x":{"a":1,"a":2}}`, false, true},
	{"equal names by escape", `{"x":{"a":1,"\u0061":2}}`, false, true},
	{"equal names far apart", `{"x":{"b":0,"a":1,"c":[],"d":{},"a":2}}`, false, true},
	{"in an object of an array", `{"x":[1,{"b":[{"a":1,"a":2}]}]}`, false, true},
	{"in two objects of an array", `{"x":[{"a":1},{"a":2}]}`, false, false},
	{"in the last of several", `{"x":[{"a":1},[],"s",{"a":1,"a":2}]}`, false, true},
	{"number beyond a float64", `{"a":1e999,"b":{"c":1,"c":-1e999}}`, false, true},
	{"space everywhere", " { \"a\" : { \"b\" : 1 , \"b\" :\n2 } } ", false, true},
	{"strings are not names", `{"x":["a","A","a"],"y":"{\"a\":1,\"a\":2}"}`, false, false},
	{"escaped quotes", `{"x":"\"","y":{"a\\":1,"a\\":"\\"}}`, false, true},
}

func TestAmbiguousNames(t *testing.T) {
	for _, c := range objects {
		t.Run(c.name, func(t *testing.T) {
			v := jsonscan.ObjectOf(c.text)
			if name, got := v.AmbiguousNames(); got != c.ambiguous || got && name == "" {
				t.Errorf("%s: %q, %v, want %v", c.text, name, got, c.ambiguous)
			}
			if got := v.RepeatsName(); got != c.exact {
				t.Errorf("%s: repeats a name: %v, want %v", c.text, got, c.exact)
			}
			ambiguous, exact := repeats(t, c.text)
			if ambiguous != c.ambiguous || exact != c.exact {
				t.Errorf("%s: by encoding/json %v, %v, want %v, %v", c.text, ambiguous, exact, c.ambiguous, c.exact)
			}
		})
	}
}

// TestAmbiguousNamesAmongMany covers the lengths at which the list of names
// becomes a map.
func TestAmbiguousNamesAmongMany(t *testing.T) {
	ambiguous := func(text string) bool {
		_, ok := jsonscan.ObjectOf(text).AmbiguousNames()
		return ok
	}
	for _, count := range []int{2, 15, 16, 17, 18, 100} {
		names := make([]string, count)
		for i := range names {
			names[i] = `"name` + strconv.Itoa(i) + `"`
		}
		if ambiguous("{" + strings.Join(names, ":1,") + ":1}") {
			t.Errorf("%d different names are ambiguous", count)
		}
		for i := range count - 1 {
			text := "{" + strings.Join(names, ":1,") + `:1,` + strings.ToUpper(names[i]) + ":2}"
			if !ambiguous(text) {
				t.Errorf("of %d names, that at %d in capitals is not ambiguous", count, i)
			}
		}
	}
}

// repeats is a plain version of AmbiguousNames and RepeatsName, based on the
// tokens of encoding/json.
func repeats(t testing.TB, text string) (ambiguous, exact bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // 1e999 is valid JSON, but too large for a float64
	var value func(depth int)
	value = func(depth int) {
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
					ambiguous = ambiguous || depth == 0 && strings.EqualFold(name, other)
					exact = exact || name == other
				}
				names = append(names, name)
				value(depth + 1)
			}
			_, _ = d.Token()
		case json.Delim('['):
			for d.More() {
				value(depth + 1)
			}
			_, _ = d.Token()
		}
	}
	value(0)
	return ambiguous, exact
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

func FuzzAmbiguousNames(f *testing.F) {
	for _, c := range objects {
		f.Add(c.text)
	}
	for _, c := range accepted {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, valid := walk(t, text); !valid {
			return
		}
		wantAmbiguous, wantExact := repeats(t, text)
		v := jsonscan.ObjectOf(text)
		if _, got := v.AmbiguousNames(); got != wantAmbiguous {
			t.Errorf("%q: ambiguous: %v, want %v", text, got, wantAmbiguous)
		}
		if got := v.RepeatsName(); got != wantExact {
			t.Errorf("%q: repeats a name: %v, want %v", text, got, wantExact)
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
