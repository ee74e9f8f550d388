package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

// With Live a logout takes effect at once.
func ExampleIssuer_Live() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux := http.NewServeMux()
	mux.Handle("GET /news", jwtauth.Verify(issuer)(hello))
	mux.Handle("GET /account", jwtauth.Verify(issuer.Live())(hello))

	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	if err := issuer.Logout(ctx, tokens.RefreshToken); err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/news", "/account"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /news 200
	// /account 401
}
