package impl

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var chi = Impl{
	Name:   "chi-jwtauth",
	Module: "github.com/go-chi/jwtauth/v5",
	About:  "`Verifier` and `Authenticator`, validating issuer, audience and exp",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		auth := jwtauth.New(alg, nil, key.Public,
			jwt.WithIssuer(fixture.Issuer), jwt.WithAudience(fixture.Audience), jwt.WithRequiredClaim("exp"))
		behind := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// jwtauth.FromContext would be slower: it copies all claims.
			if token, ok := r.Context().Value(jwtauth.TokenCtxKey).(jwt.Token); ok {
				found(w, token.Subject())
			}
		})
		return jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(behind)), nil
	},
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		auth := jwtauth.New(alg, key.Private, key.Public)
		return func(subject string) (string, error) {
			now := time.Now()
			_, token, err := auth.Encode(map[string]any{
				"iss": fixture.Issuer, "sub": subject, "aud": fixture.Audience,
				"iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(), "jti": rand.Text(),
				"role": fixture.ThePrivate.Role, "org": fixture.ThePrivate.Org, "plan": fixture.ThePrivate.Plan,
			})
			return token, err
		}, nil
	},
}
