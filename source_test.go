package jwtauth_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func ask(t *testing.T, source jwtauth.Source, r *http.Request, token string, want error) {
	t.Helper()
	got, err := source(r)
	if got != token || !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("got %q, %v; want %q, %v", got, err, token, want)
	}
	if want != nil && got != "" {
		t.Errorf("there is the token %q beside an error", got)
	}
}

// authorizations lists headers, and the result of Bearer for each.
var authorizations = []struct {
	field, token string
	want         error
}{
	{"Bearer a.b.c", "a.b.c", nil},
	{"bearer a.b.c", "a.b.c", nil},
	{"BEARER a.b.c", "a.b.c", nil},
	{"bEaReR a.b.c", "a.b.c", nil},
	{"Bearer    a.b.c", "a.b.c", nil},
	{"Bearer abcXYZ019-._~+/", "abcXYZ019-._~+/", nil},
	{"Bearer abc=", "abc=", nil},
	{"Bearer abc===", "abc===", nil},
	{"Bearer a", "a", nil},
	{"Bearer 12345678", "12345678", nil},

	{"", "", nil},
	{"Basic dXNlcjpwYXNz", "", nil},
	{"Basic bearer a.b.c", "", nil},
	{"DPoP a.b.c", "", nil},
	{"Bear a.b.c", "", nil},
	{"Bearerx a.b.c", "", nil},
	{"Bearer-x a.b.c", "", nil},
	{" Bearer a.b.c", "", nil},
	{"a.b.c", "", nil},
	{"\u212aearer a.b.c", "", nil},

	{"Bearer\ta.b.c", "", jwtauth.ErrInvalidRequest},
	{"Bearer:a.b.c", "", jwtauth.ErrInvalidRequest},
	{"Bearer=a.b.c", "", jwtauth.ErrInvalidRequest},
	{"Bearer\u00a0a.b.c", "", jwtauth.ErrInvalidRequest},
	{"Bearer", "", jwtauth.ErrInvalidRequest},
	{"bearer", "", jwtauth.ErrInvalidRequest},
	{"Bearer ", "", jwtauth.ErrInvalidRequest},
	{"Bearer    ", "", jwtauth.ErrInvalidRequest},
	{"Bearer =", "", jwtauth.ErrInvalidRequest},
	{"Bearer ===", "", jwtauth.ErrInvalidRequest},
	{"Bearer a=b", "", jwtauth.ErrInvalidRequest},
	{"Bearer =a", "", jwtauth.ErrInvalidRequest},
	{"Bearer a.b.c ", "", jwtauth.ErrInvalidRequest},
	{"Bearer a b", "", jwtauth.ErrInvalidRequest},
	{"Bearer \ta", "", jwtauth.ErrInvalidRequest},
	{"Bearer a,b", "", jwtauth.ErrInvalidRequest},
	{"Bearer a, Basic b", "", jwtauth.ErrInvalidRequest},
	{"Bearer Bearer a.b.c", "", jwtauth.ErrInvalidRequest},
	{`Bearer "a.b.c"`, "", jwtauth.ErrInvalidRequest},
	{"Bearer <a.b.c>", "", jwtauth.ErrInvalidRequest},
	{"Bearer token=a.b.c", "", jwtauth.ErrInvalidRequest},
	{`Bearer {"a":1}`, "", jwtauth.ErrInvalidRequest},
	{"Bearer a\x00", "", jwtauth.ErrInvalidRequest},
	{"Bearer a\n", "", jwtauth.ErrInvalidRequest},
	{"Bearer é", "", jwtauth.ErrInvalidRequest},
	{"Bearer a\u00a0b", "", jwtauth.ErrInvalidRequest},
}

func TestBearer(t *testing.T) {
	for _, c := range authorizations {
		t.Run(c.field, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Authorization"] = []string{c.field}
			ask(t, jwtauth.Bearer(), r, c.token, c.want)
		})
	}
	t.Run("no field", func(t *testing.T) {
		ask(t, jwtauth.Bearer(), httptest.NewRequest("GET", "/", nil), "", nil)
	})
	for _, fields := range [][]string{
		{"Bearer a.b.c", "Bearer a.b.c"}, {"Bearer a.b.c", ""}, {"", ""}, {"Basic YTpi", "Bearer a.b.c"}, {"Basic YTpi", "Basic YTpi"}, {"Bearer a", "Bearer b", "Bearer c"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = fields
		ask(t, jwtauth.Bearer(), r, "", jwtauth.ErrInvalidRequest)
	}
}

// Every byte that cannot be in a b64token (RFC 6750, section 2.1) is refused,
// at every place of a token.
func TestTokenBytes(t *testing.T) {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	source := jwtauth.Header("X-Token")
	for _, length := range []int{1, 7, 8, 9, 19} {
		for at := range length {
			for c := range 256 {
				token := []byte(strings.Repeat("a", length))
				token[at] = byte(c)
				r := &http.Request{Header: http.Header{"X-Token": {string(token)}}}
				got, err := source(r)
				ok := strings.IndexByte(allowed, byte(c)) >= 0 || c == '=' && at == length-1 && length > 1
				if ok != (err == nil) || ok && got != string(token) || !ok && got != "" {
					t.Fatalf("byte %#x at %d of %d: %q, %v", c, at, length, got, err)
				}
			}
		}
	}
}

func TestHeaderSource(t *testing.T) {
	for _, name := range []string{"X-Api-Token", "x-api-token", "X-API-TOKEN"} {
		for _, c := range []struct {
			values []string
			token  string
			want   error
		}{
			{nil, "", nil},
			{[]string{""}, "", nil},
			{[]string{"a.b.c"}, "a.b.c", nil},
			{[]string{"Bearer a.b.c"}, "", jwtauth.ErrInvalidRequest},
			{[]string{" a.b.c"}, "", jwtauth.ErrInvalidRequest},
			{[]string{"a.b.c", "a.b.c"}, "", jwtauth.ErrInvalidRequest},
			{[]string{"a.b.c", ""}, "", jwtauth.ErrInvalidRequest},
		} {
			r := httptest.NewRequest("GET", "/", nil)
			for _, value := range c.values {
				r.Header.Add("X-Api-Token", value)
			}
			ask(t, jwtauth.Header(name), r, c.token, c.want)
		}
	}
}

func TestQuerySource(t *testing.T) {
	for target, c := range map[string]struct {
		token string
		want  error
	}{
		"/":                                   {"", nil},
		"/?":                                  {"", nil},
		"/?access_token=":                     {"", nil},
		"/?access_token":                      {"", nil},
		"/?access_token=a.b.c":                {"a.b.c", nil},
		"/?x=1&access_token=a.b.c":            {"a.b.c", nil},
		"/?access%5ftoken=a%2Eb.c":            {"a.b.c", nil},
		"/?Access_Token=a.b.c":                {"", nil},
		"/access_token=a.b.c":                 {"", nil},
		"/?x=%zz&access_token=a.b":            {"a.b", nil},
		"/?x;y&access_token=a.b":              {"a.b", nil},
		"/?access_token=a;b":                  {"", nil}, // net/url drops it, so handlers do not see it either
		"/?access_token=a+b":                  {"", jwtauth.ErrInvalidRequest},
		"/?access_token=%20":                  {"", jwtauth.ErrInvalidRequest},
		"/?access_token=%00":                  {"", jwtauth.ErrInvalidRequest},
		"/?access_token=é":                    {"", jwtauth.ErrInvalidRequest},
		"/?access_token=a&x=1&access_token=a": {"", jwtauth.ErrInvalidRequest},
		"/?access_token=&access_token=a":      {"", jwtauth.ErrInvalidRequest},
	} {
		t.Run(target, func(t *testing.T) {
			ask(t, jwtauth.Query("access_token"), httptest.NewRequest("GET", target, nil), c.token, c.want)
		})
	}
	ask(t, jwtauth.Query("access_token"), &http.Request{}, "", nil)
}

const formType = "application/x-www-form-urlencoded"

func formRequest(method, mediaType, body string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return r
}

func TestFormSource(t *testing.T) {
	cases := []struct {
		name, method, mediaType, body string
		token                         string
		want                          error
	}{
		{"POST", "POST", formType, "access_token=a.b.c", "a.b.c", nil},
		{"PUT", "PUT", formType, "access_token=a.b.c", "a.b.c", nil},
		{"PATCH", "PATCH", formType, "x=1&access_token=a.b.c&y=2", "a.b.c", nil},
		{"with a charset", "POST", formType + "; charset=UTF-8", "access_token=a.b.c", "a.b.c", nil},
		{"media type in capitals", "POST", strings.ToUpper(formType), "access_token=a.b.c", "a.b.c", nil},
		{"GET", "GET", formType, "access_token=a.b.c", "", nil},
		{"DELETE", "DELETE", formType, "access_token=a.b.c", "", nil},
		{"JSON", "POST", "application/json", `{"access_token":"a.b.c"}`, "", nil},
		{"text", "POST", "text/plain", "access_token=a.b.c", "", nil},
		{"multipart", "POST", "multipart/form-data; boundary=x", "access_token=a.b.c", "", nil},
		{"no media type", "POST", "", "access_token=a.b.c", "", nil},
		{"broken media type parameter", "POST", formType + "; ;;=", "access_token=a.b.c", "a.b.c", nil},
		{"empty body", "POST", formType, "", "", nil},
		{"another parameter", "POST", formType, "token=a.b.c", "", nil},
		{"empty parameter", "POST", formType, "access_token=", "", nil},
		{"twice", "POST", formType, "access_token=a&access_token=a", "", jwtauth.ErrInvalidRequest},
		{"not a token", "POST", formType, "access_token=a+b", "", jwtauth.ErrInvalidRequest},
		{"broken form", "POST", formType, "access_token=a.b.c&x=%zz", "", jwtauth.ErrInvalidRequest},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := formRequest(c.method, c.mediaType, c.body)
			for range 2 { // the body is readable again
				ask(t, jwtauth.Form("access_token"), r, c.token, c.want)
			}
			if body, err := io.ReadAll(r.Body); err != nil || string(body) != c.body {
				t.Errorf("the handler reads %q, %v", body, err)
			}
		})
	}
	t.Run("no body", func(t *testing.T) {
		r := formRequest("POST", formType, "")
		r.Body = nil
		ask(t, jwtauth.Form("access_token"), r, "", nil)
	})
	t.Run("query", func(t *testing.T) {
		r := formRequest("POST", formType, "x=1")
		r.URL.RawQuery = "access_token=a.b.c"
		ask(t, jwtauth.Form("access_token"), r, "", nil)
	})
}

// body is a request body that records Close, and may break off.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestFormSourceBody(t *testing.T) {
	const limit = 1 << 20
	const start = "access_token=a.b.c&x="
	form := func(length int) string { return start + strings.Repeat("x", length-len(start)) }

	t.Run("longest", func(t *testing.T) {
		r := formRequest("POST", formType, form(limit))
		ask(t, jwtauth.Form("access_token"), r, "a.b.c", nil)
		if err := r.ParseForm(); err != nil || len(r.PostForm.Get("x")) != limit-len(start) {
			t.Errorf("the handler reads %d bytes, %v", len(r.PostForm.Get("x")), err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		ask(t, jwtauth.Form("access_token"), formRequest("POST", formType, form(limit+1)), "", jwtauth.ErrBodyTooLarge)
	})
	t.Run("too long by its announcement", func(t *testing.T) {
		b := &body{Reader: brokenReader{}}
		r := formRequest("POST", formType, "")
		r.Body, r.ContentLength = b, limit+1
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrBodyTooLarge) // before reading the body
	})
	t.Run("too long, of unknown length", func(t *testing.T) {
		r := formRequest("POST", formType, "")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form(limit+1))), -1
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrBodyTooLarge)
	})
	t.Run("endless", func(t *testing.T) {
		r := formRequest("POST", formType, "")
		counted := &countingReader{}
		r.Body, r.ContentLength = io.NopCloser(counted), -1
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrBodyTooLarge)
		if counted.n > 2*limit {
			t.Errorf("%d bytes read", counted.n)
		}
	})
	t.Run("too long for MaxBytesReader outside", func(t *testing.T) {
		r := formRequest("POST", formType, form(1000))
		r.Body = http.MaxBytesReader(httptest.NewRecorder(), r.Body, 100)
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrBodyTooLarge)
	})
	t.Run("breaks off", func(t *testing.T) {
		r := formRequest("POST", formType, "")
		r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(start), brokenReader{})), -1
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrInvalidRequest)
	})
	t.Run("closing", func(t *testing.T) {
		b := &body{Reader: strings.NewReader(start)}
		r := formRequest("POST", formType, "")
		r.Body = b
		ask(t, jwtauth.Form("access_token"), r, "a.b.c", nil)
		if b.closed {
			t.Error("the body is closed too early")
		}
		if err := r.Body.Close(); err != nil || !b.closed {
			t.Errorf("closing does not reach the body: %v", err)
		}
	})
	t.Run("multipart, parsed outside", func(t *testing.T) {
		const multipart = "--x\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\na.b.c\r\n--x--\r\n"
		r := formRequest("POST", "multipart/form-data; boundary=x", multipart)
		if got := r.PostFormValue("access_token"); got != "a.b.c" {
			t.Fatalf("the form has %q", got)
		}
		ask(t, jwtauth.Form("access_token"), r, "", nil)
	})
	t.Run("parsed outside", func(t *testing.T) {
		r := formRequest("POST", formType, start+"&access_token=2")
		if err := r.ParseForm(); err != nil {
			t.Fatal(err)
		}
		ask(t, jwtauth.Form("access_token"), r, "", jwtauth.ErrInvalidRequest)
		r.PostForm = url.Values{"access_token": {"a.b.c"}}
		ask(t, jwtauth.Form("access_token"), r, "a.b.c", nil)
		r.PostForm = url.Values{}
		ask(t, jwtauth.Form("access_token"), r, "", nil)
	})
}

type countingReader struct{ n int }

func (c *countingReader) Read(p []byte) (int, error) {
	c.n += len(p)
	copy(p, bytes.Repeat([]byte("x"), len(p)))
	return len(p), nil
}

// HeaderScheme has the rules of Bearer for its own header and scheme.
func TestHeaderScheme(t *testing.T) {
	source := jwtauth.HeaderScheme("x-forwarded-authorization", "Forwarded")
	for _, c := range authorizations {
		scheme, rest := c.field, ""
		if len(c.field) >= len("bearer") {
			scheme, rest = c.field[:len("bearer")], c.field[len("bearer"):]
		}
		if strings.EqualFold(scheme, "bearer") {
			scheme = "forWARDED"
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Forwarded-Authorization"] = []string{scheme + rest}
		ask(t, source, r, c.token, c.want)
	}
	for _, values := range [][]string{nil, {""}, {"Bearer a.b.c"}, {"Forwardeda a"}, {"a.b.c"}} {
		ask(t, source, &http.Request{Header: http.Header{"X-Forwarded-Authorization": values}}, "", nil)
	}
	ask(t, source, &http.Request{Header: http.Header{"Authorization": {"Forwarded a.b.c"}}}, "", nil)
	ask(t, source, &http.Request{Header: http.Header{"X-Forwarded-Authorization": {"Forwarded a", "Forwarded a"}}}, "", jwtauth.ErrInvalidRequest)
}

func TestSourceNames(t *testing.T) {
	mustPanic(t, "HeaderScheme: header is empty", func() { jwtauth.HeaderScheme("", "DPoP") })
	mustPanic(t, "HeaderScheme: header is not a header name", func() { jwtauth.HeaderScheme("X Y", "DPoP") })
	mustPanic(t, "HeaderScheme: scheme is not the name of a scheme", func() { jwtauth.HeaderScheme("X-Token", "") })
	mustPanic(t, "HeaderScheme: scheme is not the name of a scheme", func() { jwtauth.HeaderScheme("X-Token", "Bearer ") })
	mustPanic(t, "Header: name is empty", func() { jwtauth.Header("") })
	mustPanic(t, "Query: name is empty", func() { jwtauth.Query("") })
	mustPanic(t, "Form: name is empty", func() { jwtauth.Form("") })
}
