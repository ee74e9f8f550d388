package guard_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/guard"
)

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"ann", "Ann", "ANN", " ann", "ann ", "\tann\n", "a nn", "an\u00a0n", "ann\u200b", "\ufeffann", "a\u00adnn", "ａｎｎ", "ＡＮＮ", "ánn", "a\u0301nn", "ÀÑň", "ann\x00"},
		{"zoe", "Zoë", "ZOË", "zoe\u0308", "Žǒẻ"},
		{"strasse", "straße", "STRASSE", "STRAẞE", "ſtrasse"},
		{"angstrom", "Ångström", "A\u030angstro\u0308m", "\u212bngström"},
		{"kelvin", "\u212aelvin"},
		{"istanbul", "İstanbul", "ıstanbul", "ISTANBUL"},
		{"nguyenvana", "Nguyễn Văn A"},
		{"lodz", "Łódź"},
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
