package jwtauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// accounts maps user IDs to password hashes and their versions. A real service
// keeps both in its database: the result of jwtauth.HashPassword, and a counter
// that each change of the password raises.
var accounts = map[string]struct{ hash, version string }{
	// The password is "password".
	"ada": {"$2b$10$uQ8yLw0kJt3ZrV5eNcXa1.NRwu.LGX7PsWZSHGBLjs.cDlyQMWdEG", "1"},
}

// authenticate checks a password. For an unknown user the hash is empty:
// CheckPassword then takes as long as for a wrong password.
func authenticate(ctx context.Context, id, password string) (string, []jwtauth.LoginOption, error) {
	account := accounts[id]
	version := jwtauth.CredentialVersion(account.version)
	return id, []jwtauth.LoginOption{version}, jwtauth.CheckPassword(ctx, account.hash, password)
}

// credentialVersion ends the sessions that began with an older password.
func credentialVersion(_ context.Context, id string) (string, error) {
	return accounts[id].version, nil
}

// newLoginService returns a service with a login and a protected page.
func newLoginService() (http.Handler, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256) // a real service: KeyFromEnv("TOKEN_SECRET")
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New(), CredentialVersion: credentialVersion})
	if err != nil {
		return nil, err
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: authenticate})
	if err != nil {
		return nil, err
	}
	protect := jwtauth.Verify(issuer)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)
	mux.Handle("GET /dashboard", protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
		fmt.Fprint(w, "Hello ", claims.Subject)
	})))
	return mux, nil
}

// A service with a login, as a program, and a client of it.
func Example_login() {
	service, err := newLoginService()
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(service)
	defer server.Close()

	login := func(password string) (status int, tokens jwtauth.Tokens) {
		response, err := http.PostForm(server.URL+"/login", url.Values{"username": {"ada"}, "password": {password}})
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
			log.Fatal(err)
		}
		return response.StatusCode, tokens
	}
	dashboard := func(accessToken string) string {
		r, err := http.NewRequest("GET", server.URL+"/dashboard", nil)
		if err != nil {
			log.Fatal(err)
		}
		if accessToken != "" {
			r.Header.Set("Authorization", "Bearer "+accessToken)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		return fmt.Sprint(response.StatusCode, " ", string(body))
	}

	status, tokens := login("password")
	fmt.Println("login:", status)
	fmt.Println("dashboard:", dashboard(tokens.AccessToken))

	status, _ = login("passw0rd")
	fmt.Println("wrong password:", status)
	fmt.Print("no token: ", dashboard(""))
	// Output:
	// login: 200
	// dashboard: 200 Hello ada
	// wrong password: 401
	// no token: 401 {"title":"Unauthorized","status":401,"detail":"Authentication required.","code":"token_missing"}
}
