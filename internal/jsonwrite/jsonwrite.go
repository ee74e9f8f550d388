// Package jsonwrite appends strings to JSON without an allocation, if no
// character has to be escaped.
package jsonwrite

import (
	"encoding/json"
	"unicode/utf8"
)

// String appends s, which is valid UTF-8, as a JSON string.
func String(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, _ := json.Marshal(s) // cannot fail for a string
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// Strings appends list as a JSON array of strings.
func Strings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for n, s := range list {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = String(dst, s)
	}
	return append(dst, ']')
}
