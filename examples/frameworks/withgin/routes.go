package withgin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public route, a route that needs a token, and one that needs
// a token with a scope.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) http.Handler {
	r := gin.New()
	r.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	me := func(c *gin.Context) {
		claims, _ := jwtauth.FromContext(c.Request.Context()) // always set behind Verify
		c.String(http.StatusOK, greet(claims))
	}
	protected := r.Group("/", Verify(v))
	protected.Any("/me", me)
	protected.Any("/reports", RequireScope("reports"), me)
	return r
}
