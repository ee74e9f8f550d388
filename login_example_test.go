package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleIssuer_Logout() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issuer.Logout(ctx, tokens.RefreshToken))
	_, err = issuer.Refresh(ctx, tokens.RefreshToken)
	fmt.Println(err)
	// Output:
	// <nil>
	// jwtauth: session ended
}

func ExampleIssuer_LogoutAll() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	for range 3 {
		if _, err := issuer.Login(ctx, "user-1"); err != nil {
			log.Fatal(err)
		}
	}
	if err := issuer.LogoutAll(ctx, "user-1"); err != nil { // such as after a change of password
		log.Fatal(err)
	}
	list, err := issuer.Sessions(ctx, "user-1")
	fmt.Println(len(list), err)
	// Output: 0 <nil>
}

func ExampleLabel() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	login := func(w http.ResponseWriter, r *http.Request) {
		// The user has been authenticated.
		tokens, err := issuer.Login(r.Context(), "user-1", jwtauth.Label(r.UserAgent()))
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	}
	r := httptest.NewRequest("POST", "/login", nil)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)\x1b[31m")
	login(httptest.NewRecorder(), r)
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", list[0].Label)
	// Output: "Mozilla/5.0 (X11; Linux x86_64)[31m"
}
