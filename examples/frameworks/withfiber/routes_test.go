package withfiber

import (
	"fmt"
	"net"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
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
