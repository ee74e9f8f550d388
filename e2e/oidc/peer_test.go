// In package oidc_test the resource-server example verifies the tokens of a
// real OpenID provider, and another library verifies our tokens with our
// published keys. Both do so during a rotation.
package oidc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// lifetime ends a process that hangs, and the call that waits for it.
const lifetime = 3 * time.Minute

// peer is a Node process that runs peer.mjs.
type peer struct {
	mu  sync.Mutex
	in  *json.Encoder
	out *json.Decoder
}

// node starts a process that ends with the test.
func node(t *testing.T) *peer {
	t.Helper()
	program := need.Binary(t, "node")
	need.NodeModules(t)
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	cmd := exec.CommandContext(ctx, program, "peer.mjs")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		stdin.Close() // ends peer.mjs
		if err := cmd.Wait(); err != nil {
			t.Errorf("peer.mjs: %v\n%s", err, &stderr)
		}
	})
	return &peer{in: json.NewEncoder(stdin), out: json.NewDecoder(stdout)}
}

// object is a JSON object.
type object map[string]any

// refusal is an exception of the Node library.
type refusal struct{ Name, Code, Message string }

func (r *refusal) Error() string { return fmt.Sprintf("%s %s: %s", r.Name, r.Code, r.Message) }

// ask makes the process execute op and decodes the response into dst. It
// returns an exception of the library as an error. Any other failure ends the
// test.
func (p *peer) ask(t *testing.T, op string, request object, dst any) error {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if request == nil {
		request = object{}
	}
	request["op"] = op
	var answer struct {
		OK    json.RawMessage
		Error *refusal
	}
	err := p.in.Encode(request)
	if err == nil {
		err = p.out.Decode(&answer)
	}
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	if err := json.Unmarshal(answer.OK, dst); err != nil {
		t.Fatalf("%s: %v in %s", op, err, answer.OK)
	}
	return nil
}

// get is ask for operations that cannot be refused.
func get[T any](t *testing.T, p *peer, op string, request object) T {
	t.Helper()
	var dst T
	if err := p.ask(t, op, request, &dst); err != nil {
		t.Fatalf("%s in Node: %v", op, err)
	}
	return dst
}

// example builds a program of examples/ and runs it until the test ends. It
// returns the URL from the log, and the rest of the log.
func example(t *testing.T, name string, args ...string) (url string, log <-chan string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, "github.com/seed-0a072700/jwtauth/examples/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	cmd := exec.CommandContext(ctx, program, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 10_000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		defer cancel()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		for range lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ends with %v", name, err)
		}
	})
	for line := range lines {
		if _, addr, ok := strings.Cut(line, "msg=listening addr="); ok {
			return "http://" + addr, lines
		}
	}
	t.Fatalf("%s never said that it listens", name)
	return "", nil
}
