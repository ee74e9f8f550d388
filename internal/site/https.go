package site

import (
	"errors"
	"net/url"
	"strings"
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
	case err != nil || u.Hostname() == "" || u.String() != text:
		return nil, errors.New("is not an absolute URL")
	case u.User != nil:
		return nil, errors.New("contains a user name or password")
	case strings.Contains(text, "#"):
		return nil, errors.New("has a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return nil, errors.New("does not begin with https:// (http is accepted for a loopback host)")
	}
	return u, nil
}
