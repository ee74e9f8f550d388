package impl

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// golangJWT is the usual thirty lines over golang-jwt.
var golangJWT = Impl{
	Name:   "golang-jwt",
	Module: "github.com/golang-jwt/jwt/v5",
	About:  "thirty lines by hand: `jwt.ParseWithClaims` with a claims struct and the parser options for method, issuer, audience and exp, which are built at each request; a `jwt.NewParser` kept for all would save some 7 %",
	Handler: func(alg string, key fixture.Key) (http.Handler, error) {
		return golangJWTVerify(alg, key.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if claims, ok := r.Context().Value(golangJWTKey{}).(*golangJWTClaims); ok {
				found(w, claims.Subject)
			}
		})), nil
	},
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		method := jwt.GetSigningMethod(alg)
		return func(subject string) (string, error) {
			now := time.Now()
			return jwt.NewWithClaims(method, golangJWTClaims{
				RegisteredClaims: jwt.RegisteredClaims{
					Issuer:    fixture.Issuer,
					Subject:   subject,
					Audience:  jwt.ClaimStrings{fixture.Audience},
					IssuedAt:  jwt.NewNumericDate(now),
					ExpiresAt: jwt.NewNumericDate(now.Add(15 * time.Minute)),
					ID:        rand.Text(),
				},
				Private: fixture.ThePrivate,
			}).SignedString(key.Private)
		}, nil
	},
}

type golangJWTClaims struct {
	jwt.RegisteredClaims
	fixture.Private
}

type golangJWTKey struct{}

// GolangJWT returns the middleware over golang-jwt in front of next.
func GolangJWT(alg string, key any, next http.Handler) http.Handler {
	return golangJWTVerify(alg, key, next)
}

// GolangJWTClaims returns the subject and the private claims of a request
// behind [GolangJWT].
func GolangJWTClaims(r *http.Request) (subject string, private fixture.Private) {
	claims, ok := r.Context().Value(golangJWTKey{}).(*golangJWTClaims)
	if !ok {
		return "", fixture.Private{}
	}
	return claims.Subject, claims.Private
}

func golangJWTVerify(alg string, key any, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "missing token", http.StatusUnauthorized)
			return
		}
		claims := new(golangJWTClaims)
		token, err := jwt.ParseWithClaims(text, claims,
			func(*jwt.Token) (any, error) { return key, nil },
			jwt.WithValidMethods([]string{alg}),
			jwt.WithIssuer(fixture.Issuer),
			jwt.WithAudience(fixture.Audience),
			jwt.WithExpirationRequired())
		if err != nil || !token.Valid {
			http.Error(w, "invalid token", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), golangJWTKey{}, claims)))
	})
}
