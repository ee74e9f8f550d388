// Package withecho protects the routes of an echo server.
package withecho

import (
	"fmt"
	"maps"

	"github.com/labstack/echo/v4"

	"github.com/seed-0a072700/jwtauth"
)

// Verify returns middleware that lets only requests with a good token pass, and
// puts the claims into the context of the request.
func Verify(v jwtauth.TokenVerifier) echo.MiddlewareFunc {
	verify := jwtauth.VerifyRequest(v)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			claims, err := verify(c.Request())
			if err != nil {
				return refusal(c, err, "")
			}
			ctx := jwtauth.NewContext(c.Request().Context(), claims)
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	}
}

// RequireScope belongs behind Verify.
func RequireScope(scope string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			claims, ok := jwtauth.FromContext(c.Request().Context())
			switch {
			case !ok:
				return refusal(c, jwtauth.ErrTokenMissing, "")
			case !claims.HasScope(scope):
				return refusal(c, fmt.Errorf("%w: %s", jwtauth.ErrInsufficientScope, scope), `, scope="`+scope+`"`)
			}
			return next(c)
		}
	}
}

// refusal returns an error for echo's central error handler. The parameters are
// added to the challenge.
func refusal(c echo.Context, err error, parameters string) error {
	p := jwtauth.ProblemOf(err)
	maps.Copy(c.Response().Header(), p.Header)
	if parameters != "" {
		c.Response().Header().Set("WWW-Authenticate", p.Header.Get("WWW-Authenticate")+parameters)
	}
	return echo.NewHTTPError(p.Status, p.Detail).SetInternal(err)
}
