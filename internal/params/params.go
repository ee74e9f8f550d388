// Package params reads the parameters of the login, refresh and logout
// endpoints from a request body, which is a JSON object or a form.
package params

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Errors of a [Reader]. An error that matches ErrMalformed also says how. None
// of them contains a value.
var (
	ErrMediaType = errors.New("Content-Type is neither application/json nor application/x-www-form-urlencoded")
	ErrTooLarge  = errors.New("too long")
	ErrMalformed = errors.New("malformed")
)

var (
	errIncomplete = malformed("the body ends too early")
	errForm       = malformed("it is not a form")
	errJSON       = malformed("it is not a JSON object, or a member is repeated")

	errUsername       = malformed("the user name contains a NUL byte or is not UTF-8")
	errNoRefreshToken = malformed("refresh_token missing")
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

// Names of members of a body.
const (
	Username     = "username" // if Reader.Username does not say otherwise
	password     = "password"
	remember     = "remember"
	refreshToken = "refresh_token"
)

// IsReserved reports whether Reader.Username cannot have this name, because
// another member of a login has it.
func IsReserved(name string) bool { return name == password || name == remember }

// Reader reads the bodies of the endpoints. A parameter that is given twice or
// is not a string is an error. Unknown parameters are ignored.
type Reader struct {
	MaxBytes int    // of the longest body
	Username string // name of the user name
	Remember bool   // whether a login has the member "remember"
}

// Login is the body of a login.
type Login struct {
	Username, Password string // not empty

	// Remember is whether "remember" is true in JSON, or present in a form.
	Remember bool
}

// Login reads the body of a login.
func (d Reader) Login(w http.ResponseWriter, r *http.Request) (Login, error) {
	names := []string{d.Username, password}
	if d.Remember {
		names = append(names, remember)
	}
	values, err := d.read(w, r, names...)
	if err != nil {
		return Login{}, err
	}
	login := Login{values[d.Username], values[password], values[remember] != ""}
	switch {
	case login.Username == "" || login.Password == "":
		return Login{}, malformed(d.Username + " or password missing")
	case strings.ContainsRune(login.Username, 0) || !utf8.ValidString(login.Username):
		return Login{}, errUsername // databases refuse to compare it
	}
	return login, nil
}

// RefreshToken reads the body of a refresh or a logout.
func (d Reader) RefreshToken(w http.ResponseWriter, r *http.Request) (string, error) {
	values, err := d.read(w, r, refreshToken)
	if err == nil && values[refreshToken] == "" {
		err = errNoRefreshToken
	}
	return values[refreshToken], err
}

// read returns the named parameters of a body. A missing parameter is "". The
// parameter "remember" is "true" or "".
func (d Reader) read(w http.ResponseWriter, r *http.Request, names ...string) (map[string]string, error) {
	var parse func(body string, names []string) (map[string]string, error)
	switch mediaType(r) {
	case "application/json":
		parse = parseJSON
	case "application/x-www-form-urlencoded":
		parse = parseForm
	default:
		return nil, ErrMediaType
	}
	if r.Body == nil { // a request of http.NewRequest, which no server received
		return parse("", names)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(d.MaxBytes)))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, ErrTooLarge
	}
	if err != nil {
		return nil, errIncomplete
	}
	return parse(string(body), names)
}

func parseJSON(body string, names []string) (map[string]string, error) {
	params := make(map[string]string)
	s := jsonscan.New(body)
	for s.Next() {
		for _, name := range names {
			if s.Name() != name {
				continue
			}
			value, ok := s.Value().Str()
			kind := "a string"
			if name == remember {
				value, ok = parseFlag(s.Value())
				kind = "true or false"
			}
			if !ok {
				return nil, malformed(name + " is not " + kind)
			}
			params[name] = value
		}
	}
	if !s.Valid() { // also if a name is repeated
		return nil, errJSON
	}
	return params, nil
}

// parseFlag returns "true" for the JSON value true, and "" for false.
func parseFlag(v jsonscan.Value) (flag string, ok bool) {
	switch v.Text {
	case "true":
		return "true", true
	case "false":
		return "", true
	}
	return "", false
}

func parseForm(body string, names []string) (map[string]string, error) {
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
		if name == remember && values.Has(name) {
			params[name] = "true"
		}
	}
	return params, nil
}
