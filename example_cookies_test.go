package jwtauth_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// newBrowserService returns a service that keeps the tokens in cookies.
func newBrowserService(authenticate func(context.Context, string, string) (string, []jwtauth.LoginOption, error)) (http.Handler, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		return nil, err
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		return nil, err
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: authenticate,
		Cookies:      cookies,
	})
	if err != nil {
		return nil, err
	}
	// Programs send their token in the Authorization header instead.
	protect := jwtauth.Verify(jwtauth.Live(issuer, store, 0), jwtauth.From(cookies.Access(), jwtauth.Bearer()))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprint(w, r.Method, " by ", claims.Subject)
	})
	// Renew refreshes the cookies of a page whose access token has expired.
	mux.Handle("GET /account", handlers.Renew(protect(page)))
	mux.Handle("POST /account", protect(page))
	return mux, nil
}

// A service for browsers: no script can read the tokens, and no other site can
// use them.
func Example_cookies() {
	service, err := newBrowserService(func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
		return "u-1", nil, nil // a real one calls CheckPassword
	})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewTLSServer(service) // the cookies need https
	defer server.Close()
	browser := server.Client()
	browser.Jar, err = cookiejar.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	// Browsers say which site a request comes from.
	send := func(method, path, site, body string) {
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", site)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := browser.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(strings.TrimSpace(fmt.Sprint(path, " ", response.StatusCode, " ", string(text))))
	}
	send("POST", "/login", "same-origin", "username=ada&password=password")
	send("GET", "/account", "same-origin", "")
	send("POST", "/account", "same-origin", "name=Ada")
	send("POST", "/account", "cross-site", "name=Eve") // a form of another site
	send("POST", "/logout", "same-origin", "")
	send("GET", "/account", "same-origin", "")
	// Output:
	// /login 200 {"expires_in":900}
	// /account 200 GET by u-1
	// /account 200 POST by u-1
	// /account 403 {"title":"Forbidden","status":403,"detail":"Cross-site request refused.","code":"cross_site"}
	// /logout 204
	// /account 401 {"title":"Unauthorized","status":401,"detail":"Authentication required.","code":"token_missing"}
}
