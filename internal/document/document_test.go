package document_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/document"
)

func get(d *document.Document, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = header
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestServe(t *testing.T) {
	d := document.New([]byte(`{"a":1}`), "application/x", "public")
	w := get(d, http.Header{})
	etag := w.Header().Get("Etag")
	if w.Code != 200 || w.Body.String() != `{"a":1}` || w.Header().Get("Content-Type") != "application/x" || w.Header().Get("Cache-Control") != "public" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if same := document.New([]byte(`{"a":1}`), "b", "c"); get(same, http.Header{}).Header().Get("Etag") != etag {
		t.Error("the same text has two ETags")
	}
	if other := document.New([]byte(`{"a":2}`), "application/x", "public"); get(other, http.Header{}).Header().Get("Etag") == etag {
		t.Error("two texts have one ETag")
	}
	for _, c := range []struct {
		name, value string
		status      int
	}{
		{"If-None-Match", etag, 304},
		{"If-None-Match", `"x"`, 200},
		{"If-Match", `"x"`, 200},
		{"Range", "bytes=0-1", 200},
		{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 200},
		{"If-Unmodified-Since", "Fri, 01 Jan 1999 00:00:00 GMT", 200},
	} {
		if w := get(d, http.Header{c.name: {c.value}}); w.Code != c.status {
			t.Errorf("%s: %s gets %d, want %d", c.name, c.value, w.Code, c.status)
		}
	}
}
