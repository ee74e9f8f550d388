// Package withgin protects the routes of a gin engine.
package withgin

import (
	"fmt"
	"maps"

	"github.com/gin-gonic/gin"

	"github.com/seed-0a072700/jwtauth"
)

// Verify returns a handler that lets only requests with a good token pass, and
// puts the claims into the context of the request.
func Verify(v jwtauth.TokenVerifier) gin.HandlerFunc {
	verify := jwtauth.VerifyRequest(v)
	return func(c *gin.Context) {
		claims, err := verify(c.Request)
		if err != nil {
			refuse(c, err, "")
			return
		}
		c.Request = c.Request.WithContext(jwtauth.NewContext(c.Request.Context(), claims))
	}
}

// RequireScope belongs behind Verify.
func RequireScope(scope string) gin.HandlerFunc {
	return func(c *gin.Context) {
		claims, ok := jwtauth.FromContext(c.Request.Context())
		switch {
		case !ok:
			refuse(c, jwtauth.ErrTokenMissing, "")
		case !claims.HasScope(scope):
			refuse(c, fmt.Errorf("%w: %s", jwtauth.ErrInsufficientScope, scope), `, scope="`+scope+`"`)
		}
	}
}

// refuse responds with gin's JSON, and stops the chain. The parameters are
// added to the challenge.
func refuse(c *gin.Context, err error, parameters string) {
	p := jwtauth.ProblemOf(err)
	maps.Copy(c.Writer.Header(), p.Header)
	if parameters != "" {
		c.Header("WWW-Authenticate", p.Header.Get("WWW-Authenticate")+parameters)
	}
	_ = c.Error(err) // for the log; it returns its argument
	c.AbortWithStatusJSON(p.Status, gin.H{"error": p.Detail, "code": p.Code})
}
