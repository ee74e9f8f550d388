package sessions_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The processes run examples/cluster, built once without the race detector.
var programDir string

var program = sync.OnceValues(func() (string, error) {
	var err error
	if programDir, err = os.MkdirTemp("", "jwtauth-cluster-"); err != nil {
		return "", err
	}
	path := filepath.Join(programDir, "cluster")
	out, err := exec.Command("go", "build", "-C", filepath.Join("..", "..", "examples", "cluster"), "-race=false", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return path, nil
})

func removeProgram() {
	if programDir != "" {
		_ = os.RemoveAll(programDir)
	}
}

// process is an instance in its own process.
type process struct {
	url, addr string
	path      string
	args      []string
	cmd       *exec.Cmd
	ended     chan struct{} // closed at the end of the log

	mu  sync.Mutex
	log []string // the log of all its runs
}

func startProcess(t testing.TB, args ...string) *process {
	t.Helper()
	path, err := program()
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &process{path: path, addr: l.Addr().String(), args: args}
	p.url = "http://" + p.addr
	check(t, l.Close())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", p.addr, strings.Join(p.log[max(0, len(p.log)-20):], "\n"))
		}
	})
	p.start(t)
	return p
}

// start returns when the process listens.
func (p *process) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command(p.path, append([]string{"-addr", p.addr}, p.args...)...)
	p.cmd.Env = append(os.Environ(), "TOKEN_SECRET="+secret)
	stderr, err := p.cmd.StderrPipe()
	check(t, err)
	check(t, p.cmd.Start())
	listening := make(chan struct{})
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			p.mu.Lock()
			p.log = append(p.log, lines.Text())
			p.mu.Unlock()
			if strings.Contains(lines.Text(), "msg=listening") {
				close(listening)
			}
		}
	}()
	select {
	case <-listening:
	case <-p.ended:
		t.Fatalf("the process ended:\n%s", strings.Join(p.log, "\n"))
	case <-time.After(time.Minute):
		t.Fatal("the process does not listen")
	}
}

// kill ends the process by SIGKILL.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.cmd.Wait()
	p.cmd = nil
}

// count returns the number of events of a kind, or for a reason, in the log.
func (p *process) count(name string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.log {
		if strings.Contains(line, " event="+name+" ") || strings.Contains(line, " reason="+name+" ") {
			n++
		}
	}
	return n
}

func countAll(list []*process, name string) (n int) {
	for _, p := range list {
		n += p.count(name)
	}
	return n
}
