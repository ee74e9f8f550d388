package guard_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/seed-0a072700/jwtauth/guard"
)

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"ann", "Ann", "ANN", " ann", "ann ", "\tann\n", "a nn", "an\u00a0n", "ann\u200b", "\ufeffann", "a\u00adnn", "ａｎｎ", "ＡＮＮ", "ánn", "a\u0301nn", "ÀÑň", "ann\x00"},
		{"zoe", "Zoë", "ZOË", "zoe\u0308", "Žǒẻ"},
		{"strasse", "straße", "STRASSE", "STRAẞE", "ſtrasse", "strase"},
		{"misissippi", "mißißippi", "missißippi", "misisippi"},
		{"angstrom", "Ångström", "A\u030angstro\u0308m", "\u212bngström"},
		{"kelvin", "\u212aelvin"},
		{"istanbul", "İstanbul", "ıstanbul", "ISTANBUL"},
		{"nguyenvana", "Nguyễn Văn A"},
		{"lodz", "Łódź"},
		{"ʒ", "Ʒ", "ǯ", "Ǯ"},
		{"annfi1", "ⓐnnfi1", "ªⁿ𝐧ﬁ¹", "\U0001d586𝖓𝓃ｆⅰ①", "ａnn\u20ddfi\u0661", "ann\u0903fi\u0640\u06f1", "\u0363nnfi❶", "annfi𝟙"},
		{"aeo", "ǽǿ", "ǢǾ", "aeº"},
		{"φιλος", "φ\u0345λος", "ΦΙΛΟΣ", "φ\u1fbeλος", "φι\u0345λος"},
		{"σοφος", "ΣΟΦΟΣ", "σοφοσ"},
		{"иван", "ИВАН"},
		{"ann@example.com", "Ann@Example.COM "},
		{"", " ", "\u200b"},
	} {
		want := guard.Fold(same[0])
		for _, name := range same[1:] {
			if got := guard.Fold(name); got != want {
				t.Errorf("Fold(%q) = %q, want %q as for %q", name, got, want, same[0])
			}
		}
	}
	seen := make(map[string]string)
	for _, name := range []string{"ann", "anna", "ann1", "ann.", "an", "ben", "", "иван", "αννα", "ann@example.com", "日本"} {
		folded := guard.Fold(name)
		if other, found := seen[folded]; found {
			t.Errorf("%q and %q are the same account", name, other)
		}
		seen[folded] = name
	}
	if got := guard.Fold("Ann@Example.com"); got != "ann@example.com" {
		t.Errorf("an event would show %q", got)
	}
}

// A lookup with strings.EqualFold finds no more than Fold, and Fold of a folded
// name changes nothing.
func TestFoldCoversCase(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		text := string(r)
		folded := guard.Fold(text)
		other := string(unicode.SimpleFold(r))
		for _, same := range []string{other, strings.ToLower(text), strings.ToUpper(text), folded} {
			if got := guard.Fold(same); got != folded {
				t.Errorf("Fold(%+q) = %+q, want %+q as for %+q", same, got, folded, text)
			}
		}
	}
}

// Each digit of every script is an ASCII digit.
func TestFoldDigits(t *testing.T) {
	digits := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Nd, r) {
			if want := string(rune('0' + digits%10)); guard.Fold(string(r)) != want {
				t.Errorf("Fold(%U) = %q, want %s", r, guard.Fold(string(r)), want)
			}
			digits++
		}
	}
}
