package jwtauth_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// exampleIssuer returns an Issuer as a program builds one at start-up.
func exampleIssuer() *jwtauth.Issuer {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return issuer
}

func exampleToken(issuer *jwtauth.Issuer, claims any) string {
	token, err := issuer.Sign("user-1", claims)
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// hello responds with the subject of the token.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	claims, ok := jwtauth.FromContext(r.Context())
	if !ok {
		fmt.Fprint(w, "Hello stranger")
		return
	}
	fmt.Fprint(w, "Hello ", claims.Subject)
})

// show serves one request and prints the response.
func show(h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

func Example() {
	// At start-up. A real program reads its key with KeyFromEnv.
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: time.Hour})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// A real handler calls CheckPassword first.
		tokens, err := issuer.Login(r.Context(), r.PostFormValue("username"))
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	})
	mux.Handle("GET /dashboard", jwtauth.Verify(issuer)(hello))

	// A client logs in,
	r := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"username": {"ann"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil {
		log.Fatal(err)
	}
	// and brings the token along.
	r = httptest.NewRequest("GET", "/dashboard", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	show(mux, r)
	// Output: 200 Hello ann
}
