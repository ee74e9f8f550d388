package docs_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func serverProviders() []provider {
	return append(supabaseProviders(), keycloakProvider(), adfsProvider(), hydraProvider(), zitadelProvider(), dexProvider())
}

func keycloakProvider() provider {
	const realm = "https://id.acme.example/realms/acme"
	return provider{
		name: "Keycloak",
		documents: discovery(realm, realm+"/protocol/openid-connect/certs", keySet(
			jwk(newRSA(), object{"kid": "enc", "alg": "RSA-OAEP", "use": "enc", "x5c": []string{"MIIClzCCAX8CBgF"}, "x5t": "a", "x5t#S256": "b"}),
			jwk(rsaKey, object{"kid": "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE", "alg": "RS256", "use": "sig", "x5c": []string{"MIIClzCCAX8CBgF"}, "x5t": "a", "x5t#S256": "b"}),
		)),
		verifier: must(keycloak),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"}, object{
			"exp": now + 3000, "iat": now, "auth_time": now, "jti": "onrtro:3c1b4d5e", "iss": realm, "aud": []string{"orders", "account"},
			"sub": "7335d417-61da-459d-899c-0a01c76a2f94", "typ": "Bearer", "azp": "web", "sid": "s", "acr": "1",
			"allowed-origins": []string{"https://app.acme.example"}, "realm_access": object{"roles": []string{"offline_access", "admin"}},
			"resource_access": object{"orders": object{"roles": []string{"reader"}}, "account": object{"roles": []string{"view-profile"}},
				"Web": object{"roles": []string{"a"}}, "web": object{"roles": []string{"b"}}},
			"scope": "openid email orders:read", "email_verified": true, "preferred_username": "ann",
		}},
		scope: "orders:read",
		cases: []tokenCase{
			{"only account", set("aud", "account"), "aud does not contain"},
			{"an ID token", all(set("typ", "ID"), set("aud", []string{"orders"}), set("nonce", "n")), "typ in the payload is not Bearer"},
			{"a refresh token", set("typ", "Refresh"), "typ in the payload is not Bearer"},
			{"a logout token", set("typ", "Logout"), "typ in the payload is not Bearer"},
			{"no typ", drop("typ"), "typ in the payload is not Bearer"},
			{"another client", set("azp", "other"), "azp is not our client"},
			{"another realm", set("iss", "https://id.acme.example/realms/other"), "iss is not"},
			{"the internal host name", set("iss", "http://keycloak:8080/realms/acme"), "iss is not"},
			{"a key for encryption", all(header("kid", "enc")), "no key"},
			{"a lightweight token", drop("sub"), "sub is missing"},
		},
	}
}

// A role counts for the client that it belongs to.
func TestKeycloakRole(t *testing.T) {
	p := keycloakProvider()
	for url, document := range p.documents {
		internet.publish(t, url, document)
	}
	protect := jwtauth.Verify(p.verifier(t))
	for role, want := range map[string]int{"reader": 204, "admin": 403, "view-profile": 403, "a": 403} {
		h := protect(keycloakRole(role)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })))
		if got := request(h, p.token.sign(t)); got != want {
			t.Errorf("%s responds %d, want %d", role, got, want)
		}
	}
}

func request(h http.Handler, token string) int {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func adfsProvider() provider {
	return provider{
		name: "AD FS",
		documents: map[string]object{"https://sts.acme.example/adfs/discovery/keys": keySet(
			jwk(rsaKey, object{"use": "sig", "alg": "RS256", "kid": "a1B2", "x5t": "a1B2", "x5c": []string{"MIIC4DCCAcigAwIBAgIQ"}}),
		)},
		verifier: must(adfs),
		token: draft{rsaKey, object{"typ": "JWT", "x5t": "a1B2", "kid": "a1B2"}, object{
			"aud": "microsoft:identityserver:" + ourAPI, "iss": "http://sts.acme.example/adfs/services/trust", "iat": now, "nbf": now, "exp": now + 3600,
			"sub": "cbZvNGmLfWLl5mIYIhVmAg==", "upn": "ann@acme.example", "apptype": "Confidential", "appid": ourClient,
			"authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "auth_time": "2030-03-24T07:30:55.566Z",
			"ver": "1.0", "scp": "openid orders", "jti": "j",
		}},
		scope: "orders",
		cases: []tokenCase{
			{"an ID token", all(set("iss", "https://sts.acme.example/adfs"), set("aud", ourClient), set("auth_time", now), set("nonce", "n")), "iss is not"},
			{"the issuer with https", set("iss", "https://sts.acme.example/adfs/services/trust"), "iss is not"},
			{"another API", set("aud", "microsoft:identityserver:"+otherTenant), "aud does not contain"},
			{"another client", set("appid", otherTenant), "appid is not our client"},
			{"groups as one string", set("group", "sales"), ""},
			{"groups as an array", set("group", []string{"sales", "support"}), ""},
		},
	}
}

// The auth_time of an access token is text, which never counts as recent.
func TestADFSFresh(t *testing.T) {
	p := adfsProvider()
	for url, document := range p.documents {
		internet.publish(t, url, document)
	}
	h := jwtauth.Verify(p.verifier(t))(jwtauth.RequireFresh(time.Hour)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	p.token.claims["auth_time"] = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	if got := request(h, p.token.sign(t)); got != 401 {
		t.Errorf("a text responds %d", got)
	}
	p.token.claims["auth_time"] = now
	if got := request(h, p.token.sign(t)); got != 200 {
		t.Errorf("a number responds %d", got)
	}
}

const supabaseJWTSecret = "q7Zk3vXw9LmR2tYc8NpB5sGh1JdF6aUe4KoQxPiVzTb=="

func supabaseProviders() []provider {
	documents := map[string]object{supabaseProject + "/.well-known/jwks.json": keySet(
		jwk(ecKey, object{"kid": "b81269f1-21d8-4f2e-b719-c2240a840d90", "alg": "ES256", "use": "sig", "key_ops": []string{"verify"}, "ext": true}),
	)}
	claims := object{
		"iss": supabaseProject, "aud": "authenticated", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "role": "authenticated", "aal": "aal1",
		"amr": []object{{"method": "password", "timestamp": now}}, "session_id": "s", "email": "ann@acme.example", "phone": "",
		"is_anonymous": false, "app_metadata": object{"provider": "email"}, "user_metadata": object{"role": "admin"}, "iat": now, "exp": now + 3600,
	}
	published := draft{ecKey, object{"typ": "JWT", "kid": "b81269f1-21d8-4f2e-b719-c2240a840d90"}, claims}
	secret := draft{[]byte(supabaseJWTSecret), object{"typ": "JWT", "kid": "hA5EXAMPLE"}, claims}
	both := func() (*jwtauth.Verifier, error) { return supabaseBoth(supabaseJWTSecret) }
	cases := []tokenCase{
		{"the anon key", apiKey("anon"), anyReason},
		{"the service_role key", apiKey("service_role"), anyReason},
		{"service_role in a user token", set("role", "service_role"), "role is not authenticated"},
		{"no role", drop("role"), "role is not authenticated"},
		{"an anonymous user", set("is_anonymous", true), "is_anonymous is true"},
		{"aud as an array", set("aud", []string{"authenticated"}), ""},
		{"another project", set("iss", "https://zzzzzzzzzzzzzzzzzzzz.supabase.co/auth/v1"), "iss is not"},
	}
	hs := change(func(d *draft) { d.key, d.header = secret.key, secret.header })
	es := change(func(d *draft) { d.key, d.header = published.key, published.header })
	return []provider{
		{name: "Supabase", documents: documents, verifier: must(supabase), token: published,
			cases: append([]tokenCase{{"the secret", hs, "no key"}}, cases...)},
		{name: "Supabase", variant: "secret", token: secret, cases: append([]tokenCase{{"a signing key", es, "no key"}, {"no kid", header("kid", ""), ""}}, cases...),
			verifier: must(func() (*jwtauth.Verifier, error) { return supabaseSecret(supabaseJWTSecret) })},
		{name: "Supabase", variant: "both, ES256", documents: documents, verifier: must(both), token: published,
			cases: append([]tokenCase{{"the secret", hs, ""}}, cases...)},
		{name: "Supabase", variant: "both, HS256", documents: documents, verifier: must(both), token: secret,
			cases: append([]tokenCase{{"a signing key", es, ""}}, cases...)},
	}
}

// apiKey makes a token an API key of the project.
func apiKey(role string) change {
	return all(set("iss", "supabase"), set("ref", "abcdefghijklmnopqrst"), set("role", role), drop("aud"), drop("sub"), set("exp", now+315360000))
}

// A project with a shared secret publishes an empty key set.
func TestSupabaseEmptySet(t *testing.T) {
	const url = "https://empty.supabase.co/auth/v1/.well-known/jwks.json"
	internet.publish(t, url, keySet([]object{}...))
	keys, err := jwtauth.NewRemoteKeys(url, jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err == nil {
		t.Error("an empty set is ready")
	}
}

// The secret with which Supabase is documented for self-hosting is public.
func TestSupabasePublishedSecret(t *testing.T) {
	if _, err := supabaseSecret("your-super-secret-jwt-token-with-at-least-32-characters-long"); err == nil {
		t.Error("the published secret is accepted")
	}
}

func hydraProvider() provider {
	const issuer = "https://auth.acme.example/"
	return provider{
		name: "Ory Hydra",
		documents: discovery(issuer, issuer+".well-known/jwks.json", keySet(
			jwk(newRSA(), object{"use": "sig", "kid": "public:hydra.openid.id-token", "alg": "RS256"}),
			jwk(rsaKey, object{"use": "sig", "kid": "3c0a2b1d-hydra.jwt.access-token", "alg": "RS256"}),
		)),
		verifier: must(hydra),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "3c0a2b1d-hydra.jwt.access-token"}, object{
			"aud": []string{"https://api.acme.example"}, "client_id": "web", "exp": now + 3600, "iat": now, "nbf": now, "iss": issuer,
			"ext": object{"tenant": "acme"}, "jti": "j", "scp": []string{"openid", "offline", "orders"}, "sub": "u1",
		}},
		scope: "orders",
		cases: []tokenCase{
			{"scopes as a string", all(drop("scp"), set("scope", "openid orders")), ""},
			{"both forms of scopes", set("scope", "openid orders"), ""},
			{"the issuer without the slash", set("iss", strings.TrimSuffix(issuer, "/")), "iss is not"},
			{"an ID token", all(set("aud", []string{"web"}), drop("client_id"), drop("scp"), set("at_hash", "x"), set("nonce", "n")), "aud does not contain"},
			{"an ID token for this audience", all(drop("client_id"), drop("scp"), set("at_hash", "x")), "client_id is not our client"},
			{"another client", set("client_id", "other"), "client_id is not our client"},
			{"another tenant", setIn("ext", "tenant", "other"), "ext.tenant is not ours"},
			{"the tenant at the wrong place", all(drop("ext"), set("tenant", "acme")), "ext.tenant is not ours"},
		},
	}
}

func zitadelProvider() provider {
	const issuer, roles = "https://acme-x1y2.zitadel.cloud", "urn:zitadel:iam:org:project:300000000000000001:roles"
	return provider{
		name: "ZITADEL",
		documents: discovery(issuer, issuer+"/oauth/v2/keys", keySet(
			jwk(rsaKey, object{"use": "sig", "kid": "345678901234567890", "alg": "RS256"}),
		)),
		verifier: must(zitadel),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "345678901234567890"}, object{
			"iss": issuer, "sub": "500000000000000001", "aud": []string{"400000000000000001", "300000000000000001"}, "client_id": "400000000000000001",
			"exp": now + 43200, "iat": now, "nbf": now, "jti": "j", "urn:zitadel:iam:user:resourceowner:id": "200000000000000001",
			"urn:zitadel:iam:user:resourceowner:name": "acme", roles: object{"user": object{"200000000000000001": "acme.example"}},
		}},
		cases: []tokenCase{
			{"with azp", all(drop("client_id"), set("azp", "400000000000000001")), ""},
			{"another project", set("aud", []string{"400000000000000002", "300000000000000002"}), "aud does not contain"},
			{"another client", set("client_id", "400000000000000002"), "client_id or azp is not our client"},
			{"another organization", set("urn:zitadel:iam:user:resourceowner:id", "200000000000000002"), "resourceowner:id is not our organization"},
			{"no organization", drop("urn:zitadel:iam:user:resourceowner:id"), "resourceowner:id is not our organization"},
			{"the role in another organization", set(roles, object{"user": object{"200000000000000002": "other.example"}}), ":roles has no role user"},
			{"the role of another project", all(drop(roles), set("urn:zitadel:iam:org:project:300000000000000002:roles", object{"user": object{"200000000000000001": "acme.example"}})), ":roles has no role user"},
			{"another role", set(roles, object{"guest": object{"200000000000000001": "acme.example"}}), ":roles has no role user"},
		},
	}
}

func dexProvider() provider {
	const issuer = "https://dex.acme.example/dex"
	return provider{
		name: "Dex",
		documents: discovery(issuer, issuer+"/keys", keySet(
			jwk(rsaKey, object{"use": "sig", "kid": "84ebd1c5dd0d5b8f3c", "alg": "RS256"}), jwk(newRSA(), object{"use": "sig", "kid": "old", "alg": "RS256"}),
		)),
		verifier: must(dex),
		token: draft{rsaKey, object{"kid": "84ebd1c5dd0d5b8f3c"}, object{
			"iss": issuer, "sub": "CiNjbj1qYW5lLG91PVBlb3BsZSxkYz1leGFtcGxlLGRjPW9yZxIEbGRhcA", "aud": "orders", "exp": now + 86400, "iat": now,
			"at_hash": "x", "email": "jane@acme.example", "email_verified": true, "groups": []string{"admins"}, "name": "jane",
			"preferred_username": "jane", "federated_claims": object{"connector_id": "ldap", "user_id": "cn=jane"},
		}},
		scope: "admins",
		cases: []tokenCase{
			{"a cross-client token", all(set("aud", []string{"orders", "web"}), set("azp", "web")), ""},
			{"a cross-client token of another client", all(set("aud", []string{"orders", "other"}), set("azp", "other")), "azp is not our client"},
			{"another client", set("aud", "other"), "aud does not contain"},
			{"another connector", setIn("federated_claims", "connector_id", "github"), "federated_claims.connector_id is not ldap"},
			{"without federated:id", drop("federated_claims"), "federated_claims.connector_id is not ldap"},
			{"another path of the host", set("iss", "https://dex.acme.example/other"), "iss is not"},
		},
	}
}
