package site

import (
	"net/netip"
	"strings"
)

// IsLoopback reports whether a host is this machine: a loopback address, with
// or without brackets, "localhost", or a name below it (RFC 6761, section 6.3).
// Plain http is acceptable for such a host, because its traffic does not leave
// the machine.
func IsLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
