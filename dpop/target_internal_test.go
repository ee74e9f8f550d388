package dpop

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestTarget(t *testing.T) {
	for _, test := range []struct{ base, request, want string }{
		{"https://api.example.com", "/", "https://api.example.com/"},
		{"https://api.example.com/", "/me?x=1", "https://api.example.com/me"},
		{"https://api.example.com/v1/", "/me", "https://api.example.com/v1/me"},
		{"https://API.example.com:443/%61", "/me", "https://api.example.com/a/me"},
		{"https://api.example.com:8443", "/a/../b/./c", "https://api.example.com:8443/b/c"},
		{"https://api.example.com", "/a%2fb%C3%a4%7E", "https://api.example.com/a%2Fb%C3%A4~"},
		{"https://api.example.com", "http://evil.example/me?x", "https://api.example.com/me"},
		{"https://api.example.com", "//evil.example/me", "https://api.example.com//evil.example/me"},
		{"https://api.example.com", "//evil.example/me?x=://", "https://api.example.com//evil.example/me"},
		{"https://api.example.com", "/me?x=http://a/b", "https://api.example.com/me"},
		{"https://api.example.com", "/a|b", "https://api.example.com/a%7Cb"},
		{"https://api.example.com", "/a[0]/%", "https://api.example.com/a%5B0%5D/%25"},
		{"https://api.example.com", "*", "https://api.example.com/*"},
		{"https://api.example.com", "/a#b", "https://api.example.com/a%23b"},
		{"https://api.example.com", "http://evil.example/a#b?x", "https://api.example.com/a%23b"},
		{"https://api.example.com", "http://evil.example/a%2Fb|c", "https://api.example.com/a%2Fb%7Cc"},
		{"https://api.example.com", "http://evil.example", "https://api.example.com/"},
		{"https://api.example.com", "evil.example:443", "https://api.example.com/evil.example:443"}, // of CONNECT
		{"https://api.example.com", "/a/..", "https://api.example.com/"},
		{"https://api.example.com", "/../../a", "https://api.example.com/a"},
		{"https://[::1]:8443", "/", "https://[::1]:8443/"},
		{"https://[::1]", "/", "https://[::1]/"},
	} {
		b, err := parseBase(test.base)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = test.request
		if got := b.target(pathOf(r)); got != test.want {
			t.Errorf("%s, %s: %s, want %s", test.base, test.request, got, test.want)
		}
	}
}

// Handlers in front of Verify may change the URL of the request. A request that
// does not come from net/http's server has no RequestURI.
func TestTargetOfChangedRequest(t *testing.T) {
	b, err := parseBase("https://api.example.com")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/api/me", nil)
	var got string
	http.StripPrefix("/api", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = b.target(pathOf(r))
	})).ServeHTTP(nil, r)
	if got != "https://api.example.com/api/me" {
		t.Error(got)
	}
	if got := b.target(pathOf(&http.Request{URL: &url.URL{Path: "/ä"}})); got != "https://api.example.com/%C3%A4" {
		t.Error(got)
	}
	if got := b.target(pathOf(&http.Request{URL: &url.URL{Path: "/a/b|", RawPath: "/a%2Fb|"}})); got != "https://api.example.com/a%2Fb%7C" {
		t.Error(got)
	}
	if got := b.target(pathOf(&http.Request{URL: &url.URL{Path: "/b", RawPath: "/a%2Fb"}})); got != "https://api.example.com/b" {
		t.Error(got) // RawPath is not that of Path
	}
	if got := b.target(pathOf(&http.Request{})); got != "https://api.example.com/" {
		t.Error(got)
	}
}

func TestNormalTarget(t *testing.T) {
	for htu, want := range map[string]string{
		"https://a.example":               "https://a.example/",
		"HTTPS://A.example:443/b?c#d":     "https://a.example/b",
		"http://a.example:80/":            "http://a.example/",
		"https://a.example:80/":           "https://a.example:80/",
		"https://a.example/%2e%2e/b%2F%":  "",
		"https://a.example/%2e%2e/b%2f":   "https://a.example/b%2F",
		"https://u@a.example/":            "",
		"mailto:a@example.com":            "",
		"https:a.example":                 "",
		"/path":                           "",
		"":                                "",
		"https://a.example:/":             "", // a colon without a port
		"https://a.example/a|b":           "https://a.example/a%7Cb",
		"https://a.example/a%2Fb|c":       "https://a.example/a%2Fb%7Cc",
		"https://a.example/%2F..%2Fb^":    "https://a.example/%2F..%2Fb%5E",
		"https://a.example/a[0]":          "https://a.example/a%5B0%5D",
		"https://a.example:x/":            "",
		"https://a.example/a//b":          "https://a.example/a//b",
		"https://[2001:DB8::1]:443/":      "https://[2001:db8::1]/",
		"https://a.example/%e4%BD%a0/..;": "https://a.example/%E4%BD%A0/..;",
		"https://a.example./b":            "https://a.example./b", // another host
		"https://bücher.example/":         "",
		"https://b%C3%BCcher.example/":    "",
		"https://xn--bcher-kva.example/":  "https://xn--bcher-kva.example/",
		"https://a.example%2eorg/":        "",
		"https://a.example:/b":            "",
		"https://a.example:0443/b":        "https://a.example/b",
		"https://a.example:65979/b":       "", // 443 + 65536
		"https://a.example:443.0/b":       "",
		"https://:@a.example/":            "",
		"https://@a.example/":             "",
		"https://a.example\\@evil/":       "",
		"https://a.example/\\..\\b":       "https://a.example/%5C..%5Cb",
		"https://a.example/%252e%252e/b":  "https://a.example/%252e%252e/b",
		"https://a.example/a%00b":         "https://a.example/a%00b",
		"https://a.example/a\tb":          "",
		"https://a.example/ b":            "https://a.example/%20b",
		" https://a.example/b":            "",
		"https:///b":                      "",
		"https://a.example/b?":            "https://a.example/b",
		"https://a.example?b":             "https://a.example/",
		"https://a.example/%3Fb":          "https://a.example/%3Fb",
		"https://a.example/B":             "https://a.example/B",
		"https://127.1/":                  "",
		"https://[::ffff:127.0.0.1]/":     "https://[::ffff:7f00:1]/",
		"https://[fe80::1%25eth0]/":       "",
		"wss://a.example/":                "",
	} {
		if got := normalTarget(htu); got != want {
			t.Errorf("%s: %q, want %q", htu, got, want)
		}
	}
}
