package docs_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// google verifies ID tokens for one client and one Workspace domain.
func google() (jwtauth.TokenVerifier, error) {
	keys, err := jwtauth.NewRemoteKeys("https://www.googleapis.com/oauth2/v3/certs", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	verifiers := make(map[string]jwtauth.TokenVerifier)
	for _, issuer := range []string{"https://accounts.google.com", "accounts.google.com"} {
		verifiers[issuer], err = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
			Issuer:   issuer,
			Audience: []string{"1234-web.apps.googleusercontent.com"},
			Check: func(_ context.Context, c *jwtauth.Claims) error {
				var t struct {
					AZP           string `json:"azp"`
					Domain        string `json:"hd"`
					EmailVerified bool   `json:"email_verified"`
				}
				if err := c.Decode(&t); err != nil {
					return err
				}
				switch {
				case t.AZP != "1234-web.apps.googleusercontent.com" && t.AZP != "1234-android.apps.googleusercontent.com":
					return errors.New("azp is not one of our clients")
				case t.Domain != "acme.example":
					return errors.New("hd is not our domain")
				case !t.EmailVerified:
					return errors.New("email_verified is not true")
				}
				return nil
			},
		})
		if err != nil {
			return nil, err
		}
	}
	return jwtauth.ByIssuer(verifiers)
}

// firebase verifies ID tokens of Firebase Authentication.
func firebase() (*jwtauth.Verifier, error) {
	const project = "acme-shop"
	keys, err := jwtauth.NewRemoteKeys(
		"https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://securetoken.google.com/" + project,
		Audience: []string{project},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Firebase struct {
					Provider string `json:"sign_in_provider"`
					Tenant   string `json:"tenant"`
				} `json:"firebase"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case c.AuthTime.IsZero() || c.AuthTime.After(time.Now().Add(time.Minute)):
				return errors.New("auth_time is missing or in the future")
			case len(c.Subject) > 128:
				return errors.New("sub is longer than 128 bytes")
			case t.Firebase.Provider == "" || t.Firebase.Provider == "anonymous":
				return errors.New("firebase.sign_in_provider is missing or anonymous")
			case t.Firebase.Tenant != "":
				return errors.New("firebase.tenant is not ours: we have none")
			}
			return nil
		},
	})
}

// apple verifies ID tokens of Sign in with Apple.
func apple() (*jwtauth.Verifier, error) {
	const issuer = "https://appleid.apple.com"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{"com.acme.shop", "com.acme.shop.web"}, // the app and the Services ID
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var events any
			if err := c.Get("events", &events); err != nil {
				return err
			}
			if events != nil {
				return errors.New("events is present: the token is a server notification")
			}
			return nil
		},
	})
}

// checkAppleLogin checks the claims of a verified ID token. nonce is the random
// value of this login.
func checkAppleLogin(c *jwtauth.Claims, nonce string) (emailVerified bool, err error) {
	var t struct {
		Nonce         string `json:"nonce"`
		EmailVerified any    `json:"email_verified"` // true or "true"
	}
	if err := c.Decode(&t); err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte(nonce)) // apps send the hash of their value
	if subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(hex.EncodeToString(sum[:]))) != 1 {
		return false, errors.New("nonce is not that of this login")
	}
	return t.EmailVerified == true || t.EmailVerified == "true", nil
}

// cloudflareAccess verifies the tokens of users of one application.
func cloudflareAccess() (*jwtauth.Verifier, error) {
	const team = "https://acme.cloudflareaccess.com"
	keys, err := jwtauth.NewRemoteKeys(team+"/cdn-cgi/access/certs", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   team,
		Audience: []string{accessApplication},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var kind string
			if err := c.Get("type", &kind); err != nil {
				return err
			}
			if kind != "app" {
				return errors.New("type is not app")
			}
			return nil
		},
	})
}

// behindAccess protects an origin behind Cloudflare Access.
func behindAccess(verifier jwtauth.TokenVerifier) func(http.Handler) http.Handler {
	return jwtauth.Verify(verifier, jwtauth.From(jwtauth.Header("Cf-Access-Jwt-Assertion")))
}

// accessApplication is the Application Audience (AUD) tag.
const accessApplication = "32eafc7626e737f4b1d4a1b0d5c3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5"

// cloudflareServices verifies the service tokens of one client.
func cloudflareServices(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:     "https://acme.cloudflareaccess.com",
		Audience:   []string{accessApplication},
		AnySubject: true, // their sub is empty; Check compares common_name
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Type       string `json:"type"`
				CommonName string `json:"common_name"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.Type != "app":
				return errors.New("type is not app")
			case c.Subject != "":
				return errors.New("sub is present: the token is of a user")
			case t.CommonName != "e367826f93b8d71185e03fe518aff3b4.access":
				return errors.New("common_name is not our service")
			}
			return nil
		},
	})
}

// googleIAP verifies the tokens of Identity-Aware Proxy for one backend.
func googleIAP() (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeys("https://www.gstatic.com/iap/verify/public_key-jwk", jwtauth.RemoteKeysOptions{
		Algorithms: []jwtauth.Algorithm{jwtauth.ES256},
	})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://cloud.google.com/iap",
		Audience: []string{"/projects/123456789/global/backendServices/987654321"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var domain string
			if err := c.Get("hd", &domain); err != nil {
				return err
			}
			if domain != "acme.example" {
				return errors.New("hd is not our domain")
			}
			return nil
		},
	})
}

// behindIAP protects a service behind Identity-Aware Proxy.
func behindIAP(verifier jwtauth.TokenVerifier) func(http.Handler) http.Handler {
	return jwtauth.Verify(verifier, jwtauth.From(jwtauth.Header("X-Goog-Iap-Jwt-Assertion")))
}
