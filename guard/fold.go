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
//   - spaces, control characters, marks and invisible characters, anywhere
//   - accents of Latin letters, composed or not, as in "Zoë" and "zoe", and the
//     letters æ (ae), œ (oe), ø (o), đ and ð (d), ł (l), þ (th)
//   - ß, s and rows of s
//   - other forms of ASCII characters, such as full-width letters, ⓐ, ª, 𝐚 and
//     ﬁ, and the digits of all scripts
//
// So it folds as much as the collations of databases do for names of Latin
// letters and digits, including those that compare only the base letters, such
// as utf8mb4_uca1400_ai_ci, but not those of a language. The Greek letter ι is
// dropped, because a mark is one of its cases.
//
// It does not fold letters with accents in other scripts, the equal letters of
// a language, such as y and ü in the Swedish collations (once the default of
// MySQL), ä and ae in a German one or å and aa in the Danish ones, and no
// aliases, such as an e-mail address and a user name of the same user. A lookup
// that does, also one that only normalizes Unicode, needs Options.Account. The
// safest lookup compares Fold of both names.
func Fold(username string) string {
	var b strings.Builder
	b.Grow(len(username))
	for _, r := range username {
		if text, ok := form(r); ok {
			b.WriteString(text)
			continue
		}
		r = foldCase(r)
		if base, ok := latin[r]; ok {
			b.WriteString(base)
		} else if !invisible(r) {
			b.WriteRune(r)
		}
	}
	return oneS(b.String())
}

// oneS replaces each row of s by one: some collations compare ß as s, and
// others as ss.
func oneS(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if text[i] != 's' || i == 0 || text[i-1] != 's' {
			b.WriteByte(text[i])
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

// invisible reports whether Fold drops a rune. Collations ignore marks of every
// kind and a few lengthening characters, so a name could have any number of
// them.
func invisible(r rune) bool {
	if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.M) {
		return true
	}
	return strings.ContainsRune(ignored, r)
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
		"s":  "ßśŝşšſșṡṣṥṧṩẛ",
		"t":  "ţťŧțṫṭṯṱẗ",
		"th": "þ",
		"u":  "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự",
		"v":  "ṽṿ",
		"w":  "ŵẁẃẅẇẉẘ",
		"x":  "ẋẍ",
		"y":  "ýÿŷȳẏẙỳỵỷỹ",
		"z":  "źżžẑẓẕ",
		"ʒ":  "ǯ",
	} {
		for _, letter := range letters {
			m[letter] = base
			m[foldCase(letter)] = base
		}
	}
	return m
}()
