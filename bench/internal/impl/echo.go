package impl

import (
	"errors"
	"net/http"
	"slices"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var echoJWT = Impl{
	Name:   "echo-jwt",
	Module: "github.com/labstack/echo-jwt/v4",
	About:  "in an Echo with one route; it has no settings for issuer and audience, so the claims type checks them",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		e := echo.New()
		e.Use(echojwt.WithConfig(echojwt.Config{
			SigningKey:    key.Public,
			SigningMethod: alg,
			NewClaimsFunc: func(echo.Context) jwt.Claims { return new(echoClaims) },
		}))
		e.GET("/", func(c echo.Context) error {
			token, ok := c.Get("user").(*jwt.Token)
			if !ok {
				return errors.New("no token")
			}
			found(c.Response(), token.Claims.(*echoClaims).Subject)
			return nil
		})
		return e, nil
	},
}

type echoClaims struct{ golangJWTClaims }

// Validate is called by golang-jwt.
func (c *echoClaims) Validate() error {
	if c.Issuer != fixture.Issuer || !slices.Contains(c.Audience, fixture.Audience) || c.ExpiresAt == nil {
		return jwt.ErrTokenInvalidClaims
	}
	return nil
}
