package docs_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/seed-0a072700/jwtauth"
)

// keycloak verifies access tokens of a Keycloak realm.
func keycloak() (*jwtauth.Verifier, error) {
	const realm = "https://id.acme.example/realms/acme"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(realm, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   realm,
		Audience: []string{"orders"}, // by an audience mapper
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Type string `json:"typ"` // of the payload
				AZP  string `json:"azp"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.Type != "Bearer":
				return errors.New("typ in the payload is not Bearer")
			case t.AZP != "web":
				return errors.New("azp is not our client")
			}
			return nil
		},
	})
}

// keycloakRole requires a role of the client orders. A role of the realm, or of
// another client, may have the same name.
func keycloakRole(role string) func(http.Handler) http.Handler {
	return jwtauth.Require(func(c *jwtauth.Claims) error {
		var t struct {
			Access map[string]struct {
				Roles []string `json:"roles"`
			} `json:"resource_access"`
		}
		if err := c.Decode(&t); err != nil {
			return err
		}
		if !slices.Contains(t.Access["orders"].Roles, role) {
			return errors.New("resource_access.orders has no such role")
		}
		return nil
	})
}

// adfs verifies access tokens of AD FS.
func adfs() (*jwtauth.Verifier, error) {
	const (
		webAPI = "6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0" // client ID of the web API
		web    = "c0ffee00-1234-4abc-8def-0123456789ab" // client ID of the client
	)
	keys, err := jwtauth.NewRemoteKeys("https://sts.acme.example/adfs/discovery/keys", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      "http://sts.acme.example/adfs/services/trust", // http: a name, not a URL to fetch
		Audience:    []string{"microsoft:identityserver:" + webAPI},
		ScopeClaims: []string{"scp"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var client string
			if err := c.Get("appid", &client); err != nil {
				return err
			}
			if client != web {
				return errors.New("appid is not our client")
			}
			return nil
		},
	})
}

const supabaseProject = "https://abcdefghijklmnopqrst.supabase.co/auth/v1"

// supabase verifies the tokens of users of a project with signing keys (ES256).
func supabase() (*jwtauth.Verifier, error) {
	keys, err := jwtauth.NewRemoteKeys(supabaseProject+"/.well-known/jwks.json", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return newSupabaseVerifier(keys)
}

func newSupabaseVerifier(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   supabaseProject,
		Audience: []string{"authenticated"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Role      string `json:"role"`
				Anonymous bool   `json:"is_anonymous"`
				ClientID  string `json:"client_id"` // in tokens of the OAuth server
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.Role != "authenticated":
				return errors.New("role is not authenticated")
			case t.Anonymous:
				return errors.New("is_anonymous is true")
			case t.ClientID != "":
				return errors.New("client_id is present: the token is for another app")
			}
			return nil
		},
	})
}

// supabaseSecret verifies the tokens of a project with the legacy JWT secret
// (HS256). The secret is text: its bytes are the key.
func supabaseSecret(secret string) (*jwtauth.Verifier, error) {
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	if err != nil {
		return nil, err
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		return nil, err
	}
	return newSupabaseVerifier(keys)
}

// supabaseBoth verifies both kinds while a project moves to signing keys.
func supabaseBoth(secret string) (*jwtauth.Verifier, error) {
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	if err != nil {
		return nil, err
	}
	old, err := jwtauth.StaticKeys(key)
	if err != nil {
		return nil, err
	}
	remote, err := jwtauth.NewRemoteKeys(supabaseProject+"/.well-known/jwks.json", jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return newSupabaseVerifier(bothKeys{remote, old})
}

// bothKeys uses the secret for HS256 and the published keys for the rest.
type bothKeys struct {
	*jwtauth.RemoteKeys
	secret jwtauth.KeySource
}

func (k bothKeys) VerificationKeys(ctx context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
	if alg == jwtauth.HS256 {
		return k.secret.VerificationKeys(ctx, alg, kid)
	}
	return k.RemoteKeys.VerificationKeys(ctx, alg, kid)
}

// hydra verifies access tokens of Ory Hydra with the JWT strategy.
func hydra() (*jwtauth.Verifier, error) {
	const issuer = "https://auth.acme.example/" // as configured, often with a slash
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuer,
		Audience:    []string{"https://api.acme.example"},
		ScopeClaims: []string{"scp"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				ClientID string `json:"client_id"` // only access tokens have it
				Ext      struct {
					Tenant string `json:"tenant"` // set by the consent app
				} `json:"ext"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.ClientID != "web":
				return errors.New("client_id is not our client")
			case t.Ext.Tenant != "acme":
				return errors.New("ext.tenant is not ours")
			}
			return nil
		},
	})
}

// zitadel verifies JWT access tokens of a ZITADEL project for one organization.
func zitadel() (*jwtauth.Verifier, error) {
	const issuer = "https://acme-x1y2.zitadel.cloud"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{"300000000000000001"}, // the project ID
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			const ourOrganization = "200000000000000001"
			var t struct {
				ClientID     string                       `json:"client_id"`
				AZP          string                       `json:"azp"`
				Organization string                       `json:"urn:zitadel:iam:user:resourceowner:id"`
				Roles        map[string]map[string]string `json:"urn:zitadel:iam:org:project:300000000000000001:roles"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case c.ID == "":
				return errors.New("jti is missing: the token is an ID token")
			case cmp.Or(t.ClientID, t.AZP) != "400000000000000001":
				return errors.New("client_id or azp is not our client")
			case t.Organization != ourOrganization:
				return errors.New("urn:zitadel:iam:user:resourceowner:id is not our organization")
			case t.Roles["user"][ourOrganization] == "":
				return errors.New("urn:zitadel:iam:org:project:300000000000000001:roles has no role user of our organization")
			}
			return nil
		},
	})
}

// dex verifies ID tokens of Dex, which are its access tokens as well.
func dex() (*jwtauth.Verifier, error) {
	const issuer = "https://dex.acme.example/dex"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuer,
		Audience:    []string{"orders"}, // a client ID
		ScopeClaims: []string{"groups"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				AZP       string `json:"azp"` // with a cross-client audience
				Federated struct {
					Connector string `json:"connector_id"`
				} `json:"federated_claims"` // by the scope federated:id
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.AZP != "" && t.AZP != "web":
				return errors.New("azp is not our client")
			case t.Federated.Connector != "ldap":
				return errors.New("federated_claims.connector_id is not ldap")
			}
			return nil
		},
	})
}
