package site

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CheckPath returns an error if a redirect to path could lead to another
// origin. Browsers read backslashes as slashes, and drop tabs and line breaks.
func CheckPath(path string) error {
	_, err := url.Parse(path)
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }
	if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, unsafe) {
		return fmt.Errorf("%q is not an absolute path of this origin", path)
	}
	return nil
}

// CheckMetadataURL returns an error if address is not an absolute https URL
// without a fragment. For tests, http is accepted on a loopback host.
func CheckMetadataURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || !hasHost(u) || u.User != nil || u.String() != address || !hasPort(u) || strings.ContainsFunc(address, func(r rune) bool { return r == '#' || notInURL(r) }):
		return errors.New("is not an absolute URL without a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return errors.New("does not begin with https://")
	}
	return nil
}
