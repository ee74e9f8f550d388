// Package need states the requirements of a test. If the machine does not meet
// them, the test is skipped. With JWTAUTH_TEST_REQUIRE=1 or CI=true it fails
// instead.
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

// Binary returns the path of a program. It skips the test if the program is
// missing.
func Binary(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "the program "+name)
	}
	return path
}

// NodeModules skips the test unless the npm packages of the nearest
// package.json are installed beside it, in the exact versions.
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

// Missing skips the test because of a missing requirement. With
// JWTAUTH_TEST_REQUIRE=1 or CI=true it fails the test.
func Missing(t testing.TB, requirement string) {
	t.Helper()
	text := fmt.Sprintf("needs %s, which this machine lacks; `make deps` installs it", requirement)
	if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
		t.Fatal(text)
	}
	report(t, text)
	t.Skip(text)
}

// report adds a line to the file in JWTAUTH_TEST_SKIPPED. scripts/test.sh
// prints that file at the end, because go test without -v does not report
// skipped tests.
func report(t testing.TB, text string) {
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

// folderOf returns the nearest folder that contains a file of that name. It
// searches from the folder of the test upward.
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
