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
		"https://api%25.example/":            "is not an absolute URL",
		"https://api%FF.example/":            "is not an absolute URL",
		"https://*.example/":                 "is not an absolute URL",
		"https://api%C3%BC.example/":         "",
		"https://api.example/a b":            "is not an absolute URL",
		"https://api.example/\"":             "is not an absolute URL",
		"https://api.example\n":              "is not an absolute URL",
		"https://ann@api.example/":           "contains a user name or password",
		"https://api.example/#part":          "has a fragment",
		"https://api.example/#":              "is not an absolute URL",
		"https://api.example/?a=\"b\"":       "is not an absolute URL",
		"https://api.example/?a=b c":         "is not an absolute URL",
		"https://api.example/?a=ü":           "is not an absolute URL",
		"https://api.example/?a=<b>":         "is not an absolute URL",
		"https://api.example/?a=%22&b=[]":    "",
		"https://api.example:/":              "has an invalid port",
		"https://api.example:0/":             "has an invalid port",
		"https://api.example:65536/":         "has an invalid port",
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

func TestCheckSegments(t *testing.T) {
	for text, want := range map[string]bool{
		"https://api.example":             true,
		"https://api.example/":            true,
		"https://api.example/a/b":         true,
		"https://api.example/a/":          true,
		"https://api.example/a..b/.c/...": true,
		"https://api.example/a%2F..%2Fb":  true,
		"https://api.example//":           false,
		"https://api.example//a":          false,
		"https://api.example/a//b":        false,
		"https://api.example/a/./b":       false,
		"https://api.example/a/..":        false,
		"https://api.example/%2e%2E/a":    false,
		"https://api.example/a/.%2e/b":    false,
	} {
		u, err := site.ParseHTTPS(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := site.CheckSegments(u); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
