package jsondecode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsondecode"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

type (
	role    struct{ Role string }
	embed   struct{ role }
	pointer struct{ *Public }
	Public  struct{ Role string }
	tree    struct {
		Role string
		Next *tree
		List []tree
	}
	// level accepts one text, and quotes another one in its error.
	level int
	// object decodes itself.
	object struct{ text string }
	// flag accepts no null.
	flag struct{}
	code string
	// picky has fields, and decodes itself.
	picky struct{ Role string }
	// short is a number that is written as an object.
	short int8
)

func (*picky) UnmarshalJSON([]byte) error { return fmt.Errorf("no role is good enough") }

func (*short) UnmarshalJSON([]byte) error { return nil }

func (l *level) UnmarshalText(text []byte) error {
	if string(text) != "high" {
		return fmt.Errorf("unknown level %q", text)
	}
	*l = 1
	return nil
}

func (o *object) UnmarshalJSON(text []byte) error {
	if strings.Contains(string(text), "secret") {
		return fmt.Errorf("bad text %s", text)
	}
	o.text = string(text)
	return nil
}

func (*flag) UnmarshalJSON(text []byte) error { return fmt.Errorf("is %s", text) }

func (c *code) UnmarshalText(text []byte) error {
	*c = code(strings.ToLower(string(text)))
	return nil
}

func unmarshal(t *testing.T, text string, dst any) error {
	t.Helper()
	s := jsonscan.New(`{"v":` + text + `}`)
	if !s.Next() {
		t.Fatalf("%s is not valid", text)
	}
	return jsondecode.Unmarshal(s.Value(), "", dst)
}

// Each of these is decoded as by encoding/json.
func TestUnmarshal(t *testing.T) {
	for _, c := range []struct {
		text string
		dst  any
	}{
		{`{"role":"user","name":"x","NAME":"y"}`, new(role)}, // not read
		{`{"Web":{"a":1},"web":{"a":2}}`, new(map[string]any)},
		{`{"Web":{"Role":"a"},"web":{"role":"b"}}`, new(map[string]role)},
		{`{"x":{"Web":1,"web":2}}`, new(any)},
		{`{"x":{"Web":1, "web":2}}`, new(json.RawMessage)},
		{`null`, new(json.RawMessage)},
		{`{"x":{"Web":1,"web":2}}`, new(struct{ X json.RawMessage })},
		{`{"x":{"Web":1,"web":2}}`, new(struct{ X any })},
		{`{"x":{"Web":1,"web":2}}`, new(struct{ X object })},
		{`{"y":{"Role":1,"role":2,"role":3},"x":{}}`, new(struct{ X role })}, // not read
		{`{"Web":1,"web":2}`, new(struct {
			A int `json:"web"`
			B int `json:"Web"`
		})},
		{`{"next":{"next":{"role":"deep"}},"list":[{"role":"a"},{"Role":"b"}]}`, new(tree)},
		{`{"1":"a","2":"b"}`, new(map[int]string)},
		{`{"a":"x","b":"y"}`, new(map[code]string)},
		{`"high"`, new(level)},
		{`null`, new(level)},
		{`"x"`, new(string)},
		{`"\u00e9\n"`, new(string)},
		{`null`, new(string)},
		{`true`, new(bool)},
		{`false`, new(bool)},
		{`-7`, new(int)},
		{`9223372036854775807`, new(int64)},
		{`1.5e3`, new(float64)},
		{`["a","b\t"]`, new([]string)},
		{`[]`, new([]string)},
		{`["a",null]`, new([]string)},
		{`null`, new([]string)},
		{`[[1],[2,3]]`, new([][]int8)},
		{`[1,2,3]`, new([2]int)},
		{`"2026-01-02T03:04:05Z"`, new(time.Time)},
		{`"aGk="`, new([]byte)},
		{`{"n":"7"}`, new(struct {
			N int `json:",string"`
		})},
		{`{"a":{}}`, new(struct{ A **role })},
	} {
		want := reflect.New(reflect.TypeOf(c.dst).Elem())
		if err := json.Unmarshal([]byte(c.text), want.Interface()); err != nil {
			t.Fatal(err)
		}
		if err := unmarshal(t, c.text, c.dst); err != nil || !reflect.DeepEqual(c.dst, want.Interface()) {
			t.Errorf("%s into %T: %+v, %v, want %+v", c.text, c.dst, c.dst, err, want.Interface())
		}
	}
}

// A value that is refused because of a name leaves dst unchanged.
func TestUnmarshalRepeated(t *testing.T) {
	const twice = "is given twice, perhaps in upper and lower case"
	const same = "has two members of the same name"
	const folded = "is given in another case only"
	var held any = new(role)
	for _, c := range []struct {
		text string
		dst  any
		want string
	}{
		{`{"role":"user","Role":"secret"}`, new(role), "Role " + twice},
		{`{"ROLE":"user","rOLE":"secret"}`, new(role), "Role " + twice},
		{`{"role":"user","role":"secret"}`, new(role), "Role " + twice},
		// WEB fits both fields; releases of Go differ in the one they choose.
		{`{"Web":1,"WEB":2}`, new(struct {
			A int `json:"web"`
			B int `json:"Web"`
		}), "Web " + twice},
		{`{"role":"user","Role":"secret"}`, new(embed), "Role " + twice},
		{`{"role":"user","Role":"secret"}`, new(pointer), "Role " + twice},
		{`{"role":"user","Role":"secret"}`, &held, "Role " + twice},
		{`{"user":{"role":"user","ROLE":"secret"}}`, new(struct{ User role }), "User.Role " + twice},
		{`{"user":{"role":"user","ROLE":"secret"}}`, new(struct{ User **role }), "User.Role " + twice},
		{`{"user":{"role":"user","ROLE":"secret"}}`, &struct{ User any }{new(role)}, "User.Role " + twice},
		{`{"user":{"role":"user","ROLE":"secret"}}`, &struct{ User any }{&held}, "User.Role " + twice},
		{`{"users":[{},{"role":"user","ROLE":"secret"}]}`, new(struct {
			Users []role `json:"users"`
		}), "users[1].Role " + twice},
		{`[{},{"role":"user","ROLE":"secret"}]`, &[]any{nil, new(role)}, "[1].Role " + twice},
		{`[[{"role":"user","ROLE":"secret"}]]`, new([2][]*role), "[0][0].Role " + twice},
		{`{"secret":{"role":"user","ROLE":"secret"}}`, new(map[string]role), "*.Role " + twice},
		{`{"a":{"secret":[{"role":"user","ROLE":"x"}]}}`, new(struct{ A map[string][]role }), "A.*[0].Role " + twice},
		{`{"next":{"next":{"list":[{"list":1,"LIST":2}]}}}`, new(tree), "Next.Next.List[0].List " + twice},
		// The name in a tag is exact. Without a tag, "name" fits Name.
		{`{"ROLE":"secret"}`, new(struct {
			Role string `json:"role"`
		}), "role " + folded},
		{`{"user":{"ROLE":"secret"}}`, new(struct {
			User struct {
				Role string `json:"role"`
			}
		}), "User.role " + folded},
		{`{"secret":[{"web":1},{"WEB":2}]}`, new(map[string][]struct {
			Web int `json:"web"`
		}), "*[1].web " + folded},
		{`{"web":1,"a":{"Web":1}}`, new(struct {
			Web int `json:"web"`
			A   struct {
				Web int `json:"web"`
			} `json:"a"`
		}), "a.web " + folded},
		{`{"a":{"secret":1,"secret":2}}`, new(struct{ A map[string]int }), "A " + same},
		{`{"a":{"1":1,"01":2}}`, new(struct{ A map[int]int }), "A " + same},
		{`{"a":{"x":1,"X":2}}`, new(struct{ A map[code]int }), "A " + same},
		{`{"a":{"b":{"secret":1,"secret":2}}}`, new(map[string]any), "* " + same + " in one object"},
		{`{"a":[{"secret":1,"secret":2}]}`, new(struct{ A any }), "A " + same + " in one object"},
		{`{"a":{"secret":1,"secret":2}}`, new(struct{ A json.RawMessage }), "A " + same + " in one object"},
		{`{"a":{"secret":1,"secret":2}}`, new(json.RawMessage), "the value " + same + " in one object"},
		{`{"a":[{"secret":1,"secret":2}]}`, new(struct{ A []short }), "A[0] " + same + " in one object"},
		{`{"a":{"secret":1,"secret":2}}`, new(struct{ A object }), "A " + same + " in one object"},
	} {
		before := fmt.Sprintf("%+v", c.dst)
		err := unmarshal(t, c.text, c.dst)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s into %T:\n got %v\nwant %s", c.text, c.dst, err, c.want)
		}
		if after := fmt.Sprintf("%+v", c.dst); after != before {
			t.Errorf("%s: refused, but dst is %s", c.text, after)
		}
	}
}

// Errors name the member and the Go type, and no value and no key of a map.
func TestUnmarshalMismatch(t *testing.T) {
	number := 0
	for _, c := range []struct {
		text string
		dst  any
		want string
	}{
		{`{"name":"secret"}`, new(struct{ Name int }), "Name is a string that does not fit int"},
		{`{"name":"secret"}`, new(struct {
			Name int `json:"name"`
		}), "name is a string that does not fit int"},
		{`{"a":1,"name":1,"n":"secret"}`, new(struct{ N *bool }), "N is a string that does not fit bool"},
		{`{"n":123456789}`, new(struct{ N int8 }), "N is a number that does not fit int8"},
		{`{"n":-123456789}`, new(struct{ N uint }), "N is a number that does not fit uint"},
		{`{"n":1234.56789}`, new(struct{ N int }), "N is a number that does not fit int"},
		{`{"n":123456789e400}`, new(struct{ N float64 }), "N is a number that does not fit float64"},
		{`{"n":123456789e400}`, new(struct{ N any }), "N is a number that does not fit interface {}"},
		{`{"n":123456789e400}`, new(map[string]any), "* is a number that does not fit interface {}"},
		{`{"at":"secret"}`, new(struct{ At time.Time }), "At is a string that does not fit time.Time: it must be an RFC 3339 time, such as 2006-01-02T15:04:05Z"},
		{`{"at":{"secret":1}}`, new(struct{ At *time.Time }), "At is an object that does not fit time.Time"},
		{`{"at":"secret"}`, new(struct{ At time.Duration }), "At is a string that does not fit time.Duration"},
		{`{"n":"secret"}`, new(struct {
			N int `json:"n,string"`
		}), "n is a string that does not fit int"},
		{`{"n":1234}`, new(struct {
			N int `json:"n,string"`
		}), "n is a number that does not fit int with its tag or embedding"},
		{`{"l":"secret"}`, new(struct{ L level }), "L is a string that does not fit jsondecode_test.level"},
		{`{"l":["high","secret"]}`, new(struct{ L []level }), "L[1] is a string that does not fit jsondecode_test.level"},
		{`{"o":"secret"}`, new(struct{ O object }), "O is a string that does not fit jsondecode_test.object"},
		{`{"o":{"a":["secret"]}}`, new(struct{ O *object }), "O is an object that does not fit jsondecode_test.object"},
		{`{"p":{"role":7}}`, new(struct{ P picky }), "P is an object that does not fit jsondecode_test.picky"},
		{`{"f":null}`, new(struct{ F flag }), "F is null, which does not fit jsondecode_test.flag"},
		{`{"a":{"secret":"x"}}`, new(struct{ A map[string]int }), "A.* is a string that does not fit int"},
		{`{"a":{"secret":1}}`, new(struct{ A map[int]int }), "A has a name that does not fit int"},
		{`{"a":{"secret":1}}`, new(struct{ A map[level]int }), "A has a name that does not fit jsondecode_test.level"},
		{`{"a":[[1],[2,"secret"]]}`, new(struct{ A [][]int }), "A[1][1] is a string that does not fit int"},
		{`{"a":[1,true]}`, new(struct{ A [2]int }), "A[1] is a boolean that does not fit int"},
		{`{"a":"secret"}`, new(struct{ A []string }), "A is a string that does not fit []string"},
		{`{"a":"secret"}`, new(struct{ A []struct{ B int } }), "A is a string that does not fit []a struct"},
		{`{"a":"secret"}`, new(struct{ A map[string]*role }), "A is a string that does not fit map[string]jsondecode_test.role"},
		{`{"a":["secret"]}`, new(struct{ A struct{ B int } }), "A is an array that does not fit a struct"},
		{`{"a":"secret"}`, &struct{ A any }{&number}, "A is a string that does not fit int"},
		{`{"a":"secret"}`, new(struct{ A fmt.Stringer }), "A is a string that does not fit fmt.Stringer"},
		{`{"a":1}`, new(struct{ A chan int }), "A is a number that does not fit chan int"},
		{`{"role":7}`, new(embed), "Role is a number that does not fit string"},
		{`{"role":7}`, new(pointer), "Role is a number that does not fit string"},
		{`{"next":{"next":{"list":[{},{"role":7}]}}}`, new(tree), "Next.Next.List[1].Role is a number that does not fit string"},
		{`{"secret":7}`, new([]string), "the value is an object that does not fit []string"},
		{`7`, new(string), "the value is a number that does not fit string"},
		{`7`, new([]string), "the value is a number that does not fit []string"},
		{`7.5`, new(int), "the value is a number that does not fit int"},
		{`"7"`, new(int64), "the value is a string that does not fit int64"},
		{`"7"`, new(float64), "the value is a string that does not fit float64"},
		{`1e999`, new(float64), "the value is a number that does not fit float64"},
		{`"true"`, new(bool), "the value is a string that does not fit bool"},
	} {
		err := unmarshal(t, c.text, c.dst)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s into %T:\n got %v\nwant %s", c.text, c.dst, err, c.want)
		}
		if _, ok := err.(*jsondecode.Error); !ok {
			t.Errorf("%s: the error is a %T", c.text, err)
		}
	}
}

// A struct cannot be created behind a pointer that is embedded and not
// exported.
func TestUnmarshalEmbeddedPointer(t *testing.T) {
	err := unmarshal(t, `{"role":"user"}`, new(struct{ *role }))
	if want := "Role is a string that does not fit string with its tag or embedding"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUnmarshalPath(t *testing.T) {
	for text, want := range map[string]string{
		`"secret"`:            "user is a string that does not fit jsondecode_test.role",
		`{"role":7}`:          "user.Role is a number that does not fit string",
		`{"role":1,"ROLE":1}`: "user.Role is given twice, perhaps in upper and lower case",
	} {
		s := jsonscan.New(`{"v":` + text + `}`)
		s.Next()
		if err := jsondecode.Unmarshal(s.Value(), "user", new(role)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestUnmarshalPointer(t *testing.T) {
	for _, dst := range []any{nil, role{}, (*role)(nil), (*string)(nil), (*[]string)(nil), "text"} {
		var misuse *json.InvalidUnmarshalError
		if err := unmarshal(t, `"x"`, dst); !errors.As(err, &misuse) {
			t.Errorf("%T: %v", dst, err)
		}
		if err := jsondecode.CheckPointer(dst); !errors.As(err, &misuse) {
			t.Errorf("%T: %v", dst, err)
		}
	}
	if err := jsondecode.CheckPointer(new(string)); err != nil {
		t.Error(err)
	}
}

// FuzzUnmarshal compares Unmarshal with encoding/json. It refuses more, leaves
// dst unchanged then, and otherwise has the same result.
func FuzzUnmarshal(f *testing.F) {
	f.Add(`{"role":"a","next":{"Role":"b"},"list":[{"role":"c"}]}`)
	f.Add(`{"next":{"role":1,"ROLE":2}}`)
	f.Add(`{"any":{"a":1,"a":2},"m":{"Web":{"role":"x"},"web":{}},"at":"2026-01-02T03:04:05Z"}`)
	f.Add(`{"n":"7","i":300,"l":"high"}`)
	type all struct {
		tree
		Any any
		M   map[string]role
		K   map[int]int
		At  time.Time
		N   int `json:"n,string"`
		I   int8
		L   level
		S   []string
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := jsonscan.New(text)
		for s.Next() {
		}
		if !s.Valid() {
			return
		}
		var got, want all
		err, wantErr := jsondecode.Unmarshal(jsonscan.ObjectOf(text), "", &got), json.Unmarshal([]byte(text), &want)
		switch {
		case err == nil && (wantErr != nil || !reflect.DeepEqual(got, want)):
			t.Errorf("%q: %+v, encoding/json %+v, %v", text, got, want, wantErr)
		case err != nil && wantErr == nil && !reflect.DeepEqual(got, all{}):
			t.Errorf("%q: %v, but dst is %+v", text, err, got)
		case err == nil:
		default:
			if strings.HasPrefix(err.Error(), "the value") {
				t.Errorf("%q: the error %q does not name the member", text, err)
			}
		}
	})
}
