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

// membership is the data of a session in the examples.
type membership struct {
	Organisation string `json:"org"`
}

// dataIssuer returns an Issuer whose access tokens have the organisation of the
// session.
func dataIssuer() *jwtauth.Issuer {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions: memstore.New(),
		Claims: func(ctx context.Context, s jwtauth.Session) (any, error) {
			var m membership
			err := s.Data(&m)
			return m, err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return issuer
}

// login returns the tokens of a login.
func mustLogin(issuer *jwtauth.Issuer, opts ...jwtauth.LoginOption) jwtauth.Tokens {
	tokens, err := issuer.Login(context.Background(), "ada", opts...)
	if err != nil {
		log.Fatal(err)
	}
	return tokens
}

// showClaims prints claims of an access token, and its organisation.
func showClaims(issuer *jwtauth.Issuer, tokens jwtauth.Tokens, show func(*jwtauth.Claims) any) {
	claims, err := issuer.VerifyToken(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	var m membership
	if err := claims.Decode(&m); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Organisation, show(claims))
}

func ExampleSessionData() {
	issuer := dataIssuer()
	tokens := mustLogin(issuer, jwtauth.SessionData(membership{"acme"}))
	tokens, err := issuer.Refresh(context.Background(), tokens.RefreshToken)
	if err != nil {
		log.Fatal(err)
	}
	showClaims(issuer, tokens, func(c *jwtauth.Claims) any { return c.Subject })
	// Output: acme ada
}

func ExampleSetSessionData() {
	issuer := dataIssuer()
	tokens := mustLogin(issuer, jwtauth.SessionData(membership{"acme"}))
	var options []jwtauth.RefreshOption
	options = append(options, jwtauth.SetSessionData(membership{"globex"}))
	changed, err := issuer.Refresh(context.Background(), tokens.RefreshToken, options...)
	if err != nil {
		log.Fatal(err)
	}
	showClaims(issuer, changed, func(*jwtauth.Claims) any { return changed.RefreshToken == tokens.RefreshToken })
	// Output: globex true
}

func ExampleRelabel() {
	issuer := dataIssuer()
	tokens := mustLogin(issuer, jwtauth.Label("Firefox"))
	if _, err := issuer.Refresh(context.Background(), tokens.RefreshToken, jwtauth.Relabel("My laptop")); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(context.Background(), "ada")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list[0].Label)
	// Output: My laptop
}

func ExampleAuthenticatedBy() {
	issuer := dataIssuer()
	tokens := mustLogin(issuer, jwtauth.AuthenticatedBy("phr", "hwk", "user"))
	showClaims(issuer, tokens, func(c *jwtauth.Claims) any { return c.AuthContext + fmt.Sprint(c.AuthMethods) })
	// Output: phr[hwk user]
}

// A session that began with a link by e-mail is raised by a passkey.
func ExampleReauthenticated() {
	issuer := dataIssuer()
	tokens := mustLogin(issuer, jwtauth.AuthenticatedBy("mail"))
	stepUp := func(subject string) error {
		var err error
		tokens, err = issuer.Refresh(context.Background(), tokens.RefreshToken,
			jwtauth.Reauthenticated(subject, time.Now(), "phr", "hwk"))
		return err
	}
	if err := stepUp("ada"); err != nil {
		log.Fatal(err)
	}
	showClaims(issuer, tokens, func(c *jwtauth.Claims) any { return c.AuthContext })
	fmt.Println(errors.Is(stepUp("bob"), jwtauth.ErrForbidden)) // the passkey of another user
	// Output:
	//  phr
	// true
}

func ExampleSession_AuthContext() {
	issuer := dataIssuer()
	mustLogin(issuer, jwtauth.AuthenticatedBy("phr", "hwk"))
	list, err := issuer.Sessions(context.Background(), "ada")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list[0].AuthContext(), list[0].AuthMethods())
	// Output: phr [hwk]
}

func ExampleSession_AuthMethods() {
	issuer := dataIssuer()
	mustLogin(issuer, jwtauth.AuthenticatedBy("", "otp"))
	list, err := issuer.Sessions(context.Background(), "ada")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(list[0].AuthMethods())
	// Output: [otp]
}

func ExampleSession_Data() {
	issuer := dataIssuer()
	mustLogin(issuer, jwtauth.SessionData(membership{"acme"}))
	list, err := issuer.Sessions(context.Background(), "ada")
	if err != nil {
		log.Fatal(err)
	}
	var m membership
	if err := list[0].Data(&m); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Organisation)
	// Output: acme
}

// The password changes while a login with the old one is in progress.
func ExampleCredentialVersion() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	version := "1" // of the password of ada, a column of the user's row
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:          memstore.New(),
		CredentialVersion: func(context.Context, string) (string, error) { return version, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	checked := version // and the old password was right
	version = "2"
	_, err = issuer.Login(context.Background(), "ada", jwtauth.CredentialVersion(checked))
	fmt.Println(errors.Is(err, jwtauth.ErrWrongPassword))
	_, err = issuer.Login(context.Background(), "ada", jwtauth.CredentialVersion(version))
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// "Remember me" is not checked: the cookies end with the browser.
func ExampleBrowserSession() {
	remember := false
	var options []jwtauth.LoginOption
	if !remember {
		options = append(options, jwtauth.BrowserSession())
	}
	tokens := mustLogin(dataIssuer(), options...)
	fmt.Println(tokens.TokenType)
	// Output: Bearer
}

func ExampleConfirmation() {
	issuer := dataIssuer()
	const thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	tokens := mustLogin(issuer, jwtauth.Confirmation("jkt", thumbprint))
	fmt.Println(tokens.TokenType)
	_, err := issuer.Refresh(context.Background(), tokens.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrTokenInvalid)) // no proof of possession
	// Output:
	// DPoP
	// true
}

func ExampleConfirmedBy() {
	issuer := dataIssuer()
	const thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	tokens := mustLogin(issuer, jwtauth.Confirmation("jkt", thumbprint))
	_, err := issuer.Refresh(context.Background(), tokens.RefreshToken, jwtauth.ConfirmedBy("jkt", thumbprint))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleNotBefore() {
	issuer := dataIssuer()
	token, err := issuer.Sign("ada", nil, jwtauth.NotBefore(time.Now().Add(5*time.Minute)))
	if err != nil {
		log.Fatal(err)
	}
	_, err = issuer.VerifyToken(context.Background(), token)
	fmt.Println(errors.Is(err, jwtauth.ErrTokenNotYetValid))
	// Output: true
}
