package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// provider starts the provider and returns its issuer.
func provider(t *testing.T) string {
	t.Helper()
	return node.Get[struct{ Issuer string }](t, node.New(t, "."), "provider", node.Object{"keys": []string{"key"}}).Issuer
}

// verifier is built like those of docs/providers.md: check compares one claim
// with want.
func verifier(t *testing.T, issuer, audience, claim, want string) *jwtauth.Verifier {
	t.Helper()
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{audience},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var got string
			if err := c.Get(claim, &got); err != nil {
				return err
			}
			if got != want {
				return errors.New(claim + " is not ours")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// verified checks that a token is accepted, or refused with an error that
// contains a text.
func verified(t *testing.T, name string, v jwtauth.TokenVerifier, token, refuse string) *jwtauth.Claims {
	t.Helper()
	claims, err := v.VerifyToken(t.Context(), token)
	switch {
	case refuse == "" && err != nil:
		t.Fatalf("%s: %v", name, err)
	case refuse != "" && (!errors.Is(err, jwtauth.ErrTokenInvalid) || !strings.Contains(err.Error(), refuse)):
		t.Errorf("%s: %v, want %s", name, err, refuse)
	}
	return claims
}

// A program calls an API with its own credentials. The API accepts one client,
// and only tokens for itself.
func TestClientCredentialsFlow(t *testing.T) {
	issuer := provider(t)
	v := verifier(t, issuer, audience, "client_id", "app")
	claims := verified(t, "the client", v, clientTokenFor(t, issuer, "app", audience, "items:read"), "")
	if claims.Subject != "app" || !claims.HasScope("items:read") || claims.HasScope("items:write") {
		t.Errorf("the claims are %+v", claims)
	}
	verified(t, "another client", v, clientTokenFor(t, issuer, "batch", audience, "items:read"), "client_id is not ours")
	verified(t, "another resource", v, clientTokenFor(t, issuer, "app", "https://other.example", "items:read"), "aud does not contain")
}

// A user signs in to a client, which gets an ID token and an access token for an
// API. Neither passes for the other.
func TestCodeFlow(t *testing.T) {
	issuer := provider(t)
	codeVerifier, nonce := rand.Text()+rand.Text(), rand.Text()
	challenge := sha256.Sum256([]byte(codeVerifier))
	request := url.Values{
		"client_id": {"mcp"}, "redirect_uri": {redirectURL}, "response_type": {"code"}, "scope": {"openid items:read"}, "nonce": {nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}, "resource": {audience},
	}
	response, err := signIn(t.Context(), issuer+"/auth?"+request.Encode(), "ann")
	if err != nil || response.Get("code") == "" {
		t.Fatal(response, err)
	}
	tokens := tokenResponse(t, issuer, "mcp", url.Values{
		"grant_type": {"authorization_code"}, "code": {response.Get("code")}, "redirect_uri": {redirectURL}, "code_verifier": {codeVerifier}, "resource": {audience},
	})
	login, api := verifier(t, issuer, "mcp", "nonce", nonce), verifier(t, issuer, audience, "client_id", "mcp")
	if c := verified(t, "the ID token", login, tokens["id_token"], ""); c.Subject != "ann" {
		t.Errorf("the ID token is for %q", c.Subject)
	}
	if c := verified(t, "the access token", api, tokens["access_token"], ""); c.Subject != "ann" || !c.HasScope("items:read") {
		t.Errorf("the access token is for %q with %q", c.Subject, c.Scope)
	}
	verified(t, "the ID token as access token", api, tokens["id_token"], "aud does not contain")
	verified(t, "the access token as ID token", login, tokens["access_token"], "aud does not contain")
	verified(t, "the ID token of another login", verifier(t, issuer, "mcp", "nonce", rand.Text()), tokens["id_token"], "nonce is not ours")
}
