package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// Sessions from the login to the end: refresh, a lost response, a list of
// devices, a logout that takes effect at once, and the reuse of a stolen token.
func Example_sessions() {
	clock := time.Date(2030, time.March, 17, 9, 0, 0, 0, time.UTC)
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	store := memstore.New() // sqlstore or redisstore for several instances
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions: store,
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			if e.Kind == jwtauth.EventReuse {
				fmt.Println("alarm: two clients hold tokens of a session of", e.Subject)
			}
		},
		Now: func() time.Time { return clock },
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	phone, err := issuer.Login(ctx, "u-1", jwtauth.Label("Safari on iPhone"))
	if err != nil {
		log.Fatal(err)
	}

	// When the access token has expired, the client exchanges its refresh
	// token.
	clock = clock.Add(time.Hour)
	_, err = issuer.VerifyToken(ctx, phone.AccessToken)
	fmt.Println(err)
	fresh, err := issuer.Refresh(ctx, phone.RefreshToken)
	fmt.Println("refreshed:", err)

	// If the response was lost, the client repeats the request.
	again, err := issuer.Refresh(ctx, phone.RefreshToken)
	fmt.Println("the same refresh token again:", again.RefreshToken == fresh.RefreshToken, err)

	// The user logs in on another device, looks at the list and ends that
	// session.
	laptop, err := issuer.Login(ctx, "u-1", jwtauth.Label("Firefox on Linux"))
	if err != nil {
		log.Fatal(err)
	}
	devices, err := issuer.Sessions(ctx, "u-1")
	if err != nil {
		log.Fatal(err)
	}
	for _, session := range devices {
		fmt.Println(session.CreatedAt.Format(time.TimeOnly), session.Label)
	}
	if err := issuer.EndSession(ctx, "u-1", devices[0].ID); err != nil {
		log.Fatal(err)
	}
	_, err = issuer.Refresh(ctx, laptop.RefreshToken)
	fmt.Println("laptop, refresh:", err)

	// Routes behind Live notice that at once. Elsewhere the access token is
	// valid until it expires.
	_, err = jwtauth.Live(issuer, store, 0).VerifyToken(ctx, laptop.AccessToken)
	fmt.Println("laptop, behind Live:", errors.Is(err, jwtauth.ErrSessionEnded))
	_, err = issuer.VerifyToken(ctx, laptop.AccessToken)
	fmt.Println("laptop, elsewhere:", err)

	// An old refresh token that comes back later is treated as stolen.
	clock = clock.Add(time.Hour)
	_, err = issuer.Refresh(ctx, phone.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrTokenReused), err)
	_, err = issuer.Refresh(ctx, fresh.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrSessionEnded), err)
	// Output:
	// jwtauth: token expired: exp is more than Leeway (30s) ago
	// refreshed: <nil>
	// the same refresh token again: true <nil>
	// 10:00:00 Firefox on Linux
	// 09:00:00 Safari on iPhone
	// laptop, refresh: jwtauth: session ended
	// laptop, behind Live: true
	// laptop, elsewhere: <nil>
	// alarm: two clients hold tokens of a session of u-1
	// true jwtauth: refresh token reused
	// true jwtauth: session ended
}
