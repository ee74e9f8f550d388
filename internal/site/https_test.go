package site_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

func TestParseHTTPS(t *testing.T) {
	for text, want := range map[string]string{
		"https://api.example":                "",
		"https://api.example:8443/mcp?a=b":   "",
		"http://127.0.0.1:8080/":             "",
		"http://[::1]/":                      "",
		"":                                   "is empty",
		"api.example":                        "is not an absolute URL",
		"/path":                              "is not an absolute URL",
		"https:///path":                      "is not an absolute URL",
		"https://:8080/":                     "is not an absolute URL",
		"https://api.example/a b":            "is not an absolute URL",
		"https://api.example/\"":             "is not an absolute URL",
		"https://api.example\n":              "is not an absolute URL",
		"https://ann@api.example/":           "contains a user name or password",
		"https://api.example/#part":          "has a fragment",
		"https://api.example/#":              "is not an absolute URL",
		"http://api.example/":                "does not begin with https://",
		"ftp://api.example/":                 "does not begin with https://",
		"http://127.0.0.1.attacker.example/": "does not begin with https://",
	} {
		_, err := site.ParseHTTPS(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
