// Package interop_test exchanges tokens, keys and password hashes with the
// packages that Node programs use.
package interop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// peer is a Node process that runs peer.mjs. All tests of a run share it.
type peer struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer

	mu  sync.Mutex
	out *json.Decoder
	in  *json.Encoder
}

// peerLifetime ends a process that hangs, and the call that waits for it.
const peerLifetime = 3 * time.Minute

var startPeer = sync.OnceValues(func() (*peer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peerLifetime)
	p := &peer{cmd: exec.CommandContext(ctx, "node", "peer.mjs")}
	p.cmd.Stderr = &p.stderr
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
	p.stdin, p.in, p.out = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	stopPeer = func() error {
		defer cancel()
		p.stdin.Close() // ends peer.mjs
		return p.cmd.Wait()
	}
	return p, nil
})

var stopPeer = func() error { return nil } // replaced when the process starts

func TestMain(m *testing.M) {
	code := m.Run()
	if err := stopPeer(); err != nil {
		fmt.Fprintln(os.Stderr, "peer.mjs:", err)
		code = 1
	}
	os.Exit(code)
}

func node(t testing.TB) *peer {
	t.Helper()
	need.Binary(t, "node")
	need.NodeModules(t)
	p, err := startPeer()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// object is a JSON object.
type object map[string]any

// refusal is an exception of the Node library.
type refusal struct{ Name, Code, Message string }

func (r *refusal) Error() string { return fmt.Sprintf("%s %s: %s", r.Name, r.Code, r.Message) }

// ask makes the process execute op and decodes the response into dst. It
// returns an exception of the library as an error. Any other failure ends the
// test.
func (p *peer) ask(t testing.TB, op string, request object, dst any) error {
	t.Helper()
	request["op"] = op
	var answer struct {
		OK    json.RawMessage
		Error *refusal
	}
	p.mu.Lock()
	err := p.in.Encode(request)
	if err == nil {
		err = p.out.Decode(&answer)
	}
	p.mu.Unlock()
	if err != nil {
		stopPeer() // stderr is complete and safe to read only after the process has ended
		t.Fatalf("%s: %v\n%s", op, err, p.stderr.Bytes())
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
func get[T any](t testing.TB, p *peer, op string, request object) T {
	t.Helper()
	var dst T
	if err := p.ask(t, op, request, &dst); err != nil {
		t.Fatalf("%s in Node: %v", op, err)
	}
	return dst
}
