package site

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ParseOrigin returns an origin in the form in which browsers write it in an
// Origin header (RFC 6454, section 6.2). The error says why text is not an
// origin that can be trusted: plain http is refused unless plainHTTP is set or
// the host is a loopback host.
func ParseOrigin(text string, plainHTTP bool) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%q is not an origin, such as https://app.example.com", text)
	}
	host, err := normalHost(u.Hostname())
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "https" && u.Scheme != "http": // url.Parse returns it in lower case
		return "", fmt.Errorf("the scheme of %q is neither https nor http", text)
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "", fmt.Errorf("%q is more than scheme, host and port", u.Redacted())
	case u.Scheme == "http" && !plainHTTP && !IsLoopback(host):
		return "", fmt.Errorf("%q is plain http: anyone on the network can forge its pages", text)
	case strings.HasSuffix(u.Host, ":"):
		return "", fmt.Errorf("%q has a colon without a port", text)
	}
	port, ok := normalPort(u.Scheme, u.Port())
	if !ok {
		return "", fmt.Errorf("invalid port in %q", text)
	}
	return u.Scheme + "://" + host + port, nil
}

// normalPort returns ":" and the port, or "" for the default port of the
// scheme.
func normalPort(scheme, port string) (normal string, ok bool) {
	if port == "" {
		return "", true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", false
	}
	if scheme == "https" && n == 443 || scheme == "http" && n == 80 {
		return "", true
	}
	return ":" + strconv.FormatUint(n, 10), true
}

// normalHost returns a host as browsers write it: names in lower case, and each
// address in its only form.
func normalHost(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return normalAddr(host, addr)
	}
	if host == "" {
		return "", errors.New("the host is missing")
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case c == '*':
			return "", fmt.Errorf("the host %q is a pattern; list each origin", host)
		case c > '~':
			return "", fmt.Errorf("the host %q is not ASCII; write it as browsers send it (xn--…)", host)
		default:
			return "", fmt.Errorf("%q is not a host name", host)
		}
	}
	// A last label that begins with a digit is an address in a form that
	// browsers rewrite, such as 127.1.
	last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]
	if strings.Contains(host, "..") || host[0] == '.' || '0' <= last[0] && last[0] <= '9' {
		return "", fmt.Errorf("%q is not a host name", host)
	}
	return strings.ToLower(host), nil
}

func normalAddr(host string, addr netip.Addr) (string, error) {
	switch {
	case addr.Zone() != "":
		return "", fmt.Errorf("the host %q has a zone", host)
	case addr.Is4():
		return addr.String(), nil
	case addr.Is4In6(): // browsers write these in hexadecimal, netip does not
		a := addr.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint(a[12])<<8|uint(a[13]), uint(a[14])<<8|uint(a[15])), nil
	}
	return "[" + addr.String() + "]", nil
}
