package jose

import (
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// cleanText returns the text of a key in UTF-8, without the white space, byte
// order mark, invisible characters and quotes around it. Editors, shells and
// the env files of Docker add them. No key begins or ends with any of them.
func cleanText(data []byte) string {
	text := trimInvisible(decodeUTF16(data))
	for _, pair := range quotePairs {
		inner, opened := strings.CutPrefix(text, pair[0])
		inner, closed := strings.CutSuffix(inner, pair[1])
		if opened && closed {
			return trimInvisible(inner)
		}
	}
	return text
}

var quotePairs = [][2]string{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}, {"‘", "’"}, {"„", "“"}, {"«", "»"}}

func trimInvisible(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) })
}

// isInvisible reports whether r has no width: a byte order mark, a zero-width
// space or joiner, or a soft hyphen.
func isInvisible(r rune) bool {
	return r == '\uFEFF' || r >= '\u200B' && r <= '\u200F' || r == '\u2060' || r == '\u00AD'
}

// decodeUTF16 returns data in UTF-8. It recognizes UTF-16 by its byte order
// mark, or by a zero byte in one of the first two characters, which are ASCII
// in every key.
func decodeUTF16(data []byte) string {
	if len(data) < 4 || len(data)%2 != 0 {
		return string(data)
	}
	var order binary.ByteOrder
	switch {
	case data[0] == 0xFF && data[1] == 0xFE, data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0:
		order = binary.LittleEndian
	case data[0] == 0xFE && data[1] == 0xFF, data[0] == 0 && data[1] != 0 && data[2] == 0 && data[3] != 0:
		order = binary.BigEndian
	default:
		return string(data)
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

// escapedBreak matches a line break or tab that was written as an escape.
var escapedBreak = regexp.MustCompile(`\\+[nrt]`)

// unescapePEM returns text with real line breaks, and without invisible
// characters. Base64 contains no backslashes, so nothing else can be meant.
func unescapePEM(text string) string {
	text = escapedBreak.ReplaceAllString(text, "\n")
	return strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		if unicode.IsSpace(r) && r > utf8.RuneSelf {
			return ' '
		}
		return r
	}, text)
}

// decodeBase64 returns the bytes of base64 or base64url text, in which white
// space, escaped line breaks and missing padding do not matter.
func decodeBase64(text string) ([]byte, bool) {
	text = strings.Join(strings.Fields(unescapePEM(text)), "")
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(text)
	return b, err == nil && len(b) > 0
}
