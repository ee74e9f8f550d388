package jsonwrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Fault says why [json.Marshal] has failed. It leaves out the text of err,
// which may contain data, for example that of a MarshalJSON method.
func Fault(err error) string {
	var unsupported *json.UnsupportedTypeError
	var marshaler *json.MarshalerError
	switch {
	case errors.As(err, &unsupported):
		return fmt.Sprintf("contains the type %v, which JSON cannot represent", unsupported.Type)
	case errors.As(err, &marshaler):
		t := marshaler.Type
		if t.Kind() == reflect.Pointer { // from Go 1.27 on
			t = t.Elem()
		}
		return fmt.Sprintf("cannot be encoded: MarshalJSON or MarshalText of the type %v returned an error, or invalid JSON", t)
	}
	return "contains a value that JSON cannot represent, such as NaN or a cycle"
}
