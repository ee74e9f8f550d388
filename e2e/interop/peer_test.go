// Package interop_test exchanges tokens, keys and password hashes with the
// packages that Node programs use for them.
package interop_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// startPeer starts the process that serves all tests of a run.
var startPeer = sync.OnceValues(func() (*node.Peer, error) {
	p, err := node.Start(".")
	if err == nil {
		stopPeer = p.Stop
	}
	return p, err
})

var stopPeer = func() error { return nil } // until the process is started

func TestMain(m *testing.M) {
	code := m.Run()
	if err := stopPeer(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func peer(t testing.TB) *node.Peer {
	t.Helper()
	node.Require(t)
	p, err := startPeer()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
