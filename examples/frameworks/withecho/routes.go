package withecho

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public route, a route that needs a token, and one that needs
// a token with a scope.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) http.Handler {
	e := echo.New()
	e.GET("/hello", func(c echo.Context) error { return c.String(http.StatusOK, "hello") })
	me := func(c echo.Context) error {
		claims, _ := jwtauth.FromContext(c.Request().Context()) // always set behind Verify
		return c.String(http.StatusOK, greet(claims))
	}
	verify := Verify(v)
	e.Any("/me", me, verify)
	e.Any("/reports", me, verify, RequireScope("reports"))
	return e
}
