// Package compact reads the compact serialization of a JWS (RFC 7515 §7.1) and
// its header (§4) strictly.
package compact

import (
	"slices"
	"strings"
)

// Split returns where the two dots of a token stand. Any other number of dots is refused.
func Split(token string) (first, second int, ok bool) {
	first = strings.IndexByte(token, '.')
	if first < 0 {
		return 0, 0, false
	}
	n := strings.IndexByte(token[first+1:], '.')
	if n < 0 {
		return 0, 0, false
	}
	second = first + 1 + n
	return first, second, strings.IndexByte(token[second+1:], '.') < 0
}

// DecodedLen is the number of bytes that n characters of base64url stand for.
func DecodedLen(n int) int { return n * 6 / 8 }

const invalid = 0xff

var digits = func() (t [256]byte) {
	for i := range t {
		t[i] = invalid
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		t[c] = byte(i)
	}
	return t
}()

// Decode appends the bytes that text stands for in base64url without padding
// (RFC 7515 §2) to dst. It accepts the canonical form alone: re-encoding gives
// the same text. encoding/base64 passes over line breaks, also in its strict
// mode, and wants its input as bytes.
func Decode(dst []byte, text string) ([]byte, bool) {
	n := len(dst)
	dst = slices.Grow(dst, DecodedLen(len(text)))[:n+DecodedLen(len(text))]
	out := dst[n:]
	var bad byte // collects the two bits that only the mark of an invalid digit has
	for len(text) >= 4 && len(out) >= 3 {
		a, b, c, d := digits[text[0]], digits[text[1]], digits[text[2]], digits[text[3]]
		bad |= a | b | c | d
		out[0], out[1], out[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		out, text = out[3:], text[4:]
	}
	// What is left over must not set bits that no byte takes up.
	switch len(text) {
	case 1:
		return dst, false
	case 2:
		a, b := digits[text[0]], digits[text[1]]
		if b&0x0f != 0 {
			return dst, false
		}
		bad |= a | b
		out[0] = a<<2 | b>>4
	case 3:
		a, b, c := digits[text[0]], digits[text[1]], digits[text[2]]
		if c&0x03 != 0 {
			return dst, false
		}
		bad |= a | b | c
		out[0], out[1] = a<<2|b>>4, b<<4|c>>2
	}
	return dst, bad&0xc0 == 0
}
