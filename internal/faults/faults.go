// Package faults collects the mistakes in a configuration, so that a
// constructor reports all of them in one error.
package faults

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Collector collects faults. The zero value is ready to use. It is not safe for
// concurrent use.
//
// Each fault begins with the path of the value at fault: a field of an options
// struct, such as "IssuerOptions.AccessTTL", or an argument of a function, such
// as "NewIssuer: key". Paths use names that appear in the documentation.
type Collector struct{ errs []error }

// Add adds a fault of the value at path. The error reads "jwtauth: PATH: TEXT".
func (c *Collector) Add(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(prefix+"%s: %w", path, fmt.Errorf(format, args...)))
}

// Err returns all faults, joined in the order in which they were added, or nil.
func (c *Collector) Err() error { return errors.Join(c.errs...) }

// Duration returns d, or the default if d is zero. It adds a fault if the
// result lies outside the limits.
func (c *Collector) Duration(path string, d, byDefault, minimum, maximum time.Duration) time.Duration {
	switch {
	case d == 0:
		return byDefault
	case d < minimum:
		c.Add(path, "%v is below the minimum of %v", d, minimum)
	case d > maximum:
		c.Add(path, "%v exceeds the maximum of %v", d, maximum)
	}
	return d
}

// DurationOrNone is like Duration for a field in which a negative value means
// none. It returns zero for such a value.
func (c *Collector) DurationOrNone(path string, d, byDefault, maximum time.Duration) time.Duration {
	if d < 0 {
		return 0
	}
	return c.Duration(path, d, byDefault, 0, maximum)
}

// Int returns n, or the default if n is zero. It adds a fault if the result
// lies outside the limits.
func (c *Collector) Int(path string, n, byDefault, minimum, maximum int) int {
	switch {
	case n == 0:
		return byDefault
	case n < 0 && minimum <= 1: // a minimum of 1 is not worth a mention
		c.Add(path, "%d is negative", n)
	case n < minimum:
		c.Add(path, "%d is below the minimum of %d", n, minimum)
	case n > maximum:
		c.Add(path, "%d exceeds the maximum of %d", n, maximum)
	}
	return n
}

// IntOrNone is like Int for a field in which a negative value means none. It
// returns zero for such a value.
func (c *Collector) IntOrNone(path string, n, byDefault, maximum int) int {
	if n < 0 {
		return 0
	}
	return c.Int(path, n, byDefault, 1, maximum)
}

// Name adds a fault if name cannot be an issuer, an audience, a subject or
// another text that is compared with a claim.
func (c *Collector) Name(path, name string) {
	if err := CheckName(name); err != nil {
		c.Add(path, "%w", err)
	}
}

// Names is Name for each element of a list.
func (c *Collector) Names(path string, names []string) {
	for i, name := range names {
		c.Name(fmt.Sprintf("%s[%d]", path, i), name)
	}
}

// TypedNil adds a fault if v is an interface around a nil pointer or function.
// Without this check such a value fails at the first request. A nil interface
// is no fault: it means that the field is not set.
func (c *Collector) TypedNil(path string, v any) {
	if v != nil && IsNil(v) {
		c.Add(path, "is a nil %T", v)
	}
}

// MaxNameBytes limits the names that CheckName accepts, so that a token stays
// short enough for a header.
const MaxNameBytes = 1 << 10

// CheckName returns an error if name is empty, longer than MaxNameBytes, not
// UTF-8, or contains a control character.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case !utf8.ValidString(name):
		return errors.New("is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("contains a control character")
	case len(name) > MaxNameBytes:
		return fmt.Errorf("is %d bytes long; the maximum is %d", len(name), MaxNameBytes)
	}
	return nil
}

// IsNil reports whether v is nil, or an interface around a nil pointer or a nil
// function. A nil slice or map is not nil in this sense: it is usable as an
// empty one.
func IsNil(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func:
		return r.IsNil()
	}
	return false
}
