package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	testSecret  = "a secret for tests, 32 bytes long"
	otherSecret = "one more secret, also of 32 bytes"
)

func TestTokenCarriesTheString(t *testing.T) {
	s := start(t, testSecret, false)
	for _, sent := range []string{"hello", `"<ü> \ {}`, strings.Repeat("a", maxStringBytes)} {
		token := s.token(t, sent)
		a := s.userInfo(t, "Bearer "+token)
		var got map[string]any
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if want := map[string]any{"my_string": sent}; a.status != 200 || a.header.Get("Content-Type") != "application/json" || !reflect.DeepEqual(got, want) {
			t.Errorf("responds %d %q %s, want %q", a.status, a.header.Get("Content-Type"), a.body, sent)
		}
	}
}

func TestTokenLife(t *testing.T) {
	s := start(t, testSecret, false)
	claims, err := issuerOf(t, testSecret, 0).VerifyToken(t.Context(), s.token(t, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if life := claims.ExpiresAt.Sub(claims.IssuedAt); life != 300*time.Second {
		t.Errorf("a token lives for %v, want 300s", life)
	}
}

func TestUserInfoRefuses(t *testing.T) {
	usual, tutorial := start(t, testSecret, false), start(t, testSecret, true)
	for _, test := range []struct {
		name, authorization string
		status              int
		code                string
		tutorialStatus      int
		tutorialBody        string
	}{
		{"no token", "", 401, "token_missing", 404, "no token\n"},
		{"another scheme", "Basic YWRtaW46cGFzc3dvcmQ=", 401, "token_missing", 404, "no token\n"},
		{"not a token", "Bearer a b", 400, "invalid_request", 403, "bad token\n"},
		{"unsigned", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ.", 401, "token_invalid", 403, "bad token\n"},
		{"another secret", "Bearer " + sign(t, otherSecret, 0), 401, "token_invalid", 403, "bad token\n"},
		{"expired", "Bearer " + sign(t, testSecret, 6*time.Minute), 401, "token_expired", 403, "bad token\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantProblem(t, usual.userInfo(t, test.authorization), test.status, test.code)
			a := tutorial.userInfo(t, test.authorization)
			if a.status != test.tutorialStatus || a.body != test.tutorialBody {
				t.Errorf("with -tutorial-codes it responds %d %q, want %d %q", a.status, a.body, test.tutorialStatus, test.tutorialBody)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("with -tutorial-codes caches may store the response: %v", a.header)
			}
		})
	}
	t.Run("good", func(t *testing.T) { // or the table above would prove little
		for _, s := range []*testServer{usual, tutorial} {
			if a := s.userInfo(t, "Bearer "+sign(t, testSecret, 0)); a.status != 200 || a.body != `{"my_string":"hello"}`+"\n" {
				t.Errorf("responds %d %s", a.status, a.body)
			}
		}
	})
}

// An outage is a 503, also with -tutorial-codes.
func TestOutage(t *testing.T) {
	s := &server{log: slog.New(slog.DiscardHandler), tutorialCodes: true}
	w := httptest.NewRecorder()
	s.refuse(w, httptest.NewRequest("GET", "/api/userInfo", nil), jwtauth.ErrUnavailable)
	if w.Code != 503 {
		t.Errorf("an outage has status %d, want 503", w.Code)
	}
}

func TestSomeActionBody(t *testing.T) {
	s := start(t, testSecret, false)
	const good = `{"my_string":"hello"}`
	for _, test := range []struct {
		name, mediaType, body string
		status                int
	}{
		{"no media type", "", good, 415},
		{"text", "text/plain", good, 415},
		{"form", "application/x-www-form-urlencoded", "my_string=hello", 415},
		{"empty", "application/json", "", 400},
		{"no JSON", "application/json; charset=utf-8", "{", 400},
		{"null", "application/json", "null", 400},
		{"no string", "application/json", "{}", 400},
		{"other type", "application/json", `{"my_string":7}`, 400},
		{"unknown member", "application/json", `{"my_string":"hello","sub":"admin"}`, 400},
		{"something after it", "application/json", good + good, 400},
		{"long string", "application/json", `{"my_string":"` + strings.Repeat("a", maxStringBytes+1) + `"}`, 400},
		{"too large", "application/json", `{"my_string":"` + strings.Repeat("a", maxBodyBytes) + `"}`, 413},
		{"too large after it", "application/json", good + strings.Repeat(" ", maxBodyBytes), 413},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.do(t, "POST", "/api/someAction", test.body, http.Header{"Content-Type": {test.mediaType}})
			if a.status != test.status {
				t.Errorf("responds %d %q, want %d", a.status, a.body, test.status)
			}
			if test.status == 400 && a.body != errBody.Error()+"\n" {
				t.Errorf("responds %q, want that of errBody", a.body)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	s := start(t, testSecret, false)
	if a := s.do(t, "GET", "/api/someAction", "", nil); a.status != 405 || a.header.Get("Allow") != "POST" {
		t.Errorf("GET /api/someAction responds %d, Allow: %s", a.status, a.header.Get("Allow"))
	}
	if a := s.do(t, "GET", "/", "", nil); a.status != 404 {
		t.Errorf("GET / responds %d", a.status)
	}
}

// issuerOf returns the issuer of a server with that secret and a slow clock.
func issuerOf(t *testing.T, secret string, slow time.Duration) *jwtauth.Issuer {
	t.Helper()
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL: 300 * time.Second,
		Now:       func() time.Time { return time.Now().Add(-slow) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// sign returns a token that a server with secret issued ago.
func sign(t *testing.T, secret string, ago time.Duration) string {
	t.Helper()
	token, err := issuerOf(t, secret, ago).Sign("guest", info{MyString: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// testServer is the server under test.
type testServer struct {
	url  string
	stop func()
	done chan error // the result of run
}

// start runs the server on a free port until the test ends.
func start(t *testing.T, secret string, tutorialCodes bool) *testServer {
	t.Helper()
	t.Setenv("TOKEN_SECRET", secret)
	ctx, stop := context.WithCancel(context.Background())
	s := &testServer{stop: stop, done: make(chan error, 1)}
	addr := make(listening, 1)
	go func() {
		s.done <- run(ctx, slog.New(slog.NewJSONHandler(addr, nil)), "127.0.0.1:0", tutorialCodes)
		close(s.done)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-s.done; err != nil {
			t.Errorf("run returns %v", err)
		}
	})
	select {
	case addr := <-addr:
		s.url = "http://" + addr
	case err := <-s.done:
		t.Fatalf("run returns %v", err)
	}
	return s
}

// listening is a log that passes on the address that the server listens on.
type listening chan string

func (l listening) Write(line []byte) (int, error) {
	var record struct{ Msg, Addr string }
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	if record.Msg == "listening" {
		l <- record.Addr
	}
	return len(line), nil
}

type response struct {
	status int
	header http.Header
	body   string
}

// token has the server make a token that carries text.
func (s *testServer) token(t *testing.T, text string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"my_string": text})
	if err != nil {
		t.Fatal(err)
	}
	a := s.do(t, "POST", "/api/someAction", string(body), http.Header{"Content-Type": {"application/json"}})
	var tokens map[string]any
	if err := json.Unmarshal([]byte(a.body), &tokens); err != nil {
		t.Fatal(err)
	}
	token, _ := tokens["access_token"].(string)
	delete(tokens, "access_token")
	if want := map[string]any{"token_type": "Bearer", "expires_in": 300.0}; a.status != 200 || a.header.Get("Cache-Control") != "no-store" || token == "" || !reflect.DeepEqual(tokens, want) {
		t.Errorf("responds %d %v %s", a.status, a.header, a.body)
	}
	return token
}

func (s *testServer) userInfo(t *testing.T, authorization string) response {
	t.Helper()
	header := http.Header{}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return s.do(t, "GET", "/api/userInfo", "", header)
}

func (s *testServer) do(t *testing.T, method, path, body string, header http.Header) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{resp.StatusCode, resp.Header, string(text)}
}

func wantProblem(t *testing.T, a response, status int, code string) {
	t.Helper()
	var problem struct {
		Status int
		Code   string
	}
	err := json.Unmarshal([]byte(a.body), &problem)
	if err != nil || a.status != status || problem.Status != status || problem.Code != code || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("responds %d %q %s; want %d %s", a.status, a.header.Get("Content-Type"), a.body, status, code)
	}
}
