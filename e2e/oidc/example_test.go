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
	t.Fatalf("%s does not listen", name)
	return "", nil
}
