package jsonscan

import (
	"strconv"
	"strings"
)

// Kind is the type of a JSON value.
type Kind uint8

const (
	Null Kind = iota + 1
	Bool
	Number
	String
	Array
	Object
)

// Value is one valid JSON value in its original spelling.
type Value struct {
	Kind    Kind
	Text    string // without surrounding white space
	escaped bool   // the value is a string that contains a backslash
}

// ObjectOf returns the object in text, which a [Scanner] has accepted. The
// methods of the result do not check the text again.
func ObjectOf(text string) Value {
	return Value{Kind: Object, Text: strings.Trim(text, " \t\r\n")}
}

// Str returns the unescaped text of a string value, and false for any other
// kind.
func (v Value) Str() (string, bool) {
	if v.Kind != String {
		return "", false
	}
	text := v.Text[1 : len(v.Text)-1]
	if v.escaped {
		text = unescape(text)
	}
	return text, true
}

// Elements calls each for every element of an array value, in order, until each
// returns false. It returns true if it reaches the end, and false for any other
// kind of value.
func (v Value) Elements(each func(Value) bool) bool {
	if v.Kind != Array {
		return false
	}
	text := v.Text
	for i := skipSpace(text, 1); text[i] != ']'; {
		e, end := readValue(text, i)
		if !each(e) {
			return false
		}
		i = skipComma(text, end)
	}
	return true
}

// Strings returns the elements of an array of strings, or nil for any other
// value.
func (v Value) Strings() []string {
	var list []string
	ok := v.Elements(func(e Value) bool {
		one, ok := e.Str()
		list = append(list, one)
		return ok
	})
	if !ok {
		return nil
	}
	return list
}

// WholeNumber returns the value of a positive integer, or 0 for any other
// value.
func (v Value) WholeNumber() int64 {
	if v.Kind != Number {
		return 0
	}
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Members calls each for every member of an object value, in order, until each
// returns false. It returns true if it reaches the end, and false for any other
// kind of value.
func (v Value) Members(each func(name string, v Value) bool) bool {
	if v.Kind != Object {
		return false
	}
	text := v.Text
	for i := skipSpace(text, 1); text[i] != '}'; {
		name, at := readName(text, i)
		m, end := readValue(text, at)
		if !each(name, m) {
			return false
		}
		i = skipComma(text, end)
	}
	return true
}

// Member returns the first member of the object v that has exactly this name.
func (v Value) Member(name string) (m Value, ok bool) {
	v.Members(func(n string, value Value) bool {
		if n == name {
			m, ok = value, true
		}
		return !ok
	})
	return m, ok
}

// The functions below read a valid text, so they return no errors.

// readName returns the name at i and the index of its value.
func readName(text string, i int) (name string, value int) {
	end, escaped := skipString(text, i)
	name = text[i+1 : end-1]
	if escaped {
		name = unescape(name)
	}
	return name, skipSpace(text, skipSpace(text, end)+1)
}

// readValue returns the value at i and the index after it.
func readValue(text string, i int) (v Value, end int) {
	end, escaped := skipValue(text, i)
	return Value{kindOf(text[i]), text[i:end], escaped}, end
}

// skipComma returns the index of the next member or element, or of the closing
// bracket, after a value that ends at i.
func skipComma(text string, i int) int {
	if i = skipSpace(text, i); text[i] == ',' {
		i = skipSpace(text, i+1)
	}
	return i
}

// skipValue returns the index after the value at i. escaped reports whether it
// is a string that contains a backslash.
func skipValue(text string, i int) (end int, escaped bool) {
	switch text[i] {
	case '"':
		return skipString(text, i)
	case '{', '[':
		return skipContainer(text, i), false
	}
	for i < len(text) && !endsScalar(text[i]) {
		i++
	}
	return i, false
}

func endsScalar(c byte) bool {
	switch c {
	case ',', '}', ']', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// skipString returns the index after the string at i.
func skipString(text string, i int) (end int, escaped bool) {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			escaped = true
			i++
		}
	}
	return i + 1, escaped
}

// skipContainer returns the index after the object or array at i.
func skipContainer(text string, i int) int {
	for depth := 0; ; i++ {
		switch text[i] {
		case '"':
			i, _ = skipString(text, i)
			i--
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// kindOf returns the kind of a value that starts with c.
func kindOf(c byte) Kind {
	switch c {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	default:
		return scalarKind(c)
	}
}
