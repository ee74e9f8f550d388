package withfiber

import (
	"github.com/gofiber/fiber/v3"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public route, a route that needs a token, and one that needs
// a token with a scope.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) *fiber.App {
	// A token may have 16 KiB. By default, fiber reads a header of 4 KiB.
	app := fiber.New(fiber.Config{ReadBufferSize: 32 << 10})
	HideHeaders(app)
	app.Get("/hello", func(c fiber.Ctx) error { return c.SendString("hello") })
	me := func(c fiber.Ctx) error {
		claims, _ := jwtauth.FromContext(c.Context()) // always set behind Verify
		return c.SendString(greet(claims))
	}
	verify := Verify(v)
	app.All("/me", verify, me)
	app.All("/reports", verify, RequireScope("reports"), me)
	return app
}
