package site_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

func TestParseOrigin(t *testing.T) {
	for _, c := range []struct {
		text, want string
		plainHTTP  bool
	}{
		{"https://app.example.com", "https://app.example.com", false},
		{"HTTPS://App.Example.COM", "https://app.example.com", false},
		{"https://app.example.com:443", "https://app.example.com", false},
		{"https://app.example.com:0443", "https://app.example.com", false},
		{"https://app.example.com:08443", "https://app.example.com:8443", false},
		{"https://app.example.com:65535", "https://app.example.com:65535", false},
		{"https://app_1.example-2.com.", "https://app_1.example-2.com.", false},
		{"https://[2001:DB8:0::1]:443", "https://[2001:db8::1]", false},
		{"https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]", false},
		{"https://192.0.2.1", "https://192.0.2.1", false},
		{"http://localhost:80", "http://localhost", false},
		{"http://LocalHost", "http://localhost", false},
		{"http://app.LOCALHOST:8081", "http://app.localhost:8081", false},
		{"http://127.0.0.1:8081", "http://127.0.0.1:8081", false},
		{"http://[::1]:8081", "http://[::1]:8081", false},
		{"http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", false},
		{"http://app.example.com", "http://app.example.com", true},
		{"http://app.example.com:443", "http://app.example.com:443", true},
	} {
		got, err := site.ParseOrigin(c.text, c.plainHTTP)
		if got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", c.text, got, err, c.want)
		}
		if again, err := site.ParseOrigin(got, c.plainHTTP); again != got || err != nil {
			t.Errorf("%s: its normal form %q becomes %q, %v", c.text, got, again, err)
		}
	}
}

func TestParseOriginRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"empty", "", `"" is not an origin`},
		{"null", "null", `"null" is not an origin`},
		{"star", "*", `"*" is not an origin`},
		{"pattern", "https://*.example.com", `the host "*.example.com" is a pattern`},
		{"host alone", "app.example.com", "is not an origin"},
		{"host and port", "app.example.com:443", "is not an origin"},
		{"no host", "https://", "is not an origin"},
		{"port alone", "https://:443", "the host is missing"},
		{"slash", "https://app.example.com/", `"https://app.example.com/" is more`},
		{"path", "https://app.example.com/app", "is more than scheme, host and port"},
		{"query", "https://app.example.com?a", "is more than scheme, host and port"},
		{"empty query", "https://app.example.com?", "is more than scheme, host and port"},
		{"fragment", "https://app.example.com#", "is more than scheme, host and port"},
		{"user", "https://ann:secret@app.example.com", `"https://ann:xxxxx@app.example.com" is more`},
		{"other scheme", "ftp://app.example.com", "is neither https nor http"},
		{"plain http", "http://app.example.com", `"http://app.example.com" is plain http`},
		{"plain http of a host named like loopback", "http://localhost.example.com", "is plain http"},
		{"port 0", "https://app.example.com:0", "invalid port"},
		{"port too large", "https://app.example.com:65536", "invalid port"},
		{"port missing", "https://app.example.com:", "a colon without a port"},
		{"not ASCII", "https://b\u00fccher.example", `the host "bücher.example" is not ASCII`},
		{"a number for an address", "https://127.1", "is not a host name"},
		{"a hexadecimal address", "https://0x7f.0.0.0x1", "is not a host name"},
		{"a zone", "https://[fe80::1%25eth0]", `the host "fe80::1%eth0" has a zone`},
		{"a leading dot", "https://.example.com", `".example.com" is not a host name`},
		{"an empty label", "https://a..example", "is not a host name"},
		{"a space", "https://a b", "is not an origin"},
		{"an exclamation mark", "https://a!b", "is not a host name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := site.ParseOrigin(c.text, false)
			if got != "" || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "app.localhost": true, "a.b.LocalHost": true,
		"127.0.0.1": true, "127.255.255.254": true, "::1": true, "[::1]": true, "::ffff:127.0.0.1": true,
		"": false, ".": false, "localhost.example": false, "notlocalhost": false, "localhost.localdomain": false,
		"128.0.0.1": false, "0.0.0.0": false, "::": false, "[::2]": false, "127.1": false, "example.com": false,
	} {
		if got := site.IsLoopback(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
