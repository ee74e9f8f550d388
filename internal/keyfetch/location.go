package keyfetch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// Location is the place of a key set: a URL, or an issuer whose metadata names
// the URL. Make one with [ParseURL] or [ParseIssuer].
type Location struct {
	url      *url.URL // of the set, or of the issuer
	issuer   string   // "" if url is that of the set
	insecure bool
}

// maxURL is the greatest length of a URL, in bytes.
const maxURL = 2 << 10

// ParseURL returns the location of the set at an https URL. It accepts http for
// the loopback interface, and for any host if insecure is set.
func ParseURL(text string, insecure bool) (Location, error) {
	u, err := parseURL(text, insecure)
	if err != nil {
		return Location{}, err
	}
	if isDiscovery(u.Path) {
		return Location{}, errors.New("is the URL of a discovery document, not of a key set; pass the issuer to NewRemoteKeysFromIssuer")
	}
	return Location{url: u, insecure: insecure}, nil
}

// ParseIssuer returns the location of the set of an issuer, whose URL follows
// the rules of [ParseURL] and has no query.
func ParseIssuer(issuer string, insecure bool) (Location, error) {
	u, err := parseURL(issuer, insecure)
	if err != nil {
		return Location{}, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return Location{}, errors.New("has a query, which an issuer must not have (RFC 8414, section 2)")
	}
	if isDiscovery(u.Path) {
		return Location{}, errors.New("is the URL of a discovery document; pass the issuer, which is the \"issuer\" in that document")
	}
	return Location{url: u, issuer: issuer, insecure: insecure}, nil
}

// isDiscovery reports whether path is that of a discovery document.
func isDiscovery(path string) bool {
	return strings.Contains(path, openIDPath) || strings.Contains(path, oauthPath)
}

// String returns the issuer, or the URL of the set without its query, which may
// hold a secret.
func (l Location) String() string {
	if l.issuer != "" {
		return l.issuer
	}
	return withoutQuery(l.url)
}

func withoutQuery(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// parseURL reads a URL to fetch from. Its errors are predicates, such as "is
// empty", and do not quote the URL.
func parseURL(text string, insecure bool) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("is empty")
	}
	if len(text) > maxURL {
		return nil, fmt.Errorf("is %d bytes long; the maximum is %d", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, errors.New("is not an https URL with a host")
	case u.User != nil:
		return nil, errors.New("contains a user name or password")
	case strings.Contains(text, "#"):
		return nil, errors.New("has a fragment")
	case u.Scheme == "http" && !insecure && !site.IsLoopback(u.Hostname()):
		return nil, errors.New("is http, so anyone on the network could replace the keys: use https " +
			"(http is accepted for the loopback interface, or with InsecureHTTP)")
	}
	return u, nil
}
