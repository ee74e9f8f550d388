package impl

import (
	"crypto/rand"
	"net/http"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v4"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var ginJWT = Impl{
	Name:   "gin-jwt",
	Module: "github.com/appleboy/gin-jwt/v2",
	About:  "in a gin.Engine with one route, its Authorizator checks issuer and audience (a single one); without key files it signs HS256 alone",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		auth, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
			KeyFunc:      func(*jwt.Token) (any, error) { return key.Public, nil },
			ParseOptions: []jwt.ParserOption{jwt.WithValidMethods([]string{alg})},
			Authorizator: func(_ any, c *gin.Context) bool {
				claims := ginjwt.ExtractClaims(c)
				return claims["iss"] == fixture.Issuer && claims["aud"] == fixture.Audience
			},
		})
		if err != nil {
			return nil, err
		}
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		engine.Use(auth.MiddlewareFunc())
		engine.GET("/", func(c *gin.Context) {
			subject, _ := ginjwt.ExtractClaims(c)["sub"].(string)
			found(c.Writer, subject)
		})
		return engine, nil
	},
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		secret, ok := key.Private.([]byte)
		if !ok {
			return nil, nil
		}
		auth, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
			SigningAlgorithm: alg,
			Key:              secret,
			PayloadFunc: func(data any) ginjwt.MapClaims {
				return ginjwt.MapClaims{
					"iss": fixture.Issuer, "sub": data, "aud": fixture.Audience, "jti": rand.Text(),
					"role": fixture.ThePrivate.Role, "org": fixture.ThePrivate.Org, "plan": fixture.ThePrivate.Plan,
				}
			},
		})
		if err != nil {
			return nil, err
		}
		return func(subject string) (string, error) {
			token, _, err := auth.TokenGenerator(subject)
			return token, err
		}, nil
	},
}
