package peer_test

import (
	"net/netip"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/peer"
)

func TestTrust(t *testing.T) {
	p, err := peer.NewProxies([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:192.0.2.0/120"), netip.MustParsePrefix("2001:db8::/32"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"10.1.2.3":         true,
		"::ffff:10.1.2.3":  true, // the IPv6 form of the same address
		"192.0.2.7":        true,
		"192.0.3.7":        false,
		"2001:db8::1":      true,
		"2001:db8::1%eth0": true,
		"2001:db9::1":      false,
		"::10.1.2.3":       false, // another address, which only looks alike
	} {
		if got := p.Trust(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: trusted %v, want %v", addr, got, want)
		}
	}
	if peer.Proxies(nil).Trust(netip.MustParseAddr("127.0.0.1")) {
		t.Error("without prefixes, an address is trusted")
	}
}
