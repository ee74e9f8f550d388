package guard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold is the default of Options.Account. It maps user names that differ only
// in the following to the same account:
//
//   - case, as in "Ann" and "ann"
//   - spaces, control characters and invisible characters, anywhere
//   - accents of Latin letters, composed or not, as in "Zoë" and "zoe", and the
//     letters ß (ss), æ (ae), œ (oe), ø (o), đ and ð (d), ł (l), þ (th)
//   - full-width forms of ASCII characters
//
// So it folds as much as the usual collations of databases do for Latin
// letters. It does not fold accents in other scripts, and no aliases, such as
// an e-mail address and a user name of the same user. Set Options.Account if
// the lookup of users does.
func Fold(username string) string {
	var b strings.Builder
	b.Grow(len(username))
	for _, r := range username {
		if 0xFF01 <= r && r <= 0xFF5E { // full-width
			r += '!' - 0xFF01
		}
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn) {
			continue
		}
		r = foldCase(r)
		if base, ok := latin[r]; ok {
			b.WriteString(base)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// foldCase returns the same rune for all runes that differ only in case, such
// as σ, Σ and ς.
func foldCase(r rune) rune {
	if r < utf8.RuneSelf {
		return unicode.ToLower(r)
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}

// latin maps letters in lower case to those without an accent.
var latin = func() map[rune]string {
	m := make(map[rune]string)
	for base, letters := range map[string]string{
		"a":  "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ",
		"ae": "æ",
		"b":  "ḃḅḇ",
		"c":  "çćĉċčḉ",
		"d":  "ðďđḋḍḏḑḓ",
		"dz": "ǆǳ",
		"e":  "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ",
		"f":  "ḟ",
		"g":  "ĝğġģǧǵḡ",
		"h":  "ĥħȟḣḥḧḩḫẖ",
		"i":  "ìíîïĩīĭįıǐȉȋḭḯỉị",
		"ij": "ĳ",
		"j":  "ĵǰ",
		"k":  "kķĸǩḱḳḵ",
		"l":  "ĺļľłḷḹḻḽ",
		"lj": "ǉ",
		"m":  "ḿṁṃ",
		"n":  "ñńņňŋǹṅṇṉṋ",
		"nj": "ǌ",
		"o":  "òóôõöøōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ",
		"oe": "œ",
		"p":  "ṕṗ",
		"r":  "ŕŗřȑȓṙṛṝṟ",
		"s":  "śŝşšſșṡṣṥṧṩẛ",
		"ss": "ß",
		"t":  "ţťŧțṫṭṯṱẗ",
		"th": "þ",
		"u":  "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự",
		"v":  "ṽṿ",
		"w":  "ŵẁẃẅẇẉẘ",
		"x":  "ẋẍ",
		"y":  "ýÿŷȳẏẙỳỵỷỹ",
		"z":  "źżžẑẓẕ",
	} {
		for _, letter := range letters {
			m[letter] = base
			m[foldCase(letter)] = base
		}
	}
	return m
}()
