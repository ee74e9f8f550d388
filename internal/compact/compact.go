// Package compact reads the compact serialization of a JWS (RFC 7515, section
// 7.1) and its header (RFC 7515, section 4). It accepts the canonical form
// only.
package compact

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Split returns the positions of the two dots in a token. ok is false if the
// token has fewer dots or more.
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

// DecodedLen returns the number of bytes that n characters of base64url encode.
func DecodedLen(n int) int { return n/4*3 + n%4*6/8 } // n*6/8 could overflow

// digits maps each byte to its value as a base64url digit, shifted to each of
// the four positions in a group of 24 bits. Bytes that are not digits map to
// notDigit.
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

const (
	notDigit = 1 << 31  // a bit above the 24 bits of a group
	notASCII = 0x808080 // the highest bit of each byte of a group
)

// Decode decodes text from base64url without padding (RFC 7515, section 2) and
// appends the result to dst. It returns false unless text is canonical, that
// is, unless encoding the result returns the same text.
//
// encoding/base64 ignores line breaks even in strict mode, and is slower.
func Decode(dst []byte, text string) ([]byte, bool) {
	dst, _, ok := DecodeText(dst, text)
	return dst, ok
}

// DecodeText is like [Decode], and also reports whether the result is ASCII. It
// sees all bytes anyway, so that the caller need not look at them again.
func DecodeText(dst []byte, text string) (result []byte, ascii, ok bool) {
	n := len(dst)
	dst = slices.Grow(dst, DecodedLen(len(text)))[:n+DecodedLen(len(text))]
	out := dst[n:]
	var seen uint32 // the bits that are set in any group
	for len(text) >= 8 && len(out) >= 8 {
		v, w := group(text), group(text[4:])
		seen |= v | w
		// This writes 6 bytes and 2 zeros, which the next bytes overwrite.
		binary.BigEndian.PutUint64(out, uint64(v)<<40|uint64(w)<<16)
		out, text = out[6:], text[8:]
	}
	for len(text) >= 4 && len(out) >= 3 {
		v := group(text)
		seen |= v
		out[0], out[1], out[2] = byte(v>>16), byte(v>>8), byte(v)
		out, text = out[3:], text[4:]
	}
	// An incomplete last group has bits that belong to no byte. They must be
	// zero.
	var v uint32
	switch len(text) {
	case 1:
		return dst, false, false
	case 2:
		v = digits[0][text[0]] | digits[1][text[1]]
		seen |= v
		out[0] = byte(v >> 16)
		v &^= 0xff << 16
	case 3:
		v = digits[0][text[0]] | digits[1][text[1]] | digits[2][text[2]]
		seen |= v
		out[0], out[1] = byte(v>>16), byte(v>>8)
		v &^= 0xffff << 8
	}
	return dst, seen&notASCII == 0, seen&notDigit == 0 && v == 0
}

// group returns the 24 bits of the first four digits of text.
func group(text string) uint32 {
	_ = text[3]
	return digits[0][text[0]] | digits[1][text[1]] | digits[2][text[2]] | digits[3][text[3]]
}
