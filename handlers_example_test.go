package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleNewHandlers() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	hashes := map[string]string{
		"ada": "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe",
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			return "user:" + username, nil, jwtauth.CheckPassword(ctx, hashes[username], password)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)

	post := func(path string, body url.Values) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	post("/login", url.Values{"username": {"ada"}, "password": {"password"}})
	post("/refresh", url.Values{"refresh_token": {"not one"}})
	post("/logout", url.Values{})
	// Output:
	// /login 200
	// /refresh 401
	// /logout 400
}

func ExampleHandlers_Login() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			return "", nil, jwtauth.ErrWrongPassword // no user may log in
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"username":"ada","password":"guess"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handlers.Login(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 401 {"title":"Unauthorized","status":401,"detail":"Wrong username or password.","code":"login_failed"}
}

// exampleHandlers returns endpoints, and the tokens of a login.
func exampleHandlers() (*jwtauth.Handlers, jwtauth.Tokens) {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) { return "user-1", nil, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	return handlers, tokens
}

func ExampleHandlers_Refresh() {
	handlers, tokens := exampleHandlers()
	r := httptest.NewRequest("POST", "/refresh", strings.NewReader("refresh_token="+tokens.RefreshToken))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handlers.Refresh(w, r)
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	// Output: 200 application/json no-store
}

func ExampleHandlers_Logout() {
	handlers, tokens := exampleHandlers()
	for range 2 { // ending a session twice is no error
		r := httptest.NewRequest("POST", "/logout", strings.NewReader("refresh_token="+tokens.RefreshToken))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handlers.Logout(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 204
}

func ExamplePeerAddress() {
	for _, remote := range []string{"192.0.2.7:50000", "[2001:db8:1:2:3:4:5:6]:50000"} {
		fmt.Println(jwtauth.PeerAddress(&http.Request{RemoteAddr: remote}))
	}
	// Output:
	// 192.0.2.7
	// 2001:db8:1:2::/64
}
