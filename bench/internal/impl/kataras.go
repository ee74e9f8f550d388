package impl

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/kataras/jwt"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

var kataras = Impl{
	Name:   "kataras-jwt",
	Module: "github.com/kataras/jwt",
	About:  "by hand: `jwt.Verify` with `jwt.Expected`; the private claims stay undecoded",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		return katarasVerify(katarasAlgorithms[alg], key.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token, ok := r.Context().Value(katarasKey{}).(*jwt.VerifiedToken); ok {
				found(w, token.StandardClaims.Subject)
			}
		})), nil
	},
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		return func(subject string) (string, error) {
			now := time.Now()
			token, err := jwt.Sign(katarasAlgorithms[alg], key.Private, fixture.ThePrivate, jwt.Claims{
				Issuer:   fixture.Issuer,
				Subject:  subject,
				Audience: jwt.Audience{fixture.Audience},
				IssuedAt: now.Unix(),
				Expiry:   now.Add(15 * time.Minute).Unix(),
				ID:       rand.Text(),
			})
			return string(token), err
		}, nil
	},
}

var katarasAlgorithms = map[string]jwt.Alg{"HS256": jwt.HS256, "RS256": jwt.RS256, "ES256": jwt.ES256, "EdDSA": jwt.EdDSA}

type katarasKey struct{}

func katarasVerify(alg jwt.Alg, key any, next http.Handler) http.Handler {
	expected := jwt.Expected{Issuer: fixture.Issuer, Audience: jwt.Audience{fixture.Audience}}
	required := jwt.TokenValidatorFunc(func(_ []byte, c jwt.Claims, err error) error {
		if err == nil && c.Expiry == 0 {
			return jwt.ErrMissingKey
		}
		return err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "missing token", http.StatusUnauthorized)
			return
		}
		token, err := jwt.Verify(alg, key, []byte(text), expected, required)
		if err != nil {
			http.Error(w, "invalid token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), katarasKey{}, token)))
	})
}
