package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
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

// TestProcess drives the program as people run it. It is built without the race detector, under which
// bcrypt takes many times as long.
func TestProcess(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no way to interrupt a process")
	}
	program := filepath.Join(t.TempDir(), "login")
	if out, err := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p := startProcess(t, program)

	login := p.post(t, goodLogin)
	if login.status != 200 || login.header.Get("Content-Type") != "application/json" || login.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("login answers %d %v %s", login.status, login.header, login.body)
	}
	var tokens map[string]any
	if err := json.Unmarshal([]byte(login.body), &tokens); err != nil {
		t.Fatal(err)
	}
	token, _ := tokens["access_token"].(string)
	refreshToken, _ := tokens["refresh_token"].(string)
	delete(tokens, "access_token")
	delete(tokens, "refresh_token")
	if want := map[string]any{"token_type": "Bearer", "expires_in": 3600.0}; token == "" || refreshToken == "" || !reflect.DeepEqual(tokens, want) {
		t.Errorf("login answers tokens %q, %q and %v; want two, and %v", token, refreshToken, tokens, want)
	}

	page := p.dashboard(t, "Bearer "+token)
	if page.status != 200 || page.body != "Hello admin, welcome to dashboard" || page.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the dashboard answers %d %q %q", page.status, page.header.Get("Content-Type"), page.body)
	}

	// A wrong user and a wrong password look the same, down to the last header field.
	wrongPassword := p.post(t, `{"username":"admin","password":"Password"}`)
	wrongUser := p.post(t, `{"username":"nobody","password":"password"}`)
	wantProblem(t, wrongPassword, 401, "login_failed")
	if wrongPassword.header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("a wrong password is answered without a challenge: %v", wrongPassword.header)
	}
	wrongPassword.header.Del("Date")
	wrongUser.header.Del("Date")
	if !reflect.DeepEqual(wrongPassword, wrongUser) {
		t.Errorf("a wrong password answers\n%+v\na wrong user\n%+v", wrongPassword, wrongUser)
	}

	wantProblem(t, p.dashboard(t, "Bearer "+token+"A"), 401, "token_invalid") // for the log

	refreshed := p.form(t, "/refresh", refreshToken)
	var renewed struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(refreshed.body), &renewed); err != nil || refreshed.status != 200 || renewed.RefreshToken == refreshToken {
		t.Fatalf("refresh answers %d %s", refreshed.status, refreshed.body)
	}
	if page := p.dashboard(t, "Bearer "+renewed.AccessToken); page.status != 200 {
		t.Errorf("with the new token the dashboard answers %d %s", page.status, page.body)
	}
	if again := p.form(t, "/refresh", refreshToken); again.status != 200 || !strings.Contains(again.body, renewed.RefreshToken) {
		t.Errorf("a second tab is answered %d %s", again.status, again.body)
	}
	if left := p.form(t, "/logout", renewed.RefreshToken); left.status != 204 || left.body != "" {
		t.Errorf("logout answers %d %s", left.status, left.body)
	}
	wantProblem(t, p.form(t, "/refresh", renewed.RefreshToken), 401, "session_ended")

	log := p.interrupt(t)
	for _, want := range []string{
		"tokens end with the process", `msg=refused route="POST /login"`, `msg="shutting down"`,
		"msg=session event=login subject=1", "event=refresh", "event=recovered", "event=logout", `msg=refused route="POST /refresh"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, token) || strings.Contains(log, refreshToken) || strings.Contains(log, renewed.RefreshToken) || strings.Contains(log, "Password") {
		t.Errorf("the log holds a token or a password:\n%s", log)
	}

	// The next process has another key, since none was configured.
	next := startProcess(t, program)
	wantProblem(t, next.dashboard(t, "Bearer "+token), 401, "token_invalid")
	next.interrupt(t)
}

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
		{"expired", "Bearer " + sign(t, testSecret, tokenLife+time.Minute), 401, "token_expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.dashboard(t, test.authorization)
			if test.code != "" {
				wantProblem(t, a, test.status, test.code)
			} else if a.status != test.status || a.body != "Hello admin, welcome to dashboard" {
				t.Errorf("answers %d %s", a.status, a.body)
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

// Who may no longer log in is logged out by the next refresh: privateClaims says so.
func TestRefreshOfUnknownSubject(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	// Under the race detector the real hash takes longer than the server's time limit.
	cheap, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	usersByName[admin.name] = user{id: admin.id, name: admin.name, passwordHash: string(cheap)}
	defer func() { usersByName[admin.name] = admin }()
	s := start(t)
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	if a := s.post(t, goodLogin); json.Unmarshal([]byte(a.body), &tokens) != nil || tokens.RefreshToken == "" {
		t.Fatalf("login answers %d %s", a.status, a.body)
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
			t.Errorf("GET %s answers %d, Allow: %s", path, a.status, a.header.Get("Allow"))
		}
	}
	if a := s.do(t, "GET", "/", "", nil); a.status != 404 {
		t.Errorf("GET / answers %d", a.status)
	}
}

func TestBadSecretRefusesToStart(t *testing.T) {
	t.Setenv("TOKEN_SECRET", "hunter2")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a server that starts all the same stops at once
	err := run(ctx, slog.New(slog.DiscardHandler), "127.0.0.1:0")
	if err == nil {
		t.Fatal("run starts with a secret of 7 bytes")
	}
	if text := err.Error(); !strings.Contains(text, "TOKEN_SECRET") || !strings.Contains(text, "at least 32") || strings.Contains(text, "hunter2") {
		t.Errorf("run returns %q", text)
	}
}

func TestClaimsOfUnknownSubject(t *testing.T) {
	if _, err := privateClaims(t.Context(), "2"); err != jwtauth.ErrSubjectDisabled {
		t.Errorf("error %v, want ErrSubjectDisabled", err)
	}
}

// TestShutdown stops the server while a handler waits for the rest of a body.
func TestShutdown(t *testing.T) {
	t.Setenv("TOKEN_SECRET", testSecret)
	s := start(t)
	body, rest := io.Pipe()
	underWay := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got100Continue: func() { close(underWay) }, // sent when the handler begins to read
	})
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/login", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	answered := make(chan string, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			answered <- err.Error()
			return
		}
		resp.Body.Close()
		answered <- resp.Status
	}()
	<-underWay

	s.stop()
	for { // until nobody listens
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-s.done:
		t.Errorf("run returns %v with a request under way", err)
	default:
	}
	_, _ = io.WriteString(rest, "no JSON")
	rest.Close()
	if got := <-answered; got != "400 Bad Request" {
		t.Errorf("the request under way is answered %s", got)
	}
	if err := <-s.done; err != nil {
		t.Errorf("run returns %v", err)
	}
}

// sign returns a token for admin as a server with that secret issued it so long ago.
func sign(t *testing.T, secret string, ago time.Duration) string {
	t.Helper()
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL: tokenLife,
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

// testServer is a server that the tests speak to.
type testServer struct {
	url  string
	stop func()
	done chan error // what run returned
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

// listening is a log that picks out the address that the server says it listens on.
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

// process is the program, running without a TOKEN_SECRET.
type process struct {
	testServer
	cmd *exec.Cmd
	log *bufio.Scanner
	was strings.Builder // what was read of log
}

func startProcess(t *testing.T, program string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), program, "-addr", "127.0.0.1:0")}
	p.cmd.Env = append(os.Environ(), "TOKEN_SECRET=")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	for p.log.Scan() {
		fmt.Fprintln(&p.was, p.log.Text())
		if _, addr, ok := strings.Cut(p.log.Text(), "msg=listening addr="); ok {
			p.url = "http://" + addr
			return p
		}
	}
	t.Fatalf("it does not listen: %v\n%s", p.cmd.Wait(), p.was.String())
	return nil
}

// interrupt has the process shut down, and returns its log.
func (p *process) interrupt(t *testing.T) string {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for p.log.Scan() {
		fmt.Fprintln(&p.was, p.log.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("an interrupt ends the process with %v", err)
	}
	return p.was.String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (s *testServer) post(t *testing.T, body string) answer {
	t.Helper()
	return s.do(t, "POST", "/login", body, http.Header{"Content-Type": {"application/json"}})
}

func (s *testServer) form(t *testing.T, path, refreshToken string) answer {
	t.Helper()
	return s.do(t, "POST", path, "refresh_token="+refreshToken, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

func (s *testServer) dashboard(t *testing.T, authorization string) answer {
	t.Helper()
	header := http.Header{}
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return s.do(t, "GET", "/dashboard", "", header)
}

func (s *testServer) do(t *testing.T, method, path, body string, header http.Header) answer {
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
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func wantProblem(t *testing.T, a answer, status int, code string) {
	t.Helper()
	var problem struct {
		Status int
		Code   string
	}
	err := json.Unmarshal([]byte(a.body), &problem)
	if err != nil || a.status != status || problem.Status != status || problem.Code != code || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answers %d %q %s; want %d %s", a.status, a.header.Get("Content-Type"), a.body, status, code)
	}
}
