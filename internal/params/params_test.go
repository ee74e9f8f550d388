package params_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/params"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

// login is a reader of bodies of at most 64 bytes.
var login = params.Reader{MaxBytes: 64, Username: "user"}

func request(mediaType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	return r
}

func TestLogin(t *testing.T) {
	const missing = "user or password missing"
	const notJSON = "it is not a JSON object, or a member is repeated"
	for _, c := range []struct {
		name, mediaType, body string
		want                  string // user and password, or the error
	}{
		{"JSON", typeJSON, `{"user":"1","password":"2","c":{"user":"3"}}`, "1 2"},
		{"JSON with a charset", typeJSON + "; charset=utf-8", `{"user":"\u00e9","password":"2"}`, "é 2"},
		{"JSON, missing", typeJSON, `{"User":"1","password":"2"}`, missing},
		{"JSON, empty password", typeJSON, `{"user":"1","password":""}`, missing},
		{"JSON, a number", typeJSON, `{"user":1,"password":"2"}`, "user is not a string"},
		{"JSON, null", typeJSON, `{"user":"1","password":null}`, "password is not a string"},
		{"JSON, another member is a number", typeJSON, `{"c":1,"user":"1","password":"2"}`, "1 2"},
		{"JSON, repeated", typeJSON, `{"user":"1","user":"1","password":"2"}`, notJSON},
		{"JSON, another member repeated", typeJSON, `{"c":1,"c":1,"user":"1","password":"2"}`, notJSON},
		{"JSON, an array", typeJSON, `["user"]`, notJSON},
		{"JSON, cut short", typeJSON, `{"user":"1","password":"2"`, notJSON},
		{"JSON, more behind it", typeJSON, `{"user":"1","password":"2"}{}`, notJSON},
		{"JSON, no body", typeJSON, "", notJSON},
		{"JSON, NUL", typeJSON, `{"user":"a\u0000","password":"2"}`, "the user name contains a NUL byte or is not UTF-8"},
		{"form", typeForm, "user=1&password=2+3&c=4", "1 2 3"},
		{"form, missing", typeForm, "password=2", missing},
		{"form, no body", typeForm, "", missing},
		{"form, repeated", typeForm, "user=1&user=1&password=2", "user is given twice"},
		{"form, another parameter repeated", typeForm, "c=1&c=1&user=1&password=2", "1 2"},
		{"form, malformed", typeForm, "user=%zz", "it is not a form"},
		{"form, semicolon", typeForm, "user=1;password=2", "it is not a form"},
		{"form, NUL", typeForm, "user=%00&password=2", "the user name contains a NUL byte or is not UTF-8"},
		{"form, not UTF-8", typeForm, "user=%ff&password=2", "the user name contains a NUL byte or is not UTF-8"},
		{"form, a password that is not UTF-8", typeForm, "user=1&password=%ff%00", "1 \xff\x00"},
		{"longest", typeForm, "user=1&password=" + strings.Repeat("x", 48), "1 " + strings.Repeat("x", 48)},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := login.Login(httptest.NewRecorder(), request(c.mediaType, c.body))
			got := body.Username + " " + body.Password
			if err != nil {
				got = err.Error()
				if !errors.Is(err, params.ErrMalformed) || body != (params.Login{}) {
					t.Errorf("%v, %v", body, err)
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, mediaType, body string
		want                  error
	}{
		{"too long", typeForm, "user=1&password=" + strings.Repeat("x", 49), params.ErrTooLarge},
		{"no media type", "", "user=1&password=2", params.ErrMediaType},
		{"malformed media type", "application/json; x", `{"user":"1","password":"2"}`, params.ErrMediaType},
		{"text", "text/plain", "user=1&password=2", params.ErrMediaType},
		{"multipart", "multipart/form-data; boundary=x", "", params.ErrMediaType},
	} {
		if _, err := login.Login(httptest.NewRecorder(), request(c.mediaType, c.body)); !errors.Is(err, c.want) {
			t.Errorf("login, %s: %v", c.name, err)
		}
		if _, err := login.RefreshToken(httptest.NewRecorder(), request(c.mediaType, c.body)); !errors.Is(err, c.want) {
			t.Errorf("refresh, %s: %v", c.name, err)
		}
	}
}

func TestRefreshToken(t *testing.T) {
	for _, c := range []struct{ mediaType, body, want string }{
		{typeJSON, `{"refresh_token":"a.b.c"}`, "a.b.c"},
		{typeForm, "refresh_token=a.b.c&user=", "a.b.c"},
		{typeJSON, `{}`, "refresh_token missing"},
		{typeJSON, `{"refresh_token":""}`, "refresh_token missing"},
		{typeForm, "", "refresh_token missing"},
		{typeJSON, `{"refresh_token":null}`, "refresh_token is not a string"},
		{typeForm, "refresh_token=a&refresh_token=a", "refresh_token is given twice"},
	} {
		got, err := login.RefreshToken(httptest.NewRecorder(), request(c.mediaType, c.body))
		if err != nil {
			if got != "" || !errors.Is(err, params.ErrMalformed) {
				t.Errorf("%s: %q, %v", c.body, got, err)
			}
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.body, got, c.want)
		}
	}
}

func TestRemember(t *testing.T) {
	const jsonBody, formBody = `{"user":"1","password":"2"`, "user=1&password=2"
	for _, c := range []struct {
		mediaType, body string
		want            bool
		err             string
	}{
		{typeJSON, jsonBody + `,"remember":true}`, true, ""},
		{typeJSON, jsonBody + `,"remember": true }`, true, ""},
		{typeJSON, jsonBody + `,"remember":false}`, false, ""},
		{typeJSON, jsonBody + `}`, false, ""},
		{typeJSON, jsonBody + `,"remember":"true"}`, false, "remember is not true or false"},
		{typeJSON, jsonBody + `,"remember":null}`, false, "remember is not true or false"},
		{typeJSON, jsonBody + `,"remember":1}`, false, "remember is not true or false"},
		{typeForm, formBody + "&remember=on", true, ""},
		{typeForm, formBody + "&remember=", true, ""},
		{typeForm, formBody + "&remember", true, ""},
		{typeForm, formBody + "&a=remember", false, ""},
		{typeForm, formBody + "&remember=on&remember=on", false, "remember is given twice"},
	} {
		read := login
		read.Remember = true
		body, err := read.Login(httptest.NewRecorder(), request(c.mediaType, c.body))
		if body.Remember != c.want || err != nil && err.Error() != c.err || (err == nil) != (c.err == "") {
			t.Errorf("%s: %v, %v; want %v, %s", c.body, body.Remember, err, c.want, c.err)
		}
	}
	// Without Reader.Remember the member has no meaning, so it may be anything.
	body, err := login.Login(httptest.NewRecorder(), request(typeJSON, jsonBody+`,"remember":1}`))
	if body.Remember || err != nil {
		t.Errorf("the member is read: %v, %v", body, err)
	}
}

func TestIsReserved(t *testing.T) {
	for name, want := range map[string]bool{"password": true, "remember": true, "username": false, "email": false} {
		if got := params.IsReserved(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A request that no server received may have neither Header nor Body.
func TestBareRequest(t *testing.T) {
	if _, err := login.RefreshToken(httptest.NewRecorder(), &http.Request{}); !errors.Is(err, params.ErrMediaType) {
		t.Errorf("without a Header: %v", err)
	}
	for _, mediaType := range []string{typeJSON, typeForm} {
		r, err := http.NewRequest("POST", "https://app.example/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", mediaType)
		if _, err := login.Login(httptest.NewRecorder(), r); !errors.Is(err, params.ErrMalformed) {
			t.Errorf("%s without a Body: %v", mediaType, err)
		}
	}
}

func TestBrokenBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("refresh_token=a"), brokenReader{}))
	r.Header.Set("Content-Type", typeForm)
	got, err := login.RefreshToken(httptest.NewRecorder(), r)
	if got != "" || !errors.Is(err, params.ErrMalformed) || err.Error() != "the body ends too early" {
		t.Errorf("%q, %v", got, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestIsForm(t *testing.T) {
	for mediaType, want := range map[string]bool{
		typeForm: true, typeForm + "; charset=utf-8": true, "Application/X-WWW-Form-URLEncoded": true,
		typeJSON: false, "": false, typeForm + "; x": false,
	} {
		if got := params.IsForm(&http.Request{Header: http.Header{"Content-Type": {mediaType}}}); got != want {
			t.Errorf("%q: %v, want %v", mediaType, got, want)
		}
	}
}
