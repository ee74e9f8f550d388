package redisstore_test

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth/redisstore"
)

// losing is a server that executes scripts and closes the connection instead of
// responding.
type losing struct{ scripts atomic.Int32 }

func (l *losing) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		response := "+OK\r\n"
		switch strings.ToUpper(command) {
		case "EVALSHA", "EVAL":
			l.scripts.Add(1)
			return
		case "HELLO": // the client then uses an older version of the protocol
			response = "-ERR unknown command\r\n"
		}
		if _, err := io.WriteString(conn, response); err != nil {
			return
		}
	}
}

// readCommand reads a command and returns its name.
func readCommand(in *bufio.Reader) (name string, err error) {
	line := func() string {
		var text string
		if err == nil {
			text, err = in.ReadString('\n')
		}
		return strings.TrimSpace(text)
	}
	words, _ := strconv.Atoi(strings.TrimPrefix(line(), "*"))
	for i := range words {
		length, _ := strconv.Atoi(strings.TrimPrefix(line(), "$"))
		word := make([]byte, length+2)
		if err == nil {
			_, err = io.ReadFull(in, word)
		}
		if i == 0 {
			name = strings.TrimSpace(string(word))
		}
	}
	return name, err
}

// A refund whose response was lost is not repeated: the server may have
// executed it, and a second one would take back the attempt of someone else.
func TestRefundIsNotRepeated(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var server losing
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go server.serve(conn)
		}
	}()
	client := redis.NewClient(&redis.Options{Addr: listener.Addr().String(), ContextTimeoutEnabled: true})
	defer func() { _ = client.Close() }()
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Attempts().Refund(t.Context(), "account", "", 1, 3, time.Hour); err == nil {
		t.Error("no error")
	}
	if n := server.scripts.Load(); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
}
