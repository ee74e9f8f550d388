package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// A service for browsers: the tokens are in cookies that no script reads.
func ExampleNewCookies() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		log.Fatal(err)
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		log.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			return "user-1", nil, nil // here: CheckPassword
		},
		Cookies: cookies,
	})
	if err != nil {
		log.Fatal(err)
	}
	protected := jwtauth.Verify(jwtauth.Live(issuer, store, 0), jwtauth.From(cookies.Access(), jwtauth.Bearer()))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)
	mux.Handle("GET /dashboard", protected(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprintf(w, "Hello %s", claims.Subject)
	})))

	// A browser does the following:
	r := httptest.NewRequest("POST", "/login", strings.NewReader("username=ann&password=secret"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)

	r = httptest.NewRequest("GET", "/dashboard", nil)
	for _, cookie := range w.Result().Cookies() {
		fmt.Println(cookie.Name, cookie.Secure, cookie.HttpOnly)
		r.AddCookie(cookie)
	}
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 {"expires_in":900}
	// __Host-jwtauth-access true true
	// __Host-jwtauth-refresh true true
	// 200 Hello user-1
}

// A login in this browser is of use to no other site.
func ExampleCookies_Access() {
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{TrustedOrigins: []string{"https://app.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	source := cookies.Access()
	for _, origin := range []string{"https://app.example.com", "https://evil.example"} {
		r := httptest.NewRequest("POST", "https://api.example.com/orders", nil)
		r.Header.Set("Cookie", "__Host-jwtauth-access=TOKEN")
		r.Header.Set("Origin", origin)
		token, err := source(r)
		fmt.Printf("%q %v\n", token, err)
	}
	// Output:
	// "TOKEN" <nil>
	// "" jwtauth: cross-site request: sent by a page of another origin: the Origin "https://evil.example" does not match the Host "api.example.com", and CookieOptions.TrustedOrigins does not list it; a proxy must not change the Host header
}

// Pages that work without script stay logged in all the same.
func ExampleHandlers_Renew() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		log.Fatal(err)
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		log.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
			return "user-1", nil, nil
		},
		Cookies:     cookies,
		AfterLogin:  "/dashboard", // for the form
		AfterLogout: "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	dashboard := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the dashboard") })
	page := handlers.Renew(jwtauth.Verify(jwtauth.Live(issuer, store, 0), jwtauth.From(cookies.Access()))(dashboard))

	// A browser whose access cookie has expired still has the other one.
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/dashboard", nil)
	r.Header.Set("Cookie", "__Host-jwtauth-refresh="+tokens.RefreshToken)
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	for _, cookie := range w.Result().Cookies() {
		fmt.Println(cookie.Name)
	}
	// Output:
	// 200 the dashboard
	// __Host-jwtauth-access
	// __Host-jwtauth-refresh
}
