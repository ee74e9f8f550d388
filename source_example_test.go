package jwtauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleBearer() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer eyJhbGciOi…")
	_, err := jwtauth.Bearer()(r)
	fmt.Println(err)
	r.Header.Set("Authorization", "bearer mF_9.B5f-4.1JqM")
	token, err := jwtauth.Bearer()(r)
	fmt.Println(token, err)
	// Output:
	// jwtauth: malformed credentials: the Authorization header: a token that a display or a log has shortened or masked (… or ***)
	// mF_9.B5f-4.1JqM <nil>
}

func ExampleHeader() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Access-Token", "mF_9.B5f-4.1JqM")
	fmt.Println(jwtauth.Header("X-Access-Token")(r))
	// Output: mF_9.B5f-4.1JqM <nil>
}

// A proxy may pass the header on under another name.
func ExampleHeaderScheme() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-Authorization", "Bearer mF_9.B5f-4.1JqM")
	_, err := jwtauth.Header("X-Forwarded-Authorization")(r)
	fmt.Println(err)
	fmt.Println(jwtauth.HeaderScheme("X-Forwarded-Authorization", "Bearer")(r))
	// Output:
	// jwtauth: malformed credentials: the X-Forwarded-Authorization header: a scheme precedes the token: read this header with HeaderScheme
	// mF_9.B5f-4.1JqM <nil>
}

func ExampleQuery() {
	r := httptest.NewRequest("GET", "/download?access_token=mF_9.B5f-4.1JqM", nil)
	fmt.Println(jwtauth.Query("access_token")(r))
	// Output: mF_9.B5f-4.1JqM <nil>
}

func ExampleForm() {
	r := httptest.NewRequest("POST", "/", strings.NewReader("access_token=mF_9.B5f-4.1JqM&x=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	fmt.Println(jwtauth.Form("access_token")(r))
	fmt.Println(r.FormValue("x")) // the body is still readable
	// Output:
	// mF_9.B5f-4.1JqM <nil>
	// 1
}

// A Source may read any part of a request. This one reads the password of Basic
// credentials, for clients such as git that send tokens there. For WebSockets
// there is package stream.
func ExampleSource() {
	basic := func(r *http.Request) (string, error) {
		_, password, _ := r.BasicAuth()
		return password, nil
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("token", exampleToken(issuer, nil))
	show(jwtauth.Verify(issuer, jwtauth.From(basic))(hello), r)
	// Output: 200 Hello user-1
}

func ExampleCookie() {
	cookies := jwtauth.Cookie("access_token")
	for _, from := range []string{"same-origin", "cross-site"} {
		r := httptest.NewRequest("POST", "https://app.example/transfer", nil)
		r.AddCookie(&http.Cookie{Name: "access_token", Value: "abc"})
		r.Header.Set("Sec-Fetch-Site", from) // as browsers do
		token, err := cookies(r)
		fmt.Printf("%s: %q %v\n", from, token, err)
	}
	// Output:
	// same-origin: "abc" <nil>
	// cross-site: "" jwtauth: cross-site request: sent by a page of another origin: Sec-Fetch-Site is "cross-site", and CookieOptions.TrustedOrigins does not list the Origin ""
}
