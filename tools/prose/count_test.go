package main

import (
	"slices"
	"strings"
	"testing"
)

func count(src string) *counts {
	c := &counts{found: make([]int, len(groups))}
	c.addFile("x.go", []byte(src))
	return c
}

// The comments of the repository keep the rules. Run the program with -v to see
// the places.
func TestRepository(t *testing.T) {
	c, err := countFolder("../..")
	if err != nil {
		t.Fatal(err)
	}
	if c.lines < 1000 {
		t.Fatalf("only %d comment lines found", c.lines)
	}
	for _, fault := range c.faults() {
		t.Error(fault)
	}
	t.Log("\n" + c.summary())
}

func TestCounts(t *testing.T) {
	c := count("package x\n\n" +
		"// Where is what nobody's nothing? Nowhere.\n" + // nobody's is another word
		"func f() { // where\n" +
		"\ts := \"// where\"\n" +
		"\tt := `\n// where\n`\n" +
		"\t// None of it.\n" +
		"\t_, _ = s, t\n" +
		"}\n" +
		"//go:generate where\n")
	if c.lines != 2 || c.words != 9 {
		t.Errorf("%d lines and %d words, want 2 and 9", c.lines, c.words)
	}
	if want := []int{1, 1, 2}; !slices.Equal(c.found, want) {
		t.Errorf("found %v, want %v", c.found, want)
	}
}

func TestColumns(t *testing.T) {
	x := strings.Repeat("x", 77)
	for _, c := range []struct {
		name, line string
		want       int
	}{
		{"80 columns", "// " + x, 0},
		{"81 columns", "// " + x + "x", 1},
		{"letters of several bytes", "// " + strings.Repeat("ü", 77), 0},
		{"a tab counts 4", "\t// " + x[:73], 0},
		{"one column more", "\t// " + x[:74], 1},
		{"an address", "// https://example.com/" + x, 0},
		{"a row of a table", "//\t401 token_missing  " + x, 0},
		{"preformatted text", "//\tgo run " + x, 1},
		{"code", "var " + x + " = 1 // a long comment behind code", 0},
	} {
		if got := count("package x\n" + c.line + "\n").long; got != c.want {
			t.Errorf("%s: %d long lines, want %d", c.name, got, c.want)
		}
	}
}

func TestFaults(t *testing.T) {
	words := strings.Repeat("// a few more words\n", 250) // 1,000
	for name, c := range map[string]struct {
		src  string
		want []string
	}{
		"good":        {words + "// see RFC 6750, section 3.1\n", nil},
		"one in 999":  {strings.TrimPrefix(words, "// a few ") + "// what\n", []string{"what: "}},
		"one in 1001": {words + "// what\n", nil},
		"long":        {words + "// " + strings.Repeat("x", 80) + "\n", []string{"1 comment lines"}},
		"section":     {words + "// see RFC 6750 §3.1\n", []string{"1 §"}},
	} {
		got := count("package x\n" + c.src).faults()
		if len(got) != len(c.want) || len(got) == 1 && !strings.HasPrefix(got[0], c.want[0]) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
