package redisstore_test

import (
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/redisstore"
)

func ExampleNew() {
	// NewClusterClient and NewFailoverClient (Sentinel) work as well.
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
	defer client.Close()

	store, err := redisstore.New(client, redisstore.Options{Prefix: "shop:sessions:"})
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.GenerateKey("ES256")
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	fmt.Println(err)

	_, err = redisstore.New(client, redisstore.Options{Prefix: "shop{1}:"})
	fmt.Println(err)
	// Output:
	// <nil>
	// jwtauth: redisstore.Options.Prefix: contains a brace
}

// Instances that share a server limit guesses together (package guard).
func ExampleStore_Attempts() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
	defer client.Close()

	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	secret := make([]byte, 32) // read it from the configuration
	_, err = guard.New(guard.Options{Secret: secret, Store: store.Attempts()})
	fmt.Println(err)
	// Output: <nil>
}
