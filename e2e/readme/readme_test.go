//go:build unix

// Package readme_test types the commands of README.md, in order, as its reader
// would: in two terminals, in an empty folder. It compares their output with
// the README.
package readme_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

const (
	root       = "../.."
	repository = "https://github.com/seed-0a072700/jwtauth"
	module     = "github.com/seed-0a072700/jwtauth"
	program    = "// Save this as main.go.\n"

	port         = "8080" // of the servers in the README
	commandLimit = 5 * time.Minute
)

func TestReadme(t *testing.T) {
	for _, name := range []string{"bash", "git", "make", "go", "curl", "openssl"} {
		need.Binary(t, name)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, freePort(t))
	var sections []string
	for _, s := range parse(string(text)) {
		t.Run(s.title, func(t *testing.T) { r.read(t, s) })
		sections = append(sections, s.title)
		if t.Failed() {
			break // later sections build on earlier ones
		}
	}
	if want := "Start here, In your own module"; !t.Failed() && strings.Join(sections, ", ") != want {
		t.Errorf("the sections with commands are %q, want %q", sections, want)
	}
}

// reader is the reader of the README with two terminals. The first one runs the
// servers.
type reader struct {
	port          string // replaces the port of the README
	first, second *terminal
	server        *server // running in the first terminal, or nil
}

func newReader(t *testing.T, port string) *reader {
	dir := t.TempDir()
	folder := filepath.Join(dir, "empty")
	check(t, os.Mkdir(folder, 0o700))
	// In a terminal curl shows no progress, because its output goes there.
	check(t, os.WriteFile(filepath.Join(dir, ".curlrc"), []byte("silent\nshow-error\n"), 0o600))
	env := append(os.Environ(),
		"CURL_HOME="+dir,
		"TOKEN_SECRET=",
		// The path of the folder is not part of what is built: the next run
		// finds it in the build cache.
		"GOFLAGS=-trimpath -modcacherw",
		// git clone and go get find this checkout under its public URL.
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+filepath.ToSlash(commit(t, dir))+".insteadOf",
		"GIT_CONFIG_VALUE_0="+repository,
		"GOPRIVATE="+module,
	)
	r := &reader{port: port, first: newTerminal(dir, folder, env), second: newTerminal(dir, folder, env)}
	t.Cleanup(func() { r.stopServer(t) })
	return r
}

// commit commits the present state of the checkout to a new repository and
// returns its path. It respects .gitignore.
func commit(t *testing.T, dir string) string {
	t.Helper()
	bare := filepath.Join(dir, "jwtauth.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", bare},
		{"add", "--all"},
		{"-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=test"},
	} {
		if args[0] != "init" {
			args = append([]string{"--git-dir=" + bare, "--work-tree=."}, args...)
		}
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return bare
}

// read types the commands of one section.
func (r *reader) read(t *testing.T, s section) {
	for _, b := range s.blocks {
		text := strings.ReplaceAll(b.text, port, r.port)
		if b.kind == "go" {
			check(t, os.WriteFile(filepath.Join(r.first.dir, "main.go"), []byte(text), 0o600))
			continue
		}
		var out strings.Builder
		for _, command := range commands(text) {
			if strings.HasPrefix(command, "go get ") {
				r.first.env = append(r.first.env, privateModules(t, filepath.Dir(r.first.home))...)
			}
			switch terminal := r.at(t, text); {
			case strings.HasPrefix(command, "go run "):
				r.startServer(t, command, b.output)
			default:
				got, err := terminal.run(t, command)
				if err != nil && strings.HasPrefix(command, "make deps") {
					need.Missing(t, fmt.Sprintf("the network for make deps (%v: %s)", err, got))
				}
				if err != nil {
					t.Fatalf("%s: %v\n%s", command, err, got)
				}
				if got != "" && !strings.HasSuffix(got, "\n") {
					got += "\n" // the README shows each output on its own line
				}
				out.WriteString(got)
			}
			if strings.HasPrefix(command, "git clone ") {
				r.usePort(t)
			}
		}
		if r.server == nil || !strings.Contains(text, "go run ") {
			compare(t, text, b.output, out.String())
		}
	}
}

// at returns the terminal for the commands of a block, which its first comment
// names. A running server occupies the first terminal until Ctrl-C.
func (r *reader) at(t *testing.T, block string) *terminal {
	comment, _, _ := strings.Cut(block, "\n")
	switch {
	case strings.HasPrefix(comment, "# In a second terminal") || strings.HasPrefix(comment, "# In the second terminal"):
		return r.second
	case strings.Contains(comment, "Ctrl-C"):
		r.stopServer(t)
	}
	if r.server != nil {
		t.Fatalf("the server occupies the first terminal:\n%s", block)
	}
	return r.first
}

// usePort sets the port of the example in the clone.
func (r *reader) usePort(t *testing.T) {
	path := filepath.Join(r.first.home, "jwtauth", "examples", "login", "main.go")
	source, err := os.ReadFile(path)
	check(t, err)
	replaced := bytes.ReplaceAll(source, []byte("127.0.0.1:"+port), []byte("127.0.0.1:"+r.port))
	check(t, os.WriteFile(path, replaced, 0o600))
}

// privateModules returns the environment for go get. The module comes from this
// checkout, and its requirements come from the local module cache, or from the
// usual proxy if they are not there. The download of the checkout must not stay
// in the user's cache.
func privateModules(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOPROXY").Output()
	check(t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	cache, proxy := filepath.ToSlash(lines[0]), lines[len(lines)-1]
	return []string{
		"GOMODCACHE=" + filepath.Join(dir, "modules"),
		"GOPROXY=file://" + cache + "/cache/download," + proxy,
		"GOSUMDB=off",
	}
}

// compare fails if the output is not the expected one. "…" in the expected text
// stands for any text within a line.
func compare(t *testing.T, block, want, got string) {
	t.Helper()
	if want == "" {
		return
	}
	if !matches(want, got) {
		t.Errorf("the README has\n%sand says that the output is\n%sbut it is\n%s", block, want, got)
	}
}

func matches(want, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".+")
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(got)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		listener, err = listenQuietly()
	}
	check(t, err)
	defer listener.Close()
	_, free, err := net.SplitHostPort(listener.Addr().String())
	check(t, err)
	return free
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, got string
		match     bool
	}{
		{"Hello u-1\n", "Hello u-1\n", true},
		{"Hello u-1\n", "Hello u-2\n", false},
		{"Hello u-1\n", "Hello u-1\nand more\n", false},
		{"{\"a\":\"…\"}\n", "{\"a\":\"x.y\"}\n", true},
		{"{\"a\":\"…\"}\n", "{\"a\":\"\"}\n", false},
		{"a…\n", "ab\nc\n", false},
	} {
		if matches(c.want, c.got) != c.match {
			t.Errorf("%q and %q: want %v", c.want, c.got, c.match)
		}
	}
}
