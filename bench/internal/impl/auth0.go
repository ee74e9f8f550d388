package impl

import (
	"context"
	"net/http"

	middleware2 "github.com/auth0/go-jwt-middleware/v2"
	validator2 "github.com/auth0/go-jwt-middleware/v2/validator"
	middleware3 "github.com/auth0/go-jwt-middleware/v3"
	validator3 "github.com/auth0/go-jwt-middleware/v3/validator"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var auth0v2 = Impl{
	Name:   "go-jwt-middleware-v2",
	Module: "github.com/auth0/go-jwt-middleware/v2",
	About:  "its validator, with custom claims for the private ones",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		v, err := validator2.New(
			func(context.Context) (any, error) { return key.Public, nil },
			validator2.SignatureAlgorithm(alg), fixture.Issuer, []string{fixture.Audience},
			validator2.WithCustomClaims(func() validator2.CustomClaims { return new(auth0Claims) }))
		if err != nil {
			return nil, err
		}
		return middleware2.New(v.ValidateToken).CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if claims, ok := r.Context().Value(middleware2.ContextKey{}).(*validator2.ValidatedClaims); ok {
				found(w, claims.RegisteredClaims.Subject)
			}
		})), nil
	},
}

var auth0v3 = Impl{
	Name:   "go-jwt-middleware-v3",
	Module: "github.com/auth0/go-jwt-middleware/v3",
	About:  "its validator, with custom claims for the private ones",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		v, err := validator3.New(
			validator3.WithKeyFunc(func(context.Context) (any, error) { return key.Public, nil }),
			validator3.WithAlgorithm(validator3.SignatureAlgorithm(alg)),
			validator3.WithIssuer(fixture.Issuer), validator3.WithAudience(fixture.Audience),
			validator3.WithCustomClaims(func() *auth0Claims { return new(auth0Claims) }))
		if err != nil {
			return nil, err
		}
		m, err := middleware3.New(middleware3.WithValidator(v))
		if err != nil {
			return nil, err
		}
		return m.CheckJWT(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if claims, err := middleware3.GetClaims[*validator3.ValidatedClaims](r.Context()); err == nil {
				found(w, claims.RegisteredClaims.Subject)
			}
		})), nil
	},
}

type auth0Claims struct{ fixture.Private }

func (*auth0Claims) Validate(context.Context) error { return nil }
