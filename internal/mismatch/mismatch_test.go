package mismatch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/mismatch"
)

var errSentinel = errors.New("refused")

func TestIssuer(t *testing.T) {
	const want, other = "https://login.example", `refused: iss is not "https://login.example"`
	e := mismatch.New(errSentinel, "iss", []string{want})
	for iss, text := range map[string]string{
		"":                       `refused: iss is missing or empty; it must be "https://login.example"`,
		"https://evil.example":   other,
		"https://login.example/": other + "; it differs only in a slash at the end",
		"http://login.example":   other + "; it differs only in its scheme (https://, http:// or none)",
		"login.example":          other + "; it differs only in its scheme (https://, http:// or none)",
		"login.example/":         other + "; it differs only in its scheme (https://, http:// or none)",
		"https://Login.example":  other + "; it differs only in capital and small letters",
		"https://login.example ": other + "; it differs only in white space at an end",
		"https://login.example2": other,
		"/":                      other,
	} {
		if err := e.Issuer(iss); err.Error() != text || !errors.Is(err, errSentinel) {
			t.Errorf("%q: %v, want %s", iss, err, text)
		}
	}
}

func TestAudience(t *testing.T) {
	one := mismatch.New(errSentinel, "aud", []string{"api"})
	two := mismatch.New(errSentinel, "aud", []string{"api", "https://web.example"})
	const other = `refused: aud does not contain "api"`
	for _, c := range []struct {
		errors *mismatch.Errors
		aud    []string
		want   string
	}{
		{one, nil, `refused: aud is missing or empty; it must contain "api"`},
		{one, []string{}, `refused: aud is an empty array; it must contain "api"`},
		{one, []string{""}, `refused: aud is an empty string; it must contain "api"`},
		{one, []string{"", ""}, `refused: aud is an empty string; it must contain "api"`},
		{one, []string{"", "web"}, other},
		{one, []string{"web", "API"}, other + "; it differs only in capital and small letters"},
		{one, []string{"api/"}, other + "; it differs only in a slash at the end"},
		{one, []string{"web api"}, other + "; it is one text with several names; the issuer must write an array of strings"},
		{one, []string{"web,api"}, other + "; it is one text with several names; the issuer must write an array of strings"},
		{two, []string{"x"}, `refused: aud does not contain ["api" "https://web.example"]`},
		{two, []string{"http://web.example/"}, `refused: aud does not contain ["api" "https://web.example"]; it differs only in its scheme (https://, http:// or none)`},
	} {
		if err := c.errors.Audience(c.aud); err.Error() != c.want || !errors.Is(err, errSentinel) {
			t.Errorf("%q: %v, want %s", c.aud, err, c.want)
		}
	}
}

// A refusal of thousands of names costs about as much as one of a few.
func TestAudienceWork(t *testing.T) {
	want := []string{"api", "web", "https://a.example", "https://b.example"}
	e := mismatch.New(errSentinel, "aud", want)
	few := strings.Fields(strings.Repeat("name ", 8))
	limit := testing.AllocsPerRun(10, func() { e.Audience(few) })
	for name, aud := range map[string][]string{
		"many names":     strings.Fields(strings.Repeat("name ", 3000)),
		"one long text":  {strings.Repeat("a ", 5000)},
		"a far neighbor": append(slices.Clone(few), "API"),
	} {
		if err := e.Audience(aud); strings.Contains(err.Error(), ";") {
			t.Errorf("%s: %v", name, err)
		}
		if n := testing.AllocsPerRun(10, func() { e.Audience(aud) }); n > limit {
			t.Errorf("%s: %v allocations, want %v at most", name, n, limit)
		}
	}
}
