package jwtauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Source finds a token in a request. It returns "" and no error where there is none, and
// [ErrInvalidRequest], wrapped, where what is there cannot be one. It must be
// safe for concurrent use. A Source that reads the body must leave it readable.
type Source func(r *http.Request) (token string, err error)

// Bearer reads the Authorization header field (RFC 6750 §2.1, RFC 9110 §11.6.2): "Bearer" in
// any case, one or more spaces, a token. Another scheme is no credential; two Authorization
// fields, whatever is in them, are [ErrInvalidRequest].
func Bearer() Source { return bearer }

func bearer(r *http.Request) (string, error) {
	fields := r.Header["Authorization"]
	switch len(fields) {
	case 0:
		return "", nil
	case 1:
		return parseAuthorization(fields[0])
	default:
		return "", errTwoFields
	}
}

var (
	errTwoFields = fmt.Errorf("%w: several Authorization fields", ErrInvalidRequest)
	errNotToken  = fmt.Errorf("%w: not a token", ErrInvalidRequest)
	errRepeated  = fmt.Errorf("%w: a token given twice", ErrInvalidRequest)
	errFormBody  = fmt.Errorf("%w: form body", ErrInvalidRequest)
)

func parseAuthorization(field string) (string, error) {
	const scheme = "bearer"
	if len(field) < len(scheme) || !strings.EqualFold(field[:len(scheme)], scheme) {
		return "", nil
	}
	rest := field[len(scheme):]
	switch {
	case rest == "" || rest[0] == ' ':
	case isTokenChar(rest[0]):
		return "", nil // a longer word that starts like ours
	default:
		return "", errNotToken
	}
	return checkToken(strings.TrimLeft(rest, " "))
}

// isTokenChar reports whether c may be in the name of a scheme (RFC 9110 §5.6.2).
func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// tokenByte marks the bytes of a b64token (RFC 6750 §2.1) by zero, but for "=", which may only end one.
var tokenByte = func() (t [256]byte) {
	for c := range t {
		t[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		t[c] = 0
	}
	return t
}()

// checkToken returns s where it is a b64token, and an error otherwise.
func checkToken(s string) (string, error) {
	body := s
	for len(body) > 1 && body[len(body)-1] == '=' {
		body = body[:len(body)-1]
	}
	if body == "" {
		return "", errNotToken
	}
	var bad byte
	for len(body) >= 8 { // every request comes along here: no branch for a byte
		bad |= tokenByte[body[0]] | tokenByte[body[1]] | tokenByte[body[2]] | tokenByte[body[3]] |
			tokenByte[body[4]] | tokenByte[body[5]] | tokenByte[body[6]] | tokenByte[body[7]]
		body = body[8:]
	}
	for i := range len(body) {
		bad |= tokenByte[body[i]]
	}
	if bad != 0 {
		return "", errNotToken
	}
	return s, nil
}

// one returns the token where values hold one, nothing where there is none or an empty one.
func one(values []string) (string, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", nil
	case len(values) > 1:
		return "", errRepeated
	}
	return checkToken(values[0])
}

// Header reads a header field whose value is the token alone. It panics where name is not one of a field (RFC 9110 §5.1).
func Header(name string) Source {
	mustName("Header", name)
	for _, c := range []byte(name) {
		if !isTokenChar(c) {
			panic("jwtauth: Header: the name is not one of a field")
		}
	}
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (string, error) { return one(r.Header[name]) }
}

// Query reads a parameter of the URL. URLs end up in logs, histories and Referer
// fields: use it only where nothing else can be (RFC 6750 §2.3), and with short-lived
// tokens. It panics where name is empty.
func Query(name string) Source {
	mustName("Query", name)
	return func(r *http.Request) (string, error) {
		if r.URL == nil || r.URL.RawQuery == "" {
			return "", nil
		}
		values, _ := parameter(r.URL.RawQuery, name) // of what it can read, as every handler does
		return one(values)
	}
}

// maxFormBytes is the longest form body that Form reads.
const maxFormBytes = 1 << 20

// Form reads a parameter of an application/x-www-form-urlencoded body (RFC 6750
// §2.2) of a POST, PUT or PATCH. It reads the body, up to 1 MiB, above which it is
// [ErrBodyTooLarge], and puts it back, so that the handler finds it as if unread. It panics where name is empty.
func Form(name string) Source {
	mustName("Form", name)
	return func(r *http.Request) (string, error) {
		if r.PostForm != nil { // somebody outside has read the body already
			return one(r.PostForm[name])
		}
		if !hasFormBody(r) {
			return "", nil
		}
		if r.ContentLength > maxFormBytes {
			return "", ErrBodyTooLarge
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge) || len(body) > maxFormBytes:
			return "", ErrBodyTooLarge
		case err != nil:
			return "", errFormBody
		}
		values, err := parameter(string(body), name)
		if err != nil {
			return "", errFormBody
		}
		return one(values)
	}
}

func hasFormBody(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		// A broken parameter does not keep net/http from reading the form either.
		readable := err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)
		return readable && mediaType == "application/x-www-form-urlencoded" && r.Body != nil
	}
	return false
}

// parameter returns the values of one parameter of a query or form, as url.ParseQuery reads them, but
// without keeping all the others.
func parameter(query, name string) (values []string, err error) {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if strings.Contains(pair, ";") {
			err = errFormBody
			continue
		}
		key, keyErr := url.QueryUnescape(key)
		if keyErr == nil && key != name {
			_, keyErr = url.QueryUnescape(value)
		}
		if keyErr != nil {
			err = errFormBody
			continue
		}
		if key != name {
			continue
		}
		value, valueErr := url.QueryUnescape(value)
		if valueErr != nil {
			err = errFormBody
			continue
		}
		if values = append(values, value); len(values) > 1 {
			break // two are too many, however many follow
		}
	}
	return values, err
}

func mustName(source, name string) {
	if name == "" {
		panic("jwtauth: " + source + ": the name is empty")
	}
}
