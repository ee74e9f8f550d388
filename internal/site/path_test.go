package site_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

func TestCheckPath(t *testing.T) {
	for _, path := range []string{"/", "/login?bye=1", "/a/b#c", "/~a", "/a%20b"} {
		if err := site.CheckPath(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{
		"", "x", "//evil.example", "https://evil.example/", "/\\evil.example", "/\tx", "/a b", "/a\n", "/%",
		"\\\\evil.example", "?a", "javascript:alert(1)", "/é", "/\x7f",
	} {
		if site.CheckPath(path) == nil {
			t.Errorf("%q is accepted", path)
		}
	}
}
