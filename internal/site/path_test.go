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

func TestCheckMetadataURL(t *testing.T) {
	const notURL, notHTTPS = "is not an absolute URL without a fragment", "does not begin with https://"
	for address, want := range map[string]string{
		"https://api.example.com/.well-known/oauth-protected-resource": "",
		"https://api.example.com/a?b=c":                                "",
		"http://localhost:8080/m":                                      "",
		"http://[::1]/m":                                               "",
		"":                                                             notURL,
		"/m":                                                           notURL,
		"https:///m":                                                   notURL,
		"https://:443/m":                                               notURL,
		"https://api%25.example.com/m":                                 notURL,
		"https://api.example.com/m#":                                   notURL,
		"https://api.example.com/m#a":                                  notURL,
		"https://ann@api.example.com/m":                                notURL,
		"https://api.example.com/a b":                                  notURL,
		"https://api.example.com/%zz":                                  notURL,
		"HTTPS://api.example.com/m":                                    notURL,
		"http://api.example.com/m":                                     notHTTPS,
		"ftp://localhost/m":                                            notHTTPS,
	} {
		got := ""
		if err := site.CheckMetadataURL(address); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
