// Package withfiber protects the routes of a fiber app.
package withfiber

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/seed-0a072700/jwtauth"
)

// Verify returns a handler that lets only requests with a good token pass, and
// puts the claims into the context.
func Verify(v jwtauth.TokenVerifier) fiber.Handler {
	verify := jwtauth.VerifyRequest(v)
	return func(c fiber.Ctx) error {
		r := &http.Request{Header: http.Header{}}
		for _, value := range c.Request().Header.PeekAll("Authorization") {
			r.Header.Add("Authorization", string(value)) // a copy: fiber reuses the memory
		}
		claims, err := verify(r.WithContext(c.Context()))
		if err != nil {
			return refusal(c, err, "")
		}
		c.SetContext(jwtauth.NewContext(c.Context(), claims))
		return c.Next()
	}
}

// RequireScope belongs behind Verify. Without it, every request is refused.
func RequireScope(scope string) fiber.Handler {
	return func(c fiber.Ctx) error {
		if claims, ok := jwtauth.FromContext(c.Context()); ok && claims.HasScope(scope) {
			return c.Next()
		}
		return refusal(c, jwtauth.ErrInsufficientScope, `, scope="`+scope+`"`)
	}
}

// refusal returns an error for the ErrorHandler of the app. The parameters are
// added to the challenge.
func refusal(c fiber.Ctx, err error, parameters string) error {
	p := jwtauth.ProblemOf(err)
	for name, values := range p.Header {
		c.Set(name, strings.Join(values, ", "))
	}
	if parameters != "" {
		c.Set("WWW-Authenticate", p.Header.Get("WWW-Authenticate")+parameters)
	}
	return fiber.NewError(p.Status, p.Detail)
}

// HideHeaders changes the response to a request with a malformed header.
// Without this, the response quotes the header.
func HideHeaders(app *fiber.App) {
	respond := app.Server().ErrorHandler
	app.Server().ErrorHandler = func(c *fasthttp.RequestCtx, err error) { respond(c, malformed{err}) }
}

// malformed is an error of fasthttp without its text.
type malformed struct{ error }

func (malformed) Error() string   { return "malformed request" }
func (m malformed) Unwrap() error { return m.error }
