package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleIssuer_Refresh() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{})
	first, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	second, err := issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println("a new refresh token:", second.RefreshToken != first.RefreshToken, err)

	// The response was lost, or another tab refreshes too: the same token
	// again.
	again, err := issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println("the same again:", again.RefreshToken == second.RefreshToken, err)

	// An hour later, reuse of the old token is treated as theft.
	clock.Set(clock.Now().Add(time.Hour))
	_, err = issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrTokenReused), err)
	_, err = issuer.Refresh(ctx, second.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrSessionEnded), err)
	// Output:
	// a new refresh token: true <nil>
	// the same again: true <nil>
	// true jwtauth: refresh token reused
	// true jwtauth: session ended
}
