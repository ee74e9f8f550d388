package dpop

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// base is the external URL of a service, in normal form.
type base struct {
	origin string // scheme and host, with a port unless it is the default one
	path   string // empty, or begins with a slash and does not end with one
}

// parseBase reads Options.URL.
func parseBase(text string) (base, error) {
	if text == "" {
		return base{}, errors.New("is required: the address of the service as clients see it, such as https://api.example.com")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?#"):
		return base{}, errors.New("is not an absolute URL without a query and a fragment, such as https://api.example.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !site.IsLoopback(u.Hostname())):
		return base{}, errors.New("does not begin with https:// (http:// is for loopback hosts)")
	}
	return base{origin: originOf(u), path: strings.TrimSuffix(normalPath(u.EscapedPath()), "/")}, nil
}

// String returns the URL.
func (b base) String() string { return b.origin + b.path }

// target returns the URL of a request in normal form, without its query. It
// reads the target that the client sent, because handlers such as
// [http.StripPrefix] change the URL of the request.
func (b base) target(r *http.Request) string {
	path := r.RequestURI
	if path == "" && r.URL != nil { // not a request of net/http's server
		path = r.URL.EscapedPath()
	}
	if !strings.HasPrefix(path, "/") { // sent to a proxy: the absolute form
		if u, err := url.Parse(path); err == nil {
			path = u.EscapedPath()
		}
	}
	path, _, _ = strings.Cut(path, "?")
	return b.origin + b.path + normalPath(path)
}

// normalTarget returns the URL in "htu" in normal form, without query and
// fragment (RFC 9449, section 4.3; RFC 3986, sections 6.2.2 and 6.2.3), or ""
// if it is not an http or https URL.
func normalTarget(htu string) string {
	u, err := url.Parse(htu)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return originOf(u) + normalPath(u.EscapedPath())
}

// originOf returns scheme, host and port in lower case, without the default
// port.
func originOf(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		return u.Scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}

// normalPath returns an escaped path without dot segments, and with one
// spelling of each character.
func normalPath(path string) string {
	path = normalEscapes(path)
	var kept []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// normalEscapes decodes escaped unreserved characters, writes the other escapes
// in upper case, and escapes characters that a path cannot contain, because
// some clients do not.
func normalEscapes(path string) string {
	if !strings.ContainsFunc(path, func(c rune) bool { return c == '%' || c >= utf8.RuneSelf || !isPathByte(byte(c)) }) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			c = unhex(path[i+1])<<4 | unhex(path[i+2])
			i += 2
			if !isUnreserved(c) {
				fmt.Fprintf(&b, "%%%02X", c)
				continue
			}
		}
		if isPathByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isPathByte reports whether c can be in a path as it is (RFC 3986, section
// 3.3).
func isPathByte(c byte) bool { return isUnreserved(c) || strings.IndexByte("!$&'()*+,;=:@/", c) >= 0 }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}

// isUnreserved reports whether c needs no escape in a URL (RFC 3986, section
// 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
