// Package servers starts database servers for tests from the binaries of the
// machine. They listen on free ports of the loopback interface and write to
// temporary folders. If the tests run as root, the servers run as another user.
//
// A test that stops its server uses [Start]. The other tests of a package use
// [Shared] and share one server of each kind, which [Main] stops.
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

// Server is a running or stopped server. It is not safe for concurrent use.
type Server struct {
	Addr string // "127.0.0.1:PORT", the same after a restart

	kind    *Kind
	program string
	args    []string // additional ones
	dir     string   // holds all its files
	process *process // nil while it is stopped
}

// Start starts a server for one test and stops it when the test ends. It skips
// the test if the machine has no such server (see package need). args are added
// to the command line.
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

// Kill ends the server with SIGKILL and waits until it has ended. Acknowledged
// writes must exist after [Server.Restart].
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.process == nil {
		t.Fatalf("%s is not running", s.kind.name)
	}
	s.process.kill()
	s.process = nil
}

// Stop shuts the server down.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		t.Fatalf("%s is not running", s.kind.name)
	}
	s.process.stop(s.kind.interrupt)
	s.process = nil
}

// Restart starts the server again after Kill or Stop, with the same port and
// data, and waits until it responds.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.process != nil {
		t.Fatalf("%s is running", s.kind.name)
	}
	// The killed processes may hold the port for a moment.
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

// DSN returns the data source name of a database for the driver.
func (s *Server) DSN(database string) string { return s.kind.dsn(s.Addr, database) }

// Open opens a database of an SQL server and closes it when the test ends.
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

// Shared returns the server of this kind that all tests of a package share. The
// first call starts it. Tests must not stop it, and each uses its own database
// or prefix. The TestMain of the package must call [Main].
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

// Main runs the tests of a package and then stops the shared servers. After a
// failure it prints their logs.
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
