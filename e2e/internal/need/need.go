// Package need lets a test say what it cannot do without. Where the machine
// lacks that, the test is skipped; with JWTAUTH_TEST_REQUIRE=1 or CI=true
// the test fails instead.
package need

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary returns the path of a program, and skips the test where there is none.
func Binary(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "the program "+name)
	}
	return path
}

// NodeModules skips the test unless the npm packages that the nearest
// package.json names are installed beside it, in those versions.
func NodeModules(t testing.TB) {
	t.Helper()
	dir, err := folderOf("package.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Dependencies map[string]string }
	if err := readJSON(filepath.Join(dir, "package.json"), &want); err != nil {
		t.Fatal(err)
	}
	for name, version := range want.Dependencies {
		var have struct{ Version string }
		err := readJSON(filepath.Join(dir, "node_modules", name, "package.json"), &have)
		if err != nil || have.Version != version {
			Missing(t, "the npm package "+name+" "+version)
		}
	}
}

// Missing ends the test, which lacks what: skipped, or failed under
// JWTAUTH_TEST_REQUIRE=1 or CI=true.
func Missing(t testing.TB, what string) {
	t.Helper()
	text := fmt.Sprintf("needs %s, which this machine lacks; `make deps` installs it", what)
	if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	tell(t, text)
	t.Skip(text)
}

// tell adds a line to the file of JWTAUTH_TEST_SKIPPED, which scripts/test.sh
// shows at its end: without -v, go test keeps quiet about what it skipped.
func tell(t testing.TB, text string) {
	t.Helper()
	path := os.Getenv("JWTAUTH_TEST_SKIPPED")
	if path == "" {
		return
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(file, text)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// folderOf returns the nearest folder, from the test's own upward, that holds a file of that name.
func folderOf(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no %s here or above", name)
		}
		dir = parent
	}
}

func readJSON(path string, dst any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, dst)
}
