package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleVerify() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(hello)

	r := httptest.NewRequest("GET", "/", nil)
	show(handler, r)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(handler, r)
	// Output:
	// 401 {"title":"Unauthorized","status":401,"detail":"Authentication required.","code":"token_missing"}
	// 200 Hello user-1
}

func ExampleOptional() {
	handler := jwtauth.Verify(exampleIssuer(), jwtauth.Optional())(hello)
	show(handler, httptest.NewRequest("GET", "/", nil))
	// Output: 200 Hello stranger
}

func ExampleFrom() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer, jwtauth.From(jwtauth.Bearer(), jwtauth.Header("X-Access-Token")))(hello)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Access-Token", exampleToken(issuer, nil))
	show(handler, r)
	// Output: 200 Hello user-1
}

func ExampleOnError() {
	handler := jwtauth.Verify(exampleIssuer(), jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		if errors.Is(err, jwtauth.ErrTokenMissing) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		jwtauth.WriteError(w, r, err)
	}))(hello)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /login
}

func ExampleRequire() {
	issuer := exampleIssuer()
	ownPage := jwtauth.Require(func(c *jwtauth.Claims) error {
		if c.Subject != "user-1" {
			return jwtauth.ErrForbidden
		}
		return nil
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(jwtauth.Verify(issuer)(ownPage(hello)), r)
	// Output: 200 Hello user-1
}

// A rule about the claims and the request: the tenant must match the host.
func ExampleRequire_request() {
	issuer := exampleIssuer()
	sameTenant := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require := jwtauth.Require(func(c *jwtauth.Claims) error {
			var tenant string
			if err := c.Get("tenant", &tenant); err != nil || tenant == "" || r.Host != tenant+".example.com" {
				return jwtauth.ErrForbidden
			}
			return nil
		})
		require(hello).ServeHTTP(w, r)
	})
	token := exampleToken(issuer, map[string]string{"tenant": "acme"})
	for _, host := range []string{"acme.example.com", "other.example.com"} {
		r := httptest.NewRequest("GET", "https://"+host+"/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		jwtauth.Verify(issuer)(sameTenant).ServeHTTP(w, r)
		fmt.Println(host, w.Code)
	}
	// Output:
	// acme.example.com 200
	// other.example.com 403
}

func ExampleRequireScope() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(jwtauth.RequireScope("files:write")(hello))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, map[string]string{"scope": "files:read"}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 403 Bearer realm="restricted", error="insufficient_scope", scope="files:write"
}

func ExampleRequireFresh() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(jwtauth.RequireFresh(5 * time.Minute)(hello))
	tokens, err := issuer.Login(context.Background(), "user-1", jwtauth.AuthenticatedAt(time.Now().Add(-time.Hour)))
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/transfer", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="restricted", error="insufficient_user_authentication", max_age="300"
}

// Clients may send the token as Bearer or with DPoP.
func ExampleChallenge() {
	issuer := exampleIssuer()
	protect := jwtauth.Verify(issuer, jwtauth.Challenge("Bearer", `DPoP algs="ES256"`))
	w := httptest.NewRecorder()
	protect(hello).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for _, line := range w.Header()["Www-Authenticate"] {
		fmt.Println(line)
	}
	// Output:
	// Bearer realm="restricted"
	// DPoP realm="restricted", algs="ES256"
}

// Clients find the authorization server, and the scope to ask it for.
func ExampleResourceMetadataURL() {
	issuer := exampleIssuer()
	protect := jwtauth.Verify(issuer, jwtauth.ResourceMetadataURL("https://api.example/.well-known/oauth-protected-resource"))
	w := httptest.NewRecorder()
	protect(jwtauth.RequireScope("files:read")(hello)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("WWW-Authenticate"))
	// Output: Bearer realm="restricted", resource_metadata="https://api.example/.well-known/oauth-protected-resource", scope="files:read"
}

func ExampleWriteError() {
	w := httptest.NewRecorder()
	jwtauth.WriteError(w, httptest.NewRequest("POST", "/login", nil), jwtauth.ErrWrongPassword)
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	// Output:
	// 401 application/problem+json
	// {"title":"Unauthorized","status":401,"detail":"Wrong username or password.","code":"login_failed"}
}

// A wrapper around Verify can add options of its own.
func ExampleVerifyOption() {
	issuer := exampleIssuer()
	protect := func(opts ...jwtauth.VerifyOption) func(http.Handler) http.Handler {
		return jwtauth.Verify(issuer, append([]jwtauth.VerifyOption{jwtauth.Realm("orders")}, opts...)...)
	}
	show(protect(jwtauth.Optional())(hello), httptest.NewRequest("GET", "/", nil))
	// Output: 200 Hello stranger
}

// A gateway that terminates TLS passes on the thumbprint of the client's
// certificate. Tokens are bound to such a certificate (RFC 8705).
func ExampleProofOfPossession() {
	proof := jwtauth.ProofOfPossession(func(r *http.Request, _ string, c *jwtauth.Claims) error {
		var private struct {
			Confirmation struct {
				Thumbprint string `json:"x5t#S256"`
			} `json:"cnf"`
		}
		if err := c.Decode(&private); err != nil {
			return err
		}
		bound := private.Confirmation.Thumbprint
		if bound == "" || bound != r.Header.Get("X-Client-Thumbprint") {
			return errors.New("another client certificate")
		}
		return nil
	})
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer, proof)(hello)

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil)) // bound to no certificate
	show(handler, r)
	// Output: 401 {"title":"Unauthorized","status":401,"detail":"Invalid token.","code":"token_invalid"}
}
