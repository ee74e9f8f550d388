package jsonscan_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

func TestDepth(t *testing.T) {
	shapes := []struct{ name, open, last, close string }{
		{"arrays", "[", "", "]"},
		{"arrays of one", "[", "1", "]"},
		{"objects", `{"a":`, "1", "}"},
		{"empty object last", `{"a":`, "{}", "}"},
	}
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			nested := func(depth int) string { // depth of the whole text
				inner := depth - 1
				if shape.last == "{}" {
					inner--
				}
				return `{"x":` + strings.Repeat(shape.open, inner) + shape.last + strings.Repeat(shape.close, inner) + "}"
			}
			for _, depth := range []int{3, 63, 64, 65, 128, jsonscan.MaxDepth - 1, jsonscan.MaxDepth} {
				if _, valid := walk(t, nested(depth)); !valid {
					t.Errorf("depth %d is refused", depth)
				}
			}
			for _, depth := range []int{jsonscan.MaxDepth + 1, jsonscan.MaxDepth + 2, 100_000} {
				if _, valid := walk(t, nested(depth)); valid {
					t.Errorf("depth %d is accepted", depth)
				}
			}
		})
	}
}

// TestClosingBrackets closes one container with the wrong bracket, at every
// depth.
func TestClosingBrackets(t *testing.T) {
	const depth = jsonscan.MaxDepth - 1
	patterns := map[string]func(level int) bool{
		"alternating":   func(level int) bool { return level%2 == 0 },
		"by threes":     func(level int) bool { return level%3 == 0 },
		"halves":        func(level int) bool { return level < depth/2 },
		"only objects":  func(int) bool { return true },
		"only arrays":   func(int) bool { return false },
		"around a word": func(level int) bool { return level%64 == 62 },
	}
	for name, isObject := range patterns {
		t.Run(name, func(t *testing.T) {
			build := func(wrong int) string {
				var open, closing strings.Builder
				for level := range depth {
					if isObject(level) {
						open.WriteString(`{"a":`)
					} else {
						open.WriteByte('[')
					}
				}
				for level := depth - 1; level >= 0; level-- {
					closing.WriteByte("]}"[b2i(isObject(level) != (level == wrong))])
				}
				return `{"x":` + open.String() + "1" + closing.String() + "}"
			}
			if _, valid := walk(t, build(-1)); !valid {
				t.Fatal("well-formed text is refused")
			}
			for level := range depth {
				if _, valid := walk(t, build(level)); valid {
					t.Errorf("the wrong bracket at level %d is accepted", level)
				}
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
