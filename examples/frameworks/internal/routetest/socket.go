package routetest

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Response is the response to a request.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// request returns a request of the app. An empty authorization is omitted.
func (app *App) request(t testing.TB, path, authorization string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(app.Method, path, strings.NewReader(app.Body))
	if app.Type != "" {
		r.Header.Set("Content-Type", app.Type)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

// forward sends a request to addr and copies the response to w.
func forward(t testing.TB, addr string, w http.ResponseWriter, r *http.Request) {
	resp, err := exchange(addr, r)
	if err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.Status)
	io.WriteString(w, resp.Body)
}

func send(t testing.TB, addr string, r *http.Request) Response {
	t.Helper()
	resp, err := exchange(addr, r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// exchange writes the request as it is, because http.Client refuses to send
// some of the malformed ones.
func exchange(addr string, r *http.Request) (Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return Response{}, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n", r.Method, r.URL.RequestURI(), addr, len(body))
	for name, values := range r.Header {
		for _, value := range values {
			fmt.Fprintf(&text, "%s: %s\r\n", name, value)
		}
	}
	text.WriteString("\r\n")
	text.Write(body)

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return Response{}, err
	}
	defer conn.Close()
	// A server may respond to a huge header and close the connection before it
	// has read everything, so an error here is decided by the response.
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, text.String())
		written <- err
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		conn.Close()
		return Response{}, fmt.Errorf("%w (write: %v)", err, <-written)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return Response{}, err
	}
	return Response{resp.StatusCode, resp.Header, string(content)}, nil
}
