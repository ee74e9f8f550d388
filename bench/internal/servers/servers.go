package servers

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/node"
)

// Names are the servers, those of this program first.
var Names = []string{"none", "ours", "golang-jwt", "examples/login", "fastify", "express"}

// Server is a running server with its clients.
type Server struct {
	process *exec.Cmd
	in      io.Closer
	client  *client
	dir     string // to remove, or ""
}

// Start starts a server and connects its clients, which send a valid token.
func Start(name string) (*Server, error) {
	switch name {
	case "examples/login":
		return startExample()
	case "fastify", "express":
		command, err := node.Command("server.mjs", name)
		if err != nil {
			return nil, err
		}
		return start(command)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(exec.Command(program, Prefix+name))
}

// start starts a server that prints its URL.
func start(command *exec.Cmd) (*Server, error) {
	secret := fixture.KeyOf("HS256").Public.([]byte)
	command.Env = append(os.Environ(), secretVariable+"="+base64.StdEncoding.EncodeToString(secret), "NODE_ENV=production")
	command.Stderr = os.Stderr
	s := &Server{process: command}
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.in = in
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		token := fixture.Mint("HS256", fixture.Small, 0, 1)[0]
		s.client, err = dial(strings.TrimSpace(address), "Bearer "+token)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// startExample builds and starts examples/login, and logs in.
func startExample() (*Server, error) {
	dir, err := os.MkdirTemp("", "jwtauth-bench-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.startExample(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) startExample() error {
	program := filepath.Join(s.dir, "login")
	build := exec.Command("go", "build", "-o", program, "./examples/login")
	build.Dir = filepath.Join(node.Dir(), "..")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building examples/login: %w\n%s", err, out)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := listener.Addr().String() // free a moment later
	_ = listener.Close()
	s.process = exec.Command(program, "-addr", address)
	if err := s.process.Start(); err != nil {
		return err
	}
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"username": {"admin"}, "password": {"password"}}
	for end := time.Now().Add(30 * time.Second); tokens.AccessToken == ""; {
		if response, err := http.PostForm("http://"+address+"/login", form); err == nil {
			err = json.NewDecoder(response.Body).Decode(&tokens)
			_ = response.Body.Close()
			if err != nil {
				return err
			}
		}
		if tokens.AccessToken == "" && time.Now().After(end) {
			return errors.New("examples/login does not log in")
		}
	}
	s.client, err = dial("http://"+address+"/dashboard", "Bearer "+tokens.AccessToken)
	return err
}

// Run drives the server for the time d. It returns how many requests it served
// in which time, and the CPU time that it used meanwhile.
func (s *Server) Run(d time.Duration) (served int64, elapsed, cpu time.Duration, err error) {
	before, err := cpuTime(s.process.Process.Pid)
	if err != nil {
		return 0, 0, 0, err
	}
	start := time.Now()
	if served, err = s.client.load(d); err != nil {
		return 0, 0, 0, err
	}
	elapsed = time.Since(start)
	after, err := cpuTime(s.process.Process.Pid)
	return served, elapsed, after - before, err
}

// cpuTime returns the CPU time of all threads of a process. The unit of
// schedstat is a nanosecond; that of /proc/PID/stat, which times use, is a
// hundredth of a second.
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		first, _, _ := bytes.Cut(text, []byte(" "))
		ns, err := strconv.ParseInt(string(first), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	if sum == 0 {
		return 0, errors.New("the CPU time of the server is not known (/proc/PID/task/*/schedstat)")
	}
	return sum, nil
}

// Close ends the clients and the server.
func (s *Server) Close() {
	if s.client != nil {
		s.client.close()
	}
	if s.in != nil {
		_ = s.in.Close() // ends the server
	} else if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Kill()
	}
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Wait()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
