package site

import (
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ParseHTTPS reads an absolute https URL of a public document or service,
// without a user or fragment. It accepts http for a loopback host. Its errors
// are predicates, such as "is empty".
func ParseHTTPS(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("is empty")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || !hasHost(u) || u.String() != text || strings.ContainsFunc(text, notInURL):
		return nil, errors.New("is not an absolute URL")
	case !hasPort(u):
		return nil, errors.New("has an invalid port")
	case u.User != nil:
		return nil, errors.New("contains a user name or password")
	case strings.Contains(text, "#"):
		return nil, errors.New("has a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return nil, errors.New("does not begin with https:// (http is accepted for a loopback host)")
	}
	return u, nil
}

// notInURL reports whether a URL can contain r only as percent-encoded bytes
// (RFC 3986, section 2).
func notInURL(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
}

// hasHost reports whether u has a host that can be an address or a DNS name.
// [url.Parse] also accepts an empty one before a port, and a percent sign.
func hasHost(u *url.URL) bool {
	host := u.Hostname()
	return host != "" && (strings.HasPrefix(u.Host, "[") || !strings.ContainsAny(host, "%*") && utf8.ValidString(host))
}

// hasPort reports whether the port of u is valid or absent.
func hasPort(u *url.URL) bool {
	_, ok := normalPort(u.Scheme, u.Port())
	return ok && !strings.HasSuffix(u.Host, ":")
}

// CheckSegments returns an error if the path of u has a segment that clients or
// servers remove: an empty one before the end, "." or "..".
func CheckSegments(u *url.URL) error {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil || text == "." || text == ".." || text == "" && i > 0 && i < len(segments)-1 {
			return errors.New(`has an empty segment, "." or ".." in its path`)
		}
	}
	return nil
}
