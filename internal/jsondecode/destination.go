package jsondecode

import (
	"encoding"
	"encoding/json"
	"reflect"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// destination is the place that a value is decoded into. value is the zero
// Value if the place does not exist yet, such as behind a nil pointer.
type destination struct {
	typ    reflect.Type
	value  reflect.Value
	custom bool // decodes itself
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// maxPointers is the longest chain of pointers that is followed. It ends the
// search in types such as type P *P.
const maxPointers = 32

// destinationOf follows pointers, and interfaces that hold a pointer, like
// encoding/json.
func destinationOf(v reflect.Value) destination { return resolve(v.Type(), v) }

func resolve(t reflect.Type, v reflect.Value) destination {
	for range maxPointers {
		if DecodesItself(t) {
			return destination{t, v, true}
		}
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
			if v.IsValid() {
				v = v.Elem() // the zero Value for nil
			}
		case t.Kind() == reflect.Interface && v.IsValid() && v.Elem().Kind() == reflect.Pointer && !v.Elem().IsNil():
			v = v.Elem()
			t = v.Type()
		default:
			return destination{t, v, false}
		}
	}
	return destination{t, v, true}
}

// DecodesItself reports whether encoding/json calls a method of t, or of a
// pointer to t, to decode it. Such a method may have any effect, and may read
// more than the text. For an interface DecodesItself returns false.
func DecodesItself(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		t = reflect.PointerTo(t)
	}
	return t.Kind() == reflect.Pointer && (t.Implements(unmarshaler) || t.Implements(textUnmarshaler) || decodesFrom(t))
}

// decodesFrom reports whether t has the method UnmarshalJSONFrom that
// encoding/json calls since Go 1.27. Earlier releases lack the package of its
// parameter, so this one cannot import it. A json.Number has the method as
// well, but is decoded as in earlier releases.
func decodesFrom(t reflect.Type) bool {
	if t == reflect.TypeFor[*json.Number]() {
		return false
	}
	m, ok := t.MethodByName("UnmarshalJSONFrom")
	return ok && m.Type.NumIn() == 2 && m.Type.In(1).String() == "*jsontext.Decoder"
}

// element returns the destination of the element at i of an array.
func (d destination) element(i int) destination {
	v := reflect.Value{}
	switch {
	case !d.value.IsValid():
	case d.value.Kind() == reflect.Slice && i < d.value.Cap():
		v = d.value.Slice(0, i+1).Index(i) // encoding/json reuses it
	case d.value.Kind() == reflect.Array && i < d.value.Len():
		v = d.value.Index(i)
	}
	return resolve(d.typ.Elem(), v)
}

// field returns the destination of a member of an object.
func (d destination) field(f *field) destination { return resolve(f.typ, d.fieldValue(f)) }

// fieldValue returns the field, or the zero Value if it does not exist yet.
func (d destination) fieldValue(f *field) reflect.Value {
	v := d.value
	for _, i := range f.index {
		if v.IsValid() && v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.IsValid() {
			v = v.Field(i)
		}
	}
	return v
}

// repeated returns an error if two members of v are decoded into one place, or
// one is decoded into a field although its name is not that of the tag.
func repeated(d destination, v jsonscan.Value) *Error {
	switch kind := d.typ.Kind(); {
	case v.Kind != jsonscan.Object && v.Kind != jsonscan.Array:
		return nil
	case d.custom || kind == reflect.Interface:
		// The decoder of the application, or of any, may see all members.
		if v.RepeatsName() {
			return &Error{Reason: "has two members of the same name in one object"}
		}
	case v.Kind == jsonscan.Array && (kind == reflect.Slice || kind == reflect.Array):
		return repeatedInArray(d, v)
	case v.Kind == jsonscan.Object && kind == reflect.Struct:
		return repeatedInStruct(d, v)
	case v.Kind == jsonscan.Object && kind == reflect.Map:
		return repeatedInMap(d, v)
	}
	return nil
}

func repeatedInArray(d destination, v jsonscan.Value) (err *Error) {
	if e := d.typ.Elem(); (e.Kind() <= reflect.Complex128 || e.Kind() == reflect.String) && !DecodesItself(e) {
		return nil // an object in it is another error
	}
	i := 0
	v.Elements(func(e jsonscan.Value) bool {
		if err = repeated(d.element(i), e); err != nil {
			err = err.below(index(i))
		}
		i++
		return err == nil
	})
	return err
}

func repeatedInStruct(d destination, v jsonscan.Value) (err *Error) {
	fields := fieldsOf(d.typ)
	seen := make([]bool, len(fields.list))
	var folded *field // one whose tag has the name in another case
	v.Members(func(name string, m jsonscan.Value) bool {
		for _, n := range fields.find(name) {
			f := &fields.list[n]
			if f.tagged && f.name != name {
				folded = f
			}
			if seen[n] {
				err = &Error{Reason: "is given twice, perhaps in upper and lower case"}
			} else {
				err = repeated(d.field(f), m)
			}
			if err != nil {
				err = err.below(f.name)
				return false
			}
			seen[n] = true
		}
		return true
	})
	if err == nil && folded != nil {
		err = (&Error{Reason: "is given in another case only"}).below(folded.name)
	}
	return err
}

func repeatedInMap(d destination, v jsonscan.Value) (err *Error) {
	if repeatsKey(d.typ.Key(), v) {
		return &Error{Reason: "has two members of the same name"}
	}
	v.Members(func(name string, m jsonscan.Value) bool {
		if err = repeated(resolve(d.typ.Elem(), reflect.Value{}), m); err != nil {
			err = err.below(anyKey)
		}
		return err == nil
	})
	return err
}

// repeatsKey reports whether two members of v have the same key of type t in a
// map. "1" and "01" are the same key of a map[int]T.
func repeatsKey(t reflect.Type, v jsonscan.Value) bool {
	count := 0
	v.Members(func(string, jsonscan.Value) bool { count++; return true })
	keys := reflect.New(reflect.MapOf(t, reflect.TypeFor[json.RawMessage]()))
	if json.Unmarshal([]byte(v.Text), keys.Interface()) != nil {
		return false // a key does not fit t, which is another error
	}
	return keys.Elem().Len() < count
}
