package jwtauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// Source finds a token in a request. It returns "" and a nil error if there is
// none, and an error that wraps [ErrInvalidRequest] if the value cannot be a
// token. Any other error is a 500, unless it has an HTTP form of its own (see
// [WriteError]).
//
// A Source must be safe for concurrent use. If it reads the body, it must leave
// the body readable.
type Source func(r *http.Request) (token string, err error)

var (
	errTwoHeaders = fmt.Errorf("%w: several Authorization headers", ErrInvalidRequest)
	errTwoPlaces  = fmt.Errorf("%w: a token in two places", ErrInvalidRequest)
	errNotToken   = fmt.Errorf("%w: not a token", ErrInvalidRequest)
	errRepeated   = fmt.Errorf("%w: a token given twice", ErrInvalidRequest)
	errFormBody   = fmt.Errorf("%w: form body", ErrInvalidRequest)
)

// findToken returns the token of a request, or "" if no source finds one.
// Tokens that were sent on purpose take precedence over cookies.
func findToken(sources []Source, r *http.Request) (string, error) {
	if len(sources) == 1 {
		return sources[0](r)
	}
	if len(r.Header["Cookie"]) == 0 {
		return onlyToken(sources, r)
	}
	bare := r.WithContext(r.Context())
	bare.Header = maps.Clone(r.Header)
	delete(bare.Header, "Cookie")
	token, err := onlyToken(sources, bare)
	r.Body = bare.Body // a source may have read it and put it back
	if token != "" || err != nil {
		return token, err
	}
	for _, source := range sources {
		if token, err := source(r); token != "" || err != nil {
			return token, err
		}
	}
	return "", nil
}

// onlyToken returns the token that the sources find. It stops at the first
// error, because a source that fails may have missed a token.
func onlyToken(sources []Source, r *http.Request) (string, error) {
	found := ""
	for _, source := range sources {
		token, err := source(r)
		switch {
		case err != nil:
			return "", err
		case token == "":
		case found != "":
			return "", errTwoPlaces
		default:
			found = token
		}
	}
	return found, nil
}

// Bearer reads the Authorization header (RFC 6750, section 2.1; RFC 9110,
// section 11.6.2): "Bearer" in any case, one or more spaces, and a token. A
// header with another scheme counts as no token. Two Authorization headers are
// [ErrInvalidRequest], whatever they contain.
func Bearer() Source { return bearer }

func bearer(r *http.Request) (string, error) {
	headers := r.Header["Authorization"]
	switch len(headers) {
	case 0:
		return "", nil
	case 1:
		return parseAuthorization(headers[0])
	default:
		return "", errTwoHeaders
	}
}

func parseAuthorization(header string) (string, error) {
	const scheme = "bearer"
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", nil
	}
	rest := header[len(scheme):]
	switch {
	case rest == "" || rest[0] == ' ':
	case isTokenChar(rest[0]):
		return "", nil // the name of a longer scheme
	default:
		return "", errNotToken
	}
	return checkToken(strings.TrimLeft(rest, " "))
}

// isTokenChar reports whether c may occur in the name of a scheme or a header
// (RFC 9110, section 5.6.2).
func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// badTokenByte is 1 for each byte that cannot be in a b64token (RFC 6750,
// section 2.1), and for "=", which can only end one.
var badTokenByte = func() (t [256]byte) {
	for c := range t {
		t[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		t[c] = 0
	}
	return t
}()

// checkToken returns s if it is a b64token, and an error otherwise.
func checkToken(s string) (string, error) {
	body := s
	for len(body) > 1 && body[len(body)-1] == '=' {
		body = body[:len(body)-1]
	}
	if body == "" {
		return "", errNotToken
	}
	var bad byte
	for len(body) >= 8 { // every request passes here: no branch for each byte
		bad |= badTokenByte[body[0]] | badTokenByte[body[1]] | badTokenByte[body[2]] | badTokenByte[body[3]] |
			badTokenByte[body[4]] | badTokenByte[body[5]] | badTokenByte[body[6]] | badTokenByte[body[7]]
		body = body[8:]
	}
	for i := range len(body) {
		bad |= badTokenByte[body[i]]
	}
	if bad != 0 {
		return "", errNotToken
	}
	return s, nil
}

// oneToken returns the token in values, or "" if there is no value or an empty
// one.
func oneToken(values []string) (string, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", nil
	case len(values) > 1:
		return "", errRepeated
	}
	return checkToken(values[0])
}

// Header reads a header whose value is the token alone, without a scheme. It
// panics if name is not a header name (RFC 9110, section 5.1).
func Header(name string) Source {
	mustName("Header", name)
	for _, c := range []byte(name) {
		if !isTokenChar(c) {
			panic("jwtauth: Header: name is not a header name")
		}
	}
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (string, error) { return oneToken(r.Header[name]) }
}

// Query reads a parameter of the URL. URLs appear in logs, histories and
// Referer headers. So use Query only if there is no other way (RFC 6750,
// section 2.3), and with short-lived tokens. It panics if name is empty.
func Query(name string) Source {
	mustName("Query", name)
	return func(r *http.Request) (string, error) {
		if r.URL == nil || r.URL.RawQuery == "" {
			return "", nil
		}
		// Like net/http, ignore the parts of a query that are malformed.
		values, _ := parameter(r.URL.RawQuery, name)
		return oneToken(values)
	}
}

// maxFormBytes is the length of the longest body that Form reads.
const maxFormBytes = 1 << 20

// Form reads a parameter of an application/x-www-form-urlencoded body
// (RFC 6750, section 2.2) of a POST, PUT or PATCH request. It reads a body of
// up to 1 MiB and puts it back, so that the handler can read it again. A longer
// body is [ErrBodyTooLarge]. Form panics if name is empty.
func Form(name string) Source {
	mustName("Form", name)
	return func(r *http.Request) (string, error) {
		if r.PostForm != nil { // a handler around this one has read the body
			return oneToken(r.PostForm[name])
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
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || len(body) > maxFormBytes {
			return "", ErrBodyTooLarge
		}
		if err != nil {
			return "", errFormBody
		}
		values, err := parameter(string(body), name)
		if err != nil {
			return "", errFormBody
		}
		return oneToken(values)
	}
}

func hasFormBody(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		// Like net/http, read the form despite a malformed parameter.
		readable := err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)
		return readable && mediaType == "application/x-www-form-urlencoded" && r.Body != nil
	}
	return false
}

// parameter returns the values of one parameter of a query or form. It reads
// them like url.ParseQuery, and does not keep the others.
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
			break // two are an error, and so are more
		}
	}
	return values, err
}

func mustName(source, name string) {
	if name == "" {
		panic("jwtauth: " + source + ": name is empty")
	}
}

// Cookie reads a cookie. Browsers attach cookies to requests that any site
// makes. So a token in a cookie counts only if a page of this origin made the
// request, or the user by typing the address. For methods other than GET, HEAD
// and OPTIONS, and for WebSocket handshakes, the request must pass
// [http.CrossOriginProtection] and have a Sec-Fetch-Site or Origin header,
// which every browser sends with such requests. Otherwise the error is
// [ErrCrossSite]. A repeated cookie, for example one that a sibling host
// planted, is [ErrInvalidRequest].
//
// Cookie panics if name is not a cookie name (RFC 6265, section 4.1.1). For
// cookies that [Handlers] set, use [Cookies.Access].
func Cookie(name string) Source {
	if !isCookieName(name) {
		panic("jwtauth: Cookie: name is not a cookie name")
	}
	return cookieSource(name, site.NewProtection())
}

func isCookieName(name string) bool {
	return (&http.Cookie{Name: name, Value: "v"}).Valid() == nil
}

func cookieSource(name string, protection *site.Protection) Source {
	return func(r *http.Request) (string, error) {
		token, err := cookieToken(r, name)
		if err != nil || token == "" {
			return "", err
		}
		if err := checkSite(protection, r); err != nil {
			return "", err
		}
		return token, nil
	}
}

// checkSite refuses a request with credentials in cookies if another site made
// it.
func checkSite(protection *site.Protection, r *http.Request) error {
	if err := protection.Check(r); err != nil {
		return fmt.Errorf("%w: %w", ErrCrossSite, err)
	}
	return nil
}

// cookieToken returns the token in the only cookie of that name.
func cookieToken(r *http.Request, name string) (string, error) {
	var values []string
	for sent, pair := range sentCookies(r) {
		if sent == name {
			_, value, _ := strings.Cut(pair, "=")
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			values = append(values, value)
		}
	}
	return oneToken(values)
}

// sentCookies returns the cookies in all Cookie headers of a request: the name,
// and the pair of name and value as sent. It splits them like net/http, but
// does not drop cookies with invalid values: such a cookie counts as a second
// one of its name.
func sentCookies(r *http.Request) iter.Seq2[string, string] {
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
