// Package observed_test runs examples/observed, and compares its metrics with
// the events that its clients have caused.
package observed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	lifetime = 5 * time.Minute       // the longest time that the program runs
	limit    = 60 * time.Second      // for a condition, on a busy machine
	pause    = 20 * time.Millisecond // between two requests that wait for a condition
)

// secret is the TOKEN_SECRET of the program.
const secret = "the secret of the tokens in this test, not of any service"

// program is a running examples/observed.
type program struct {
	url string

	mu  sync.Mutex
	log bytes.Buffer
}

// start builds examples/observed and runs it until the test ends. It checks
// that the log has one JSON object for each line.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	name := filepath.Join(t.TempDir(), "observed")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "../../examples/observed", "-race=false", "-buildvcs=false", "-o", name, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	cmd := exec.CommandContext(ctx, name, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "TOKEN_SECRET="+secret)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := new(program)
	listening, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var record struct{ Msg, Addr string }
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				t.Errorf("a line of the log is no JSON: %s", lines.Text())
			}
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if record.Msg == "listening" {
				listening <- record.Addr
			}
		}
	}()
	t.Cleanup(func() {
		defer cancel()
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program ends with %v", err)
		}
		if t.Failed() {
			t.Logf("its log:\n%s", p.logged())
		}
	})
	select {
	case addr := <-listening:
		p.url = "http://" + addr
	case <-ended:
		t.Fatalf("the program does not listen:\n%s", p.logged())
	}
	return p
}

func (p *program) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// response is the response to a request.
type response struct {
	status int
	code   string // of a refusal
	body   string

	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// want compares the status and the code.
func (r response) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if r.status != status || r.code != code {
		t.Errorf("%s: the response is %d %q, want %d %q", what, r.status, r.code, status, code)
	}
}

// post sends a form.
func (p *program) post(t *testing.T, path, form string) response {
	t.Helper()
	return p.do(t, "POST", path, form, "")
}

// get sends a token, if it is not empty.
func (p *program) get(t *testing.T, path, token string) response {
	t.Helper()
	return p.do(t, "GET", path, "", token)
}

func (p *program) do(t *testing.T, method, path, form, token string) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if method == "POST" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := response{status: answer.StatusCode, body: string(body)}
	if strings.Contains(answer.Header.Get("Content-Type"), "json") {
		var problem struct{ Code string }
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &problem); err != nil {
			t.Fatal(err)
		}
		r.code = problem.Code
	}
	return r
}
