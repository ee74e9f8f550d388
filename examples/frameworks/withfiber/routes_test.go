package withfiber

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

func start(t testing.TB, v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app := Routes(v, greet)
	served := make(chan error, 1)
	go func() { served <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return l.Addr().String()
}

func TestRoutes(t *testing.T) {
	routetest.Run(t, routetest.App{Start: start, CheckRefusal: func(r routetest.Response, p jwtauth.Problem) error {
		if r.Body != p.Detail {
			return fmt.Errorf("want %q", p.Detail)
		}
		return nil
	}})
}

// The response of the server to a header that it cannot parse keeps its status
// and does not contain the header.
func TestHideHeaders(t *testing.T) {
	addr := start(t, jwtauthtest.Verifier(t), func(*jwtauth.Claims) string { return "" })
	for _, test := range []struct {
		name, value string
		status      int
	}{
		{"NUL", "secret\x00", http.StatusBadRequest},
		{"too long", strings.Repeat("secret", 10_000), http.StatusRequestHeaderFieldsTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go fmt.Fprintf(conn, "GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", test.value) // may fail: the server closes early
			r, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != test.status || len(body) == 0 || strings.Contains(string(body), "secret") {
				t.Errorf("%d %q, %v, want %d", r.StatusCode, body, err, test.status)
			}
		})
	}
}
