package main

import (
	"strings"
	"testing"
)

func TestFirstUse(t *testing.T) {
	older, newer := 5.3, 4.8
	if !hasSHA() {
		older, newer = 4.2, 4.2
	}
	for release, want := range map[string]float64{
		"go1.26.8": older, "go1.27rc1": newer, "go1.27.0": newer, "go1.28.1": newer, "go1.27.1 X:nojsonv2": newer,
	} {
		if got := firstUse(release); got != want {
			t.Errorf("%s: %v, want %v", release, got, want)
		}
	}
}

// A report of everything says which bars are not measured, for example without
// Node. A report of a part does not.
func TestBarsThatAreNotMeasured(t *testing.T) {
	f := figures{hits: []hitRate{{Rate: 0.97, Growth: 5 << 20}}}
	for args, want := range map[string]bool{"": true, "-only=op=hits": false} {
		s, err := parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		r := newReport(s, f, 0)
		if got := strings.Contains(r.text(), "fast-jwt with its cache / ours | ≥ 5 | | not measured |"); got != want {
			t.Errorf("%q: %v, want %v:\n%s", args, got, want, r.text())
		}
		if err := r.err(); err == nil || err.Error() != "missed: the same, both: growth of the heap, MiB: 5, not ≤ 4" {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestNothingMeasured(t *testing.T) {
	err := run([]string{"-only=typo"}, func(settings) (figures, error) { return figures{}, nil })
	if err == nil || !strings.Contains(err.Error(), "-only matches no measurement") {
		t.Error(err)
	}
}
