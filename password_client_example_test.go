package jwtauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/seed-0a072700/jwtauth"
)

// The service is reached through a proxy in 10.0.0.0/8, which appends the
// address of its peer to X-Forwarded-For.
func ExampleClientFromHeader() {
	client := jwtauth.ClientFromHeader("X-Forwarded-For", netip.MustParsePrefix("10.0.0.0/8"))

	r := &http.Request{RemoteAddr: "10.0.0.1:51234", Header: http.Header{}}
	r.Header.Set("X-Forwarded-For", "203.0.113.7, 2001:db8::1, 10.0.0.2") // the client sent the first one
	fmt.Println(client(r))

	r.RemoteAddr = "192.0.2.1:51234" // reaches the service without the proxy
	fmt.Println(client(r))
	// Output:
	// 2001:db8::/64
	// 192.0.2.1
}

// Package guard makes this call. An application that recognizes devices in
// another way, for example by a client certificate, calls it itself.
func ExampleWithKnownClient() {
	ctx := jwtauth.WithClient(context.Background(), "192.0.2.1")
	ctx = jwtauth.WithKnownClient(ctx, "ada", "sha256 of the client certificate")

	stored := "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	fmt.Println(jwtauth.CheckPassword(ctx, stored, "password"))
	// Output: <nil>
}

func ExampleHasher_Stats() {
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := hasher.HashPassword(context.Background(), "password"); err != nil {
		fmt.Println(err)
		return
	}
	stats := hasher.Stats()
	fmt.Println(stats.Started, "started,", stats.Refused, "refused,", stats.Running+stats.Waiting, "under way")
	// Output: 1 started, 0 refused, 0 under way
}

func ExampleHasherStats() {
	busy := func(s jwtauth.HasherStats) bool { return s.Waiting > 32 }
	fmt.Println(busy(jwtauth.HasherStats{Running: 1, Waiting: 40}))
	// Output: true
}
