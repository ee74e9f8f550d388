package jsonwrite_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
)

func TestString(t *testing.T) {
	for s, want := range map[string]string{
		"":            `"`,
		"plain ~ </>": `"plain ~ </>`,
		"\x1f":        `"\u001f`,
		`a"b`:         `"a\"b`,
		`a\`:          `"a\\`,
		"é":           `"é`,
		"\u2028":      `"\u2028`,
	} {
		got := string(jsonwrite.String([]byte("x"), s))
		if got != "x"+want+`"` {
			t.Errorf("%q: %s, want x%s\"", s, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(got[1:]), &back); err != nil || back != s {
			t.Errorf("%s is read as %q, %v", got[1:], back, err)
		}
	}
}

func TestStrings(t *testing.T) {
	for want, list := range map[string][]string{
		`[]`:         nil,
		`[""]`:       {""},
		`["a"]`:      {"a"},
		`["a","\""]`: {"a", `"`},
	} {
		got := jsonwrite.Strings([]byte("x"), list)
		if string(got) != "x"+want {
			t.Errorf("%s, want x%s", got, want)
		}
		var back []string
		if err := json.Unmarshal(got[1:], &back); err != nil || !slices.Equal(back, list) {
			t.Errorf("%s is read as %q, %v", got[1:], back, err)
		}
	}
}

// Plain strings need no allocation beyond dst.
func TestStringAllocations(t *testing.T) {
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { jsonwrite.String(dst, "user-1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
