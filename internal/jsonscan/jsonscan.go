// Package jsonscan reads one JSON object (RFC 8259) strictly, in one pass and
// without allocating. It is for headers and claims of tokens: encoding/json is
// too slow and too lenient for them.
//
// It requires more than encoding/json does:
//   - The text is one object, and it is valid UTF-8.
//   - That object has no two members of the same name, with or without escapes.
//     [Value.RepeatsName] finds those of nested objects.
//   - No \u escape is a lone surrogate, because decoders disagree on its
//     meaning.
//   - Objects and arrays nest at most [MaxDepth] deep.
//
// Names are compared exactly. Only [Value.AmbiguousNames], [FoldSet] and [Fold]
// ignore case.
package jsonscan

import (
	"math"
	"unicode/utf8"
)

// MaxDepth is the maximum depth of nested objects and arrays. The outermost
// object counts.
const MaxDepth = 256

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
	pos         int  // after the last member, or of the fault
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
	followed // failed because of text after the object
	repeated // failed because of the name of the current member
)

// New returns a scanner for the object in src.
func New(src string) Scanner {
	if !utf8.ValidString(src) {
		return Scanner{src: src, state: failed}
	}
	return NewValid(src)
}

// NewValid is like [New] for a text that is known to be valid UTF-8.
func NewValid(src string) Scanner {
	s := Scanner{src: src}
	if len(src) > math.MaxInt32 {
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
			return s.fail(i)
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
			return s.fail(i)
		}
		i = skipSpace(s.src, i+1)
	}

	nameEnd, escaped := scanString(s.src, i)
	if nameEnd < 0 {
		return s.fail(^nameEnd)
	}
	s.name, s.nameEscaped = span{int32(i + 1), int32(nameEnd - 1)}, escaped
	i = skipSpace(s.src, nameEnd)
	if at(s.src, i) != ':' {
		return s.fail(i)
	}
	if !s.addName() {
		s.state = repeated
		return false
	}
	i = skipSpace(s.src, i+1)
	end := 0
	end, s.kind, s.escaped = scanValue(s.src, i)
	if end < 0 {
		return s.fail(^end)
	}
	s.value, s.pos = span{int32(i), int32(end)}, end
	return true
}

// Valid reports whether the whole text is one strict object. It returns false
// until Next has returned false.
func (s *Scanner) Valid() bool { return s.state == done }

// Repeated reports whether the text is invalid because a second member has the
// same name, which [Scanner.Name] returns.
func (s *Scanner) Repeated() bool { return s.state == repeated }

func (s *Scanner) fail(i int) bool {
	s.state, s.pos = failed, i
	return false
}

func (s *Scanner) finish(i int) bool {
	s.state = followed
	if skipSpace(s.src, i) == len(s.src) {
		s.state = done
	}
	return false
}

// scanValue reads the value that starts at i.
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
