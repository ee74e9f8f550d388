//go:build unix

package readme_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// terminal is a shell that keeps its folder and its variables from one command
// to the next.
type terminal struct {
	home  string // the folder at the start
	dir   string
	env   []string
	state string // folder for the state after a command
}

func newTerminal(state, home string, env []string) *terminal {
	return &terminal{home: home, dir: home, env: append([]string(nil), env...), state: state}
}

// run types a command and returns its output, stderr included.
func (term *terminal) run(t *testing.T, command string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandLimit)
	defer cancel()
	// allexport makes variables part of the environment, so that the next
	// command has them.
	const script = `set -o allexport
eval "$README_COMMAND"
README_STATUS=$?
pwd >"$README_STATE/pwd" && env -0 >"$README_STATE/env" && exit $README_STATUS`
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = term.dir
	cmd.Env = append(term.env, "README_COMMAND="+command, "README_STATE="+term.state)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	dir, err := os.ReadFile(filepath.Join(term.state, "pwd"))
	check(t, err)
	env, err := os.ReadFile(filepath.Join(term.state, "env"))
	check(t, err)
	term.dir = strings.TrimSpace(string(dir))
	term.env = strings.Split(strings.TrimSuffix(string(env), "\x00"), "\x00")
	return string(out), nil
}

// server is a command that runs until Ctrl-C.
type server struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	out strings.Builder
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// startServer types a command in the first terminal and waits until the server
// listens and has printed the expected lines.
func (r *reader) startServer(t *testing.T, command, want string) {
	t.Helper()
	s := startServer(t, r.first, command)
	r.server = s
	want = strings.ReplaceAll(want, port, r.port)
	s.wait(t, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
		if err != nil {
			return false
		}
		conn.Close()
		return matches(want, firstLines(s.output(), strings.Count(want, "\n")))
	})
}

// stopServer types Ctrl-C in the first terminal.
func (r *reader) stopServer(t *testing.T) {
	if r.server != nil {
		r.server.stop(t)
		r.server = nil
	}
}

// startServer types a command that runs until Ctrl-C.
func startServer(t *testing.T, term *terminal, command string) *server {
	t.Helper()
	// The second process stops the server if this test is killed before.
	const script = `(sleep 600; kill -INT 0) >/dev/null 2>&1 & exec `
	s := &server{cmd: exec.Command("bash", "-c", script+command), done: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = term.dir, term.env
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	check(t, s.cmd.Start())
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	return s
}

// wait waits until the server is ready.
func (s *server) wait(t *testing.T, ready func() bool) {
	t.Helper()
	deadline := time.After(commandLimit)
	for !ready() {
		select {
		case <-s.done:
			t.Fatalf("%v ends:\n%s", s.cmd.Args, s.output())
		case <-deadline:
			t.Fatalf("%v does not listen, or prints something else:\n%s", s.cmd.Args, s.output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop types Ctrl-C.
func (s *server) stop(t *testing.T) {
	group := -s.cmd.Process.Pid
	check(t, syscall.Kill(group, syscall.SIGINT))
	select {
	case <-s.done:
	case <-time.After(commandLimit):
		t.Error("the server does not stop at Ctrl-C")
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // the rest of the group
}

func firstLines(text string, n int) string {
	end := 0
	for range n {
		i := strings.IndexByte(text[end:], '\n')
		if i < 0 {
			return text
		}
		end += i + 1
	}
	return text[:end]
}
