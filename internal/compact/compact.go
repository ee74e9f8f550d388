// Package compact reads the compact serialization of a JWS (RFC 7515 §7.1) and
// its header (§4) strictly.
package compact

import (
	"encoding/binary"
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

// digits holds the value of each digit, shifted to each of the four places of a
// group of 24 bits; what is no digit has notDigit set, above them.
var digits = func() (t [4][256]uint32) {
	for place := range t {
		for c := range t[place] {
			t[place][c] = notDigit
		}
		for value, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
			t[place][c] = uint32(value) << (18 - 6*place)
		}
	}
	return t
}()

const notDigit = 1 << 31

// Decode appends the bytes that text stands for in base64url without padding
// (RFC 7515 §2) to dst. It accepts the canonical form alone: re-encoding gives
// the same text. encoding/base64 passes over line breaks, also in its strict
// mode, and takes half as long again.
func Decode(dst []byte, text string) ([]byte, bool) {
	n := len(dst)
	dst = slices.Grow(dst, DecodedLen(len(text)))[:n+DecodedLen(len(text))]
	out := dst[n:]
	var seen uint32 // all groups, laid over each other
	for len(text) >= 8 && len(out) >= 8 {
		v, w := group(text), group(text[4:])
		seen |= v | w
		binary.BigEndian.PutUint64(out, uint64(v)<<40|uint64(w)<<16) // 6 bytes, and 2 that the next ones replace
		out, text = out[6:], text[8:]
	}
	for len(text) >= 4 && len(out) >= 3 {
		v := group(text)
		seen |= v
		out[0], out[1], out[2] = byte(v>>16), byte(v>>8), byte(v)
		out, text = out[3:], text[4:]
	}
	// What is left over must not set bits that no byte takes up.
	var v uint32
	switch len(text) {
	case 1:
		return dst, false
	case 2:
		v = digits[0][text[0]] | digits[1][text[1]]
		out[0] = byte(v >> 16)
		v &^= 0xff << 16
	case 3:
		v = digits[0][text[0]] | digits[1][text[1]] | digits[2][text[2]]
		out[0], out[1] = byte(v>>16), byte(v>>8)
		v &^= 0xffff << 8
	}
	return dst, seen&notDigit == 0 && v == 0
}

// group returns the 24 bits of the four digits that text starts with.
func group(text string) uint32 {
	_ = text[3]
	return digits[0][text[0]] | digits[1][text[1]] | digits[2][text[2]] | digits[3][text[3]]
}
