// Package servers starts database servers for tests, from the binaries of the machine: on free ports of
// the loopback interface, in temporary folders, as a user of their own where the tests run as root.
//
// A test that ends its server has one for itself, by [Start]. All others of a package share one of each kind, by
// [Shared], which [Main] ends.
package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// Server is a server that a test has started. It is for one goroutine at a time.
type Server struct {
	Addr string // "127.0.0.1:PORT", the same after a restart

	kind    *Kind
	program string
	args    []string // further ones
	dir     string   // all that it writes
	process *process // nil while it is stopped
}

// Start starts a server for one test, which ends it at the latest when the test ends. Where the machine has none of
// that kind, the test is skipped (package need). args are added to its command line.
func Start(t testing.TB, kind *Kind, args ...string) *Server {
	t.Helper()
	s, err := start(kind, program(t, kind), args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.log())
		}
		s.remove()
	})
	return s
}

func program(t testing.TB, kind *Kind) string {
	t.Helper()
	path := find(kind.program, kind.folders)
	if path == "" {
		need.Missing(t, "the program "+kind.program)
	}
	return path
}

// Port returns the server's port.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Kill ends the server at once, by SIGKILL, and waits until it is gone. What it had
// acknowledged has to be there after [Server.Restart].
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.process == nil {
		t.Fatalf("%s is not running", s.kind.name)
	}
	s.process.kill()
	s.process = nil
}

// Stop ends the server in its orderly way.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		t.Fatalf("%s is not running", s.kind.name)
	}
	s.process.stop(s.kind.interrupt)
	s.process = nil
}

// Restart starts the server again after Kill or Stop, on the same port and data, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.process != nil {
		t.Fatalf("%s is running", s.kind.name)
	}
	// What was killed may keep others out for a moment.
	deadline := time.Now().Add(startTimeout)
	for {
		err := s.launch()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// DSN returns what the driver wants to hear in order to open a database of the server.
func (s *Server) DSN(database string) string { return s.kind.dsn(s.Addr, database) }

// Open opens a database of an SQL server, and closes it when the test ends.
func (s *Server) Open(t testing.TB, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open(s.kind.driver, s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// NewDatabase creates an empty database on an SQL server and returns its name.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text()[:12])
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := s.Open(t, s.kind.database).ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return name
}

var shared struct {
	mu      sync.Mutex
	main    bool // Main runs
	servers map[*Kind]*Server
	errs    map[*Kind]error
}

// Shared returns the server of this kind that all tests of a package share, and starts it for the
// first. Tests do not stop it, and stay out of each other's way by a database, or a prefix, of their own.
// The package's TestMain has to be [Main].
func Shared(t testing.TB, kind *Kind) *Server {
	t.Helper()
	path := program(t, kind)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.main {
		t.Fatal("servers.Shared needs func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }")
	}
	if shared.servers[kind] == nil && shared.errs[kind] == nil {
		shared.servers[kind], shared.errs[kind] = start(kind, path, nil)
	}
	if err := shared.errs[kind]; err != nil {
		t.Fatal(err)
	}
	return shared.servers[kind]
}

// Main runs the tests of a package and then ends the servers that they shared. After a failure it shows their logs.
func Main(m *testing.M) int {
	shared.main = true
	shared.servers, shared.errs = map[*Kind]*Server{}, map[*Kind]error{}
	code := m.Run()
	for _, s := range shared.servers {
		if s == nil {
			continue
		}
		if code != 0 {
			fmt.Fprintln(os.Stderr, s.log())
		}
		s.remove()
	}
	return code
}
