package jsondecode

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// field is a struct field that encoding/json decodes a member into.
type field struct {
	name   string // of the member
	index  []int  // of the field, through embedded structs
	typ    reflect.Type
	tagged bool // name comes from a tag
}

// fields are the fields of a struct, in the order of their declaration.
type fields struct {
	list  []field
	exact map[string]int
}

// find returns the positions of the fields that a member may be decoded into.
// Like encoding/json, it prefers the exact name and then ignores case. If
// several fields have the name in another case, releases of Go differ in which
// of them they choose.
func (s *fields) find(name string) (positions []int) {
	if i, ok := s.exact[name]; ok {
		return []int{i}
	}
	for i := range s.list {
		if strings.EqualFold(s.list[i].name, name) {
			positions = append(positions, i)
		}
	}
	return positions
}

var known sync.Map // of *fields by reflect.Type

// fieldsOf returns the fields of the struct type t.
func fieldsOf(t reflect.Type) *fields {
	if s, ok := known.Load(t); ok {
		return s.(*fields)
	}
	s := &fields{exact: make(map[string]int)}
	all := collect(nil, t, nil, nil)
	for i, f := range all {
		if hidden(f, all[:i]) || hidden(f, all[i+1:]) {
			continue
		}
		s.exact[f.name] = len(s.list)
		s.list = append(s.list, f)
	}
	known.Store(t, s)
	return s
}

// hidden reports whether one of the other fields has the name of f and prevents
// that f is decoded: it is less deeply embedded, or as deeply and not less
// clearly named.
func hidden(f field, others []field) bool {
	return slices.ContainsFunc(others, func(other field) bool {
		if other.name != f.name {
			return false
		}
		if len(other.index) != len(f.index) {
			return len(other.index) < len(f.index)
		}
		return other.tagged || !f.tagged
	})
}

// collect appends the fields of t to list, and those of the structs embedded in
// it. around are the types that t is embedded in.
func collect(list []field, t reflect.Type, index []int, around []reflect.Type) []field {
	for i := range t.NumField() {
		sf := t.Field(i)
		name, skip := memberName(sf)
		embedded := embeddedStruct(sf)
		if skip || !sf.IsExported() && embedded == nil {
			continue
		}
		at := append(slices.Clone(index), i)
		if name == "" && embedded != nil {
			if embedded != t && !slices.Contains(around, embedded) {
				list = collect(list, embedded, at, append(slices.Clone(around), t))
			}
			continue
		}
		f := field{name: name, index: at, typ: sf.Type, tagged: name != ""}
		if name == "" {
			f.name = sf.Name
		}
		list = append(list, f)
	}
	return list
}

// embeddedStruct returns the type of an embedded struct, or nil for any other
// field.
func embeddedStruct(sf reflect.StructField) reflect.Type {
	t := sf.Type
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !sf.Anonymous || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// memberName returns the name in the tag of a field, or "". skip is true for
// fields that are never decoded.
func memberName(sf reflect.StructField) (name string, skip bool) {
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return "", true
	}
	name, _, _ = strings.Cut(tag, ",")
	for _, c := range name {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) {
			return "", false
		}
	}
	return name, false
}
