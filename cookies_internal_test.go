package jwtauth

import (
	"strings"
	"testing"
)

// Both tokens must fit. Subjects and key IDs with bytes that JSON escapes make
// long refresh tokens.
func TestCookiesCheck(t *testing.T) {
	cookies, err := NewCookies(CookieOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const access, refresh = len("__Host-jwtauth-access"), len("__Host-jwtauth-refresh")
	for _, c := range []struct {
		access, refresh int // lengths
		fits            bool
	}{
		{4096 - access, 4096 - refresh, true},
		{4096 - access + 1, 1, false},
		{1, 4096 - refresh + 1, false},
	} {
		err := cookies.check(Tokens{AccessToken: strings.Repeat("a", c.access), RefreshToken: strings.Repeat("r", c.refresh)})
		if (err == nil) != c.fits {
			t.Errorf("tokens of %d and %d bytes: %v", c.access, c.refresh, err)
		}
	}
}
