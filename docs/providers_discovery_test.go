package docs_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Discovery documents in the forms that providers publish lead to the keys. A
// document of another issuer, or one without a safe URL of the keys, does not.
func TestProviderDiscovery(t *testing.T) {
	const issuer = "https://sso.acme.example/tenant/v2.0"
	const keysURL = "https://keys.acme-cdn.example/discovery/keys?p=policy" // another host, as Google's
	internet.publish(t, keysURL, keySet(jwk(rsaKey, object{"kid": "1"})))
	internet.publish(t, "http://keys.acme-cdn.example/keys", keySet(jwk(rsaKey, object{"kid": "1"})))
	document := object{
		"issuer": issuer, "jwks_uri": keysURL, "token_endpoint": "https://sso.acme.example/token",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "claims_supported": []string{"sub", "iss"},
	}
	for _, c := range []struct {
		name   string
		change object
		want   string // in the error of Ready, "" if there are keys
	}{
		{"few members", nil, ""},
		{"null and booleans (Entra ID)", object{"tenant_region_scope": nil, "request_uri_parameter_supported": false, "cloud_instance_name": "microsoftonline.com"}, ""},
		{"objects (Keycloak)", object{"mtls_endpoint_aliases": object{"token_endpoint": "https://sso.acme.example/mtls", "jwks_uri": "https://attacker.example/keys"}}, ""},
		{"another issuer of access tokens (AD FS)", object{"access_token_issuer": "http://sso.acme.example/adfs/services/trust"}, ""},
		{"signed metadata", object{"signed_metadata": "eyJhbGciOiJub25lIn0.e30."}, ""},
		{"algorithms without the one in use", object{"id_token_signing_alg_values_supported": []string{"HS256", "none"}}, ""},
		{"another issuer", object{"issuer": "https://sso.acme.example/other/v2.0"}, "of another issuer"},
		{"the issuer in another case", object{"issuer": "https://SSO.acme.example/tenant/v2.0"}, "of another issuer"},
		{"the issuer with a slash", object{"issuer": issuer + "/"}, "of another issuer"},
		{"a template", object{"issuer": "https://sso.acme.example/{tenantid}/v2.0"}, "of another issuer"},
		{"no issuer", object{"issuer": nil}, "issuer"},
		{"issuer is an array", object{"issuer": []string{issuer}}, "issuer"},
		{"no jwks_uri", object{"jwks_uri": nil}, "jwks_uri"},
		{"jwks_uri is http", object{"jwks_uri": "http://keys.acme-cdn.example/keys"}, "jwks_uri"},
		{"jwks_uri is relative", object{"jwks_uri": "/discovery/keys"}, "jwks_uri"},
		{"jwks_uri has a password", object{"jwks_uri": "https://user:password@keys.acme-cdn.example/keys"}, "jwks_uri"},
		{"jwks_uri is an array", object{"jwks_uri": []string{keysURL}}, "jwks_uri"},
		{"jwks_uri is the issuer", object{"jwks_uri": issuer}, "404"},
	} {
		internet.publish(t, issuer+"/.well-known/openid-configuration", document.with(c.change))
		keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = keys.Ready(t.Context())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "password@") {
			t.Errorf("%s: the error contains the password", c.name)
		}
	}
}
