package need_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// verdict is a testing.TB that records how its test ended.
type verdict struct {
	testing.TB
	how, text string
}

func (v *verdict) Helper() {}

func (v *verdict) Skip(args ...any) { v.end("skipped", args) }

func (v *verdict) Fatal(args ...any) { v.end("failed", args) }

func (v *verdict) end(how string, args []any) {
	v.how, v.text = how, fmt.Sprint(args...)
	runtime.Goexit()
}

// run returns how a test that starts with f ends.
func run(f func(t testing.TB)) *verdict {
	v := &verdict{how: "went on"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(v)
	}()
	<-done
	return v
}

func TestMissing(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "present"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	project := t.TempDir()
	pkg := filepath.Join(project, "node_modules", "pkg")
	below := filepath.Join(project, "a", "b")
	for _, dir := range []string{pkg, below} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(dir, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(project, `{"dependencies":{"pkg":"1.2.3"}}`)
	t.Chdir(below)

	tests := []struct {
		name      string
		installed string // content of node_modules/pkg/package.json
		needs     func(testing.TB)
		missing   string // part of the message; empty if the test continues
	}{
		{"program there", "", func(t testing.TB) { need.Binary(t, "present") }, ""},
		{"program missing", "", func(t testing.TB) { need.Binary(t, "absent") }, "the program absent"},
		{"package there", `{"version":"1.2.3"}`, need.NodeModules, ""},
		{"package of another version", `{"version":"1.2.2"}`, need.NodeModules, "the npm package pkg 1.2.3"},
		{"package missing", ``, need.NodeModules, "the npm package pkg 1.2.3"},
	}
	for _, test := range tests {
		for set, how := range map[string]string{"": "skipped", "JWTAUTH_TEST_REQUIRE=1": "failed", "CI=true": "failed"} {
			t.Run(fmt.Sprintf("%s/%s", test.name, set), func(t *testing.T) {
				write(pkg, test.installed)
				t.Setenv("JWTAUTH_TEST_REQUIRE", "")
				t.Setenv("CI", "")
				if name, value, ok := strings.Cut(set, "="); ok {
					t.Setenv(name, value)
				}
				if test.missing == "" {
					how = "went on"
				}
				skipped := filepath.Join(t.TempDir(), "skipped")
				t.Setenv("JWTAUTH_TEST_SKIPPED", skipped)
				got := run(test.needs)
				if got.how != how || !strings.Contains(got.text, test.missing) {
					t.Errorf("%s: %q; want %s, naming %q", got.how, got.text, how, test.missing)
				}
				if test.missing != "" && !strings.Contains(got.text, "make deps") {
					t.Errorf("%q does not say what installs it", got.text)
				}
				told, _ := os.ReadFile(skipped) // missing if there was no report
				if wantTold := how == "skipped"; wantTold != (string(told) == got.text+"\n") {
					t.Errorf("told %q; skipped: %v", told, wantTold)
				}
			})
		}
	}
}
