package jsonscan

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The errors of [Scanner.Fault]. They are predicates of the text, and contain
// no part of it.
var (
	ErrNotObject = errors.New("is not a JSON object (RFC 8259)")
	ErrMark      = errors.New("begins with a byte order mark")
	ErrUTF8      = errors.New("is not valid UTF-8")
	ErrCut       = errors.New("is JSON that was cut short")
	ErrFollowed  = errors.New("has other text after the JSON object")
	ErrDepth     = fmt.Errorf("nests deeper than %d", MaxDepth)
	ErrSurrogate = errors.New(`has half of a surrogate pair (\uD800 to \uDFFF) in a string, which is no character (RFC 8259, section 8.2)`)
	ErrEscape    = errors.New("has a backslash in a string that begins no escape of JSON")
	ErrEscaped   = errors.New(`has \" instead of quotes: it was encoded twice`)
	ErrControl   = errors.New("has a line break or another control character in a string")
	ErrQuotes    = errors.New("has single quotes; JSON has double quotes")
	ErrWord      = errors.New("has a word without quotes that JSON does not have, such as NaN or None")
	ErrComma     = errors.New("has a comma before a closing bracket")
	ErrZero      = errors.New("has a number that begins with 0 and another digit")
	ErrSyntax    = errors.New("is not valid JSON (RFC 8259)")
)

// Faults returns all errors of [Scanner.Fault].
func Faults() []error {
	return []error{
		ErrNotObject, ErrMark, ErrUTF8, ErrCut, ErrFollowed, ErrDepth, ErrSurrogate,
		ErrEscape, ErrEscaped, ErrControl, ErrQuotes, ErrWord, ErrComma, ErrZero, ErrSyntax,
	}
}

// Fault returns the reason why the text is not a strict object, or nil if it is
// one or has two members of the same name. It may be called after
// [Scanner.Next] has returned false.
func (s *Scanner) Fault() error {
	start := skipSpace(s.src, 0)
	switch {
	case s.state == followed:
		return ErrFollowed
	case s.state != failed:
		return nil
	case !utf8.ValidString(s.src):
		return ErrUTF8
	case strings.HasPrefix(s.src, "\ufeff"):
		return ErrMark
	case at(s.src, start) != '{':
		return ErrNotObject
	case s.pos >= len(s.src):
		return ErrCut
	}
	return faultAt(s.src, s.pos)
}

// faultAt returns the reason why the scan functions refuse the character at i,
// which is in the text.
func faultAt(s string, i int) error {
	switch c := s[i]; {
	case c == '\\':
		return escapeFault(s[i:])
	case c < ' ':
		return ErrControl
	case c == '\'':
		return ErrQuotes
	case (c == '{' || c == '[') && depthOf(s[:i]) >= MaxDepth:
		return ErrDepth
	case isDigit(c) && s[i-1] == '0':
		return ErrZero
	case c == '}' || c == ']':
		if strings.HasSuffix(strings.TrimRight(s[:i], " \t\r\n"), ",") {
			return ErrComma
		}
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		if rest := s[i:]; strings.HasPrefix("null", rest) || strings.HasPrefix("true", rest) || strings.HasPrefix("false", rest) {
			return ErrCut
		}
		return ErrWord
	}
	return ErrSyntax
}

// escapeFault returns the reason why the escape at the start of s is refused.
func escapeFault(s string) error {
	switch r := hex4(s, 2); {
	case isCutEscape(s), 0xD800 <= r && r < 0xDC00 && isCutEscape(s[6:]):
		return ErrCut
	case at(s, 1) == 'u' && r >= 0:
		return ErrSurrogate
	case at(s, 1) == '"': // an escape in a string, so this is none
		return ErrEscaped
	}
	return ErrEscape
}

// isCutEscape reports whether s is empty or the beginning of a \u escape.
func isCutEscape(s string) bool {
	const digits = "0123456789abcdefABCDEF"
	start := s[:min(len(s), 2)]
	return len(s) < len(`\u1234`) && strings.HasPrefix(`\u`, start) && strings.Trim(s[len(start):], digits) == ""
}

// depthOf returns how many objects and arrays are open at the end of s, which
// is valid so far.
func depthOf(s string) (depth int) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			end, _ := skipString(s, i)
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return depth
}
