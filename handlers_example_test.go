package jwtauth_test

import (
	"context"
	"errors"
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
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
			return "user-1", nil, nil
		},
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

// oneGuess is a LoginGuard that refuses a name after a wrong password. A real
// one forgets, and recognizes the owner's devices.
type oneGuess map[string]bool

func (g oneGuess) Allow(r *http.Request, username string) (context.Context, error) {
	if g[username] {
		return nil, jwtauth.ErrBusy
	}
	return r.Context(), nil
}

func (g oneGuess) Report(_ http.ResponseWriter, _ *http.Request, username string, err error) {
	g[username] = errors.Is(err, jwtauth.ErrWrongPassword)
}

// A guard decides which logins may have their password checked.
func ExampleLoginGuard() {
	var guard jwtauth.LoginGuard = oneGuess{} // a real one is safe for concurrent use
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			return "", nil, jwtauth.ErrWrongPassword
		},
		Guard: guard,
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"username":"ada","password":"guess"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handlers.Login(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 401
	// 503
}

func ExamplePeerAddress() {
	for _, remote := range []string{"192.0.2.7:50000", "[2001:db8:1:2:3:4:5:6]:50000"} {
		fmt.Println(jwtauth.PeerAddress(&http.Request{RemoteAddr: remote}))
	}
	// Output:
	// 192.0.2.7
	// 2001:db8:1:2::/64
}

// exampleCookieHandlers returns endpoints in cookie mode.
func exampleCookieHandlers() (*jwtauth.Issuer, *jwtauth.Cookies, *jwtauth.Handlers) {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		log.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Cookies: cookies})
	if err != nil {
		log.Fatal(err)
	}
	return issuer, cookies, handlers
}

// The callback of an OpenID provider ends with BeginSession and a redirect.
func ExampleHandlers_BeginSession() {
	_, _, handlers := exampleCookieHandlers()
	callback := func(w http.ResponseWriter, r *http.Request) {
		// Here: check "state" and "nonce", and exchange the code for an ID token.
		if err := handlers.BeginSession(w, r, "user-1", jwtauth.AuthenticatedBy("", "mfa")); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
	w := httptest.NewRecorder()
	callback(w, httptest.NewRequest("GET", "https://app.example.com/callback?code=x", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	for _, c := range w.Result().Cookies() {
		fmt.Println(c.Name)
	}
	// Output:
	// 303 /
	// __Host-jwtauth-access
	// __Host-jwtauth-refresh
}

func ExampleHandlers_EndSession() {
	_, _, handlers := exampleCookieHandlers()
	deleteAccount := func(w http.ResponseWriter, r *http.Request) {
		// Here: delete the account.
		if err := handlers.EndSession(w, r); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		http.Redirect(w, r, "/goodbye", http.StatusSeeOther)
	}
	r := httptest.NewRequest("POST", "https://app.example.com/account/delete", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	deleteAccount(w, r)
	fmt.Println(w.Code, len(w.Result().Cookies()), "cookies deleted")
	// Output: 303 2 cookies deleted
}

func ExampleHandlers_UpdateSession() {
	issuer, cookies, handlers := exampleCookieHandlers()
	choose := func(w http.ResponseWriter, r *http.Request) {
		// Here: check that the user belongs to the organization.
		if err := handlers.UpdateSession(w, r, jwtauth.SetSessionData("acme")); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	protect := jwtauth.Verify(issuer, jwtauth.From(cookies.Access()))

	login := httptest.NewRecorder()
	if err := handlers.BeginSession(login, httptest.NewRequest("GET", "/", nil), "user-1"); err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "https://app.example.com/organization", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range login.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	protect(http.HandlerFunc(choose)).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Result().Cookies()[0].Name)
	// Output: 204 __Host-jwtauth-access
}
