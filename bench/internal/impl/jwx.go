package impl

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var jwx = Impl{
	Name:   "jwx",
	Module: "github.com/lestrrat-go/jwx/v3",
	About:  "by hand: `jwt.ParseRequest` with the key, issuer, audience and exp",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		algorithm, ok := jwa.LookupSignatureAlgorithm(alg)
		if !ok {
			return nil, fmt.Errorf("jwx: no %s", alg)
		}
		return jwxVerify(algorithm, key.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token, ok := r.Context().Value(jwxKey{}).(jwt.Token); ok {
				subject, _ := token.Subject()
				found(w, subject)
			}
		})), nil
	},
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		algorithm, ok := jwa.LookupSignatureAlgorithm(alg)
		if !ok {
			return nil, fmt.Errorf("jwx: no %s", alg)
		}
		return func(subject string) (string, error) {
			now := time.Now()
			token, err := jwt.NewBuilder().
				Issuer(fixture.Issuer).Subject(subject).Audience([]string{fixture.Audience}).
				IssuedAt(now).Expiration(now.Add(15*time.Minute)).JwtID(rand.Text()).
				Claim("role", fixture.ThePrivate.Role).Claim("org", fixture.ThePrivate.Org).Claim("plan", fixture.ThePrivate.Plan).
				Build()
			if err != nil {
				return "", err
			}
			text, err := jwt.Sign(token, jwt.WithKey(algorithm, key.Private))
			return string(text), err
		}, nil
	},
}

type jwxKey struct{}

func jwxVerify(alg jwa.SignatureAlgorithm, key any, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.ParseRequest(r, jwt.WithKey(alg, key),
			jwt.WithIssuer(fixture.Issuer), jwt.WithAudience(fixture.Audience), jwt.WithRequiredClaim("exp"))
		if err != nil {
			http.Error(w, "invalid token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), jwxKey{}, token)))
	})
}
