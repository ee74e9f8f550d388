package challenge_test

import (
	"slices"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
)

func TestHeader(t *testing.T) {
	var schemes []challenge.Scheme
	for _, text := range []string{"Bearer", `DPoP algs="ES256"`} {
		scheme, err := challenge.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		schemes = append(schemes, scheme)
	}
	set := challenge.Set{Schemes: schemes, Realm: `a "b" \`, ResourceMetadata: "https://a.example/m"}
	const (
		bearer = `Bearer realm="a \"b\" \\", resource_metadata="https://a.example/m"`
		dpop   = `DPoP realm="a \"b\" \\", algs="ES256", resource_metadata="https://a.example/m"`
		scope  = `scope="s"`
		failed = `error="invalid_token"`
		more   = `max_age="5"`
	)
	for _, c := range []struct {
		name         string
		scope        string
		status       int
		parameters   string
		more         string
		wantToFollow string
	}{
		{"401", "", 401, "", "", ""},
		{"401 with an error", "", 401, failed, "", ", " + failed},
		{"401 with a scope", scope, 401, "", "", ", " + scope},
		{"401 with both", scope, 401, failed, "", ", " + failed + ", " + scope},
		{"401 with all", scope, 401, failed, more, ", " + failed + ", " + scope + ", " + more},
		{"403 names no scope of its own", scope, 403, failed, "", ", " + failed},
		{"403 with more", scope, 403, failed, more, ", " + failed + ", " + more},
	} {
		refusal := challenge.Refusal{Status: c.status, Parameters: c.parameters}
		want := []string{bearer + c.wantToFollow, dpop + c.wantToFollow}
		for _, usual := range [][]challenge.Refusal{nil, {refusal}, {{Status: 400}, refusal}} {
			h := challenge.NewHeader(set, c.scope, usual)
			got := h.Values(refusal, c.more)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", c.name, got, want)
			}
			got[0] = "changed"
			if again := h.Values(refusal, c.more); !slices.Equal(again, want) {
				t.Errorf("%s, again: %q, want %q", c.name, again, want)
			}
		}
	}
}

func TestIsRealm(t *testing.T) {
	for realm, want := range map[string]bool{
		"restricted": true, `a "b" \ ~`: true, "": false, "é": false, "a\n": false, "\x7f": false,
	} {
		if got := challenge.IsRealm(realm); got != want {
			t.Errorf("%q: %v", realm, got)
		}
	}
}
