// Package params reads the parameters of an endpoint from a request body, which
// is a JSON object or a form.
package params

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Errors of [Read]. An error that matches ErrMalformed also says how. None of
// them contains a value.
var (
	ErrMediaType = errors.New("Content-Type is neither application/json nor application/x-www-form-urlencoded")
	ErrTooLarge  = errors.New("too long")
	ErrMalformed = errors.New("malformed")
)

var (
	errIncomplete = malformed("the body ends too early")
	errForm       = malformed("it is not a form")
	errJSON       = malformed("it is not a JSON object, or a member is repeated")
)

// malformed is an error that matches ErrMalformed.
type malformed string

func (e malformed) Error() string        { return string(e) }
func (e malformed) Is(target error) bool { return target == ErrMalformed }

// IsForm reports whether the body of a request is a form.
func IsForm(r *http.Request) bool { return mediaType(r) == "application/x-www-form-urlencoded" }

func mediaType(r *http.Request) string {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return mediaType
}

// Read returns the named parameters of a body of at most limit bytes. A missing
// parameter is "". A repeated one is an error, and so is one that is not a
// string. Other parameters are ignored.
//
// The parameter with the name flag is "true" if it is true in JSON, or present
// in a form, and otherwise "". In JSON it must be a boolean.
func Read(w http.ResponseWriter, r *http.Request, limit int, flag string, names ...string) (map[string]string, error) {
	var parse func(body, flag string, names []string) (map[string]string, error)
	switch mediaType(r) {
	case "application/json":
		parse = parseJSON
	case "application/x-www-form-urlencoded":
		parse = parseForm
	default:
		return nil, ErrMediaType
	}
	if r.Body == nil { // a request of http.NewRequest, which no server received
		return parse("", flag, names)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(limit)))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, errIncomplete
	}
	return parse(string(body), flag, names)
}

func parseJSON(body, flag string, names []string) (map[string]string, error) {
	params := make(map[string]string)
	s := jsonscan.New(body)
	for s.Next() {
		for _, name := range names {
			if s.Name() != name {
				continue
			}
			value, ok := s.Value().Str()
			if name == flag {
				value, ok = parseFlag(s.Value())
			}
			if !ok {
				return nil, malformed(name + " is not a string")
			}
			params[name] = value
		}
	}
	if !s.Valid() { // also if a name is repeated
		return nil, errJSON
	}
	return params, nil
}

// parseFlag returns "true" for the JSON value true.
func parseFlag(v jsonscan.Value) (flag string, ok bool) {
	switch v.Text {
	case "true":
		return "true", true
	case "false":
		return "", true
	}
	return "", false
}

func parseForm(body, flag string, names []string) (map[string]string, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, errForm
	}
	params := make(map[string]string)
	for _, name := range names {
		if len(values[name]) > 1 {
			return nil, malformed(name + " is given twice")
		}
		params[name] = values.Get(name)
		if name == flag && values.Has(name) {
			params[name] = "true"
		}
	}
	return params, nil
}
