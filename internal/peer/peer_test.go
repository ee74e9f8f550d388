package peer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/peer"
)

func TestClientAndNetwork(t *testing.T) {
	for _, c := range []struct{ addr, client, network string }{
		{"192.0.2.7", "192.0.2.7", ""},
		{"::ffff:192.0.2.7", "192.0.2.7", ""},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"2001:db8:1:ffff::1", "2001:db8:1:ffff::/64", "2001:db8:1::/48"},
		{"2001:db8:2::1", "2001:db8:2::/64", "2001:db8:2::/48"},
		{"fe80::1%eth0", "fe80::/64", "fe80::/48"},
		{"::1", "::/64", "::/48"},
	} {
		client := peer.Client(netip.MustParseAddr(c.addr))
		if network := peer.Network(client); client != c.client || network != c.network {
			t.Errorf("%s: client %q in %q, want %q in %q", c.addr, client, network, c.client, c.network)
		}
	}
}

// Applications may name their clients in another form.
func TestNetworkOfOtherTexts(t *testing.T) {
	for client, want := range map[string]string{
		"":                      "",
		"device 7":              "",
		"192.0.2.0/24":          "",
		"::ffff:192.0.2.7":      "",
		"::ffff:192.0.2.7/128":  "",
		"2001:db8:1:2::3":       "2001:db8:1::/48",
		"2001:db8:1:200::/56":   "2001:db8:1::/48",
		"2001:db8:1::/48":       "2001:db8:1::/48",
		"2001:db8::/47":         "", // would otherwise lie in one of its halves
		"[2001:db8:1:2::3]":     "",
		"[2001:db8:1:2::3]:443": "",
	} {
		if got := peer.Network(client); got != want {
			t.Errorf("Network(%q) = %q, want %q", client, got, want)
		}
	}
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestProxiesThatTrustEveryone(t *testing.T) {
	for _, c := range []struct {
		trusted  []netip.Prefix
		everyone string // part of the error; "" for none
	}{
		{prefixes("0.0.0.0/0"), "0.0.0.0/0"},
		{prefixes("10.0.0.0/0"), "0.0.0.0/0"},
		{prefixes("0.0.0.0/1", "128.0.0.0/1"), "0.0.0.0/0"},
		{prefixes("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/3"), "0.0.0.0/0"},
		{prefixes("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"), "0.0.0.0/0"}, // without multicast
		{prefixes("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4"), "0.0.0.0/0"},
		{prefixes("2000::/4"), "2000::/3"},
		{prefixes("::ffff:0:0/96"), "0.0.0.0/0"},
		{prefixes("::ffff:0:0/97", "128.0.0.0/1"), "0.0.0.0/0"},
		{prefixes("::/64"), "0.0.0.0/0"},
		{prefixes("::/0"), "trust everyone"},
		{prefixes("2000::/3"), "2000::/3"},
		{prefixes("3000::/4", "10.0.0.0/8", "2000::/4"), "2000::/3"},
		{[]netip.Prefix{{}}, "a prefix is invalid"},

		{nil, ""},
		{prefixes("0.0.0.0/1", "128.0.0.0/2"), ""},
		{prefixes("128.0.0.0/2", "192.0.0.0/3"), ""},
		{prefixes("2000::/5", "3000::/4"), ""},
		{prefixes("10.0.0.0/8", "fd00::/8", "::1/128", "127.0.0.1/32", "2001:db8::/32"), ""},
		{prefixes("::ffff:10.0.0.0/104"), ""},
	} {
		_, err := peer.NewProxies(c.trusted)
		if (err == nil) != (c.everyone == "") || err != nil && !strings.Contains(err.Error(), c.everyone) {
			t.Errorf("%v: %v, want an error with %q", c.trusted, err, c.everyone)
		}
	}
}

func TestOrigin(t *testing.T) {
	const proxy, inner = "10.0.0.1", "10.0.0.2"
	for _, c := range []struct {
		name    string
		peer    string // "" for none
		trusted []netip.Prefix
		lines   []string
		want    string // "" for an invalid address
	}{
		{"one proxy", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7"}, "192.0.2.7"},
		{"two proxies", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7, " + inner}, "192.0.2.7"},
		{"two lines", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7", inner}, "192.0.2.7"},
		{"forged entries", proxy, prefixes("10.0.0.0/8"), []string{"198.51.100.1", "203.0.113.9 , 192.0.2.7,\t" + inner}, "192.0.2.7"},
		{"a client that names a proxy", proxy, prefixes("10.0.0.0/8"), []string{inner + ",192.0.2.7"}, "192.0.2.7"},
		{"directly", "192.0.2.9", prefixes("10.0.0.0/8"), []string{"192.0.2.7"}, "192.0.2.9"},
		{"directly, mapped", "::ffff:192.0.2.9", prefixes("10.0.0.0/8"), []string{"192.0.2.7"}, "192.0.2.9"},
		{"mapped proxy", "::ffff:10.0.0.1", prefixes("10.0.0.0/8"), []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{"mapped prefix", proxy, prefixes("::ffff:10.0.0.0/104"), []string{"192.0.2.7"}, "192.0.2.7"},
		{"inner client", proxy, prefixes("10.0.0.0/8"), []string{"10.9.9.9"}, "10.9.9.9"},
		{"no header", proxy, prefixes("10.0.0.0/8"), nil, proxy},
		{"empty header", proxy, prefixes("10.0.0.0/8"), []string{""}, proxy},
		{"unknown", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7, unknown"}, proxy},
		{"empty entry", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7,"}, proxy},
		{"unknown behind two proxies", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7, _hidden, " + inner}, inner},
		{"port", proxy, prefixes("10.0.0.0/8"), []string{"192.0.2.7:4711"}, "192.0.2.7"},
		{"IPv6", proxy, prefixes("10.0.0.0/8"), []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", proxy, prefixes("10.0.0.0/8"), []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 and port", proxy, prefixes("10.0.0.0/8"), []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"IPv6 proxy and zone", "fe80::1%eth0", prefixes("fe80::/10"), []string{"fe80::2%eth1, 2001:db8::7"}, "2001:db8::7"},
		{"no prefixes", "192.0.2.9", nil, []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"},
		{"no prefixes, no header", "192.0.2.9", nil, nil, "192.0.2.9"},
		{"Unix socket", "", prefixes("10.0.0.0/8"), []string{"192.0.2.7, " + inner}, "192.0.2.7"},
		{"Unix socket, no header", "", prefixes("10.0.0.0/8"), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			proxies, err := peer.NewProxies(c.trusted)
			if err != nil {
				t.Fatal(err)
			}
			var direct netip.Addr
			if c.peer != "" {
				direct = netip.MustParseAddr(c.peer)
			}
			got := proxies.Origin(direct, c.lines)
			if got.IsValid() != (c.want != "") || got.IsValid() && got.String() != c.want {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}
