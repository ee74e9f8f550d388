package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleHashPassword() {
	ctx := context.Background()

	hash, err := jwtauth.HashPassword(ctx, "correct horse battery staple")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(hash), "bytes to store")

	_, err = jwtauth.HashPassword(ctx, strings.Repeat("long ", 20))
	if errors.Is(err, jwtauth.ErrPasswordUnhashable) {
		fmt.Println(err)
	}
	// Output:
	// 60 bytes to store
	// jwtauth: password cannot be hashed: longer than 72 bytes
}

func ExampleCheckPassword() {
	hashes := map[string]string{
		"ada": "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe",
	}
	login := func(user, password string) {
		// Do not check whether the user exists. An unknown user has the hash
		// "", which takes as long to refuse as a wrong password.
		err := jwtauth.CheckPassword(context.Background(), hashes[user], password)
		switch {
		case err == nil:
			fmt.Println("welcome,", user)
		case errors.Is(err, jwtauth.ErrWrongPassword):
			fmt.Println("wrong user or password")
		case errors.Is(err, jwtauth.ErrBusy):
			fmt.Println("try again later")
		default: // the client is gone
		}
	}
	login("ada", "password")
	login("ada", "passw0rd")
	login("bob", "password")
	// Output:
	// welcome, ada
	// wrong user or password
	// wrong user or password
}

func ExampleNeedsRehash() {
	ctx := context.Background()
	stored := "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"

	if err := jwtauth.CheckPassword(ctx, stored, "password"); err != nil {
		fmt.Println(err)
		return
	}
	// The password is right, and at hand only now.
	if jwtauth.NeedsRehash(stored) {
		if hash, err := jwtauth.HashPassword(ctx, "password"); err == nil {
			fmt.Println("replaced:", hash != stored)
		}
	}
	// Output: replaced: true
}

func ExampleNewHasher() {
	// For a small machine: one login at a time, at a low cost.
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 11, MaxConcurrent: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hasher.NeedsRehash("$2b$10$uQ8yLw0kJt3ZrV5eNcXa1.NRwu.LGX7PsWZSHGBLjs.cDlyQMWdEG"))
	// Output: true
}

func ExampleHasherOptions() {
	_, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 8, MaxConcurrent: -1})
	fmt.Println(err)
	// Output:
	// jwtauth: HasherOptions.Cost: 8 is below the minimum of 10
	// jwtauth: HasherOptions.MaxConcurrent: -1 is negative
}

func ExampleHasher_HashPassword() {
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 13})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = hasher.HashPassword(context.Background(), "abc\x00def")
	fmt.Println(err)
	// Output: jwtauth: password cannot be hashed: contains a NUL byte
}

func ExampleHasher_CheckPassword() {
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 13})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
	fmt.Println(hasher.CheckPassword(context.Background(), stored, "password"))
	// Output: <nil>
}

func ExampleHasher_NeedsRehash() {
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 13})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hasher.NeedsRehash("$2b$12$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"))
	fmt.Println(hasher.NeedsRehash("$2b$14$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"))
	// Output:
	// true
	// false
}

// A login handler sets the client, so that a client that floods it delays only
// itself.
func ExampleWithClient() {
	client := func(r *http.Request) string {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return ""
		}
		addr, bits := peer.Addr().Unmap(), 64
		if addr.Is4() {
			bits = 32
		}
		network, err := addr.Prefix(bits)
		if err != nil {
			return ""
		}
		return network.String()
	}
	login := func(w http.ResponseWriter, r *http.Request) {
		ctx := jwtauth.WithClient(r.Context(), client(r))
		stored := "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe"
		if err := jwtauth.CheckPassword(ctx, stored, r.PostFormValue("password")); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		fmt.Fprintln(w, "welcome, client", client(r))
	}

	r := httptest.NewRequest("POST", "/login", strings.NewReader("password=password"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "[2001:db8::1]:50000"
	w := httptest.NewRecorder()
	login(w, r)
	fmt.Print(w.Body)
	// Output: welcome, client 2001:db8::/64
}
