package params_test

import (
	"errors"
	"io"
	"maps"
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

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, mediaType, body string
		want                  map[string]string
		err                   error
	}{
		{"JSON", typeJSON, `{"a":"1","b":"2","c":{"a":"3"}}`, map[string]string{"a": "1", "b": "2"}, nil},
		{"JSON with a charset", typeJSON + "; charset=utf-8", `{"a":"\u00e9"}`, map[string]string{"a": "é"}, nil},
		{"JSON, missing", typeJSON, `{"A":"1"}`, map[string]string{}, nil},
		{"JSON, a number", typeJSON, `{"a":1}`, nil, params.ErrMalformed},
		{"JSON, null", typeJSON, `{"a":null}`, nil, params.ErrMalformed},
		{"JSON, another parameter is a number", typeJSON, `{"c":1}`, map[string]string{}, nil},
		{"JSON, repeated", typeJSON, `{"a":"1","a":"1"}`, nil, params.ErrMalformed},
		{"JSON, another parameter repeated", typeJSON, `{"c":1,"c":1}`, nil, params.ErrMalformed},
		{"JSON, an array", typeJSON, `["a"]`, nil, params.ErrMalformed},
		{"JSON, cut short", typeJSON, `{"a":"1"`, nil, params.ErrMalformed},
		{"JSON, more behind it", typeJSON, `{"a":"1"}{}`, nil, params.ErrMalformed},
		{"JSON, empty", typeJSON, "", nil, params.ErrMalformed},
		{"form", typeForm, "a=1&b=2+3&c=4", map[string]string{"a": "1", "b": "2 3"}, nil},
		{"form, missing", typeForm, "", map[string]string{"a": "", "b": ""}, nil},
		{"form, repeated", typeForm, "a=1&a=1", nil, params.ErrMalformed},
		{"form, another parameter repeated", typeForm, "c=1&c=1", map[string]string{"a": "", "b": ""}, nil},
		{"form, malformed", typeForm, "a=%zz", nil, params.ErrMalformed},
		{"form, semicolon", typeForm, "a=1;b=2", nil, params.ErrMalformed},
		{"longest", typeForm, "a=" + strings.Repeat("x", 62), map[string]string{"a": strings.Repeat("x", 62), "b": ""}, nil},
		{"too long", typeForm, "a=" + strings.Repeat("x", 63), nil, params.ErrTooLarge},
		{"no media type", "", "a=1", nil, params.ErrMediaType},
		{"malformed media type", "application/json; x", `{"a":"1"}`, nil, params.ErrMediaType},
		{"text", "text/plain", "a=1", nil, params.ErrMediaType},
		{"multipart", "multipart/form-data; boundary=x", "", nil, params.ErrMediaType},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.mediaType)
			got, err := params.Read(httptest.NewRecorder(), r, 64, "f", "a", "b")
			if !maps.Equal(got, c.want) || !errors.Is(err, c.err) {
				t.Errorf("%v, %v; want %v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestReadFlag(t *testing.T) {
	for _, c := range []struct {
		mediaType, body, want string
		err                   error
	}{
		{typeJSON, `{"f":true}`, "true", nil},
		{typeJSON, `{"f": true }`, "true", nil},
		{typeJSON, `{"f":false}`, "", nil},
		{typeJSON, `{}`, "", nil},
		{typeJSON, `{"f":"true"}`, "", params.ErrMalformed},
		{typeJSON, `{"f":null}`, "", params.ErrMalformed},
		{typeJSON, `{"f":1}`, "", params.ErrMalformed},
		{typeForm, "f=on", "true", nil},
		{typeForm, "f=", "true", nil},
		{typeForm, "f", "true", nil},
		{typeForm, "a=f", "", nil},
		{typeForm, "f=on&f=on", "", params.ErrMalformed},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.mediaType)
		got, err := params.Read(httptest.NewRecorder(), r, 64, "f", "a", "f")
		if got["f"] != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v; want %q, %v", c.body, got, err, c.want, c.err)
		}
	}
}

// A request that no server received may have neither Header nor Body.
func TestReadBareRequest(t *testing.T) {
	if _, err := params.Read(httptest.NewRecorder(), &http.Request{}, 64, "f", "a"); !errors.Is(err, params.ErrMediaType) {
		t.Errorf("without a Header: %v", err)
	}
	for mediaType, want := range map[string]error{typeJSON: params.ErrMalformed, typeForm: nil} {
		r, err := http.NewRequest("POST", "https://app.example/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", mediaType)
		if got, err := params.Read(httptest.NewRecorder(), r, 64, "f", "a"); got["a"] != "" || !errors.Is(err, want) {
			t.Errorf("%s without a Body: %v, %v", mediaType, got, err)
		}
	}
}

func TestReadBrokenBody(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("a=1"), brokenReader{}))
	r.Header.Set("Content-Type", typeForm)
	if got, err := params.Read(httptest.NewRecorder(), r, 64, "f", "a"); got != nil || !errors.Is(err, params.ErrMalformed) {
		t.Errorf("%v, %v", got, err)
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
