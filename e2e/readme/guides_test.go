//go:build unix

package readme_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// notRun marks the commands in a guide that TestGuides does not type.
const notRun = "No test runs this"

const tool = "go run " + module + "/cmd/jwtauth"

// TestGuides types the commands of all pages in docs/, in one folder, in the
// order of the pages.
func TestGuides(t *testing.T) {
	for _, name := range []string{"bash", "go", "openssl"} {
		need.Binary(t, name)
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "empty")
	check(t, os.Mkdir(folder, 0o700))
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "jwtauth"), module+"/cmd/jwtauth").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	terminal := newTerminal(dir, folder, os.Environ())
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	check(t, err)
	typed, marked := 0, 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		check(t, err)
		list, skipped := guideCommands(string(text))
		marked += skipped
		for _, command := range list {
			typed++
			typeCommand(t, terminal, command)
		}
	}
	t.Logf("%d commands typed, %d marked as not run", typed, marked)
	if typed < 6 {
		t.Errorf("only %d commands were found", typed)
	}
}

// typeCommand types a command of a guide and checks its effect.
func typeCommand(t *testing.T, terminal *terminal, command string) {
	t.Helper()
	typed := strings.ReplaceAll(command, tool, filepath.Join(terminal.state, "jwtauth"))
	name, isTest := strings.CutPrefix(typed, "go test -v -run ")
	switch {
	case isTest: // it runs among the tests of its module
		name, _, _ = strings.Cut(name, " ")
		typed = "cd " + absolute(t, root) + " && " + strings.Replace(typed, "-v -run", "-list", 1) + " && cd -"
	case strings.HasPrefix(command, tool):
		writeToken(t, terminal.home)
	}
	out, err := terminal.run(t, typed)
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	ok := true
	switch {
	case isTest:
		ok = strings.Contains(out, name+"\n")
	case strings.HasPrefix(command, tool):
		ok = strings.Contains(out, "accepted")
	case strings.HasPrefix(command, "openssl rand -base64"):
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out))
		check(t, err)
		_, err = jwtauth.NewKey(jwtauth.HS256, secret)
		ok = err == nil
	default: // the command that uses the file checks it
		ok = strings.HasPrefix(command, "openssl ")
	}
	if !ok {
		t.Errorf("%s: the output is\n%s", command, out)
	}
}

// writeToken writes token.txt, signed with key.pem, which a guide has made.
func writeToken(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "key.pem"))
	check(t, err)
	key, err := jwtauth.ParseKey(jwtauth.EdDSA, text)
	check(t, err)
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://login.example", Audience: []string{"https://api.example"}})
	check(t, err)
	token, err := issuer.Sign("ann", nil)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(folder, "token.txt"), []byte(token+"\n"), 0o600))
}

// shellBlock finds the blocks with commands: fenced as sh, or indented and
// starting with the name of a program.
var (
	shellBlock = regexp.MustCompile("(?m)^```sh\n((?:.*\n)*?)```\n|(?:^    (?:go|make|curl|openssl|node|npm|export|docker|jwtauth) .*\n(?:    .*\n)*)")
	paragraph  = regexp.MustCompile(`\A\n*(?:.+\n)*`)
)

// guideCommands returns the commands of a page, and how many blocks the
// paragraph after the block marks as not run.
func guideCommands(page string) (list []string, marked int) {
	for _, at := range shellBlock.FindAllStringIndex(page, -1) {
		if strings.Contains(paragraph.FindString(page[at[1]:]), notRun) {
			marked++
			continue
		}
		for _, line := range commands(page[at[0]:at[1]]) {
			if !strings.HasPrefix(line, "```") {
				list = append(list, line)
			}
		}
	}
	return list, marked
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	check(t, err)
	return path
}

func TestGuideCommands(t *testing.T) {
	list, marked := guideCommands("text `curl x`\n\n```sh\none # comment\ntwo\n```\n\ntext\n\n    go run .\n    curl a\n\n    if err != nil {\n\n" +
		"```sh\nthree\n```\n\n" + notRun + ".\n\n```go\n\tgo func() {}\n```\n")
	if got := strings.Join(list, "; "); got != "one # comment; two; go run .; curl a" || marked != 1 {
		t.Errorf("%q, %d marked", got, marked)
	}
}
