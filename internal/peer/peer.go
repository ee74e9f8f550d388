// Package peer names the clients of a service by their IP addresses.
//
// A host has many IPv6 addresses, so a client is a /64. Homes and rented
// servers often get a /56 or a /48, so the network of a client is its /48. An
// IPv4 address is a client and a network of its own.
package peer

import "net/netip"

const (
	clientBits  = 64
	networkBits = 48
)

// Client returns the client of an address: an IPv4 address, or for IPv6 its
// /64.
func Client(addr netip.Addr) string {
	addr = plain(addr)
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, clientBits).Masked().String()
}

// Network returns the network of a client: the /48 of an IPv6 address or
// prefix. It is empty if the client is a network of its own: an IPv4 address, a
// prefix of fewer than 48 bits, or another text.
func Network(client string) string {
	var addr netip.Addr
	if prefix, err := netip.ParsePrefix(client); err == nil {
		if addr = prefix.Addr(); prefix.Bits() < networkBits {
			return ""
		}
	} else if addr, err = netip.ParseAddr(client); err != nil {
		return ""
	}
	addr = plain(addr)
	if addr.Is4() {
		return ""
	}
	return netip.PrefixFrom(addr, networkBits).Masked().String()
}

// plain removes the parts of an address that do not identify the peer: the
// IPv6 form of an IPv4 address, and the zone.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
