package peer

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses of trusted proxies.
type Proxies []netip.Prefix

var (
	allIPv4    = netip.MustParsePrefix("0.0.0.0/0")
	globalIPv6 = netip.MustParsePrefix("2000::/3")
	mappedIPv4 = netip.MustParsePrefix("::ffff:0:0/96")
)

// everyone holds the parts of the address space that clients have: IPv4 without
// multicast and reserved addresses, and the half of the global addresses of
// IPv6 that is assigned.
var everyone = map[netip.Prefix][]netip.Prefix{
	allIPv4: {
		netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/2"), netip.MustParsePrefix("192.0.0.0/3"),
	},
	globalIPv6: {netip.MustParsePrefix("2000::/4")},
}

// NewProxies returns an error if a prefix is invalid, or if the prefixes
// contain all addresses of IPv4 or IPv6 that a client may have.
func NewProxies(prefixes []netip.Prefix) (Proxies, error) {
	var p Proxies
	for _, prefix := range prefixes {
		if !prefix.IsValid() {
			return nil, errors.New("a prefix is invalid")
		}
		prefix = prefix.Masked()
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= mappedIPv4.Bits() {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-mappedIPv4.Bits())
		}
		if prefix.Contains(mappedIPv4.Addr()) && prefix.Bits() < mappedIPv4.Bits() {
			p = append(p, allIPv4)
		}
		p = append(p, prefix)
	}
	for _, space := range []netip.Prefix{allIPv4, globalIPv6} {
		if !slices.ContainsFunc(everyone[space], func(part netip.Prefix) bool { return !p.cover(part) }) {
			return nil, fmt.Errorf("the prefixes trust everyone in %v, so that any client could set the header", space)
		}
	}
	return p, nil
}

// cover reports whether all addresses of a prefix are trusted.
func (p Proxies) cover(all netip.Prefix) bool {
	switch {
	case !slices.ContainsFunc(p, all.Overlaps):
		return false
	case slices.ContainsFunc(p, func(q netip.Prefix) bool { return q.Bits() <= all.Bits() && q.Overlaps(all) }):
		return true
	}
	low, high := halves(all)
	return p.cover(low) && p.cover(high)
}

// halves splits a prefix that is not a single address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	addr, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(p.Addr(), bits), netip.PrefixFrom(addr, bits)
}

// Trust reports whether addr is the address of a proxy.
func (p Proxies) Trust(addr netip.Addr) bool { return p.trusts(plain(addr)) }

func (p Proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(q netip.Prefix) bool { return q.Contains(addr) })
}

// Origin returns the address that a request comes from. The lines hold lists
// of addresses to which each proxy has appended the address of its peer. peer
// is the last one. It is trusted if no proxies are named, or if it is invalid,
// as for a Unix socket.
//
// Origin walks from right to left as long as the addresses belong to trusted
// proxies. If an entry holds no address, Origin returns the proxy that has
// appended it.
func (p Proxies) Origin(peer netip.Addr, lines []string) netip.Addr {
	origin := plain(peer)
	trusted := len(p) == 0 || !peer.IsValid() || p.trusts(origin)
	for entry := range fromRight(lines) {
		if !trusted {
			break
		}
		addr, err := parse(entry)
		if err != nil {
			break
		}
		origin, trusted = addr, p.trusts(addr)
	}
	return origin
}

// fromRight iterates over the entries of comma-separated lists, the last one
// first.
func fromRight(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range slices.Backward(lines) {
			for more := true; more; {
				var entry string
				if i := strings.LastIndexByte(line, ','); i >= 0 {
					line, entry = line[:i], line[i+1:]
				} else {
					entry, more = line, false
				}
				if !yield(strings.Trim(entry, " \t")) {
					return
				}
			}
		}
	}
}

// parse reads an address, with or without a port and brackets.
func parse(entry string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(entry); err == nil {
		return plain(with.Addr()), nil
	}
	if inner, found := strings.CutPrefix(entry, "["); found {
		entry = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(entry)
	return plain(addr), err
}
