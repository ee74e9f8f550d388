package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// oldTokens accepts the tokens of an Issuer and, until a deadline, the access
// tokens of the code that it replaces.
type oldTokens struct {
	issuer *jwtauth.Issuer
	until  time.Time // the expiry of the last old token

	// old is the old code with the old secret. It must require exp and refuse
	// the other tokens that the secret signed, such as those in reset e-mails.
	old func(token string) (userID string, err error)
}

func (v oldTokens) VerifyToken(ctx context.Context, token string) (*jwtauth.Claims, error) {
	claims, err := v.issuer.VerifyToken(ctx, token)
	if !errors.Is(err, jwtauth.ErrTokenInvalid) || time.Now().After(v.until) {
		return claims, err
	}
	userID, oldErr := v.old(token)
	if oldErr != nil || userID == "" {
		return nil, err
	}
	// Handlers that call ClaimsAs need all claims of the old token: store its
	// payload with Claims.UnmarshalJSON. A literal has no private claims.
	return &jwtauth.Claims{Subject: userID}, nil
}

// A service that replaces its own token code accepts the old tokens until they
// have expired, so that its users stay logged in. The Issuer has a new secret,
// because the old one may have signed other kinds of tokens as well.
func Example_oldTokens() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256) // KeyFromEnv in a real service
	if err != nil {
		panic(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:   "https://app.example.com",
		Audience: []string{"https://app.example.com"},
	})
	if err != nil {
		panic(err)
	}
	verifier := oldTokens{
		issuer: issuer,
		until:  time.Now().Add(24 * time.Hour), // a fixed date in a real service
		old: func(token string) (string, error) {
			if token == "old-token" {
				return "u-1", nil
			}
			return "", errors.New("invalid token")
		},
	}
	handler := jwtauth.Verify(verifier)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Println("Hello", claims.Subject)
	}))

	newToken, err := issuer.Sign("u-2", nil)
	if err != nil {
		panic(err)
	}
	for _, token := range []string{"old-token", newToken, "forged-token"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}

	// Output:
	// Hello u-1
	// 200
	// Hello u-2
	// 200
	// 401
}
