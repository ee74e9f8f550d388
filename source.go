package jwtauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// Source finds a token in a request. It returns "" and a nil error if there is
// none. If the value cannot be a token, it should return an error that wraps
// [ErrInvalidRequest], so that the response is a 400: any other error is a 500,
// unless it has an HTTP form of its own (see [WriteError]).
//
// A Source must be safe for concurrent use. If it reads the body, it must leave
// the body readable.
type Source func(r *http.Request) (token string, err error)

// From sets the sources in which a token may be. Default: [Bearer] alone.
//
// A request with tokens in two places is refused, even if they are equal
// ([ErrInvalidRequest], RFC 6750, section 2). A token in a header, the query or
// a form takes precedence over a cookie, which browsers attach on their own.
//
// From panics without sources, and if one is nil.
func From(sources ...Source) VerifyOption {
	if len(sources) == 0 {
		panic("jwtauth: From: sources is empty")
	}
	for i, source := range sources {
		if source == nil {
			panic(fmt.Sprintf("jwtauth: From: sources[%d]: is nil", i))
		}
	}
	return func(v *verify) { v.sources = sources }
}

var (
	errTwoPlaces = fmt.Errorf("%w: tokens in two of the sources", ErrInvalidRequest)
	errFormBody  = fmt.Errorf("%w: the form in the body is malformed or incomplete", ErrInvalidRequest)

	errRepeated = errors.New("given twice")
)

// errPlace is an error about the credentials in one place of a request.
func errPlace(place string, reason error) error {
	return fmt.Errorf("%w: %s: %w", ErrInvalidRequest, place, reason)
}

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
	// A source may have read the body and put it back, or parsed it.
	r.Body, r.Form, r.PostForm, r.MultipartForm = bare.Body, bare.Form, bare.PostForm, bare.MultipartForm
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

// onlyToken returns the token that the sources find. An error of a source
// counts, because that source may have missed a token. But a body that cannot
// be searched does not outweigh a token in another place.
func onlyToken(sources []Source, r *http.Request) (string, error) {
	found := ""
	var unread error
	for _, source := range sources {
		token, err := source(r)
		switch {
		case errors.Is(err, errFormBody), errors.Is(err, ErrBodyTooLarge):
			unread = err
		case err != nil:
			return "", err
		case token == "":
		case found != "":
			return "", errTwoPlaces
		default:
			found = token
		}
	}
	if found != "" {
		return found, nil
	}
	return "", unread
}

// errMissing returns the error for a request in which the sources find no
// token. It says why the credentials of the request do not count.
func errMissing(r *http.Request) error {
	headers := r.Header["Authorization"]
	if len(headers) == 0 || headers[0] == "" {
		if len(r.Header["Cookie"]) > 0 {
			return errCookieNotRead
		}
		return ErrTokenMissing
	}
	if token, err := bearer(r); token != "" || err != nil {
		return errBearerNotRead
	}
	if strings.Count(headers[0], ".") == 2 && !strings.Contains(headers[0], " ") {
		return errNoScheme
	}
	return errOtherScheme
}

var (
	errCookieNotRead = fmt.Errorf("%w: the request has cookies, but none that a source reads", ErrTokenMissing)
	errBearerNotRead = fmt.Errorf("%w: the Authorization header has the scheme Bearer, which no source reads: add Bearer() to From", ErrTokenMissing)
	errNoScheme      = fmt.Errorf("%w: the Authorization header has a token without a scheme: send \"Bearer \" before it", ErrTokenMissing)
	errOtherScheme   = fmt.Errorf("%w: the Authorization header has a scheme that no source reads; Bearer() reads \"Bearer \" and the token, HeaderScheme another scheme", ErrTokenMissing)
)

// Bearer reads the Authorization header (RFC 6750, section 2.1; RFC 9110,
// section 11.6.2): "Bearer" in any case, one or more spaces, and a token. A
// header with another scheme counts as no token. Two Authorization headers are
// [ErrInvalidRequest], whatever they contain.
func Bearer() Source { return bearer }

var (
	bearer = HeaderScheme("Authorization", "Bearer")

	// uncheckedBearer does not check the characters of the token.
	uncheckedBearer = headerScheme("Authorization", "Bearer", credentials.AfterScheme)
)

// defaultSource makes [Bearer] the source of c if there is no other. A Verifier
// and an Issuer refuse all tokens that Bearer refuses, so the characters of a
// token are checked only after a refusal. Otherwise the check would cost 4 % of
// a first use and 20 % of a repeated one. Until then a malformed token can lead
// to a look-up of keys, as any forged one can.
func (c *verify) defaultSource() {
	if c.sources != nil {
		return
	}
	c.sources = []Source{bearer}
	v, _ := c.verifier.(*Verifier)
	if i, ok := c.verifier.(*Issuer); ok {
		v = i.verifier
	}
	if v != nil && v.rules.onVerify == nil { // OnVerify does not see them
		c.sources, c.unchecked = []Source{uncheckedBearer}, true
	}
}

// refusal returns the error of Bearer for the token of r if there is one, and
// otherwise err, the error of the verifier.
func (c *verify) refusal(r *http.Request, err error) error {
	if c.unchecked {
		if _, invalid := bearer(r); invalid != nil {
			return invalid
		}
	}
	return err
}

// HeaderScheme is like [Bearer] for another header or another scheme, such as
// HeaderScheme("X-Forwarded-Authorization", "Bearer") behind a proxy that sets
// that header, or HeaderScheme("Authorization", "DPoP"). It panics if header is
// not a header name, or scheme not the name of a scheme (RFC 9110, section
// 11.1).
func HeaderScheme(header, scheme string) Source {
	mustHeaderName("HeaderScheme: header", header)
	if !credentials.IsName(scheme) {
		panic("jwtauth: HeaderScheme: scheme is not the name of a scheme")
	}
	return headerScheme(http.CanonicalHeaderKey(header), scheme, credentials.Scheme)
}

// headerScheme returns the source that reads a header with read.
func headerScheme(header, scheme string, read func(header, scheme string) (token string, err error)) Source {
	errTwoHeaders := fmt.Errorf("%w: several %s headers", ErrInvalidRequest, header)
	return func(r *http.Request) (string, error) {
		headers := r.Header[header]
		switch len(headers) {
		case 0:
			return "", nil
		case 1:
			token, err := read(headers[0], scheme)
			if err != nil {
				return "", errPlace("the "+header+" header", err)
			}
			return token, nil
		default:
			return "", errTwoHeaders
		}
	}
}

// oneToken returns the token in values, or "" if there is no value or an empty
// one.
func oneToken(values []string, place, name string) (string, error) {
	switch {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", nil
	case len(values) > 1:
		return "", errPlace(place+" "+name, errRepeated)
	}
	token, err := credentials.Token(values[0])
	if err != nil {
		return "", errPlace(place+" "+name, err)
	}
	return token, nil
}

// Header reads a header whose value is the token alone. A value with a scheme,
// such as "Bearer", is [ErrInvalidRequest]: use [HeaderScheme] for it. Header
// panics if name is not a header name (RFC 9110, section 5.1).
func Header(name string) Source {
	mustHeaderName("Header: name", name)
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (string, error) {
		values := r.Header[name]
		if len(values) == 1 && values[0] != "" {
			token, err := credentials.Plain(values[0])
			if err != nil {
				return "", errPlace("the "+name+" header", err)
			}
			return token, nil
		}
		return oneToken(values, "the header", name)
	}
}

func mustHeaderName(argument, name string) {
	switch {
	case name == "":
		panic("jwtauth: " + argument + " is empty")
	case !credentials.IsName(name):
		panic("jwtauth: " + argument + " is not a header name")
	}
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
		values, _ := credentials.Parameter(r.URL.RawQuery, name)
		return oneToken(values, "the query parameter", name)
	}
}

// maxFormBytes is the length of the longest body that Form reads.
const maxFormBytes = 1 << 20

// Form reads a parameter of an application/x-www-form-urlencoded body
// (RFC 6750, section 2.2) of a POST, PUT or PATCH request, and no other kind of
// body, even if a handler around Verify has parsed one. It reads a body of up
// to 1 MiB and puts it back, so that the handler can read it again.
//
// A longer body is [ErrBodyTooLarge], and a malformed one [ErrInvalidRequest].
// [Verify] ignores both errors if another source that is not a cookie has a
// token. Form panics if name is empty.
func Form(name string) Source {
	mustName("Form", name)
	return func(r *http.Request) (string, error) {
		if !hasFormType(r) {
			return "", nil
		}
		if r.PostForm != nil { // a handler around this one has read the body
			return oneToken(r.PostForm[name], "the form parameter", name)
		}
		if r.Body == nil {
			return "", nil
		}
		if r.ContentLength > maxFormBytes {
			return "", errFormTooLarge
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return "", fmt.Errorf("%w: %w", ErrBodyTooLarge, err)
		}
		if len(body) > maxFormBytes {
			return "", errFormTooLarge
		}
		if err != nil {
			return "", errFormBody
		}
		values, err := credentials.Parameter(string(body), name)
		if err != nil {
			return "", errFormBody
		}
		return oneToken(values, "the form parameter", name)
	}
}

var errFormTooLarge = fmt.Errorf("%w: Form reads at most 1 MiB", ErrBodyTooLarge)

// hasFormType reports whether net/http would read the body as a form of the
// type that Form reads.
func hasFormType(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		// Like net/http, read the form despite a malformed parameter.
		readable := err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)
		return readable && mediaType == "application/x-www-form-urlencoded"
	}
	return false
}

func mustName(source, name string) {
	if name == "" {
		panic("jwtauth: " + source + ": name is empty")
	}
}

// Cookie reads a cookie. Browsers attach cookies to requests that any site
// makes. So for methods other than GET, HEAD and OPTIONS, and for WebSocket
// handshakes, the token counts only if a page of this origin made the request:
// it must pass [http.CrossOriginProtection] and have a Sec-Fetch-Site or Origin
// header, which every browser sends with such requests. Otherwise the error is
// [ErrCrossSite]. A GET request must not change anything. A repeated cookie,
// for example one that a sibling host planted, is [ErrInvalidRequest].
//
// Cookie panics if name is not a cookie name (RFC 6265, section 4.1.1). For
// cookies that [Handlers] set, use [Cookies.Access].
func Cookie(name string) Source {
	if !credentials.IsCookieName(name) {
		panic("jwtauth: Cookie: name is not a cookie name")
	}
	return cookieSource(name, site.NewProtection())
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
	for sent, pair := range credentials.Cookies(r) {
		if sent == name {
			_, value, _ := strings.Cut(pair, "=")
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			values = append(values, value)
		}
	}
	return oneToken(values, "the cookie", name)
}
