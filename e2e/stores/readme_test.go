package stores_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

// The program in the README of each store compiles, runs with a real server and
// prints what the README says.
func TestReadmePrograms(t *testing.T) {
	for store, env := range map[string]func(t *testing.T) string{
		"memstore": func(*testing.T) string { return "" },
		"sqlstore": func(t *testing.T) string {
			s := servers.Shared(t, servers.PostgreSQL)
			return "DATABASE_URL=" + s.DSN(s.NewDatabase(t))
		},
		"redisstore": func(t *testing.T) string {
			return "REDIS_URL=" + servers.Start(t, servers.Redis).DSN("0")
		},
	} {
		t.Run(store, func(t *testing.T) {
			program, output := readme(t, store)
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "go", "run", file)
			cmd.Dir = "../" // this module requires the drivers
			cmd.Env = append(os.Environ(), env(t))
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != output {
				t.Errorf("%v; the program printed\n%s\ninstead of\n%s", err, out, output)
			}
		})
	}
}

// readme returns the program in the README of a store, and the output that
// follows.
func readme(t *testing.T, store string) (program, output string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", store, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile("(?s)```go\n(package main\n.*?)```\n\n```text\n(.*?)```\n").FindStringSubmatch(string(text))
	if parts == nil {
		t.Fatalf("the README of %s has no program that is followed by its output", store)
	}
	return parts[1], parts[2]
}

// poolOf returns the limits of the pool in the program of the sqlstore README.
func poolOf(t *testing.T) (open, idle int) {
	t.Helper()
	program, _ := readme(t, "sqlstore")
	for name, n := range map[string]*int{"SetMaxOpenConns": &open, "SetMaxIdleConns": &idle} {
		_, rest, found := strings.Cut(program, "db."+name+"(")
		number, _, _ := strings.Cut(rest, ")")
		var err error
		if *n, err = strconv.Atoi(number); !found || err != nil {
			t.Fatal(fmt.Errorf("the program of sqlstore does not call %s: %w", name, err))
		}
	}
	return open, idle
}
