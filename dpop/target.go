package dpop

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// base is the external URL of a service, in normal form: without a default
// port, and without a slash at the end.
type base string

// parseBase reads Options.URL.
func parseBase(text string) (base, error) {
	if text == "" {
		return "", errors.New("is required: the address of the service as clients see it, such as https://api.example.com")
	}
	u, err := site.ParseHTTPS(text)
	if err != nil {
		return "", err
	}
	if strings.Contains(text, "?") {
		return "", errors.New("has a query")
	}
	origin, err := originOf(u)
	if err != nil {
		return "", err
	}
	return base(origin + strings.TrimSuffix(normalPath(u.EscapedPath()), "/")), nil
}

// matches reports whether htu is the URL of a request.
func (b base) matches(htu string, r *http.Request) bool {
	path := pathOf(r)
	// Most clients send the normal form, which is expensive to compute.
	if rest, ok := strings.CutPrefix(htu, string(b)); ok && rest == path && isNormal(path) {
		return true
	}
	return normalTarget(htu) == b.target(path)
}

// target returns the URL with a path, in normal form.
func (b base) target(path string) string { return string(b) + normalPath(path) }

// pathOf returns the path of a request without its query. It reads the target
// that the client sent, because handlers such as [http.StripPrefix] change the
// URL of the request.
func pathOf(r *http.Request) string {
	path := r.RequestURI
	if path == "" && r.URL != nil { // not a request of net/http's server
		path = writtenPath(r.URL)
	}
	if !strings.HasPrefix(path, "/") { // sent to a proxy: the absolute form
		// As net/http's server reads it: a request has no fragment. The target
		// of CONNECT is not a URL, and stays as it is.
		if u, err := url.ParseRequestURI(path); err == nil && u.Opaque == "" {
			path = writtenPath(u)
		}
	}
	path, _, _ = strings.Cut(path, "?")
	return path
}

// writtenPath returns the path of a URL with its own escapes. URL.EscapedPath
// decodes "%2F" if the path also contains a character that should be escaped.
func writtenPath(u *url.URL) string {
	if path, err := url.PathUnescape(u.RawPath); err == nil && path == u.Path && path != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// normalTarget returns the URL in "htu" in normal form, without query and
// fragment (RFC 9449, section 4.3; RFC 3986, sections 6.2.2 and 6.2.3), or ""
// if it is not an http or https URL.
func normalTarget(htu string) string {
	u, err := url.Parse(htu)
	if err != nil || u.User != nil || u.Opaque != "" {
		return ""
	}
	origin, err := originOf(u)
	if err != nil {
		return ""
	}
	return origin + normalPath(writtenPath(u))
}

// originOf returns scheme, host and port in normal form.
func originOf(u *url.URL) (string, error) { return site.ParseOrigin(u.Scheme+"://"+u.Host, true) }

// isNormal reports whether a path is surely its own normal form.
func isNormal(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "/.") {
		return false
	}
	for _, c := range []byte(path) {
		if !isPathByte(c) {
			return false
		}
	}
	return true
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
		c, escaped := path[i], false
		if c == '%' && i+2 < len(path) {
			if value, err := hex.DecodeString(path[i+1 : i+3]); err == nil {
				c, escaped = value[0], true
				i += 2
			}
		}
		if isUnreserved(c) || !escaped && isPathByte(c) {
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

// isUnreserved reports whether c needs no escape in a URL (RFC 3986, section
// 2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
