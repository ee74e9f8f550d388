package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
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
)

// TestProcess runs the built program. It is built without the race detector,
// which makes bcrypt many times slower.
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
		t.Fatalf("login responds %d %v %s", login.status, login.header, login.body)
	}
	var tokens map[string]any
	if err := json.Unmarshal([]byte(login.body), &tokens); err != nil {
		t.Fatal(err)
	}
	token, _ := tokens["access_token"].(string)
	refreshToken, _ := tokens["refresh_token"].(string)
	delete(tokens, "access_token")
	delete(tokens, "refresh_token")
	if want := map[string]any{"token_type": "Bearer", "expires_in": 3600.0, "refresh_expires_in": 604800.0}; token == "" || refreshToken == "" || !reflect.DeepEqual(tokens, want) {
		t.Errorf("login returns tokens %q, %q and %v; want two, and %v", token, refreshToken, tokens, want)
	}

	page := p.dashboard(t, "Bearer "+token)
	if page.status != 200 || page.body != "Hello admin, welcome to dashboard" || page.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the dashboard responds %d %q %q", page.status, page.header.Get("Content-Type"), page.body)
	}

	// The responses to a wrong user and a wrong password are the same, headers
	// included.
	wrongPassword := p.post(t, `{"username":"admin","password":"Password"}`)
	wrongUser := p.post(t, `{"username":"nobody","password":"password"}`)
	wantProblem(t, wrongPassword, 401, "login_failed")
	if wrongPassword.header.Get("WWW-Authenticate") != `Bearer realm="restricted"` {
		t.Errorf("the response to a wrong password has no challenge: %v", wrongPassword.header)
	}
	wrongPassword.header.Del("Date")
	wrongUser.header.Del("Date")
	if !reflect.DeepEqual(wrongPassword, wrongUser) {
		t.Errorf("a wrong password: %+v\na wrong user: %+v", wrongPassword, wrongUser)
	}

	wantProblem(t, p.dashboard(t, "Bearer "+token+"A"), 401, "token_invalid") // for the log

	refreshed := p.form(t, "/refresh", refreshToken)
	var renewed struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(refreshed.body), &renewed); err != nil || refreshed.status != 200 || renewed.RefreshToken == refreshToken {
		t.Fatalf("refresh responds %d %s", refreshed.status, refreshed.body)
	}
	if page := p.dashboard(t, "Bearer "+renewed.AccessToken); page.status != 200 {
		t.Errorf("with the new token the dashboard responds %d %s", page.status, page.body)
	}
	if again := p.form(t, "/refresh", refreshToken); again.status != 200 || !strings.Contains(again.body, renewed.RefreshToken) {
		t.Errorf("a second tab has status %d %s", again.status, again.body)
	}
	if left := p.form(t, "/logout", renewed.RefreshToken); left.status != 204 || left.body != "" {
		t.Errorf("logout responds %d %s", left.status, left.body)
	}
	wantProblem(t, p.form(t, "/refresh", renewed.RefreshToken), 401, "session_ended")

	log := p.interrupt(t)
	for _, want := range []string{
		"TOKEN_SECRET is not set", `msg=refused route="POST /login"`, `msg="shutting down"`,
		`msg=session event=login reason="" subject=1`, "event=refresh reason=rotated", "event=refresh reason=retried", "event=logout", `msg=refused route="POST /refresh"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, token) || strings.Contains(log, refreshToken) || strings.Contains(log, renewed.RefreshToken) || strings.Contains(log, "Password") {
		t.Errorf("the log holds a token or a password:\n%s", log)
	}

	// The next process generates another key.
	next := startProcess(t, program)
	wantProblem(t, next.dashboard(t, "Bearer "+token), 401, "token_invalid")
	next.interrupt(t)
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
	responded := make(chan string, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			responded <- err.Error()
			return
		}
		resp.Body.Close()
		responded <- resp.Status
	}()
	<-underWay

	s.stop()
	for { // until the port is closed
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
	if got := <-responded; got != "400 Bad Request" {
		t.Errorf("the request under way has status %s", got)
	}
	if err := <-s.done; err != nil {
		t.Errorf("run returns %v", err)
	}
}

// process is the program, running without a TOKEN_SECRET.
type process struct {
	testServer
	cmd *exec.Cmd
	log *bufio.Scanner
	was strings.Builder // the log so far
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

// interrupt shuts the process down and returns its log.
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
