// Package oidc_test verifies the tokens of a real OpenID provider with the
// resource-server example, and our tokens with another library and the keys
// that we publish. The keys are rotated in both tests.
package oidc_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lifetime is the maximum time that a program runs. Its end also ends a call
// that waits for it.
const lifetime = 3 * time.Minute

// example builds a program of examples/ and runs it until the test ends. It
// returns the URL of the program and the lines that it logs.
func example(t *testing.T, name string, args ...string) (url string, log <-chan string) {
	t.Helper()
	addr, log := start(t, "../..", "./examples/"+name, "msg=listening addr=", args...)
	return "http://" + addr, log
}

// mcpExample runs examples/mcp, which is a module of its own. It returns the URL
// of the server.
func mcpExample(t *testing.T, issuer string) string {
	t.Helper()
	url, _ := start(t, "../../examples/mcp", ".", "msg=listening url=", "-issuer", issuer)
	return url
}

// start builds the package pkg in a folder and runs it until the test ends. It
// returns the rest of the line in its log that contains ready, and all lines
// except refusals: tests cause thousands of them, and a full channel would stop
// the program.
func start(t *testing.T, dir, pkg, ready string, args ...string) (rest string, log <-chan string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", name, pkg)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	cmd := exec.CommandContext(ctx, name, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
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
			if line := s.Text(); !strings.Contains(line, "msg=refused") {
				lines <- line
			}
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
			t.Errorf("%s ends with %v", pkg, err)
		}
	})
	for line := range lines {
		if _, rest, ok := strings.Cut(line, ready); ok {
			return rest, lines
		}
	}
	t.Fatalf("%s does not listen", pkg)
	return "", nil
}
