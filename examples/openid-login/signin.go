package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/seed-0a072700/jwtauth"
)

// attemptCookie binds a sign-in to the browser in which it started. Without it,
// an attacker could send a user to the callback with a code of the attacker's
// account, and the user would work there without noticing. The prefix __Host-
// keeps sibling hosts from setting it.
//
// It must be SameSite=Lax: a Strict cookie would not be sent when the provider
// redirects back.
const attemptCookie = "__Host-openid-login-attempt"

// attemptTTL is how long a user may take at the provider.
const attemptTTL = 10 * time.Minute

// attempt is a sign-in in progress. It is the content of a signed cookie, so it
// takes no memory on the server.
type attempt struct {
	State    string `json:"-"` // the subject of the cookie's token
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE (RFC 7636)
}

// newAttempts returns the signer of the cookies. It has a key of its own, so no
// cookie passes as an access token, nor an access token as a cookie. Several
// instances must share this key: use jwtauth.KeyFromEnv.
func newAttempts() (*jwtauth.Issuer, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	return jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: attemptTTL, Leeway: -1})
}

// startLogin sends the browser to the provider. If a browser starts twice, only
// the second sign-in can be finished.
func (s *server) startLogin(w http.ResponseWriter, r *http.Request) {
	a := attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	signed, err := s.attempts.Sign(a.State, a)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.setAttempt(w, signed, int(attemptTTL/time.Second))
	to := s.oauth.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *server) setAttempt(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     attemptCookie,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   true,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// These errors end a sign-in.
var (
	errNotStarted = &refusal{http.StatusBadRequest, "sign_in_not_started",
		"That sign-in was not started in this browser, or it took too long. Please sign in again."}
	errDenied = &refusal{http.StatusForbidden, "sign_in_denied",
		"The provider did not sign you in. You can try again."}
	errIdentity = &refusal{http.StatusBadGateway, "identity_refused",
		"The provider's response was not acceptable. Please sign in again."}
)

// callback is the redirect URI: the provider sends the browser here with a
// code.
func (s *server) callback(w http.ResponseWriter, r *http.Request) {
	a, err := s.attemptOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.setAttempt(w, "", -1) // this sign-in is over, even if it fails
	if code := r.URL.Query().Get("error"); code != "" {
		s.refuse(w, r, fmt.Errorf("%w: %q", errDenied, code))
		return
	}
	who, err := s.identify(r.Context(), r.URL.Query().Get("code"), a)
	if err == nil {
		err = s.handlers.BeginSession(w, r, who.subject,
			jwtauth.SessionData(who.profile),
			jwtauth.AuthenticatedAt(who.authTime),
			jwtauth.AuthenticatedBy(who.acr, who.amr...))
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// attemptOf returns the sign-in that a callback belongs to.
func (s *server) attemptOf(r *http.Request) (attempt, error) {
	cookie, err := r.Cookie(attemptCookie)
	if err != nil {
		return attempt{}, errNotStarted
	}
	claims, err := s.attempts.VerifyToken(r.Context(), cookie.Value)
	if err != nil {
		return attempt{}, fmt.Errorf("%w: %w", errNotStarted, err)
	}
	a := attempt{State: claims.Subject}
	if err := claims.Decode(&a); err != nil {
		return attempt{}, err
	}
	if !equal(r.URL.Query().Get("state"), a.State) {
		return attempt{}, fmt.Errorf("%w: state", errNotStarted)
	}
	return a, nil
}

// identity is the information of the provider about a user who has signed in.
type identity struct {
	subject  string
	profile  profile
	authTime time.Time // zero if the provider does not say
	acr      string
	amr      []string
}

// identify exchanges a code for an ID token and verifies it.
func (s *server) identify(ctx context.Context, code string, a attempt) (identity, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.client), 12*time.Second)
	defer cancel()
	tokens, err := s.oauth.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return identity{}, providerError(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return identity{}, fmt.Errorf("%w: no ID token", errIdentity)
	}
	idToken, err := s.idTokens.Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("%w: %v", errIdentity, err)
	}
	if !equal(idToken.Nonce, a.Nonce) { // go-oidc leaves this check to the caller
		return identity{}, fmt.Errorf("%w: nonce", errIdentity)
	}
	var claims struct {
		userClaims
		AuthTime int64    `json:"auth_time"`
		ACR      string   `json:"acr"`
		AMR      []string `json:"amr"`
	}
	if err := idToken.Claims(&claims); err != nil {
		return identity{}, fmt.Errorf("%w: %v", errIdentity, err)
	}
	// The subject identifies a user of this provider, forever. An e-mail
	// address does not: it can change, and go to someone else. With several
	// providers, look up the pair of issuer and subject in a table of your own
	// users.
	who := identity{subject: idToken.Subject, profile: claims.profile(), acr: claims.ACR, amr: claims.AMR}
	// Without auth_time the user may have signed in at the provider long ago.
	// The zero time says so: then RequireFresh refuses the session.
	if claims.AuthTime > 0 {
		who.authTime = time.Unix(claims.AuthTime, 0)
	}
	if who.profile == (profile{}) {
		who.profile, err = s.userInfo(ctx, tokens, idToken.Subject)
	}
	return who, err
}

// userInfo fetches the profile from the provider's UserInfo endpoint. Many
// providers leave it out of the ID token.
func (s *server) userInfo(ctx context.Context, tokens *oauth2.Token, subject string) (profile, error) {
	if s.provider.UserInfoEndpoint() == "" {
		return profile{}, nil
	}
	info, err := s.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return profile{}, providerError(err)
	}
	if info.Subject != subject { // OpenID Connect Core, section 5.3.2
		return profile{}, fmt.Errorf("%w: UserInfo of another subject", errIdentity)
	}
	var claims userClaims
	if err := info.Claims(&claims); err != nil {
		return profile{}, fmt.Errorf("%w: %v", errIdentity, err)
	}
	return claims.profile(), nil
}

// userClaims are the standard claims about a user that this application reads.
type userClaims struct {
	Name              string `json:"name"`
	PreferredUsername string `json:"preferred_username"`
	Email             string `json:"email"`
	EmailVerified     bool   `json:"email_verified"`
}

// profile leaves out an e-mail address that the provider has not verified.
func (c userClaims) profile() profile {
	p := profile{Name: firstOf(c.Name, c.PreferredUsername)}
	if c.EmailVerified {
		p.Email = c.Email
	}
	p.Name = firstOf(p.Name, p.Email)
	return p
}

// providerError tells a refusal of the provider from an outage.
func providerError(err error) error {
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && refused.Response.StatusCode < 500 {
		return fmt.Errorf("%w: token endpoint: %q", errIdentity, refused.ErrorCode)
	}
	return fmt.Errorf("%w: OpenID provider: %v", jwtauth.ErrUnavailable, err)
}

// backchannelLogout ends all sessions of a user who signs out at the provider,
// if the provider supports that (OpenID Connect Back-Channel Logout). The
// provider calls it, not a browser.
func (s *server) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	token, err := s.idTokens.VerifyLogout(r.Context(), r.PostFormValue("logout_token"))
	switch {
	case err != nil:
		s.log.Info("refused", "route", r.Pattern, "err", err)
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
	case token.Subject == "": // names a session of the provider, which is not stored here
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
	default:
		if err := s.issuer.LogoutAll(r.Context(), token.Subject); err != nil {
			s.refuse(w, r, err)
		}
	}
}

// equal compares secrets in constant time. It is false if both are empty.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
