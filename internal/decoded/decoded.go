// Package decoded remembers the values that one JSON text was decoded into, so
// that it need not be decoded for each request.
//
// Every caller gets a value of its own. So only types are remembered whose
// copies share no memory that a caller could change: structs of strings,
// numbers, booleans, times, and arrays and structs of these. Slices of these
// are copied. All other types are decoded each time: those with pointers, maps,
// interfaces or locks, and those with an unmarshaler of their own.
package decoded

import (
	"reflect"
	"sync/atomic"
)

const (
	// maxTypes is how many types are remembered for one text. A service decodes
	// its tokens into one or two.
	maxTypes = 4

	// maxBytes limits the memory of a value, slices included, because a short
	// text may fit a large array. The texts of strings do not count: they are
	// not longer than the JSON text.
	maxBytes = 2 << 10
)

// Results holds the values of one text, by type. It is safe for concurrent use.
// The zero Results is empty.
type Results struct {
	results [maxTypes]atomic.Pointer[result] // filled from the front
}

type result struct {
	value any // a pointer to the value, which is never changed
	form  *form
}

// Load returns a copy of the value of type T, if Store was called with one.
// r may be nil.
func Load[T any](r *Results) (value T, ok bool) {
	if r == nil {
		return value, false
	}
	for i := range r.results {
		known := r.results[i].Load()
		if known == nil {
			break
		}
		if v, ok := known.value.(*T); ok {
			if len(known.form.slices) > 0 {
				return separate(*v, known.form), true
			}
			return *v, true
		}
	}
	return value, false
}

// separate gives v slices of its own. It is a function of its own because v
// moves to the heap.
func separate[T any](v T, f *form) T {
	f.separate(reflect.ValueOf(&v).Elem())
	return v
}

// LoadInto is like [Load] for a pointer to any type. It stores nothing and
// returns false unless dst points to a zero value, because decoding into
// another one keeps parts of it.
func (r *Results) LoadInto(dst any) bool {
	if r == nil {
		return false
	}
	for i := range r.results {
		known := r.results[i].Load()
		if known == nil {
			break
		}
		if reflect.TypeOf(known.value) != reflect.TypeOf(dst) {
			continue
		}
		from, to := reflect.ValueOf(known.value), reflect.ValueOf(dst)
		if to.IsNil() || !isZero(to.Elem()) {
			return false
		}
		to.Elem().Set(from.Elem())
		known.form.separate(to.Elem())
		return true
	}
	return false
}

// Wants reports whether Store may be called after the text was decoded into
// dst, without an error: dst must point to a zero value of a type that can be
// remembered. r may be nil.
func (r *Results) Wants(dst any) bool {
	if r == nil || r.results[maxTypes-1].Load() != nil {
		return false
	}
	v := reflect.ValueOf(dst)
	return v.Kind() == reflect.Pointer && !v.IsNil() && formOf(v.Type().Elem()) != nil && isZero(v.Elem())
}

// Store remembers a copy of the value that dst points to, unless it is too
// large. Wants must have returned true for dst before.
func (r *Results) Store(dst any) {
	value := reflect.ValueOf(dst)
	f := formOf(value.Type().Elem())
	if f.size(value.Elem()) > maxBytes {
		return
	}
	own := reflect.New(value.Type().Elem())
	own.Elem().Set(value.Elem())
	f.separate(own.Elem())
	next := &result{own.Interface(), f}
	for i := range r.results {
		known := &r.results[i]
		if known.CompareAndSwap(nil, next) || reflect.TypeOf(known.Load().value) == own.Type() {
			return
		}
	}
}
