package decoded

import (
	"math"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsondecode"
)

// form describes a struct type whose values can be remembered.
type form struct {
	slices [][]int // the fields that are slices, as for reflect.Value.FieldByIndex
}

var forms sync.Map // of *form by reflect.Type; nil if values cannot be remembered

// formOf returns the form of t, or nil if values of t cannot be remembered.
func formOf(t reflect.Type) *form {
	if f, ok := forms.Load(t); ok {
		return f.(*form)
	}
	f := new(form)
	if t.Kind() != reflect.Struct || t.Size() > maxBytes || !f.add(t, nil, true) {
		f = nil
	}
	forms.Store(t, f)
	return f
}

// add adds the struct type t at index. It returns false if its values cannot be
// remembered.
func (f *form) add(t reflect.Type, index []int, exported bool) bool {
	if t == timeType {
		return true
	}
	if isOpaque(t) {
		return false
	}
	for i := range t.NumField() {
		field := t.Field(i)
		at, settable := append(slices.Clone(index), i), exported && field.IsExported()
		switch field.Type.Kind() {
		case reflect.Struct:
			if !f.add(field.Type, at, settable) {
				return false
			}
		case reflect.Slice:
			if !settable || isOpaque(field.Type) || !isPlain(field.Type.Elem()) {
				return false
			}
			f.slices = append(f.slices, at)
		default:
			if !isPlain(field.Type) {
				return false
			}
		}
	}
	return true
}

// isPlain reports whether copies of a value of type t share no memory that can
// be changed.
func isPlain(t reflect.Type) bool {
	if t == timeType {
		return true
	}
	if isOpaque(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return true
	case reflect.Array:
		return isPlain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !isPlain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

var (
	// A time.Time points to its time zone, which is never changed.
	timeType = reflect.TypeFor[time.Time]()

	locker = reflect.TypeFor[sync.Locker]()
)

// isOpaque reports whether values of t must be decoded anew: t decodes itself,
// or it must not be copied, like sync.Mutex and the types of sync/atomic.
func isOpaque(t reflect.Type) bool {
	return jsondecode.DecodesItself(t) || reflect.PointerTo(t).Implements(locker)
}

// isZero is like v.IsZero, but -0 is not zero: decoding keeps it.
func isZero(v reflect.Value) bool { return v.IsZero() && !hasNegativeZero(v) }

func hasNegativeZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Signbit(v.Float())
	case reflect.Struct:
		for i := range v.NumField() {
			if hasNegativeZero(v.Field(i)) {
				return true
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if hasNegativeZero(v.Index(i)) {
				return true
			}
		}
	}
	return false
}

// separate gives v, a copy of another value, slices of its own.
func (f *form) separate(v reflect.Value) {
	for _, index := range f.slices {
		field := v.FieldByIndex(index)
		if field.IsNil() {
			continue
		}
		if list, ok := field.Addr().Interface().(*[]string); ok { // twice as fast
			*list = slices.Clone(*list)
			continue
		}
		list := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
		reflect.Copy(list, field)
		field.Set(list)
	}
}

// size returns the bytes of v and its slices, without the texts of strings.
func (f *form) size(v reflect.Value) int {
	n := int(v.Type().Size())
	for _, index := range f.slices {
		field := v.FieldByIndex(index)
		n += field.Len() * int(field.Type().Elem().Size())
	}
	return n
}
