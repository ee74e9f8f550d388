package jsondecode

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

type (
	base struct {
		ID    int
		Name  int
		Inner int `json:"inner"`
	}
	other struct {
		Name int
		Deep int
	}
	tagged struct {
		Name int `json:"Name"`
	}
	Exported struct{ Own, Web int }
	node     struct {
		*Exported
		Value int
		Next  *node
	}
	loop struct {
		//lint:ignore U1000 embedded in itself
		*loop
		Own int
	}
	Number int
)

// The fields that fieldsOf finds are those that encoding/json fills, for each
// name in each case.
func TestFieldsOf(t *testing.T) {
	for _, v := range []any{
		struct{}{},
		base{},
		struct{ base }{},
		struct{ *Exported }{},
		struct {
			base
			Name int
		}{},
		struct { // the two embedded names hide each other
			base
			other
		}{},
		struct { // a tag decides
			base
			tagged
		}{},
		struct { // less deep wins
			base
			Wrapped struct{ other }
			other   `json:"wrapped2"`
		}{},
		struct {
			base `json:"base"`
			Deep int
		}{},
		struct {
			Web   int `json:"web"`
			Upper int `json:"Web"`
			Third int `json:"WEB"`
		}{},
		struct {
			Skip int `json:"-"`
			//lint:ignore SA5008 a field named "-"
			Dash   int `json:"-,"`
			Quoted int `json:"name,string"`
			//lint:ignore SA5008 encoding/json ignores such a tag
			Bad    int `json:"bad\"name"`
			Empty  int `json:",omitempty"`
			hidden int
		}{hidden: 1},
		struct {
			Kelvin int `json:"k"`
			Sigma  int `json:"σας"`
			LongS  int `json:"iss"`
		}{},
		struct {
			Number
			Own int
		}{},
		struct {
			*loop
			Deep int
		}{loop: &loop{}},
		struct {
			One struct{ Exported }
			Exported
			Two int `json:"own"`
		}{},
		node{},
	} {
		typ := reflect.TypeOf(v)
		t.Run(typ.String(), func(t *testing.T) {
			for _, name := range names(typ) {
				checkField(t, v, name)
			}
		})
	}
}

// names returns names of members for typ, and others.
func names(typ reflect.Type) []string {
	all := []string{
		"ID", "id", "Name", "name", "NAME", "inner", "Inner", "INNER", "Own", "own", "OWN", "Web", "web", "WEB", "wEb", "Deep", "deep",
		"base", "other", "Exported", "-", "Skip", "Dash", "Quoted", "bad\"name", "Bad", "bad", "Empty", "hidden", "k", "K", "\u212a",
		"ΣΑΣ", "σας", "i\u017fs", "ISS", "Number", "Value", "Next", "loop", "Two", "Upper", "Third", "Wrapped", "wrapped2", "", "nothing",
	}
	for _, f := range fieldsOf(typ).list {
		all = append(all, f.name, strings.ToUpper(f.name))
	}
	return all
}

// checkField compares find with encoding/json for one name.
func checkField(t *testing.T, v any, name string) {
	t.Helper()
	typ := reflect.TypeOf(v)
	fields := fieldsOf(typ)
	positions := fields.find(name)
	quoted, _ := json.Marshal(name)
	filled := false
	for _, value := range []string{"7", `"7"`, `{"id":7,"own":7,"name":7}`, "[]"} {
		dst := reflect.New(typ)
		dst.Elem().Set(reflect.ValueOf(v))
		err := json.Unmarshal([]byte("{"+string(quoted)+":"+value+"}"), dst.Interface())
		if err != nil || !reflect.DeepEqual(dst.Elem().Interface(), v) {
			filled = true
		}
		if err != nil || len(positions) == 0 {
			continue
		}
		isFilled := func(n int) bool {
			found := destination{typ: typ, value: dst.Elem()}.fieldValue(&fields.list[n])
			return found.IsValid() && (!found.IsZero() || value != "7")
		}
		if !slices.ContainsFunc(positions, isFilled) {
			t.Errorf("%q: encoding/json fills none of the fields %v", name, positions)
		}
	}
	if filled != (len(positions) > 0) {
		t.Errorf("%q: encoding/json fills a field: %v, find: %v", name, filled, positions)
	}
}
