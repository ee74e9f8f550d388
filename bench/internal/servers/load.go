package servers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Connections is the number of connections to a server. Each sends its next
// request after the response to the last one.
const Connections = 32

// client is a set of connections to one server. It writes the same bytes for
// every request and reads no more of a response than it must, so that the
// server gets most of the CPU.
type client struct {
	conns   []net.Conn
	request []byte
}

func dial(address, authorization string) (*client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c := &client{request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n", u.Path, u.Host, authorization)}
	for range Connections {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			c.close()
			return nil, err
		}
		c.conns = append(c.conns, conn)
	}
	return c, nil
}

// load sends requests for the time d, and returns how many were served.
func (c *client) load(d time.Duration) (served int64, err error) {
	end := time.Now().Add(d)
	var count atomic.Int64
	errs := make([]error, len(c.conns))
	var wg sync.WaitGroup
	for i, conn := range c.conns {
		wg.Go(func() {
			r := bufio.NewReader(conn)
			for time.Now().Before(end) && errs[i] == nil {
				if errs[i] = c.exchange(conn, r); errs[i] == nil {
					count.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return count.Load(), errors.Join(errs...)
}

var contentLength = []byte("content-length:")

// exchange sends one request and reads the response, which must have a length.
func (c *client) exchange(conn net.Conn, r *bufio.Reader) error {
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(c.request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("%s", line)
		}
		if len(line) == 0 {
			break
		}
		if n := len(contentLength); len(line) > n && bytes.EqualFold(line[:n], contentLength) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[n:]))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("a response has no Content-Length")
	}
	_, err := io.CopyN(io.Discard, r, int64(length))
	return err
}

func (c *client) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}
