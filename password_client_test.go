package jwtauth_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestPeerAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":               "192.0.2.7",
		"192.0.2.7:1":                  "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":      "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1234":  "2001:db8:1:2::/64",
		"[2001:db8:1:2::]:1":           "2001:db8:1:2::/64",
		"[2001:db8:1:3::]:1":           "2001:db8:1:3::/64",
		"[::1]:1234":                   "::/64",
		"[fe80::1:2:3:4%eth0]:1234":    "fe80::/64",
		"[fe80::5%eth1]:1234":          "fe80::/64",
		"[::ffff:192.0.2.7%eth0]:1234": "192.0.2.7",
		"@":                            "@", // a Unix socket
		"":                             "",
		"192.0.2.7":                    "192.0.2.7", // without a port, as a middleware may leave it
		"2001:db8::1":                  "2001:db8::1",
		"somewhere.example:80":         "somewhere.example:80",
	} {
		if got := jwtauth.PeerAddress(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("PeerAddress(%q) = %q, want %q", remote, got, want)
		}
	}
}

func TestClientFromHeader(t *testing.T) {
	client := jwtauth.ClientFromHeader("x-forwarded-for", netip.MustParsePrefix("10.0.0.0/8"))
	for _, c := range []struct{ remote, header, want string }{
		{"10.0.0.1:443", "198.51.100.1, 2001:db8:1:2:3:4:5:6, 10.0.0.2", "2001:db8:1:2::/64"},
		{"10.0.0.1:443", "::ffff:192.0.2.7", "192.0.2.7"},
		{"192.0.2.9:443", "192.0.2.7", "192.0.2.9"},
		{"@", "192.0.2.7", "192.0.2.7"},
		{"@", "", "@"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.header}}}
		if got := client(r); got != c.want {
			t.Errorf("from %s with %q: %q, want %q", c.remote, c.header, got, c.want)
		}
	}
}

func TestClientFromHeaderPanics(t *testing.T) {
	mustPanic(t, "ClientFromHeader: name is not a header name", func() { jwtauth.ClientFromHeader("X Y") })
	mustPanic(t, "ClientFromHeader: name is Forwarded", func() { jwtauth.ClientFromHeader("forwarded") })
	mustPanic(t, "trust everyone in 0.0.0.0/0", func() {
		jwtauth.ClientFromHeader("X-Real-Ip", netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1"))
	})
	mustPanic(t, "a prefix is invalid", func() { jwtauth.ClientFromHeader("X-Real-Ip", netip.Prefix{}) })
}
