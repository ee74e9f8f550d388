package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const secret = "a secret for tests, 32 bytes long"

// TestInstances runs the built program: two instances that share a file, and
// one in memory. It is built without the race detector, which makes bcrypt many
// times slower.
func TestInstances(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no way to interrupt a process")
	}
	program := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Run("sqlite", func(t *testing.T) {
		flag := "-store=sqlite:" + filepath.Join(t.TempDir(), "sessions.db")
		testSession(t, start(t, program, flag), start(t, program, flag))
	})
	t.Run("memory", func(t *testing.T) {
		one := start(t, program)
		testSession(t, one, one)
	})
}

// testSession runs a session from login to logout. It alternates between two
// instances.
func testSession(t *testing.T, a, b *instance) {
	var first, second, again tokens
	login := url.Values{"username": {"admin"}, "password": {"password"}}
	a.post(t, "/login", login, 200).decode(t, &first)
	if first.ExpiresIn != 900 || first.RefreshToken == "" {
		t.Errorf("login: a token for %d s; want 900, and a refresh token", first.ExpiresIn)
	}
	b.get(t, "/dashboard", first, 200, "Hello admin, welcome to dashboard")
	b.get(t, "/catalog", first, 200, "Hello admin, welcome to catalog")

	b.post(t, "/refresh", first.refresh(), 200).decode(t, &second)
	a.post(t, "/refresh", first.refresh(), 200).decode(t, &again) // by a second tab
	if second.RefreshToken == first.RefreshToken || second.RefreshToken != again.RefreshToken {
		t.Error("two refreshes with one token return different tokens")
	}
	a.get(t, "/dashboard", second, 200, "")

	a.post(t, "/logout", second.refresh(), 204)
	b.get(t, "/dashboard", second, 401, `"token_invalid"`)
	b.get(t, "/catalog", second, 200, "")
	for _, old := range []tokens{first, second} {
		b.post(t, "/refresh", old.refresh(), 401).want(t, `"session_ended"`)
	}
	a.post(t, "/login", url.Values{"username": {"admin"}, "password": {"Password"}}, 401).want(t, `"login_failed"`)

	log := a.stop(t)
	if b != a {
		log += b.stop(t)
	}
	for _, want := range []string{`event=login reason="" subject=1`, "event=refresh reason=rotated", "event=refresh reason=retried", "event=logout", `msg=refused route="POST /login"`, `msg="shutting down"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	for _, token := range []string{first.AccessToken, first.RefreshToken, second.AccessToken, second.RefreshToken} {
		if signature := token[strings.LastIndex(token, ".")+1:]; strings.Contains(log, signature) {
			t.Errorf("the log holds a token:\n%s", log)
		}
	}
}

// A faulty configuration is an error at the start.
func TestRefusesToStart(t *testing.T) {
	good := config{addr: "127.0.0.1:0", store: "memory"}
	for _, test := range []struct {
		name, secret string
		change       func(*config)
		want         []string
	}{
		{"no secret", "", func(*config) {}, []string{"TOKEN_SECRET"}},
		{"unknown store", secret, func(c *config) { c.store = "etcd:here" }, []string{"-store", `"etcd"`, "sqlite:FILE"}},
		{"no file", secret, func(c *config) { c.store = "sqlite:" }, []string{"sqlite: needs a FILE"}},
		{"bad URL", secret, func(c *config) { c.store = "redis:nowhere" }, []string{"redis"}},
		{"bad URL with a password", secret, func(c *config) { c.store = "redis:redis://user:pa%zzword@127.0.0.1:1/0" }, []string{"-store: the text after redis: is not the URL of a server"}},
		{"no such folder", secret, func(c *config) { c.store = "sqlite:" + filepath.Join(t.TempDir(), "none", "file") }, []string{"sqlstore: migrate"}},
		{"durations", secret, func(c *config) { c.accessTTL, c.reuseWindow = time.Second, time.Hour }, []string{"AccessTTL", "ReuseWindow"}},
		{"address", secret, func(c *config) { c.addr = "127.0.0.1:none" }, []string{"none"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TOKEN_SECRET", test.secret)
			c := good
			test.change(&c)
			err := run(t.Context(), slog.New(slog.DiscardHandler), c)
			if err == nil {
				t.Fatal("run returns no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v; want %q in it", err, want)
				}
			}
		})
	}
}

// A URL is accepted with and without the prefix "redis:".
func TestRedisURL(t *testing.T) {
	for _, name := range []string{"redis:redis://127.0.0.1:1/0", "redis://127.0.0.1:1/0"} {
		s, err := openStore(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.close()
	}
}

type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
}

func (t tokens) refresh() url.Values { return url.Values{"refresh_token": {t.RefreshToken}} }

// instance is one process of the program.
type instance struct {
	url string
	cmd *exec.Cmd
	out *bufio.Scanner
	log strings.Builder // the output so far
}

func start(t *testing.T, program string, flags ...string) *instance {
	t.Helper()
	i := &instance{cmd: exec.CommandContext(t.Context(), program, slices.Concat([]string{"-addr=127.0.0.1:0"}, flags)...)}
	i.cmd.Env = append(os.Environ(), "TOKEN_SECRET="+secret)
	stderr, err := i.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i.out = bufio.NewScanner(stderr); i.out.Scan(); {
		fmt.Fprintln(&i.log, i.out.Text())
		if _, addr, ok := strings.Cut(i.out.Text(), "msg=listening addr="); ok {
			i.url = "http://" + addr
			return i
		}
	}
	t.Fatalf("it does not listen: %v\n%s", i.cmd.Wait(), i.log.String())
	return nil
}

// stop interrupts the process and returns its log.
func (i *instance) stop(t *testing.T) string {
	t.Helper()
	if err := i.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for i.out.Scan() {
		fmt.Fprintln(&i.log, i.out.Text())
	}
	if err := i.cmd.Wait(); err != nil {
		t.Errorf("an interrupt ends the process with %v", err)
	}
	return i.log.String()
}

type body string

func (b body) decode(t *testing.T, dst any) {
	t.Helper()
	if err := json.Unmarshal([]byte(b), dst); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
}

func (b body) want(t *testing.T, part string) {
	t.Helper()
	if !strings.Contains(string(b), part) {
		t.Errorf("the body is %q; want %q in it", string(b), part)
	}
}

func (i *instance) post(t *testing.T, path string, form url.Values, status int) body {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", i.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(t, req, status)
}

func (i *instance) get(t *testing.T, path string, with tokens, status int, part string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", i.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+with.AccessToken)
	do(t, req, status).want(t, part)
}

func do(t *testing.T, req *http.Request, status int) body {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Errorf("%s %s: %d %s; want %d", req.Method, req.URL.Path, resp.StatusCode, text, status)
	}
	return body(text)
}
