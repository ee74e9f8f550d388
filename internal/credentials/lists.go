package credentials

import (
	"errors"
	"iter"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// ErrForm is the error for a query or a form that is malformed.
var ErrForm = errors.New("the form is malformed")

// Parameter returns the values of one parameter of a query or form. It reads
// them like url.ParseQuery, and does not keep the others.
func Parameter(query, name string) (values []string, err error) {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if strings.Contains(pair, ";") {
			err = ErrForm
			continue
		}
		key, keyErr := url.QueryUnescape(key)
		if keyErr == nil && key != name {
			_, keyErr = url.QueryUnescape(value)
		}
		if keyErr != nil {
			err = ErrForm
			continue
		}
		if key != name {
			continue
		}
		value, valueErr := url.QueryUnescape(value)
		if valueErr != nil {
			err = ErrForm
			continue
		}
		if values = append(values, value); len(values) > 1 {
			break // two are an error, and so are more
		}
	}
	return values, err
}

// IsCookieName reports whether name can be the name of a cookie (RFC 6265,
// section 4.1.1).
func IsCookieName(name string) bool {
	return (&http.Cookie{Name: name, Value: "v"}).Valid() == nil
}

// Cookies returns the cookies in all Cookie headers of a request: the name, and
// the pair of name and value as sent. It splits them like net/http, but does
// not drop cookies with invalid values: such a cookie counts as a second one of
// its name.
func Cookies(r *http.Request) iter.Seq2[string, string] {
	return func(yield func(name, pair string) bool) {
		for _, line := range r.Header["Cookie"] {
			for pair := range strings.SplitSeq(line, ";") {
				pair = textproto.TrimString(pair) // only ASCII: other space belongs to the name
				if pair == "" {
					continue
				}
				name, _, _ := strings.Cut(pair, "=")
				if !yield(textproto.TrimString(name), pair) {
					return
				}
			}
		}
	}
}
