// Package jsonscan reads one JSON object (RFC 8259) strictly, in one pass and
// without allocating. It is for headers and claims of tokens: encoding/json is
// too slow and too lenient for them.
//
// It requires more than encoding/json does:
//   - The text is one object, and it is valid UTF-8.
//   - That object has no two members of the same name, with or without escapes.
//   - No \u escape is a lone surrogate, because decoders disagree on its
//     meaning.
//   - Objects and arrays nest at most [MaxDepth] deep.
//
// Names are compared exactly. Only [AmbiguousCase] and [Fold] ignore case.
package jsonscan

import (
	"math"
	"strings"
	"unicode/utf8"
)

// MaxDepth is the maximum depth of nested objects and arrays. The outermost
// object counts.
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

// Value is one valid JSON value in its original spelling.
type Value struct {
	Kind    Kind
	Text    string // without surrounding white space
	escaped bool   // the value is a string that contains a backslash
}

// Scanner iterates over the members of one object:
//
//	s := jsonscan.New(text)
//	for s.Next() { … s.Name() … s.Value() … }
//	if !s.Valid() { refuse }
//
// Do not act on a member before Valid has returned true at the end, because the
// rest of the text may be invalid.
type Scanner struct {
	src         string
	pos         int
	name        span // of the current member, without the quotes
	value       span
	kind        Kind
	nameEscaped bool
	escaped     bool // the value contains a backslash
	state       state
	names       nameSet
}

// span is a part of the text. It holds no pointer, so storing one costs no
// write barrier.
type span struct{ from, to int32 }

// Name returns the name of the current member, unescaped.
func (s *Scanner) Name() string {
	name := s.src[s.name.from:s.name.to]
	if s.nameEscaped {
		name = unescape(name)
	}
	return name
}

// Value returns the value of the current member.
func (s *Scanner) Value() Value {
	return Value{Kind: s.kind, Text: s.src[s.value.from:s.value.to], escaped: s.escaped}
}

type state uint8

const (
	opening state = iota // before the opening brace
	running              // after a member
	done                 // at the end of a valid text
	failed
)

// New returns a scanner for the object in src.
func New(src string) Scanner {
	s := Scanner{src: src}
	if len(src) > math.MaxInt32 || !utf8.ValidString(src) {
		s.state = failed
	}
	return s
}

// Next moves to the next member. It returns false at the end of the object and
// at the first error.
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

// Valid reports whether the whole text is one strict object. It returns false
// until Next has returned false.
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

// scanValue returns the index after the value that starts at i, or -1.
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
	text := v.Text // is valid, so errors need no check here
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

// nameSet finds duplicate names. Objects in tokens are small: a filter of 64
// bits is usually sufficient, and a short list decides if it is not. In large
// objects, a map keeps the work linear.
type nameSet struct {
	filter uint64
	count  int
	list   [16]span            // the first names without escapes
	others map[string]struct{} // all other names
}

// addName adds the name of the current member to the set. It returns false if
// the set contains the name already.
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

// AmbiguousCase reports whether any object in text, at any depth, has two
// members whose names are equal or differ only in case. encoding/json decodes
// both into the same struct field, so the last one or a mixture of both counts,
// while other decoders see two members. AmbiguousCase also returns true if text
// is not valid.
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

// AmbiguousCase is like the function [AmbiguousCase], for the objects in v.
func (v Value) AmbiguousCase() bool {
	if v.Kind != Object && v.Kind != Array {
		return false
	}
	_, ambiguous := ambiguousAt(v.Text, 0)
	return ambiguous
}

// ambiguousAt checks the value at i in a valid text and returns the index after
// it. It reads each byte once and recurses at most [MaxDepth] deep.
func ambiguousAt(text string, i int) (end int, ambiguous bool) {
	open := text[i]
	if open != '{' && open != '[' {
		end, _, _ = scanValue(text, i)
		return end, false
	}
	var names FoldSet
	i = skipSpace(text, i+1)
	for text[i] != closing(open) {
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

// FoldSet is a set of names in which names that differ only in case are equal.
// The zero FoldSet is empty.
type FoldSet struct {
	count int
	list  [16]string
	large map[string]struct{}
}

// Add adds name to the set. It returns false if the set contains the name
// already.
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
