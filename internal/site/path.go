package site

import (
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
