// Package node runs a program for Node, named peer.mjs, and calls its
// operations. The program reads one JSON request per line and responds with one
// line of JSON.
package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// lifetime is the maximum time that a process runs. Its end also ends a call
// that waits for it.
const lifetime = 3 * time.Minute

// Object is a JSON object.
type Object map[string]any

// Refusal is an exception that an operation threw.
type Refusal struct{ Name, Code, Message string }

func (r *Refusal) Error() string { return fmt.Sprintf("%s %s: %s", r.Name, r.Code, r.Message) }

// Peer is a process that runs peer.mjs. It is safe for concurrent use.
type Peer struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	stop   func() error

	mu  sync.Mutex
	in  *json.Encoder
	out *json.Decoder
}

// Require skips the test if Node or the npm packages are not installed.
func Require(t testing.TB) {
	t.Helper()
	need.Binary(t, "node")
	need.NodeModules(t)
}

// Start starts the peer.mjs in a folder.
func Start(dir string) (*Peer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lifetime)
	p := &Peer{cmd: exec.CommandContext(ctx, "node", "peer.mjs")}
	p.cmd.Dir, p.cmd.Stderr = dir, &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	p.stdin, p.in, p.out = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	p.stop = sync.OnceValue(func() error {
		defer cancel()
		_ = p.stdin.Close() // ends peer.mjs
		if err := p.cmd.Wait(); err != nil {
			return fmt.Errorf("peer.mjs: %w\n%s", err, &p.stderr)
		}
		return nil
	})
	return p, nil
}

// New starts the peer.mjs in a folder and stops it at the end of the
// test.
func New(t testing.TB, dir string) *Peer {
	t.Helper()
	Require(t)
	p, err := Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// Stop ends the process. Its error contains the output of the process. It may
// be called several times.
func (p *Peer) Stop() error { return p.stop() }

// Call calls an operation and decodes the result into dst. It returns the
// exception of the operation as a *Refusal. Any other failure ends the test.
func (p *Peer) Call(t testing.TB, op string, request Object, dst any) error {
	t.Helper()
	message := Object{"op": op}
	for name, value := range request {
		message[name] = value
	}
	var response struct {
		OK    json.RawMessage
		Error *Refusal
	}
	p.mu.Lock()
	err := p.in.Encode(message)
	if err == nil {
		err = p.out.Decode(&response)
	}
	p.mu.Unlock()
	if err != nil {
		t.Fatalf("%s: %v, %v", op, err, p.Stop())
	}
	if response.Error != nil {
		return response.Error
	}
	if err := json.Unmarshal(response.OK, dst); err != nil {
		t.Fatalf("%s: %v in %s", op, err, response.OK)
	}
	return nil
}

// Get returns the result of an operation. If the operation throws an exception,
// the test ends.
func Get[T any](t testing.TB, p *Peer, op string, request Object) T {
	t.Helper()
	var dst T
	if err := p.Call(t, op, request, &dst); err != nil {
		t.Fatalf("%s in Node: %v", op, err)
	}
	return dst
}
