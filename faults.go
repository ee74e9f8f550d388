package jwtauth

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// faults collects what is wrong with one options struct.
type faults struct {
	of   string
	errs []error
}

func (f *faults) add(field, format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("jwtauth: %s.%s: %s", f.of, field, fmt.Sprintf(format, args...)))
}

func (f *faults) err() error { return errors.Join(f.errs...) }

// duration returns the value in force: the default for zero, none for negative.
func (f *faults) duration(field string, d, byDefault, maximum time.Duration) time.Duration {
	switch {
	case d == 0:
		return byDefault
	case d < 0:
		return 0
	case d > maximum:
		f.add(field, "%v exceeds the maximum of %v", d, maximum)
	}
	return d
}

// names checks texts that go into claims or are compared with them.
func (f *faults) names(field string, list []string) {
	for i, name := range list {
		if fault := nameFault(name); fault != "" {
			f.add(fmt.Sprintf("%s[%d]", field, i), "%s", fault)
		}
	}
}

func (f *faults) name(field, name string) {
	if fault := nameFault(name); fault != "" {
		f.add(field, "%s", fault)
	}
}

// nameFault says what is wrong with an issuer, audience or subject, "" where nothing is.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "holds a control character"
	case len(name) > maxNameBytes:
		return fmt.Sprintf("is %d bytes long; at most %d are taken", len(name), maxNameBytes)
	}
	return ""
}

// maxNameBytes bounds issuers, audiences and subjects, so that a token stays within a header field.
const maxNameBytes = 1 << 10

func (f *faults) clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// store refuses a nil pointer in the guise of a store, which would be found out at the first request.
func (f *faults) store(store SessionStore) {
	if store != nil && isNil(store) {
		f.add("Sessions", "is a nil %T", store)
	}
}

// ttlFault says what is wrong with the life time of a token, "" where nothing is.
func ttlFault(ttl time.Duration) string {
	switch {
	case ttl <= 0:
		return fmt.Sprintf("%v is not positive", ttl)
	case ttl%time.Second != 0:
		return fmt.Sprintf("%v is not whole seconds", ttl)
	case ttl > maxAccessTTL:
		return fmt.Sprintf("%v exceeds the maximum of %v", ttl, maxAccessTTL)
	}
	return ""
}
