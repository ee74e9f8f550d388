package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// With Live a logout takes effect at once. At an instance that did not receive
// it, it takes effect within 5 seconds here.
func ExampleLive() {
	ctx := context.Background()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		log.Fatal(err)
	}
	live := jwtauth.Live(issuer, store, 5*time.Second)
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux := http.NewServeMux()
	mux.Handle("GET /news", jwtauth.Verify(issuer)(hello))
	mux.Handle("GET /account", jwtauth.Verify(live)(hello))

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
