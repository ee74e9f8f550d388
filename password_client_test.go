package jwtauth_test

import (
	"net/http"
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
