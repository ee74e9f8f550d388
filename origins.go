package jwtauth

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// normalOrigin returns an origin as browsers write it in the Origin field, or what is wrong with it.
func normalOrigin(text string, plainHTTP bool) (origin, fault string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Sprintf("%q is not an origin, such as https://app.example.com", text)
	}
	host, fault := normalHost(u.Hostname())
	switch {
	case fault != "":
		return "", fault
	case u.Scheme != "https" && u.Scheme != "http": // url.Parse has it in lower case
		return "", fmt.Sprintf("the scheme of %q is neither https nor http", text)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "", fmt.Sprintf("%q is more than scheme, host and port", u.Redacted())
	case u.Scheme == "http" && !plainHTTP && !isLoopbackHost(host):
		return "", fmt.Sprintf("%q is plain http, which anyone on the network can speak for", text)
	}
	port := u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return "", fmt.Sprintf("%q has no port after its colon", text)
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Sprintf("the port of %q is none", text)
		}
		port = ":" + strconv.FormatUint(n, 10)
		if u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80 {
			port = ""
		}
	}
	return u.Scheme + "://" + host + port, ""
}

// normalHost returns a host as browsers write it: lower case, addresses in their one form.
func normalHost(host string) (normal, fault string) {
	if addr, err := netip.ParseAddr(host); err == nil {
		switch {
		case addr.Zone() != "":
			return "", fmt.Sprintf("the host %q has a zone", host)
		case addr.Is4():
			return addr.String(), ""
		case addr.Is4In6(): // browsers write these in hexadecimal, netip does not
			a := addr.As16()
			return fmt.Sprintf("[::ffff:%x:%x]", uint(a[12])<<8|uint(a[13]), uint(a[14])<<8|uint(a[15])), ""
		}
		return "[" + addr.String() + "]", ""
	}
	if host == "" {
		return "", "there is no host"
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case c == '*':
			return "", fmt.Sprintf("the host %q is a pattern; name each origin", host)
		case c > '~':
			return "", fmt.Sprintf("the host %q is not in ASCII; write it as browsers send it (xn--…)", host)
		default:
			return "", fmt.Sprintf("%q is not a host name", host)
		}
	}
	last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]
	if strings.Contains(host, "..") || host[0] == '.' || '0' <= last[0] && last[0] <= '9' {
		return "", fmt.Sprintf("%q is not a host name", host) // a last label of digits: an address that browsers would write otherwise
	}
	return strings.ToLower(host), ""
}

func isLoopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
