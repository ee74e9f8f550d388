package challenge_test

import (
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
)

func TestLines(t *testing.T) {
	for text, want := range map[string]string{
		"Bearer":                         `Bearer realm="a", scope="s"`,
		`DPoP algs="ES256 EdDSA"`:        `DPoP realm="a", algs="ES256 EdDSA", scope="s"`,
		`X a=1, b="2\"", c="3, d=\"\\" `: "",
		`X a=1, b="2\"", c="3, d"`:       `X realm="a", a=1, b="2\"", c="3, d", scope="s"`,
	} {
		scheme, err := challenge.Parse(text)
		if want == "" {
			if err == nil {
				t.Errorf("%s is accepted", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		set := challenge.Set{Schemes: []challenge.Scheme{scheme}, Realm: "a"}
		if got := set.Lines("", `scope="s"`); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %s", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", " ", " Bearer", "Bearer ", "Bea\"rer", "Bearer x", "Bearer a=", `Bearer a="b`, `Bearer a="b" c="d"`,
		`Bearer a="b",c="d"`, `Bearer a="b", `, "Bearer a=\"\n\"", `Bearer a="\`, `Bearer a="é"`, "Bearer é=1", "Bearer  a=1",
		`Bearer realm="x"`, `Bearer Realm=x`, `Bearer a=1, scope="x"`, `Bearer error=x`, "Bearer\r\nX: y",
	} {
		if _, err := challenge.Parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
