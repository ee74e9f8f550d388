// Package jsondecode decodes JSON into Go values with encoding/json, under two
// more rules.
//
// No two members of an object may be decoded into one struct field, and no
// object that is decoded may have two members of the same name. encoding/json
// ignores case and uses the last such member, while other decoders see two
// members. Members that no field reads are not checked, and names in maps may
// differ in case.
//
// An error names the member and the Go type. It contains neither a value nor
// the key of a map, because both are data of users.
package jsondecode

import (
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Error is returned when a value cannot be decoded.
type Error struct {
	Path   string // such as address.lines[2]; empty for the value itself
	Reason string // a predicate of the path
}

func (e *Error) Error() string {
	if e.Path == "" {
		return "the value " + e.Reason
	}
	return e.Path + " " + e.Reason
}

// below returns e with the path of the value around it.
func (e *Error) below(path string) *Error {
	switch {
	case e.Path == "":
		e.Path = path
	case path != "" && e.Path[0] != '[':
		e.Path = path + "." + e.Path
	default:
		e.Path = path + e.Path
	}
	return e
}

// Unmarshal decodes v into dst like [json.Unmarshal]. path is the name of v in
// errors. A *[json.InvalidUnmarshalError] means that dst is not a pointer, or
// nil. Other errors are of the type *[Error]. If a name is repeated, dst is
// unchanged.
func Unmarshal(v jsonscan.Value, path string, dst any) error {
	if store(v, dst) {
		return nil
	}
	if err := CheckPointer(dst); err != nil {
		return err
	}
	target := reflect.ValueOf(dst)
	if err := repeated(destinationOf(target), v); err != nil {
		return err.below(path)
	}
	if json.Unmarshal([]byte(v.Text), dst) == nil {
		return nil
	}
	return mismatch(target.Elem(), v).below(path)
}

// CheckPointer returns a *[json.InvalidUnmarshalError] if dst is not a pointer,
// or nil.
func CheckPointer(dst any) error {
	if v := reflect.ValueOf(dst); v.Kind() != reflect.Pointer || v.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(dst)}
	}
	return nil
}

// store stores values of common types like [json.Unmarshal], which is much
// slower. It returns false, without a change, for all others and if v does not
// fit dst.
func store(v jsonscan.Value, dst any) (ok bool) {
	switch dst := dst.(type) {
	case *string:
		return set(dst, v.Str)
	case *bool:
		return set(dst, func() (bool, bool) { return v.Text == "true", v.Kind == jsonscan.Bool })
	case *int:
		return set(dst, func() (int, bool) {
			n, err := strconv.Atoi(v.Text)
			return n, err == nil && v.Kind == jsonscan.Number
		})
	case *int64:
		return set(dst, func() (int64, bool) {
			n, err := strconv.ParseInt(v.Text, 10, 64)
			return n, err == nil && v.Kind == jsonscan.Number
		})
	case *float64:
		return set(dst, func() (float64, bool) {
			f, err := strconv.ParseFloat(v.Text, 64)
			return f, err == nil && v.Kind == jsonscan.Number
		})
	case *[]string:
		return set(dst, func() ([]string, bool) {
			list := v.Strings()
			return list, list != nil
		})
	case *json.RawMessage:
		return set(dst, func() (json.RawMessage, bool) { return json.RawMessage(v.Text), !v.RepeatsName() })
	}
	return false
}

// set stores the result of read in dst, unless dst is nil or read fails.
func set[T any](dst *T, read func() (T, bool)) bool {
	if dst == nil {
		return false
	}
	value, ok := read()
	if ok {
		*dst = value
	}
	return ok
}
