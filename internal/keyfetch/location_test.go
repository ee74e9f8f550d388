package keyfetch_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

func TestParseURL(t *testing.T) {
	const max = 2 << 10
	for _, c := range []struct {
		name, url string
		insecure  bool
		want      string // part of the error; empty if it is accepted
	}{
		{"https", "https://idp.example/keys?p=policy", false, ""},
		{"http to an IPv4 loopback address", "http://127.0.0.53:8080/keys", false, ""},
		{"http to the IPv6 loopback address", "http://[::1]:8080/keys", false, ""},
		{"http to localhost", "http://LocalHost/keys", false, ""},
		{"http to a name below localhost", "http://idp.localhost/keys", false, ""},
		{"http", "http://idp.example/keys", false, "is http"},
		{"http to a name like localhost", "http://localhost.example/keys", false, "is http"},
		{"http to a name like an address", "http://127.0.0.1.example/keys", false, "is http"},
		{"http to a private address", "http://10.0.0.1/keys", false, "is http"},
		{"http, allowed", "http://idp.example/keys", true, ""},
		{"empty", "", false, "is empty"},
		{"no host", "https:///keys", false, "not an https URL"},
		{"port only", "https://:443/keys", false, "not an https URL"},
		{"no scheme", "idp.example/keys", false, "not an https URL"},
		{"file", "file:///etc/keys", true, "not an https URL"},
		{"opaque", "https:idp.example", false, "not an https URL"},
		{"password", "https://user:hunter2@idp.example/", false, "user name"},
		{"fragment", "https://idp.example/#keys", false, "fragment"},
		{"empty fragment", "https://idp.example/#", false, "fragment"},
		{"control character", "https://idp.example/\x00hunter2", false, "not a URL"},
		{"longest", "https://idp.example/" + strings.Repeat("a", max-20), false, ""},
		{"too long", "https://idp.example/" + strings.Repeat("a", max-19), false, "is 2049 bytes long; the maximum is 2048"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keyfetch.ParseURL(c.url, c.insecure)
			if (err != nil) != (c.want != "") {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseIssuer(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://idp.example":         "",
		"https://idp.example/realm/a": "",
		"http://127.0.0.1:8080":       "",
		"":                            "is empty",
		"http://idp.example":          "is http",
		"https://idp.example?":        "query",
		"https://idp.example/?a=b":    "query",
		"https://idp.example/#a":      "fragment",
		"idp.example":                 "not an https URL",
		"https://user@idp.example/":   "user name",
		"https://idp.example:99x/":    "not a URL",
		"urn:idp":                     "not an https URL",
		"https://idp.example/\x7f":    "not a URL",
		"https://%69dp.example/a b\n": "not a URL",
	} {
		location, err := keyfetch.ParseIssuer(issuer, false)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", issuer, err, want)
		}
		if err == nil && location.String() != issuer {
			t.Errorf("%q is shown as %q", issuer, location)
		}
	}
}

// The query of a URL may hold a secret.
func TestLocationWithoutQuery(t *testing.T) {
	location, err := keyfetch.ParseURL("https://idp.example/keys?api-key=hunter2", false)
	if err != nil || location.String() != "https://idp.example/keys" {
		t.Errorf("%v, %v", location, err)
	}
}
