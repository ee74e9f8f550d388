package jsonscan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// member holds everything that a Scanner reports about one member of an object.
type member struct {
	name     string
	kind     jsonscan.Kind
	text     string
	str      string
	elements []string // their texts
}

// walk reads text to its end. It checks that a Scanner that has failed remains
// so, and that the methods of a valid object find the same members.
func walk(t testing.TB, text string) (members []member, valid bool) {
	t.Helper()
	s := jsonscan.New(text)
	for s.Next() {
		if s.Valid() {
			t.Errorf("%q: valid before the end", text)
		}
		members = append(members, describe(t, s.Name(), s.Value()))
	}
	valid = s.Valid()
	if s.Next() || s.Valid() != valid {
		t.Errorf("%q: another Next after the end changes something", text)
	}
	if valid {
		checkMembers(t, jsonscan.ObjectOf(text), members)
	}
	return members, valid
}

func describe(t testing.TB, name string, v jsonscan.Value) member {
	m := member{name: name, kind: v.Kind, text: v.Text}
	str, isString := v.Str()
	if isString != (m.kind == jsonscan.String) {
		t.Errorf("%q: Str of kind %d says %v", v.Text, m.kind, isString)
	}
	m.str = str
	isArray := v.Elements(func(e jsonscan.Value) bool {
		m.elements = append(m.elements, e.Text)
		return true
	})
	if isArray != (m.kind == jsonscan.Array) {
		t.Errorf("%q: Elements of kind %d says %v", v.Text, m.kind, isArray)
	}
	return m
}

func checkMembers(t testing.TB, object jsonscan.Value, want []member) {
	t.Helper()
	n := 0
	object.Members(func(name string, v jsonscan.Value) bool {
		if n >= len(want) || !sameMember(describe(t, name, v), want[n]) {
			t.Errorf("%q: Members returns %+v as member %d", object.Text, describe(t, name, v), n)
		}
		if got, ok := object.Member(name); !ok || got != v {
			t.Errorf("%q: Member(%q) returns %q, %v", object.Text, name, got.Text, ok)
		}
		n++
		return true
	})
	if n != len(want) {
		t.Errorf("%q: Members returns %d members, want %d", object.Text, n, len(want))
	}
	if got, ok := object.Member("no such name"); ok {
		t.Errorf("%q: Member finds %q", object.Text, got.Text)
	}
}

var accepted = []struct {
	name string
	text string
	want []member
}{
	{"empty", `{}`, nil},
	{"white space", " \t\n\r{ \t\n\r} \t\n\r", nil},
	{"white space everywhere", "\n{ \"a\" : 1 , \"b\"\t:\r[ 1 , \"x\" ] } ", []member{
		{name: "a", kind: jsonscan.Number, text: "1"},
		{name: "b", kind: jsonscan.Array, text: `[ 1 , "x" ]`, elements: []string{"1", `"x"`}},
	}},
	{"each kind", `{"n":null,"t":true,"f":false,"0":-0.5e+1,"s":"x","a":[],"o":{}}`, []member{
		{name: "n", kind: jsonscan.Null, text: "null"},
		{name: "t", kind: jsonscan.Bool, text: "true"},
		{name: "f", kind: jsonscan.Bool, text: "false"},
		{name: "0", kind: jsonscan.Number, text: "-0.5e+1"},
		{name: "s", kind: jsonscan.String, text: `"x"`, str: "x"},
		{name: "a", kind: jsonscan.Array, text: "[]"},
		{name: "o", kind: jsonscan.Object, text: "{}"},
	}},
	{"names that differ in case", `{"exp":1,"EXP":2}`, []member{
		{name: "exp", kind: jsonscan.Number, text: "1"},
		{name: "EXP", kind: jsonscan.Number, text: "2"},
	}},
	{"empty name", `{"":""}`, []member{{name: "", kind: jsonscan.String, text: `""`}}},
	{"escaped name", `{"\u0065xp":1}`, []member{{name: "exp", kind: jsonscan.Number, text: "1"}}},
	{"every escape", `{"s":"\"\\\/\b\f\n\r\t\u00e9\u2028"}`, []member{
		{name: "s", kind: jsonscan.String, text: `"\"\\\/\b\f\n\r\t\u00e9\u2028"`, str: "\"\\/\b\f\n\r\té\u2028"},
	}},
	{"every hexadecimal digit", `{"s":"\u0123\u4567\u89ab\ucdef\uABCD\uEFEF"}`, []member{
		{name: "s", kind: jsonscan.String, text: `"\u0123\u4567\u89ab\ucdef\uABCD\uEFEF"`, str: "\u0123\u4567\u89ab\ucdef\uabcd\uefef"},
	}},
	{"hexadecimal of both cases", `{"s":"\u00eF\u00Ef"}`, []member{{name: "s", kind: jsonscan.String, text: `"\u00eF\u00Ef"`, str: "ïï"}}},
	{"surrogate pair", `{"s":"x\uD83D\uDE00y"}`, []member{{name: "s", kind: jsonscan.String, text: `"x\uD83D\uDE00y"`, str: "x😀y"}}},
	{"escaped backslash before u", `{"s":"\\ud800"}`, []member{{name: "s", kind: jsonscan.String, text: `"\\ud800"`, str: `\ud800`}}},
	{"NUL escaped", `{"s":"\u0000"}`, []member{{name: "s", kind: jsonscan.String, text: `"\u0000"`, str: "\x00"}}},
	{"DEL and U+2028 as they are", "{\"s\":\"\x7f\u2028\"}", []member{{name: "s", kind: jsonscan.String, text: "\"\x7f\u2028\"", str: "\x7f\u2028"}}},
	{"replacement character as it is", "{\"s\":\"\ufffd\"}", []member{{name: "s", kind: jsonscan.String, text: "\"\ufffd\"", str: "\ufffd"}}},
	{"duplicate names deeper down", `{"o":{"a":1,"a":2}}`, []member{{name: "o", kind: jsonscan.Object, text: `{"a":1,"a":2}`}}},
	{"one name at two levels", `{"a":{"a":[{"a":1}]}}`, []member{{name: "a", kind: jsonscan.Object, text: `{"a":[{"a":1}]}`}}},
	{"elements of each kind", `{"a":[null,true,-1,"]",[[1],2],{"x":[3]} ]}`, []member{
		{name: "a", kind: jsonscan.Array, text: `[null,true,-1,"]",[[1],2],{"x":[3]} ]`,
			elements: []string{"null", "true", "-1", `"]"`, "[[1],2]", `{"x":[3]}`}},
	}},
	{"array where an object was", `{"a":[{"b":1},[2,3],{"c":4},[]]}`, []member{
		{name: "a", kind: jsonscan.Array, text: `[{"b":1},[2,3],{"c":4},[]]`, elements: []string{`{"b":1}`, "[2,3]", `{"c":4}`, "[]"}},
	}},
	{"numbers", `{"a":0,"b":-0,"c":10,"d":1.0,"e":1E5,"f":1e-05,"g":123456789012345678901234567890,"h":1e999}`, []member{
		{name: "a", kind: jsonscan.Number, text: "0"},
		{name: "b", kind: jsonscan.Number, text: "-0"},
		{name: "c", kind: jsonscan.Number, text: "10"},
		{name: "d", kind: jsonscan.Number, text: "1.0"},
		{name: "e", kind: jsonscan.Number, text: "1E5"},
		{name: "f", kind: jsonscan.Number, text: "1e-05"},
		{name: "g", kind: jsonscan.Number, text: "123456789012345678901234567890"},
		{name: "h", kind: jsonscan.Number, text: "1e999"},
	}},
}

func TestAccepted(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			got, valid := walk(t, c.text)
			if !valid {
				t.Fatalf("%s: refused", c.text)
			}
			if !slices.EqualFunc(got, c.want, sameMember) {
				t.Errorf("%s:\ngot  %+v\nwant %+v", c.text, got, c.want)
			}
		})
	}
}

func sameMember(a, b member) bool {
	return a.name == b.name && a.kind == b.kind && a.text == b.text && a.str == b.str && slices.Equal(a.elements, b.elements)
}

var refused = []struct{ name, text string }{
	{"empty", ""},
	{"only white space", " \n"},
	{"byte order mark", "\ufeff{}"},
	{"null", "null"},
	{"array", "[]"},
	{"array of an object", `[{"a":1}]`},
	{"string", `"a"`},
	{"number", "1"},
	{"two objects", "{}{}"},
	{"text after the object", "{} x"},
	{"NUL after the object", "{}\x00"},
	{"comma after the object", "{},"},
	{"brace after the object", "{}}"},
	{"form feed as white space", "{\f}"},
	{"no-break space as white space", "{\u00a0}"},
	{"not closed", "{"},
	{"ends after a name", `{"a"`},
	{"ends after a colon", `{"a":`},
	{"ends after a value", `{"a":1`},
	{"ends after a comma", `{"a":1,`},
	{"ends in a string", `{"a":"b`},
	{"ends in an escape", `{"a":"\`},
	{"ends in an array", `{"a":[`},
	{"ends in an array after a value", `{"a":[1`},
	{"ends in an array after a comma", `{"a":[1,`},
	{"ends in an inner object", `{"a":{"b"`},
	{"array closed by a brace", `{"a":[1}`},
	{"array closed by a brace, and more", `{"a":[1}}`},
	{"object closed by a bracket", `{"a":{"b":1]}`},
	{"object closed by a bracket, outermost", `{"a":1]`},
	{"comma at the end", `{"a":1,}`},
	{"comma at the beginning", `{,"a":1}`},
	{"two commas", `{"a":1,,"b":2}`},
	{"no comma", `{"a":1 "b":2}`},
	{"semicolon for a comma", `{"a":1;"b":2}`},
	{"colon for a comma", `{"a":1:"b":2}`},
	{"bracket for the opening brace", `["a":1}`},
	{"parenthesis for the opening brace", `("a":1}`},
	{"no colon", `{"a" 1}`},
	{"equals sign", `{"a"=1}`},
	{"two colons", `{"a"::1}`},
	{"no value", `{"a":}`},
	{"name without quotes", `{a:1}`},
	{"name in single quotes", `{'a':1}`},
	{"number as a name", `{1:1}`},
	{"comma at the end of an array", `{"a":[1,]}`},
	{"only a comma in an array", `{"a":[,]}`},
	{"no comma in an array", `{"a":[1 2]}`},
	{"colon in an array", `{"a":["b":1]}`},
	{"comma at the end of an inner object", `{"a":{"b":1,}}`},
	{"no colon in an inner object", `{"a":{"b" 1}}`},
	{"equals sign in an inner object", `{"a":{"b"=1}}`},
	{"semicolon for a comma in an inner object", `{"a":{"b":1;"c":2}}`},
	{"semicolon for a comma in an array", `{"a":[1;2]}`},
	{"no name in an inner object", `{"a":{1}}`},
	{"no name after the comma of an inner object", `{"a":{"b":1,2}}`},
	{"comment", `{"a":1/**/}`},
	{"line comment", "{//\n}"},
	{"True", `{"a":True}`},
	{"nul", `{"a":nul}`},
	{"nulll", `{"a":nulll}`},
	{"truefalse", `{"a":truefalse}`},
	{"falsy", `{"a":falsy}`},
	{"undefined", `{"a":undefined}`},
	{"NaN", `{"a":NaN}`},
	{"Infinity", `{"a":-Infinity}`},
	{"only a minus sign", `{"a":-}`},
	{"plus", `{"a":+1}`},
	{"two minus signs", `{"a":--1}`},
	{"leading zero", `{"a":01}`},
	{"leading zero after a minus sign", `{"a":-01}`},
	{"leading point", `{"a":.5}`},
	{"point at the end", `{"a":1.}`},
	{"point before an exponent", `{"a":1.e5}`},
	{"two points", `{"a":1.2.3}`},
	{"empty exponent", `{"a":1e}`},
	{"empty exponent after a sign", `{"a":1e+}`},
	{"exponent with a fraction", `{"a":1e1.5}`},
	{"hexadecimal number", `{"a":0x10}`},
	{"underscore in a number", `{"a":1_0}`},
	{"raw line feed in a string", "{\"a\":\"\n\"}"},
	{"raw tab in a name", "{\"\t\":1}"},
	{"raw NUL in a string", "{\"a\":\"\x00\"}"},
	{"raw 0x1f in a string", "{\"a\":\"\x1f\"}"},
	{"unknown escape", `{"a":"\x41"}`},
	{"escaped single quote", `{"a":"\'"}`},
	{"escaped line feed", "{\"a\":\"\\\n\"}"},
	{"capital U escape", `{"a":"\U0041"}`},
	{"short escape", `{"a":"\u004"}`},
	{"short escape at the end", `{"a":"\u00`},
	{"escape of three digits at the end", `{"a":"\u004`},
	{"no hexadecimal digit", `{"a":"\u00g0"}`},
	{"sign in an escape", `{"a":"\u+041"}`},
	{"lone high surrogate", `{"a":"\ud800"}`},
	{"lone high surrogate before text", `{"a":"\ud800x"}`},
	{"lone low surrogate", `{"a":"\udc00"}`},
	{"surrogates the wrong way round", `{"a":"\udc00\ud800"}`},
	{"two high surrogates", `{"a":"\ud800\ud800"}`},
	{"high surrogate before another escape", `{"a":"\ud800\u0041"}`},
	{"high surrogate before half a low one", `{"a":"\ud800\udc0"}`},
	{"high surrogate before a tab", `{"a":"\ud800\tdc00"}`},
	{"lone surrogate in a name", `{"\ud800":1}`},
	{"lone surrogate deeper down", `{"a":[{"b":"\ud800"}]}`},
	{"broken UTF-8 in a string", "{\"a\":\"\xff\"}"},
	{"broken UTF-8 in a name", "{\"\xc3\":1}"},
	{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}"},
	{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
	{"broken UTF-8 deeper down", "{\"a\":[\"\xfe\"]}"},
	{"duplicate", `{"a":1,"a":1}`},
	{"duplicate by escape", `{"exp":1,"\u0065xp":2}`},
	{"duplicate of an escaped one", `{"\u0065xp":1,"exp":2}`},
	{"duplicate by one escape", `{"\u0065xp":1,"\u0065xp":2}`},
	{"duplicate by different escapes", `{"a\u002fb":1,"a\/b":2}`},
	{"duplicate with others between", `{"exp":1,"iat":2,"nbf":3,"exp":4}`},
	{"duplicate empty name", `{"":1,"":2}`},
	{"duplicate without a value", `{"a":1,"a":`},
}

func TestRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			if members, valid := walk(t, c.text); valid {
				t.Errorf("%q: accepted as %+v", c.text, members)
			}
		})
	}
}

// TestDuplicateAmongMany covers the lengths at which the list of names becomes
// a map.
func TestDuplicateAmongMany(t *testing.T) {
	for _, count := range []int{2, 3, 15, 16, 17, 18, 64, 65, 200} {
		names := make([]string, count)
		for i := range names {
			names[i] = `"` + strings.Repeat("n", i/26) + string(rune('a'+i%26)) + `"`
		}
		if _, valid := walk(t, "{"+strings.Join(names, ":1,")+":1}"); !valid {
			t.Fatalf("%d different names are refused", count)
		}
		for _, i := range []int{0, (count - 1) / 2, count - 2} {
			again := slices.Clone(names)
			again[count-1] = names[i]
			if _, valid := walk(t, "{"+strings.Join(again, ":1,")+":1}"); valid {
				t.Errorf("the name at %d again at %d is accepted", i, count-1)
			}
		}
	}
}

// TestNamesThatLookAlike uses names that the filter cannot distinguish: they
// have the same length, first byte and last byte.
func TestNamesThatLookAlike(t *testing.T) {
	if _, valid := walk(t, `{"axb":1,"ayb":2,"azb":3}`); !valid {
		t.Error("three different names are refused")
	}
	if _, valid := walk(t, `{"axb":1,"ayb":2,"axb":3}`); valid {
		t.Error("a duplicate is accepted")
	}
}

func TestElementsStops(t *testing.T) {
	s := jsonscan.New(`{"a":[1,2,3]}`)
	if !s.Next() {
		t.Fatal("no member")
	}
	var seen []string
	if s.Value().Elements(func(e jsonscan.Value) bool { seen = append(seen, e.Text); return e.Text != "2" }) {
		t.Error("Elements returned true before the end")
	}
	if want := []string{"1", "2"}; !slices.Equal(seen, want) {
		t.Errorf("saw %v, want %v", seen, want)
	}
}

// ordinary holds the claims of a common token.
const ordinary = `{"iss":"https://issuer.example.com","sub":"user-1","aud":["api","web"],"exp":1800000900,"nbf":1800000000,` +
	`"iat":1800000000,"jti":"0123456789","scope":"read write","name":"Grüße","roles":["a","b",{"c":[1,2,3]}],"ok":true}`

func TestAllocations(t *testing.T) {
	members, elements := 0, 0
	allocs := testing.AllocsPerRun(100, func() {
		s := jsonscan.New(ordinary)
		for s.Next() {
			members++
			s.Value().Str()
			s.Value().Elements(func(jsonscan.Value) bool { elements++; return true })
		}
		if !s.Valid() {
			t.Fatal("the ordinary claims are refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
	if members != 101*11 || elements != 101*5 { // AllocsPerRun adds a run
		t.Errorf("%d members and %d elements seen", members, elements)
	}
}
