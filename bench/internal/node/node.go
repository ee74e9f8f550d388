// Package node runs programs for Node beside the benchmarks: verifiers of other
// libraries, and whole servers.
package node

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// ErrMissing is returned if Node or its packages are not installed.
var ErrMissing = errors.New("node or its packages are missing: run make deps")

// Dir is the folder of the programs, and of the packages that they use.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Command returns the command that runs a program of the folder node.
func Command(program string, args ...string) (*exec.Cmd, error) {
	if _, err := exec.LookPath("node"); err != nil {
		return nil, ErrMissing
	}
	if _, err := os.Stat(filepath.Join(Dir(), "node_modules", "fast-jwt")); err != nil {
		return nil, ErrMissing
	}
	c := exec.Command("node", append([]string{filepath.Join(Dir(), "node", program)}, args...)...)
	c.Stderr = os.Stderr
	return c, nil
}

// Version returns the installed version of a package.
func Version(name string) string {
	text, err := os.ReadFile(filepath.Join(Dir(), "node_modules", name, "package.json"))
	var p struct{ Version string }
	if err != nil || json.Unmarshal(text, &p) != nil {
		return "not installed"
	}
	return p.Version
}

// process is the only process of verify.mjs. It serves all verifiers, so that
// its compiler has the same state for each.
var process = sync.OnceValues(start)

type pipe struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Scanner
}

// start starts the process, which ends with this one: its stdin is closed then.
func start() (*pipe, error) {
	c, err := Command("verify.mjs")
	if err != nil {
		return nil, err
	}
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() { _ = c.Wait() }()
	return &pipe{in: in, out: bufio.NewScanner(out)}, nil
}

// call sends a command and returns the number that it results in.
func (p *pipe) call(command any) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := json.NewEncoder(p.in).Encode(command); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, errors.New("node has ended")
	}
	var n int
	if err := json.Unmarshal(p.out.Bytes(), &n); err != nil {
		return 0, errors.New(p.out.Text())
	}
	return n, nil
}

// Verifier verifies one token with a library for Node.
type Verifier struct {
	pipe *pipe
	id   int
}

// NewVerifier prepares a verifier. cache only matters to fast-jwt.
func NewVerifier(library, alg, token string, cache bool) (*Verifier, error) {
	p, err := process()
	if err != nil {
		return nil, err
	}
	key, err := encode(alg)
	if err != nil {
		return nil, err
	}
	id, err := p.call(map[string]any{
		"library": library, "cache": cache, "alg": alg, "key": key, "token": token,
		"issuer": fixture.Issuer, "audience": fixture.Audience,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", library, err)
	}
	return &Verifier{p, id}, nil
}

// Verify verifies the token n times.
func (v *Verifier) Verify(n int) error {
	_, err := v.pipe.call(map[string]int{"run": v.id, "n": n})
	return err
}

// encode returns the key for alg: a secret in base64, or a public key in PEM.
func encode(alg string) (string, error) {
	public := fixture.KeyOf(alg).Public
	if strings.HasPrefix(alg, "HS") {
		return base64.StdEncoding.EncodeToString(public.([]byte)), nil
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
