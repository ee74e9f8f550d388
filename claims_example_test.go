package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleFromContext() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		claims, ok := jwtauth.FromContext(r.Context())
		fmt.Println(ok, claims.Subject)
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	jwtauth.Verify(issuer)(http.HandlerFunc(handler)).ServeHTTP(httptest.NewRecorder(), r)
	// Output: true user-1
}

// A test of a handler needs no token.
func ExampleNewContext() {
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(jwtauth.NewContext(r.Context(), &jwtauth.Claims{Subject: "user-1"}))
	show(hello, r)
	// Output: 200 Hello user-1
}

func ExampleClaimsAs() {
	type profile struct {
		Username string `json:"username"`
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		me, err := jwtauth.ClaimsAs[profile](r.Context())
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, "Hello "+me.Username)
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, profile{"ann"}))
	show(jwtauth.Verify(issuer)(http.HandlerFunc(handler)), r)
	// Output: 200 Hello ann
}

func ExampleClaims_Decode() {
	issuer := exampleIssuer()
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, map[string]any{"roles": []string{"editor"}}))
	if err != nil {
		log.Fatal(err)
	}
	var own struct {
		Roles []string `json:"roles"`
	}
	if err := claims.Decode(&own); err != nil {
		log.Fatal(err)
	}
	fmt.Println(own.Roles)
	// Output: [editor]
}

func ExampleClaims_Get() {
	var claims jwtauth.Claims
	if err := json.Unmarshal([]byte(`{"sub":"user-1","plan":"pro","seats":5}`), &claims); err != nil {
		log.Fatal(err)
	}
	plan, seats, region := "free", 1, "eu"
	err := errors.Join(claims.Get("plan", &plan), claims.Get("seats", &seats), claims.Get("region", &region))
	fmt.Println(plan, seats, region, err)

	fmt.Println(claims.Get("plan", &seats))
	// Output:
	// pro 5 eu <nil>
	// jwtauth: token claims invalid: plan is a string that does not fit int
}

func ExampleClaims_UnmarshalJSON() {
	// The response of a token introspection endpoint (RFC 7662).
	var claims jwtauth.Claims
	if err := json.Unmarshal([]byte(`{"active":true,"sub":"user-1","scope":"read","exp":4102444800}`), &claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.HasScope("read"), claims.ExpiresAt.UTC().Year())
	// Output: user-1 true 2100
}

func ExampleClaims_HasScope() {
	claims := &jwtauth.Claims{Scope: "files:read files:write"}
	fmt.Println(claims.HasScope("files:read"), claims.HasScope("files"))
	// Output: true false
}

func ExampleClaims_ValidFor() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	clock := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL: 10 * time.Minute,
		Leeway:    -1, // none
		Now:       func() time.Time { return clock },
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	clock = clock.Add(4 * time.Minute)
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.ValidFor())
	// Output: 6m0s
}
