package problem_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/problem"
)

func TestSetHeader(t *testing.T) {
	bearer, err := challenge.Parse("Bearer")
	if err != nil {
		t.Fatal(err)
	}
	challenges := challenge.NewHeader(challenge.Set{Schemes: []challenge.Scheme{bearer}, Realm: "r"}, `scope="s"`, nil)
	for _, c := range []struct {
		name     string
		response problem.Response
		more     string
		want     string // WWW-Authenticate
	}{
		{"no challenge", problem.Response{Status: 403, Parameters: `a="1"`}, `b="2"`, ""},
		{"401", problem.Response{Status: 401, Challenge: true}, "", `Bearer realm="r", scope="s"`},
		{"401 with parameters", problem.Response{Status: 401, Challenge: true, Parameters: `a="1"`}, `b="2"`, `Bearer realm="r", a="1", scope="s", b="2"`},
		{"403", problem.Response{Status: 403, Challenge: true, Parameters: `a="1"`}, "", `Bearer realm="r", a="1"`},
	} {
		h := http.Header{"Cache-Control": {"public", "max-age=60"}}
		c.response.SetHeader(h, challenges, c.more)
		want := http.Header{"Cache-Control": {"no-store"}}
		if c.want != "" {
			want["Www-Authenticate"] = []string{c.want}
		}
		if !reflect.DeepEqual(h, want) {
			t.Errorf("%s: %v, want %v", c.name, h, want)
		}
	}
}

// Clients that are refused together are told to return at different times.
func TestRetryAfter(t *testing.T) {
	unavailable := problem.Response{Status: 503, RetryWithin: 5}
	seen := make(map[string]bool)
	for range 1000 {
		h := make(http.Header)
		unavailable.SetHeader(h, nil, "")
		seen[h.Get("Retry-After")] = true
	}
	for _, want := range []string{"1", "2", "3", "4", "5"} {
		if !seen[want] {
			t.Errorf("%s never occurs", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("other values: %v", seen)
	}
}

func TestBody(t *testing.T) {
	for want, got := range map[string][]byte{
		`{"title":"Forbidden","status":403,"detail":"Access denied.","code":"forbidden"}`: problem.Body(403, "forbidden", "Forbidden", "Access denied."),
		`{"title":"Teapot","status":418}`:                                                 problem.Body(418, "", "Teapot", ""),
		`{"title":"\"\u003c","status":400}`:                                               problem.Body(400, "", `"<`, ""),
	} {
		if string(got) != want+"\n" {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Content-Type", "Vary", "X-Own"} {
		w.Header().Set(name, "x")
	}
	problem.Write(w, 418, []byte("body"))
	want := http.Header{"Content-Type": {"application/problem+json"}, "Vary": {"x"}, "X-Own": {"x"}}
	if got := w.Header(); w.Code != 418 || w.Body.String() != "body" || !reflect.DeepEqual(got, want) {
		t.Errorf("%d %s, %v", w.Code, w.Body, got)
	}
}

func TestResponseWrite(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("ETag", "x")
	problem.Forbidden.Write(w, nil, "")
	want := http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}}
	const body = `{"title":"Forbidden","status":403,"detail":"Access denied.","code":"forbidden"}` + "\n"
	if got := w.Header(); w.Code != 403 || w.Body.String() != body || !reflect.DeepEqual(got, want) {
		t.Errorf("%d %s, %v", w.Code, w.Body, got)
	}
}
