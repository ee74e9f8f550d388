package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleNewIssuer() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:    "https://auth.example.com",
		Audience:  []string{"https://api.example.com"},
		AccessTTL: 10 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Issuer, claims.Audience, claims.ExpiresAt.Sub(claims.IssuedAt))
	// Output: https://auth.example.com [https://api.example.com] 10m0s
}

// A constructor reports all faults at once, each with its field.
func ExampleNewIssuer_faults() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.NewIssuer(key.Public(), jwtauth.IssuerOptions{Leeway: time.Hour, AccessTTL: 1500 * time.Millisecond})
	fmt.Println(err)
	// Output:
	// jwtauth: IssuerOptions.Leeway: 1h0m0s exceeds the maximum of 5m0s
	// jwtauth: IssuerOptions.AccessTTL: 1.5s is not a whole number of seconds
	// jwtauth: NewIssuer: key: has no private part to sign with
}

func ExampleIssuerOptions() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Claims: func(ctx context.Context, session jwtauth.Session) (any, error) {
			subject := session.Subject
			if subject == "mallory" {
				return nil, jwtauth.ErrSubjectDisabled
			}
			return map[string]any{"scope": "read write", "username": subject}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "ann")
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Scope)
	_, err = issuer.Login(context.Background(), "mallory")
	fmt.Println(err)
	// Output:
	// read write
	// jwtauth: subject disabled
}

func ExampleIssuer_Sign() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", struct {
		Username string `json:"username"`
		Scope    string `json:"scope"`
	}{"ann", "read write"})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.Scope)

	_, err = issuer.Sign("user-1", map[string]any{"Exp": 1893456000})
	fmt.Println(err)
	// Output:
	// user-1 read write
	// jwtauth: claims: "Exp" is a registered claim and cannot be set; use IssuerOptions.AccessTTL or ExpiresIn
}

func ExampleExpiresIn() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", nil, jwtauth.ExpiresIn(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.ExpiresAt.Sub(claims.IssuedAt))
	// Output: 1m0s
}

func ExampleForAudience() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", nil, jwtauth.ForAudience("https://files.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Audience)
	// Output: [https://files.example.com]
}

func ExampleIssuer_VerifyToken() {
	issuer := exampleIssuer()
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, nil))
	fmt.Println(claims.Subject, err)

	_, err = issuer.VerifyToken(context.Background(), "not.a.token")
	fmt.Println(errors.Is(err, jwtauth.ErrTokenInvalid), err)
	// Output:
	// user-1 <nil>
	// true jwtauth: token malformed: the header, its first segment, is not base64url without padding (RFC 7515, section 2): its last character was changed, or more were cut off
}

func ExampleIssuer_SetKeys() {
	issuer := exampleIssuer()
	old := exampleToken(issuer, nil)

	next, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	// The old key is not among the accepted ones, so its tokens are rejected.
	if err := issuer.SetKeys(next); err != nil {
		log.Fatal(err)
	}
	_, err = issuer.VerifyToken(context.Background(), old)
	fmt.Println(err)
	// Output: jwtauth: token signature invalid: it was made with another secret, or the token was changed; perhaps only one side decodes it from base64
}

func ExampleIssuer_Login() {
	issuer := exampleIssuer()
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens.TokenType, tokens.ExpiresIn)
	fmt.Println(tokens) // prints no token
	// Output:
	// Bearer 900
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
}

func ExampleAuthenticatedAt() {
	issuer := exampleIssuer()
	// An identity provider reports when its user logged in.
	tokens, err := issuer.Login(context.Background(), "user-1", jwtauth.AuthenticatedAt(time.Date(2025, 6, 1, 8, 30, 0, 0, time.UTC)))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.AuthTime.UTC())
	// Output: 2025-06-01 08:30:00 +0000 UTC
}

// Options may depend on the request, such as on a checkbox.
func ExampleSignOption() {
	issuer := exampleIssuer()
	short := true
	var opts []jwtauth.SignOption
	if short {
		opts = append(opts, jwtauth.ExpiresIn(time.Minute))
	}
	token, err := issuer.Sign("user-1", nil, opts...)
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.ExpiresAt.Sub(claims.IssuedAt))
	// Output: 1m0s
}

// Options describe the login, such as the device that it came from.
func ExampleLoginOption() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	r := httptest.NewRequest("POST", "/login", nil)
	r.Header.Set("User-Agent", "Firefox on Linux")
	var opts []jwtauth.LoginOption
	if device := r.UserAgent(); device != "" {
		opts = append(opts, jwtauth.Label(device))
	}
	if _, err := issuer.Login(r.Context(), "user-1", opts...); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(r.Context(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list[0].Label)
	// Output: Firefox on Linux
}
