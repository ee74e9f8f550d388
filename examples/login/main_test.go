package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth"
)

const (
	testSecret  = "a secret for tests, 32 bytes long"
	otherSecret = "one more secret, also of 32 bytes"

	goodLogin = `{"username":"admin","password":"password"}`
)

func TestDashboard(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	s := start(t)
	for _, test := range []struct {
		name, authorization string
		status              int
		code                string // "" for the page
	}{
		{"another server's token", "Bearer " + sign(t, testSecret, 0), 200, ""},
		{"no token", "", 401, "token_missing"},
		{"another scheme", "Basic YWRtaW46cGFzc3dvcmQ=", 401, "token_missing"},
		{"not a token", "Bearer a b", 400, "invalid_request"},
		{"unsigned", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ.", 401, "token_invalid"},
		{"another secret", "Bearer " + sign(t, otherSecret, 0), 401, "token_invalid"},
		{"expired", "Bearer " + sign(t, testSecret, accessTTL+time.Minute), 401, "token_expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.dashboard(t, test.authorization)
			if test.code != "" {
				wantProblem(t, a, test.status, test.code)
			} else if a.status != test.status || a.body != "Hello admin, welcome to dashboard" {
				t.Errorf("responds %d %s", a.status, a.body)
			}
		})
	}
}

func TestLoginBody(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	s := start(t)
	for _, test := range []struct {
		name, mediaType, body string
		status                int
		code                  string
	}{
		{"no media type", "", goodLogin, 415, "unsupported_media_type"},
		{"no JSON", "application/json; charset=utf-8", "{", 400, "body_invalid"},
		{"no password", "application/json", `{"username":"admin"}`, 400, "body_invalid"},
		{"no password in a form", "application/x-www-form-urlencoded", "username=admin", 400, "body_invalid"},
		{"too large", "application/json", goodLogin + strings.Repeat(" ", maxBodyBytes), 413, "body_too_large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantProblem(t, s.do(t, "POST", "/login", test.body, http.Header{"Content-Type": {test.mediaType}}), test.status, test.code)
		})
	}
}

// A change of the password ends the sessions of the old one.
func TestRefreshAfterPasswordChange(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	useCheapHash(t)
	defer func() { usersByID[admin.id] = admin }()
	s := start(t)
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	if a := s.post(t, goodLogin); json.Unmarshal([]byte(a.body), &tokens) != nil || tokens.RefreshToken == "" {
		t.Fatalf("login responds %d %s", a.status, a.body)
	}
	changed := admin
	changed.version = "2"
	usersByID[admin.id] = changed
	wantProblem(t, s.form(t, "/refresh", tokens.RefreshToken), 401, "session_ended")
}

// useCheapHash replaces the hash of the user until the test ends. Under the race
// detector the real one takes longer than the server's timeout.
func useCheapHash(t *testing.T) {
	t.Helper()
	cheap, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	usersByName[admin.name] = user{id: admin.id, name: admin.name, passwordHash: string(cheap), version: admin.version}
	t.Cleanup(func() { usersByName[admin.name] = admin })
}

// A disabled user is logged out by the next refresh, because privateClaims
// refuses it.
func TestRefreshOfUnknownSubject(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	useCheapHash(t)
	s := start(t)
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	if a := s.post(t, goodLogin); json.Unmarshal([]byte(a.body), &tokens) != nil || tokens.RefreshToken == "" {
		t.Fatalf("login responds %d %s", a.status, a.body)
	}
	delete(usersByID, admin.id)
	defer func() { usersByID[admin.id] = admin }()
	wantProblem(t, s.form(t, "/refresh", tokens.RefreshToken), 401, "session_ended")
	usersByID[admin.id] = admin
	wantProblem(t, s.form(t, "/refresh", tokens.RefreshToken), 401, "session_ended")
}

func TestRoutes(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	s := start(t)
	for _, path := range []string{"/login", "/refresh", "/logout"} {
		if a := s.do(t, "GET", path, "", nil); a.status != 405 || a.header.Get("Allow") != "POST" {
			t.Errorf("GET %s responds %d, Allow: %s", path, a.status, a.header.Get("Allow"))
		}
	}
	if a := s.do(t, "GET", "/", "", nil); a.status != 404 {
		t.Errorf("GET / responds %d", a.status)
	}
}

func TestBadSecretRefusesToStart(t *testing.T) {
	t.Setenv("TOKEN_SECRET", "hunter2")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // if the server starts, it stops at once
	err := run(ctx, slog.New(slog.DiscardHandler), "127.0.0.1:0")
	if err == nil {
		t.Fatal("run starts with a secret of 7 bytes")
	}
	if text := err.Error(); !strings.Contains(text, "TOKEN_SECRET") || !strings.Contains(text, "at least 32") || strings.Contains(text, "hunter2") {
		t.Errorf("run returns %q", text)
	}
}

func TestClaimsOfUnknownSubject(t *testing.T) {
	if _, err := privateClaims(t.Context(), jwtauth.Session{Subject: "2"}); err != jwtauth.ErrSubjectDisabled {
		t.Errorf("error %v, want ErrSubjectDisabled", err)
	}
}

// sign returns a token for admin that a server with secret issued ago.
func sign(t *testing.T, secret string, ago time.Duration) string {
	t.Helper()
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL: accessTTL,
		Claims:    privateClaims,
		Now:       func() time.Time { return time.Now().Add(-ago) },
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := issuer.Login(t.Context(), admin.id)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken
}

// testServer is the server under test.
type testServer struct {
	url  string
	stop func()
	done chan error // the result of run
}

// start runs the server on a free port until the test ends.
func start(t *testing.T) *testServer {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &testServer{stop: stop, done: make(chan error, 1)}
	addr := make(listening, 1)
	go func() {
		s.done <- run(ctx, slog.New(slog.NewJSONHandler(addr, nil)), "127.0.0.1:0")
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

func (s *testServer) post(t *testing.T, body string) response {
	t.Helper()
	return s.do(t, "POST", "/login", body, http.Header{"Content-Type": {"application/json"}})
}

func (s *testServer) form(t *testing.T, path, refreshToken string) response {
	t.Helper()
	return s.do(t, "POST", path, "refresh_token="+refreshToken, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

func (s *testServer) dashboard(t *testing.T, authorization string) response {
	t.Helper()
	header := http.Header{}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return s.do(t, "GET", "/dashboard", "", header)
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

// A login makes the device known: a browser by a cookie, and a program by the
// header that it sent.
func TestKnownDevice(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	useCheapHash(t)
	s := start(t)
	logIn := func(device ...string) response {
		return s.do(t, "POST", "/login", goodLogin, http.Header{"Content-Type": {"application/json"}, "Device-Token": device})
	}
	if a := logIn(); a.status != 200 || !strings.HasPrefix(a.header.Get("Set-Cookie"), "__Host-jwtauth-device=") || a.header.Get("Device-Token") != "" {
		t.Errorf("a browser: %d, %v", a.status, a.header)
	}
	first := logIn("").header.Get("Device-Token")
	second := logIn(first).header.Get("Device-Token")
	if first == "" || second == "" || first == second {
		t.Errorf("a program: %q, then %q", first, second)
	}
}
