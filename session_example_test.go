package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// exampleSessions returns an Issuer with sessions, and its clock, which an
// example moves.
func exampleSessions(opts jwtauth.IssuerOptions) (*jwtauth.Issuer, *clock) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	clock := newClock(time.Date(2030, time.March, 17, 9, 0, 0, 0, time.UTC))
	opts.Sessions = memstore.New()
	opts.Now = clock.Now
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		log.Fatal(err)
	}
	return issuer, clock
}

// The list of signed-in devices on an account page.
func ExampleIssuer_Sessions() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{})
	for _, device := range []string{"Firefox on Linux", "Safari on iPhone"} {
		if _, err := issuer.Login(ctx, "user-1", jwtauth.Label(device)); err != nil {
			log.Fatal(err)
		}
		clock.Set(clock.Now().Add(time.Hour))
	}
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	for _, session := range list {
		fmt.Println(session.CreatedAt.Format("15:04"), session.Label)
	}
	// Output:
	// 10:00 Safari on iPhone
	// 09:00 Firefox on Linux
}

// The logout button of one device. The ID comes from the request, and the
// subject from the verified token.
func ExampleIssuer_EndSession() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	if _, err := issuer.Login(ctx, "user-1"); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issuer.EndSession(ctx, "user-2", list[0].ID))
	fmt.Println(issuer.EndSession(ctx, "user-1", list[0].ID))
	// Output:
	// jwtauth: session ended
	// <nil>
}

// A store that keeps the sessions of a subject in one place can begin the names
// of its records with the tag.
func ExampleSubjectTag() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	if _, err := issuer.Login(context.Background(), "user-1"); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(jwtauth.SubjectTag("user-1"), strings.HasPrefix(list[0].ID, jwtauth.SubjectTag("user-1")+"-"))
	// Output: OLZXU6RG true
}
