package docs_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed-0a072700/jwtauth"
)

// auth0 verifies access tokens of an Auth0 tenant for one API.
func auth0() (*jwtauth.Verifier, error) {
	const issuer = "https://acme.eu.auth0.com/" // ends with a slash
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuer,
		Audience:    []string{"https://api.acme.example"},
		ScopeClaims: []string{"permissions"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				AZP      string `json:"azp"`       // in the default token profile
				ClientID string `json:"client_id"` // in the RFC 9068 profile
				OrgID    string `json:"org_id"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case cmp.Or(t.ClientID, t.AZP) != "web-client":
				return errors.New("azp or client_id is not our client")
			case t.OrgID != "org_acme":
				return errors.New("org_id is not our organization")
			}
			return nil
		},
	})
}

// okta verifies access tokens of a custom authorization server of Okta.
func okta() (*jwtauth.Verifier, error) {
	const issuer = "https://acme.okta.com/oauth2/default" // no slash at the end
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuer,
		Audience:    []string{"api://default"},
		ScopeClaims: []string{"scp"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var client string
			if err := c.Get("cid", &client); err != nil {
				return err
			}
			if !slices.Contains([]string{"0oaweb", "0oabatch"}, client) {
				return errors.New("cid is not one of our clients")
			}
			return nil
		},
	})
}

// entra verifies access tokens of version 2.0 from one Entra tenant, which a
// client obtained for a signed-in user.
func entra() (*jwtauth.Verifier, error) {
	const issuer = "https://login.microsoftonline.com/" + ourTenant + "/v2.0"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuer,
		Audience:    []string{ourAPI},
		ScopeClaims: []string{"scp"},
		Check:       checkEntra,
	})
}

const (
	ourTenant = "0b6c5d1e-7f2a-4c3b-9d8e-1a2b3c4d5e6f" // directory (tenant) ID
	ourAPI    = "6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0" // application (client) ID of the API
	ourClient = "c0ffee00-1234-4abc-8def-0123456789ab" // application (client) ID of the client
)

// checkEntra requires a token for a user, from a client of ours.
func checkEntra(_ context.Context, c *jwtauth.Claims) error {
	var t struct {
		AZP   string `json:"azp"`   // version 2.0
		AppID string `json:"appid"` // version 1.0
	}
	if err := c.Decode(&t); err != nil {
		return err
	}
	switch {
	case cmp.Or(t.AZP, t.AppID) != ourClient:
		return errors.New("azp, or appid in version 1.0, is not our client") // or it is an ID token
	case c.Scope == "":
		return errors.New("scp is missing: no user is signed in")
	}
	return nil
}

// entraV1 verifies access tokens of version 1.0.
func entraV1() (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeys("https://login.microsoftonline.com/"+ourTenant+"/discovery/keys", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      "https://sts.windows.net/" + ourTenant + "/", // ends with a slash
		Audience:    []string{"api://" + ourAPI},
		ScopeClaims: []string{"scp"},
		Check:       checkEntra,
	})
}

// entraTenants verifies the tokens of several tenants, which share the keys.
func entraTenants(tenants []string) (jwtauth.TokenVerifier, error) {
	keys, err := jwtauth.NewRemoteKeys("https://login.microsoftonline.com/common/discovery/v2.0/keys", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	verifiers := make(map[string]jwtauth.TokenVerifier)
	for _, tenant := range tenants {
		issuer := "https://login.microsoftonline.com/" + tenant + "/v2.0"
		verifiers[issuer], err = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
			Issuer:      issuer,
			Audience:    []string{ourAPI},
			ScopeClaims: []string{"scp"},
			Check:       checkEntra,
		})
		if err != nil {
			return nil, err
		}
	}
	return jwtauth.ByIssuer(verifiers)
}

// entraAnyTenant verifies the tokens of all tenants that isCustomer knows.
func entraAnyTenant(isCustomer func(ctx context.Context, tenant string) (bool, error)) (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeys("https://login.microsoftonline.com/common/discovery/v2.0/keys", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		AnyIssuer:   true, // Check compares it with the tenant
		Audience:    []string{ourAPI},
		ScopeClaims: []string{"scp"},
		Check: func(ctx context.Context, c *jwtauth.Claims) error {
			var tenant string
			if err := c.Get("tid", &tenant); err != nil {
				return err
			}
			if c.Issuer != "https://login.microsoftonline.com/"+tenant+"/v2.0" {
				return fmt.Errorf("%w: iss does not belong to tid", jwtauth.ErrIssuerMismatch)
			}
			known, err := isCustomer(ctx, tenant)
			switch {
			case err != nil:
				return errors.Join(jwtauth.ErrUnavailable, err)
			case !known:
				return errors.New("tid is not a customer")
			}
			return checkEntra(ctx, c)
		},
	})
}

// cognito verifies access tokens of a Cognito user pool.
func cognito() (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeysFromIssuer(userPool, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      userPool,
		AnyAudience: true, // access tokens have no aud; Check compares client_id
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Use      string `json:"token_use"`
				ClientID string `json:"client_id"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.Use != "access":
				return errors.New("token_use is not access")
			case t.ClientID != "1example23456789":
				return errors.New("client_id is not our client")
			}
			return nil
		},
	})
}

const userPool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example"

// cognitoID verifies ID tokens of the same pool, for a login.
func cognitoID() (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeysFromIssuer(userPool, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   userPool,
		Audience: []string{"1example23456789"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var use string
			if err := c.Get("token_use", &use); err != nil {
				return err
			}
			if use != "id" {
				return errors.New("token_use is not id")
			}
			return nil
		},
	})
}
