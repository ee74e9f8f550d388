package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	startTimeout = 60 * time.Second // the machine may be busy
	stopTimeout  = 20 * time.Second
	portTries    = 4
)

// start creates a folder with the server's data and starts the server.
func start(kind *Kind, program string, args []string) (*Server, error) {
	dir, err := os.MkdirTemp("", "jwtauth-"+kind.name+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{kind: kind, program: program, args: args, dir: dir}
	if err := s.first(); err != nil {
		err = fmt.Errorf("%s: %w\n%s", kind.name, err, s.log())
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *Server) first() error {
	if id := s.kind.credential(); id != nil {
		if err := os.Chown(s.dir, int(id.Uid), int(id.Gid)); err != nil {
			return err
		}
	}
	if s.kind.setup != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		argv := s.kind.setup(s.program, s.dir)
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		s.confine(cmd)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, out)
		}
	}
	var err error
	for range portTries { // another process may take the port first
		if s.Addr, err = freeAddr(); err != nil {
			return err
		}
		if err = s.launch(); err == nil {
			return nil
		}
	}
	return err
}

// freeAddr returns a free address. The port leaves room for the cluster port of
// Redis, which is 10,000 higher.
func freeAddr() (string, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port < 55000 {
			return l.Addr().String(), nil
		}
	}
}

// launch starts the server and waits until it responds.
func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.program, slices.Concat(s.kind.args(s.dir, s.Port()), s.args)...)
	cmd.Stdout, cmd.Stderr = log, log
	s.confine(cmd)
	// The server and all its children inherit one end of a pipe. The other end
	// shows when the last of them has ended. The children of a killed
	// PostgreSQL live and respond for a moment longer.
	last, inherited, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.ExtraFiles = []*os.File{inherited}
	err = cmd.Start()
	inherited.Close()
	if err != nil {
		last.Close()
		return err
	}
	p := &process{cmd: cmd, gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		defer last.Close()
		p.err = cmd.Wait()
		_ = last.SetReadDeadline(time.Now().Add(stopTimeout))
		_, _ = last.Read(make([]byte, 1)) // until all other ends are closed
	}()
	if err := p.await(func(ctx context.Context) error { return s.kind.ping(ctx, s.Addr) }); err != nil {
		p.kill()
		return err
	}
	s.process = p
	return nil
}

// confine makes a command run in the server's folder, as its user, and end with
// the tests.
func (s *Server) confine(cmd *exec.Cmd) {
	cmd.Dir = s.dir
	cmd.SysProcAttr = endWithParent(&syscall.SysProcAttr{Credential: s.kind.credential()})
}

// credential returns the user of the server, or nil for the user of the tests.
// PostgreSQL and MariaDB refuse to run as root.
func (k *Kind) credential() *syscall.Credential {
	if k.user == "" || os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{k.user, "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
}

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it and its children have ended
	err  error         // the result, valid after gone
}

// await returns when the server responds.
func (p *process) await(ping func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	last := errors.New("no attempt yet")
	for {
		select {
		case <-p.gone:
			return fmt.Errorf("the server ended: %v", p.err)
		case <-ctx.Done():
			return fmt.Errorf("the server does not respond: %w", last)
		case <-time.After(25 * time.Millisecond):
		}
		try, done := context.WithTimeout(ctx, 2*time.Second)
		last = ping(try)
		done()
		if last == nil {
			return nil
		}
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

func (p *process) stop(signal os.Signal) {
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.gone:
	case <-time.After(stopTimeout):
		p.kill()
	}
}

// remove ends the server and removes its folder.
func (s *Server) remove() {
	if s.process != nil {
		s.process.stop(s.kind.interrupt)
		s.process = nil
	}
	// Children of a killed server may still write for a moment.
	for range 20 {
		if os.RemoveAll(s.dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// log returns the end of the server's log.
func (s *Server) log() string {
	const most = 8 << 10
	text, _ := os.ReadFile(s.logFile())
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return fmt.Sprintf("== log of %s at %s:\n%s", s.kind.name, s.Addr, bytes.TrimSpace(text))
}
