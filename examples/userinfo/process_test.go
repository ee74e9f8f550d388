package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain lets a test run main in a second process.
func TestMain(m *testing.M) {
	if os.Getenv("JWTAUTH_EXAMPLE_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestProcess runs main, with its flags, exit status and output.
func TestProcess(t *testing.T) {
	for name, secret := range map[string]string{"no secret": "", "short secret": "hunter2"} {
		t.Run(name, func(t *testing.T) {
			out, err := command(t, secret, "-addr", "none").CombinedOutput() // a bad address, in case it starts
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ends with %v, want exit status 1", err)
			}
			for _, want := range []string{"TOKEN_SECRET", "at least 32", "openssl rand -base64 32"} {
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("does not say %q: %s", want, out)
				}
			}
			if secret != "" && bytes.Contains(out, []byte(secret)) {
				t.Errorf("shows the secret: %s", out)
			}
		})
	}
	t.Run("interrupt", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("Windows has no way to interrupt a process")
		}
		cmd := command(t, testSecret, "-tutorial-codes")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var log []string
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			log = append(log, lines.Text())
			if _, addr, ok := strings.Cut(lines.Text(), "msg=listening addr="); ok {
				s := &testServer{url: "http://" + addr}
				if a := s.userInfo(t, ""); a.status != 404 {
					t.Errorf("with -tutorial-codes a missing token has status %d", a.status)
				}
				if err := cmd.Process.Signal(os.Interrupt); err != nil {
					t.Error(err)
				}
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("an interrupt ends the process with %v", err)
		}
		if len(log) != 3 || !strings.Contains(log[1], `msg=refused route="GET /api/userInfo"`) || !strings.Contains(log[2], `msg="shutting down"`) {
			t.Errorf("it logs %q", log)
		}
	})
}

// TestShutdown stops the server while a handler waits for the rest of a body.
func TestShutdown(t *testing.T) {
	s := start(t, testSecret, false)
	body, rest := io.Pipe()
	underWay := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got100Continue: func() { close(underWay) }, // sent when the handler begins to read
	})
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/api/someAction", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	responded := make(chan string, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			responded <- err.Error()
			return
		}
		resp.Body.Close()
		responded <- resp.Status
	}()
	<-underWay

	s.stop()
	for { // until the port is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-s.done:
		t.Errorf("run returns %v with a request under way", err)
	default:
	}
	_, _ = io.WriteString(rest, `{"my_string":"hello"}`)
	rest.Close()
	if got := <-responded; got != "200 OK" {
		t.Errorf("the request under way has status %s", got)
	}
	if err := <-s.done; err != nil {
		t.Errorf("run returns %v", err)
	}
}

// command returns a command that runs the program.
func command(t *testing.T, secret string, flags ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"-addr", "127.0.0.1:0"}, flags...)...)
	cmd.Env = append(os.Environ(), "JWTAUTH_EXAMPLE_MAIN=1", "TOKEN_SECRET="+secret)
	return cmd
}
