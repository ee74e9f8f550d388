// Package jsonscan reads one JSON object (RFC 8259) strictly, in one pass and
// without allocating: for headers and claims of tokens, where encoding/json is
// both too slow and too lenient.
//
// It accepts less than encoding/json does. The reasons, one by one:
//   - the text is an object, nothing else, and it is valid UTF-8
//   - no member of that object is named twice, however its name is written
//   - no lone surrogate stands in a \u escape: decoders disagree on what it means
//   - values nest at most [MaxDepth] deep
//
// Names are compared exactly: it never folds case.
package jsonscan

import (
	"math"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may nest, the outermost object included.
const MaxDepth = 256

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

// Value is one valid JSON value as it stands in the text.
type Value struct {
	Kind    Kind
	Text    string // without surrounding white space
	escaped bool   // a string with at least one backslash
}

// Scanner walks over the members of one object:
//
//	s := jsonscan.New(text)
//	for s.Next() { … s.Name() … s.Value() … }
//	if !s.Valid() { refuse }
//
// Nothing that Next delivers may be acted on before Valid has said true at the
// end: the text behind it may be broken.
type Scanner struct {
	src         string
	pos         int
	name        span // of the member, without the quotes
	value       span
	kind        Kind
	nameEscaped bool
	escaped     bool // the value
	state       state
	names       nameSet
}

// span is a piece of a text: no pointer, so that keeping one costs no write barrier.
type span struct{ from, to int32 }

// Name returns the name of the member, unescaped.
func (s *Scanner) Name() string {
	name := s.src[s.name.from:s.name.to]
	if s.nameEscaped {
		name = unescape(name)
	}
	return name
}

// Value returns the value of the member.
func (s *Scanner) Value() Value {
	return Value{Kind: s.kind, Text: s.src[s.value.from:s.value.to], escaped: s.escaped}
}

type state uint8

const (
	opening state = iota // before the brace
	running              // behind a member
	done                 // behind the closing brace and nothing follows
	failed
)

// New returns a scanner over the one object that src holds.
func New(src string) Scanner {
	s := Scanner{src: src}
	if len(src) > math.MaxInt32 || !utf8.ValidString(src) {
		s.state = failed
	}
	return s
}

// Next moves to the next member. It returns false at the end and at the first fault.
func (s *Scanner) Next() bool {
	if s.state >= done {
		return false
	}
	i := skipSpace(s.src, s.pos)
	c := at(s.src, i)
	if s.state == opening {
		if c != '{' {
			return s.fail()
		}
		i = skipSpace(s.src, i+1)
		if at(s.src, i) == '}' {
			return s.finish(i + 1)
		}
		s.state = running
	} else {
		if c == '}' {
			return s.finish(i + 1)
		}
		if c != ',' {
			return s.fail()
		}
		i = skipSpace(s.src, i+1)
	}

	nameEnd, escaped := scanString(s.src, i)
	if nameEnd < 0 {
		return s.fail()
	}
	s.name, s.nameEscaped = span{int32(i + 1), int32(nameEnd - 1)}, escaped
	i = skipSpace(s.src, nameEnd)
	if at(s.src, i) != ':' || !s.addName() {
		return s.fail()
	}
	i = skipSpace(s.src, i+1)
	end := 0
	end, s.kind, s.escaped = scanValue(s.src, i)
	if end < 0 {
		return s.fail()
	}
	s.value, s.pos = span{int32(i), int32(end)}, end
	return true
}

// Valid reports whether the whole text was one strict object. It is false until
// Next has returned false.
func (s *Scanner) Valid() bool { return s.state == done }

func (s *Scanner) fail() bool {
	s.state = failed
	return false
}

func (s *Scanner) finish(i int) bool {
	s.state = failed
	if skipSpace(s.src, i) == len(s.src) {
		s.state = done
	}
	return false
}

// scanValue returns the index behind the value that starts at i, or -1.
func scanValue(src string, i int) (end int, kind Kind, escaped bool) {
	switch c := at(src, i); c {
	case '"':
		end, escaped = scanString(src, i)
		return end, String, escaped
	case '{':
		return scanContainer(src, i), Object, false
	case '[':
		return scanContainer(src, i), Array, false
	default:
		return scanScalar(src, i), scalarKind(c), false
	}
}

// Str returns the text of a string value, false for any other kind.
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

// Elements calls each for every element of an array value, in order, until each returns
// false. It returns false where it did not reach the end, or for any other kind.
func (v Value) Elements(each func(Value) bool) bool {
	if v.Kind != Array {
		return false
	}
	text := v.Text // is valid already: only the borders are looked for
	i := skipSpace(text, 1)
	for text[i] != ']' {
		end, kind, escaped := scanValue(text, i)
		if !each(Value{kind, text[i:end], escaped}) {
			return false
		}
		i = skipSpace(text, end)
		if text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	return true
}

// nameSet tells whether a name was there before. Objects of tokens are small:
// a filter of 64 bits answers nearly always, a short list settles the rest, and
// a map takes over where an object is large, so that the work stays linear.
type nameSet struct {
	filter uint64
	count  int
	list   [16]span // of names without escapes
	others map[string]struct{}
}

// addName reports whether the member's name is new, and remembers it.
func (s *Scanner) addName() bool {
	n, name := &s.names, s.Name()
	bit := nameBit(name)
	if n.filter&bit != 0 && s.hasName(name) {
		return false
	}
	n.filter |= bit
	if n.count < len(n.list) && !s.nameEscaped {
		n.list[n.count] = s.name
		n.count++
		return true
	}
	if n.others == nil {
		n.others = make(map[string]struct{})
	}
	n.others[name] = struct{}{}
	return true
}

func (s *Scanner) hasName(name string) bool {
	for _, other := range s.names.list[:s.names.count] {
		if s.src[other.from:other.to] == name {
			return true
		}
	}
	_, ok := s.names.others[name]
	return ok
}

func nameBit(name string) uint64 {
	if name == "" {
		return 1
	}
	h := uint(len(name)) + 7*uint(name[0]) + 31*uint(name[len(name)-1])
	return 1 << (h & 63)
}

// AmbiguousCase reports whether two members of one object, at any depth of the
// valid object text, have names that are equal or differ only in case, as
// encoding/json compares them: such an object means what the last of them says,
// or a mixture of both, and another reader sees something else.
func AmbiguousCase(text string) bool {
	s := New(text)
	for s.Next() {
	}
	if !s.Valid() {
		return true
	}
	_, ambiguous := ambiguousAt(text, skipSpace(text, 0))
	return ambiguous
}

// AmbiguousCase reports the same of the objects in a value.
func (v Value) AmbiguousCase() bool {
	if v.Kind != Object && v.Kind != Array {
		return false
	}
	_, ambiguous := ambiguousAt(v.Text, 0)
	return ambiguous
}

// ambiguousAt looks at the value at i of a valid text, once at each byte, and returns the index behind
// it. It recurses no deeper than [MaxDepth].
func ambiguousAt(text string, i int) (end int, ambiguous bool) {
	open := text[i]
	if open != '{' && open != '[' {
		end, _, _ = scanValue(text, i)
		return end, false
	}
	var names FoldSet
	i = skipSpace(text, i+1)
	for text[i] != open+2 { // the brace or bracket that closes it
		if open == '{' {
			nameEnd, escaped := scanString(text, i)
			name := text[i+1 : nameEnd-1]
			if escaped {
				name = unescape(name)
			}
			if !names.Add(name) {
				return 0, true
			}
			i = skipSpace(text, skipSpace(text, nameEnd)+1)
		}
		if i, ambiguous = ambiguousAt(text, i); ambiguous {
			return 0, true
		}
		if i = skipSpace(text, i); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	return i + 1, false
}

// FoldSet is a set of names that are the same where they differ only in case.
type FoldSet struct {
	count int
	list  [16]string
	large map[string]struct{}
}

// Add reports whether name is new to the set, and adds it.
func (f *FoldSet) Add(name string) bool {
	if f.large == nil && f.count < len(f.list) {
		for _, other := range f.list[:f.count] {
			if strings.EqualFold(other, name) {
				return false
			}
		}
		f.list[f.count] = name
		f.count++
		return true
	}
	if f.large == nil {
		f.large = make(map[string]struct{})
		for _, other := range f.list {
			f.large[Fold(other)] = struct{}{}
		}
	}
	key := Fold(name)
	if _, ok := f.large[key]; ok {
		return false
	}
	f.large[key] = struct{}{}
	return true
}
