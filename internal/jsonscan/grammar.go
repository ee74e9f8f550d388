package jsonscan

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// at returns the byte at i, or 0 after the end. A NUL byte is never valid in
// JSON.
func at(s string, i int) byte {
	if uint(i) < uint(len(s)) {
		return s[i]
	}
	return 0
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// plain marks the bytes that a string contains without an escape. The caller
// has checked that the text is valid UTF-8.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return t
}()

// The scan functions return the index after the text that they read. If the
// text is not valid, they return ^index of the fault, which is negative.

// scanString reads the string that starts at i.
func scanString(s string, i int) (end int, escaped bool) {
	if at(s, i) != '"' {
		return ^i, false
	}
	for i++; i < len(s); i++ {
		if plain[s[i]] {
			continue
		}
		switch s[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				return ^i, false
			}
			escaped = true
			i += n - 1
		default:
			return ^i, false
		}
	}
	return ^i, false
}

// escapeLen returns the length of the escape at the start of s: 2, 6, 12 for a
// surrogate pair, or 0 if it is invalid.
func escapeLen(s string) int {
	switch at(s, 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(s, 2)
		switch {
		case r < 0:
			return 0
		case !utf16.IsSurrogate(r):
			return 6
		case at(s, 6) == '\\' && at(s, 7) == 'u' && utf16.DecodeRune(r, hex4(s, 8)) != unicode.ReplacementChar:
			return 12
		}
	}
	return 0
}

// hex4 returns the value of the four hexadecimal digits at i, or -1.
func hex4(s string, i int) rune {
	if len(s) < i+4 {
		return -1
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape resolves the escapes of a string that scanString has accepted.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return string(append(b, s...))
		}
		b = append(b, s[:i]...)
		s = s[i:]
		n := escapeLen(s)
		switch s[1] {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r := hex4(s, 2)
			if n == 12 {
				r = utf16.DecodeRune(r, hex4(s, 8))
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, s[1])
		}
		s = s[n:]
	}
}

func scalarKind(c byte) Kind {
	switch c {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	default:
		return Number
	}
}

// scanScalar reads the literal or number that starts at i.
func scanScalar(s string, i int) int {
	switch at(s, i) {
	case 'n':
		return scanWord(s, i, "null")
	case 't':
		return scanWord(s, i, "true")
	case 'f':
		return scanWord(s, i, "false")
	}
	if at(s, i) == '-' {
		i++
	}
	switch c := at(s, i); {
	case c == '0':
		i++
	case isDigit(c):
		i = skipDigits(s, i)
	default:
		return ^i
	}
	if at(s, i) == '.' {
		i++
		if !isDigit(at(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	if c := at(s, i); c == 'e' || c == 'E' {
		i++
		if c := at(s, i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(at(s, i)) {
			return ^i
		}
		i = skipDigits(s, i)
	}
	return i
}

func scanWord(s string, i int, word string) int {
	if !strings.HasPrefix(s[i:], word) {
		return ^i
	}
	return i + len(word)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func skipDigits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// closing returns the character that closes the object or array opened by open.
func closing(open byte) byte {
	if open == '{' {
		return '}'
	}
	return ']'
}

// scanContainer reads the object or array that starts at i. It does not
// recurse, so deep nesting uses no stack. One bit for each level distinguishes
// objects from arrays.
func scanContainer(s string, i int) int {
	var isObject [MaxDepth / 64]uint64
	depth := 1 // the outermost object
	for {
		// A value starts at i.
		switch c := at(s, i); c {
		case '{', '[':
			if depth == MaxDepth {
				return ^i
			}
			word, bit := depth/64, uint64(1)<<(depth%64)
			isObject[word] &^= bit
			if c == '{' {
				isObject[word] |= bit
			}
			depth++
			i = skipSpace(s, i+1)
			if at(s, i) != closing(c) {
				if c == '{' {
					i = scanName(s, i)
				}
				if i < 0 {
					return i
				}
				continue
			}
			depth--
			i++
		case '"':
			i, _ = scanString(s, i)
		default:
			i = scanScalar(s, i)
		}
		if i < 0 {
			return i
		}
		// A value ends at i. Close the containers that end here, then continue
		// with the next value.
		for {
			if depth == 1 {
				return i
			}
			object := isObject[(depth-1)/64]&(1<<((depth-1)%64)) != 0
			i = skipSpace(s, i)
			c := at(s, i)
			if c == ',' {
				i = skipSpace(s, i+1)
				if object {
					i = scanName(s, i)
				}
				if i < 0 {
					return i
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return ^i
			}
			depth--
			i++
		}
	}
}

// scanName returns the index of the value of the member whose name is at i.
func scanName(s string, i int) int {
	i, _ = scanString(s, i)
	if i < 0 {
		return i
	}
	i = skipSpace(s, i)
	if at(s, i) != ':' {
		return ^i
	}
	return skipSpace(s, i+1)
}
