//go:build unix

package readme_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// TestExamples types the commands of the pages in examples/, and of the first
// comment of each main.go, in a copy of the repository. It opens the pages that
// they name.
func TestExamples(t *testing.T) {
	for _, name := range []string{"bash", "git", "go", "curl", "openssl"} {
		need.Binary(t, name)
	}
	copied, ports := copyExamples(t)
	files := t.TempDir() + "/"
	typed, marked := 0, 0
	for _, page := range examplePages(t, copied) {
		t.Run(page.name, func(t *testing.T) {
			text := strings.ReplaceAll(ports.replace(page.text), "/tmp/", files)
			list, skipped := exampleBlocks(text)
			marked += skipped
			if len(list)+skipped == 0 && page.name != "." {
				t.Error("the example has no commands")
			}
			e := newExample(t, copied)
			for _, b := range list {
				typed += e.read(t, b)
			}
			for _, url := range toOpen.FindAllStringSubmatch(text, -1) {
				if len(e.servers) > 0 {
					open(t, url[1])
				}
			}
		})
	}
	t.Logf("%d commands typed, %d blocks marked as not run", typed, marked)
	if typed < 30 {
		t.Errorf("only %d commands were typed", typed)
	}
}

// freePorts are free ports in place of those in the examples.
type freePorts map[string]string

var portNumber = regexp.MustCompile(`\b(?:8080|8081|8082|9000)\b`)

func (p freePorts) replace(text string) string {
	return portNumber.ReplaceAllStringFunc(text, func(port string) string { return p[port] })
}

// listenQuietly listens on a port that the system gives to no connection and to
// no other test. So it is still free when a server of an example starts, minutes
// later.
func listenQuietly() (l net.Listener, err error) {
	for range 100 {
		port := 10_000 + rand.N(20_000) // Linux begins at 32768, others at 49152
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			break
		}
	}
	return l, err
}

// copyExamples copies the repository, and changes the ports of the examples.
func copyExamples(t *testing.T) (folder string, ports freePorts) {
	t.Helper()
	dir := t.TempDir()
	folder = filepath.Join(dir, "jwtauth")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", commit(t, dir), folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ports = make(freePorts)
	for _, port := range []string{"8080", "8081", "8082", "9000"} {
		l, err := listenQuietly()
		check(t, err)
		defer l.Close() // after all of them are chosen
		_, ports[port], err = net.SplitHostPort(l.Addr().String())
		check(t, err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "examples", "*", "*.go"))
	check(t, err)
	for _, name := range files {
		source, err := os.ReadFile(name)
		check(t, err)
		check(t, os.WriteFile(name, []byte(ports.replace(string(source))), 0o600))
	}
	return folder, ports
}

// examplePage is the text about an example: its README.md, and the first
// comment of its main.go.
type examplePage struct{ name, text string }

func examplePages(t *testing.T, folder string) (pages []examplePage) {
	t.Helper()
	folder = filepath.Join(folder, "examples")
	names := []string{"."}
	programs, err := filepath.Glob(filepath.Join(folder, "*", "main.go"))
	check(t, err)
	for _, name := range programs {
		names = append(names, filepath.Base(filepath.Dir(name)))
	}
	for _, name := range names {
		readme, _ := os.ReadFile(filepath.Join(folder, name, "README.md")) // not every example has one
		source, _ := os.ReadFile(filepath.Join(folder, name, "main.go"))
		comment, _, _ := strings.Cut(string(source), "\npackage ")
		comment = strings.ReplaceAll("\n"+comment, "\n//", "\n")
		comment = strings.ReplaceAll(comment, "\n ", "\n")
		comment = strings.ReplaceAll(comment, "\n\t", "\n    ")
		pages = append(pages, examplePage{name, string(readme) + "\n" + comment + "\n"})
	}
	return pages
}

var (
	outputBlock = regexp.MustCompile("\\A```text\n((?:.*\n)*?)```\n")
	address     = regexp.MustCompile(` -addr \S+`)
	toOpen      = regexp.MustCompile(`[Tt]hen open (http://\S+[^\s.,])`)
)

// exampleBlocks returns the blocks with commands, and how many the next
// paragraph marks as not run.
func exampleBlocks(page string) (list []block, marked int) {
	for _, at := range shellBlock.FindAllStringIndex(page, -1) {
		rest := page[at[1]:]
		if strings.Contains(paragraph.FindString(rest), notRun) {
			marked++
			continue
		}
		text := strings.TrimSuffix(strings.TrimPrefix(page[at[0]:at[1]], "```sh\n"), "```\n")
		b := block{kind: "sh", text: strings.ReplaceAll(text, "\\\n", " ")}
		if output := outputBlock.FindStringSubmatch(rest); output != nil {
			b.output = output[1]
		}
		list = append(list, b)
	}
	return list, marked
}

// example is the reader of the text about an example. Each server runs in a
// terminal of its own, until the end of the text.
type example struct {
	terminal *terminal
	servers  map[string]*runningServer // by program and address
}

type runningServer struct {
	*server
	command string
}

func newExample(t *testing.T, folder string) *example {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, ".curlrc"), []byte("silent\nshow-error\nfail-with-body\n"), 0o600))
	env := append(os.Environ(), "CURL_HOME="+dir, "TOKEN_SECRET=", "SIGNING_KEY=", "PYTHONUNBUFFERED=1")
	e := &example{newTerminal(dir, folder, env), make(map[string]*runningServer)}
	t.Cleanup(func() {
		for _, s := range e.servers {
			s.stop(t)
		}
	})
	return e
}

// read types the commands of a block, and returns their number.
func (e *example) read(t *testing.T, b block) int {
	t.Helper()
	var out strings.Builder
	list := commands(b.text)
	for _, command := range list {
		if strings.HasPrefix(command, "go run ") && strings.Contains(command, "examples/") || strings.HasPrefix(command, "python3 -m http.server ") {
			e.serve(t, command)
			continue
		}
		got, err := e.terminal.run(t, command)
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, got)
		}
		e.copyTokens(got)
		out.WriteString(got)
	}
	compare(t, b.text, b.output, strings.TrimSuffix(out.String(), "\n")+"\n")
	return len(list)
}

// serve starts a server, unless it is running. It replaces one with other
// flags.
func (e *example) serve(t *testing.T, command string) {
	t.Helper()
	command = strings.TrimSuffix(command, " &")
	program, _, _ := strings.Cut(strings.Replace(command, "go run -C ", "go run ./", 1), " -")
	program += address.FindString(command)
	if running := e.servers[program]; running != nil {
		if running.command == command {
			return
		}
		running.stop(t)
	}
	if _, err := exec.LookPath("python3"); err != nil && strings.HasPrefix(command, "python3 ") {
		serveFolder(t, command)
		return
	}
	s := startServer(t, e.terminal, command)
	e.servers[program] = &runningServer{s, command}
	s.wait(t, func() bool {
		return strings.Contains(s.output(), "listening") || strings.Contains(s.output(), "Serving HTTP")
	})
}

// serveFolder does the work of Python's http.server on a machine without it.
func serveFolder(t *testing.T, command string) {
	t.Helper()
	args := strings.Fields(command) // python3 -m http.server -d FOLDER -b ADDRESS PORT
	l, err := net.Listen("tcp", args[6]+":"+args[7])
	check(t, err)
	srv := &http.Server{Handler: http.FileServer(http.Dir(args[4]))}
	t.Cleanup(func() { srv.Close() })
	go srv.Serve(l)
}

// copyTokens copies the tokens of a response into the variables of the next
// commands, as the reader would.
func (e *example) copyTokens(output string) {
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if json.Unmarshal([]byte(output), &tokens) == nil && tokens.Access != "" {
		e.terminal.env = append(e.terminal.env, "TOKEN="+tokens.Access, "REFRESH_TOKEN="+tokens.Refresh)
	}
}

// open opens a page as a browser does.
func open(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url)
	check(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "<title>") {
		t.Errorf("%s: status %d\n%s", url, resp.StatusCode, body)
	}
}

func TestExampleBlocks(t *testing.T) {
	list, marked := exampleBlocks("Text.\n\n    go run -C examples/x .\n    curl a\n\nThen.\n\n```sh\none \\\n  two\n```\n```text\nout\n```\n\n```sh\nthree\n```\n\n" + notRun + ".\n")
	if len(list) != 2 || marked != 1 || list[0].text != "    go run -C examples/x .\n    curl a\n" || list[0].output != "" || list[1].text != "one    two\n" || list[1].output != "out\n" {
		t.Errorf("%q, %d marked", list, marked)
	}
}
