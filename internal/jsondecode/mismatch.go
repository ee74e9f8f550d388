package jsondecode

import (
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// anyKey stands for the key of a map in a path.
const anyKey = "*"

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// mismatch returns the error for v, which cannot be decoded into the
// addressable dst. It decodes the parts of v one by one, until it finds the
// smallest part that fails.
func mismatch(dst reflect.Value, v jsonscan.Value) *Error {
	d := destinationOf(dst.Addr())
	if !d.value.IsValid() { // behind a nil pointer
		d.value = reflect.New(d.typ).Elem()
	}
	var err *Error
	switch kind := d.typ.Kind(); { // that of a type that decodes itself is Pointer
	case v.Kind == jsonscan.Object && kind == reflect.Struct:
		err = mismatchInStruct(d, v)
	case v.Kind == jsonscan.Object && kind == reflect.Map:
		err = mismatchInMap(d, v)
	case v.Kind == jsonscan.Array && (kind == reflect.Slice || kind == reflect.Array):
		err = mismatchInArray(d, v)
	}
	if err == nil {
		err = unfit(v.Kind, typeName(d.typ))
	}
	return err
}

func unfit(kind jsonscan.Kind, where string) *Error {
	if kind == jsonscan.Null {
		return &Error{Reason: "is null, which does not fit " + where}
	}
	if kind == jsonscan.String && where == "time.Time" {
		where += ": it must be an RFC 3339 time, such as 2006-01-02T15:04:05Z"
	}
	return &Error{Reason: "is " + kindName(kind) + " that does not fit " + where}
}

func mismatchInStruct(d destination, v jsonscan.Value) (err *Error) {
	fields := fieldsOf(d.typ)
	v.Members(func(name string, m jsonscan.Value) bool {
		found := fields.find(name)
		if len(found) == 0 || decodes(object(name, m), d.value.Addr()) {
			return true
		}
		f := &fields.list[found[0]]
		part := reflect.New(f.typ)
		if v := d.fieldValue(f); v.IsValid() && v.CanSet() {
			part = v.Addr() // an interface in it may hold a pointer
		}
		if decodes(m.Text, part) { // the option string, or an unexported pointer
			err = unfit(m.Kind, typeName(f.typ)+" with its tag or embedding")
		} else {
			err = mismatch(part.Elem(), m)
		}
		err = err.below(f.name)
		return false
	})
	return err
}

func mismatchInMap(d destination, v jsonscan.Value) (err *Error) {
	v.Members(func(name string, m jsonscan.Value) bool {
		if part := reflect.New(d.typ.Elem()); !decodes(m.Text, part) {
			err = mismatch(part.Elem(), m).below(anyKey)
		} else if !decodes(object(name, m), reflect.New(d.typ)) {
			err = &Error{Reason: "has a name that does not fit " + typeName(d.typ.Key())}
		}
		return err == nil
	})
	return err
}

func mismatchInArray(d destination, v jsonscan.Value) (err *Error) {
	i := 0
	v.Elements(func(e jsonscan.Value) bool {
		if part := reflect.New(d.typ.Elem()); !decodes(e.Text, part) {
			err = mismatch(part.Elem(), e).below(index(i))
		}
		i++
		return err == nil
	})
	return err
}

func decodes(text string, pointer reflect.Value) bool {
	return json.Unmarshal([]byte(text), pointer.Interface()) == nil
}

// object returns the text of an object with one member.
func object(name string, m jsonscan.Value) string {
	quoted, _ := json.Marshal(name) // cannot fail for a string
	return "{" + string(quoted) + ":" + m.Text + "}"
}

func kindName(k jsonscan.Kind) string {
	switch k {
	case jsonscan.Bool:
		return "a boolean"
	case jsonscan.Number:
		return "a number"
	case jsonscan.String:
		return "a string"
	case jsonscan.Array:
		return "an array"
	case jsonscan.Object:
		return "an object"
	default:
		return "null"
	}
}

// typeName returns the name of a type for a developer. The text of a struct
// type without a name would be too long.
func typeName(t reflect.Type) string {
	switch {
	case t.Name() != "" || t.Kind() == reflect.Interface:
		return t.String()
	case t.Kind() == reflect.Struct:
		return "a struct"
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[]" + typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "map[" + typeName(t.Key()) + "]" + typeName(t.Elem())
	default:
		return t.String()
	}
}
