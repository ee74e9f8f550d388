package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// record is a line of a log.
type record struct {
	Msg, Addr, Kid string
	Keys           int
}

// logOf returns a log that passes on the records.
func logOf(records chan<- record) *slog.Logger {
	return slog.New(slog.NewJSONHandler(lines(func(line []byte) error {
		var r record
		err := json.Unmarshal(line, &r)
		records <- r
		return err
	}), nil))
}

type lines func([]byte) error

func (f lines) Write(line []byte) (int, error) { return len(line), f(line) }

// serveTest serves handler on a free port until the test ends, and returns its
// URL.
func serveTest(t *testing.T, log *slog.Logger, handler func(url string) http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	h := handler(url)
	go func() { done <- serve(ctx, log, listener, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve returns %v", err)
		}
	})
	return url
}

func do(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

// refresh exchanges a refresh token.
func refresh(t *testing.T, issuer, refreshToken string) jwtauth.Tokens {
	t.Helper()
	body, err := json.Marshal(map[string]string{"refresh_token": refreshToken})
	if err != nil {
		t.Fatal(err)
	}
	status, text := do(t, "POST", issuer+"/refresh", "", string(body))
	var got jwtauth.Tokens
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatalf("a refresh has status %d: %s", status, text)
	}
	return got
}

// kids returns the IDs of the keys that the issuer publishes.
func kids(t *testing.T, issuer string) []string {
	t.Helper()
	_, text := do(t, "GET", issuer+"/.well-known/jwks.json", "", "")
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

// The issuer rotates its key while a client uses old and new tokens. All of
// them are accepted.
func TestRotation(t *testing.T) {
	issuerLog, apiLog := make(chan record, 1000), make(chan record, 1000)
	var service *issuerService
	issuer := serveTest(t, slog.New(slog.DiscardHandler), func(url string) http.Handler {
		var err error
		if service, err = newIssuer(logOf(issuerLog), url); err != nil {
			t.Fatal(err)
		}
		return service.routes()
	})
	api := serveTest(t, slog.New(slog.DiscardHandler), func(string) http.Handler {
		service, err := newAPI(logOf(apiLog), issuer, jwtauth.RemoteKeysOptions{Cooldown: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return service.routes()
	})

	first, err := service.issuer.Login(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[jwtauth.Tokens]
	current.Store(&first)
	stop := make(chan struct{})
	var client sync.WaitGroup
	var requests atomic.Int64
	served := func() { // waits for two more complete requests
		for end := requests.Load() + 3; requests.Load() < end; {
			runtime.Gosched()
		}
	}
	client.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if status, text := do(t, "GET", api+"/hello", current.Load().AccessToken, ""); status != 200 || text != "Hello user 1" {
				t.Errorf("a request has status %d: %s", status, text)
			}
			requests.Add(1)
		}
	})

	ctx, end := context.WithCancel(t.Context())
	hangup, waits, goOn := make(chan os.Signal), make(chan time.Duration), make(chan struct{})
	var rotating sync.WaitGroup
	rotating.Go(func() {
		service.rotateAt(ctx, hangup, func(_ context.Context, d time.Duration) error {
			waits <- d
			<-goOn
			return nil
		})
	})
	served()
	before := kids(t, issuer)
	hangup <- syscall.SIGHUP
	if d := <-waits; d < 10*time.Minute {
		t.Errorf("the next key is published for only %v", d)
	}
	published := kids(t, issuer)
	if len(before) != 1 || len(published) != 2 || published[0] != before[0] {
		t.Fatalf("published are %q, then %q", before, published)
	}
	// A token of an unknown key makes the api fetch the keys sooner.
	for known := false; !known; {
		if status, _ := do(t, "GET", api+"/hello", stranger, ""); status != 401 {
			t.Fatalf("a stranger's token has status %d", status)
		}
		select {
		case r := <-apiLog:
			known = r.Msg == "fetched keys" && r.Keys == 2
		default:
		}
	}

	served()
	goOn <- struct{}{}
	if d := <-waits; d < accessTTL+30*time.Second {
		t.Errorf("the old key is accepted for only %v", d)
	}
	renewed := refresh(t, issuer, first.RefreshToken)
	if status, _ := do(t, "GET", api+"/hello", first.AccessToken, ""); status != 200 {
		t.Errorf("a token of the old key has status %d while the key is accepted", status)
	}
	current.Store(&renewed)
	if signed := kids(t, issuer); len(signed) != 2 || signed[0] != published[1] || signed[1] != before[0] {
		t.Errorf("published are %q", signed)
	}

	served()
	goOn <- struct{}{}
	for msg := ""; msg != "old key withdrawn"; {
		msg = (<-issuerLog).Msg
	}
	if after := kids(t, issuer); len(after) != 1 || after[0] != published[1] {
		t.Errorf("published are %q", after)
	}
	refresh(t, issuer, renewed.RefreshToken)
	served()
	close(stop)
	client.Wait()
	end()
	rotating.Wait()
}

// stranger is a token of an unpublished key.
var stranger = "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.e30." + strings.Repeat("A", 86)

// TestProcesses runs the two built programs and rotates the key by a signal, in
// seconds instead of minutes. They are built without the race detector, which
// makes bcrypt many times slower.
func TestProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signals")
	}
	program := filepath.Join(t.TempDir(), "issuer-and-api")
	if out, err := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Setenv("SIGNING_KEY", "")
	issuer, issuerLines := startProcess(t, program, "issuer", "-addr", "127.0.0.1:0", "-publish", "2s", "-accept", "5s")
	issuerURL := listeningURL(t, issuerLines)
	_, apiLines := startProcess(t, program, "api", "-addr", "127.0.0.1:0", "-issuer", issuerURL, "-cooldown", "1s")
	apiURL := listeningURL(t, apiLines)

	status, text := do(t, "POST", issuerURL+"/login", "", `{"username":"admin","password":"password"}`)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal([]byte(text), &tokens); err != nil || status != 200 {
		t.Fatalf("the login has status %d: %s", status, text)
	}
	if status, _ := do(t, "POST", issuerURL+"/login", "", `{"username":"admin","password":"wrong"}`); status != 401 {
		t.Errorf("a wrong password has status %d", status)
	}
	if status, text := do(t, "GET", apiURL+"/hello", tokens.AccessToken, ""); status != 200 || text != "Hello user 1" {
		t.Errorf("the api responds %d %s", status, text)
	}
	if status, _ := do(t, "GET", apiURL+"/hello", "", ""); status != 401 {
		t.Errorf("a missing token has status %d", status)
	}

	// A client uses and refreshes its tokens during the rotation.
	var current atomic.Pointer[jwtauth.Tokens]
	current.Store(&tokens)
	stop := make(chan struct{})
	var client sync.WaitGroup
	var requests, refused int
	client.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			requests++
			if status, text := do(t, "GET", apiURL+"/hello", current.Load().AccessToken, ""); status != 200 || text != "Hello user 1" {
				refused++
				t.Errorf("a request has status %d: %s", status, text)
			}
		}
	})
	before := kids(t, issuerURL)
	if err := issuer.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, issuerLines, "next key published")
	published := kids(t, issuerURL)
	if len(published) != 2 || published[0] != before[0] {
		t.Fatalf("published are %q, then %q", before, published)
	}
	until(t, issuerLines, "next key signs")
	renewed := refresh(t, issuerURL, tokens.RefreshToken)
	current.Store(&renewed)
	if signed := kids(t, issuerURL); len(signed) != 2 || signed[0] != published[1] {
		t.Errorf("published are %q, then %q", published, signed)
	}
	for _, token := range []string{tokens.AccessToken, renewed.AccessToken} {
		if status, _ := do(t, "GET", apiURL+"/hello", token, ""); status != 200 {
			t.Errorf("while both keys are accepted, a token has status %d", status)
		}
	}
	until(t, issuerLines, "old key withdrawn")
	if after := kids(t, issuerURL); len(after) != 1 || after[0] != published[1] {
		t.Errorf("published are %q at the end", after)
	}
	// The api drops the old key at its next fetch. A token of an unknown key
	// makes it fetch sooner.
	for end := time.Now().Add(time.Minute); ; {
		if status, _ := do(t, "GET", apiURL+"/hello", stranger, ""); status != 401 {
			t.Fatalf("a stranger's token has status %d", status)
		}
		if status, _ := do(t, "GET", apiURL+"/hello", tokens.AccessToken, ""); status == 401 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a token of the old key is accepted a minute after its withdrawal")
		}
	}
	refresh(t, issuerURL, renewed.RefreshToken)
	close(stop)
	client.Wait()
	t.Logf("%d requests, %d refused", requests, refused)
	if requests < 100 {
		t.Error("too few requests")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"both"}, {"api", "-issuer", "http://idp.example"}, {"issuer", "-addr", "none"}, {"api", "-addr", "none"}} {
		if err := run(t.Context(), slog.New(slog.DiscardHandler), args); err == nil {
			t.Errorf("%q runs", args)
		}
	}
	t.Setenv("SIGNING_KEY", "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=") // a valid key for HS256
	err := run(t.Context(), slog.New(slog.DiscardHandler), []string{"issuer", "-addr", "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "only ES256") {
		t.Errorf("an issuer whose tokens the api would refuse: %v", err)
	}
}

// startProcess runs the program until the test ends.
func startProcess(t *testing.T, program string, args ...string) (*os.Process, <-chan string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		for range lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ends with %v", args[0], err)
		}
	})
	return cmd.Process, lines
}

// until returns the next line that holds text.
func until(t *testing.T, lines <-chan string, text string) string {
	t.Helper()
	for line := range lines {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("it never said %q", text)
	return ""
}

func listeningURL(t *testing.T, lines <-chan string) string {
	t.Helper()
	_, addr, _ := strings.Cut(until(t, lines, "msg=listening"), "addr=")
	return "http://" + addr
}
