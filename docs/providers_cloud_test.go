package docs_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// with returns a copy of o with more members.
func (o object) with(more object) object {
	o = maps.Clone(o)
	maps.Copy(o, more)
	return o
}

func cloudProviders() []provider {
	return append(entraProviders(), auth0Provider(), oktaProvider(), cognitoProvider(), cognitoIDProvider())
}

func auth0Provider() provider {
	const issuer = "https://acme.eu.auth0.com/"
	return provider{
		name: "Auth0",
		documents: discovery(issuer, issuer+".well-known/jwks.json", keySet(
			jwk(rsaKey, object{"kid": "NEE1QURBOTM4Mz", "use": "sig", "alg": "RS256", "x5t": "NEE1QURBOTM4Mz", "x5c": []string{"MIIDBzCCAe+gAwIBAgIJ"}}),
			jwk(newRSA(), object{"kid": "next", "use": "sig", "alg": "RS256"}),
		)),
		verifier: must(auth0),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "NEE1QURBOTM4Mz"}, object{
			"iss": issuer, "sub": "auth0|507f1f77bcf86cd799439020", "aud": []string{"https://api.acme.example", issuer + "userinfo"},
			"azp": "web-client", "iat": now, "exp": now + 86400, "scope": "openid profile", "permissions": []string{"read:orders"},
			"org_id": "org_acme", "gty": "password",
		}},
		scope: "read:orders",
		cases: []tokenCase{
			{"the RFC 9068 profile", all(header("typ", "at+jwt"), drop("azp"), drop("gty"), set("client_id", "web-client"), set("jti", "x1")), ""},
			{"a machine", all(set("sub", "web-client@clients"), set("gty", "client-credentials"), set("aud", "https://api.acme.example")), ""},
			{"an ID token", all(set("aud", "web-client"), set("nonce", "n"), set("updated_at", "2030-01-01T00:00:00.000Z"), drop("scope")), "aud does not contain"},
			{"userinfo only", set("aud", issuer+"userinfo"), "aud does not contain"},
			{"the issuer without the slash", set("iss", "https://acme.eu.auth0.com"), "iss is not"},
			{"another tenant", set("iss", "https://other.eu.auth0.com/"), "iss is not"},
			{"another client", set("azp", "other-client"), "azp or client_id is not our client"},
			{"another client, RFC 9068", all(drop("azp"), set("client_id", "other-client")), "azp or client_id is not our client"},
			{"no client", drop("azp"), "azp or client_id is not our client"},
			{"another organization", set("org_id", "org_other"), "org_id is not our organization"},
			{"no organization", drop("org_id"), "org_id is not our organization"},
			{"an organization of another type", set("org_id", []string{"org_acme"}), "org_id"},
		},
	}
}

func oktaProvider() provider {
	const issuer = "https://acme.okta.com/oauth2/default"
	return provider{
		name: "Okta",
		documents: discovery(issuer, issuer+"/v1/keys", keySet(
			jwk(rsaKey, object{"kid": "9mFgwKq0wWD8", "use": "sig", "alg": "RS256"}),
		)),
		verifier: must(okta),
		token: draft{rsaKey, object{"kid": "9mFgwKq0wWD8"}, object{
			"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "iss": issuer, "aud": "api://default",
			"iat": now, "exp": now + 3600, "cid": "0oaweb", "uid": "00uid4BxXw6I6TV4m0g3", "scp": []string{"openid", "orders.read"},
			"auth_time": now, "sub": "ann@acme.example",
		}},
		scope: "orders.read",
		cases: []tokenCase{
			{"client credentials", all(drop("uid"), set("cid", "0oabatch"), set("sub", "0oabatch")), ""},
			{"another server of the organization", set("iss", "https://acme.okta.com/oauth2/other"), "iss is not"},
			{"another organization", set("iss", "https://other.okta.com/oauth2/default"), "iss is not"},
			{"the organization's own server", all(header("typ", "application/okta-internal-at+jwt"), set("iss", "https://acme.okta.com"), set("aud", "https://acme.okta.com")), "type"},
			{"an ID token", all(set("aud", "0oaweb"), set("nonce", "n"), set("amr", []string{"pwd"}), drop("scp"), drop("cid")), "aud does not contain"},
			{"another client", set("cid", "0oaother"), "cid is not one of our clients"},
			{"no client", drop("cid"), "cid is not one of our clients"},
		},
	}
}

const (
	otherTenant = "7a1e9c53-2d4b-4e6f-8a0b-9c8d7e6f5a4b"
	entraV2     = "https://login.microsoftonline.com/"
)

// entraKeys is the key set of all tenants. No key has an "alg".
func entraKeys() object {
	return keySet(
		jwk(rsaKey, object{"use": "sig", "kid": "kWbkHbs2zE", "x5t": "kWbkHbs2zE", "x5c": []string{"MIIC/jCCAeag"}, "issuer": entraV2 + "{tenantid}/v2.0"}),
		jwk(strangerRSA, object{"use": "sig", "kid": "consumers", "x5t": "consumers", "issuer": entraV2 + "9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"}),
	)
}

func entraToken() draft {
	return draft{rsaKey, object{"typ": "JWT", "kid": "kWbkHbs2zE"}, object{
		"aud": ourAPI, "iss": entraV2 + ourTenant + "/v2.0", "iat": now, "nbf": now, "exp": now + 4000, "aio": "AXQAi/8IAAAA",
		"azp": ourClient, "azpacr": "1", "name": "Ann", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "preferred_username": "ann@acme.example",
		"rh": "I", "scp": "Orders.Read", "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": ourTenant, "uti": "fqiBqXLPj0eQa82S-IYFAA", "ver": "2.0",
	}}
}

// entraCases are those of every verifier for tokens of version 2.0.
var entraCases = []tokenCase{
	{"another tenant in iss only", set("iss", entraV2+otherTenant+"/v2.0"), "iss"},
	{"another tenant in tid only", set("tid", otherTenant), "issuer"},
	{"no tid", drop("tid"), "issuer"},
	{"the template of /common as iss", set("iss", entraV2+"{tenantid}/v2.0"), "issuer"},
	{"the key of another tenant", all(signedBy(strangerRSA), header("kid", "consumers")), "issuer"},
	{"version 1.0", all(set("iss", "https://sts.windows.net/"+ourTenant+"/"), set("ver", "1.0")), "issuer"},
	{"Microsoft Graph", set("aud", "00000003-0000-0000-c000-000000000000"), "aud does not contain"},
	{"another client", set("azp", otherTenant), "azp, or appid in version 1.0, is not our client"},
	{"an ID token of the same application", all(drop("azp"), drop("scp"), set("nonce", "n")), "azp, or appid in version 1.0, is not our client"},
	{"an application without a user", all(drop("scp"), set("roles", []string{"Orders.Read.All"}), set("idtyp", "app")), "scp is missing"},
	{"an application with an empty scp", set("scp", ""), "scp is missing"},
}

func entraProviders() []provider {
	common := map[string]object{entraV2 + "common/discovery/v2.0/keys": entraKeys()}
	ours := entraV2 + ourTenant + "/v2.0"
	other := all(set("iss", entraV2+otherTenant+"/v2.0"), set("tid", otherTenant))
	v1 := provider{
		name: "Microsoft Entra ID", variant: "v1",
		documents: map[string]object{entraV2 + ourTenant + "/discovery/keys": keySet(
			jwk(rsaKey, object{"use": "sig", "kid": "kWbkHbs2zE", "x5t": "kWbkHbs2zE", "x5c": []string{"MIIC/jCCAeag"}}),
		)},
		verifier: must(entraV1),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "kWbkHbs2zE", "x5t": "kWbkHbs2zE"}, object{
			"aud": "api://" + ourAPI, "iss": "https://sts.windows.net/" + ourTenant + "/", "iat": now, "nbf": now, "exp": now + 4000,
			"acr": "1", "amr": []string{"pwd", "mfa"}, "appid": ourClient, "appidacr": "1", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
			"scp": "Orders.Read", "sub": "HKZpfaHyWadeOouYlitjrI", "tid": ourTenant, "unique_name": "ann@acme.example", "uti": "x", "ver": "1.0",
		}},
		scope: "Orders.Read",
		cases: []tokenCase{
			{"the issuer without the slash", set("iss", "https://sts.windows.net/"+ourTenant), "iss is not"},
			{"another tenant", set("iss", "https://sts.windows.net/"+otherTenant+"/"), "iss is not"},
			{"version 2.0", set("iss", ours), "iss is not"},
			{"the client ID as audience", set("aud", ourAPI), "aud does not contain"},
			{"another client", set("appid", otherTenant), "appid in version 1.0"},
		},
	}
	return []provider{
		{
			name: "Microsoft Entra ID", documents: discovery(ours, entraV2+ourTenant+"/discovery/v2.0/keys", entraKeys()),
			verifier: must(entra), token: entraToken(), scope: "Orders.Read",
			cases: append([]tokenCase{{"another tenant", other, "iss is not"}}, entraCases...),
		},
		v1,
		{
			name: "Microsoft Entra ID", variant: "several tenants", documents: common,
			verifier: must(func() (jwtauth.TokenVerifier, error) { return entraTenants([]string{ourTenant, otherTenant}) }),
			token:    entraToken(), scope: "Orders.Read",
			cases: append([]tokenCase{
				{"the other tenant", other, ""},
				{"a third tenant", all(set("iss", entraV2+ourAPI+"/v2.0"), set("tid", ourAPI)), "issuer"},
			}, entraCases...),
		},
		{
			name: "Microsoft Entra ID", variant: "any tenant", documents: common,
			verifier: must(func() (*jwtauth.Verifier, error) {
				return entraAnyTenant(func(_ context.Context, tenant string) (bool, error) {
					return tenant == ourTenant || tenant == otherTenant, nil
				})
			}),
			token: entraToken(), scope: "Orders.Read",
			cases: append([]tokenCase{
				{"another customer", other, ""},
				{"not a customer", all(set("iss", entraV2+ourAPI+"/v2.0"), set("tid", ourAPI)), "tid is not a customer"},
				{"no tid, and an issuer without tenant", all(set("iss", entraV2+"/v2.0"), drop("tid")), anyReason},
			}, entraCases...),
		},
	}
}

func cognitoKeys() map[string]object {
	return discovery(userPool, userPool+"/.well-known/jwks.json", keySet(
		jwk(rsaKey, object{"kid": "1234example=", "alg": "RS256", "use": "sig"}),
		jwk(newRSA(), object{"kid": "5678example/+=", "alg": "RS256", "use": "sig"}),
	))
}

func cognitoProvider() provider {
	return provider{
		name: "Amazon Cognito", documents: cognitoKeys(), verifier: must(cognito),
		token: draft{rsaKey, object{"kid": "1234example="}, object{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": []string{"admin"}, "iss": userPool, "version": 2,
			"client_id": "1example23456789", "origin_jti": "o", "event_id": "e", "token_use": "access", "scope": "openid orders/read",
			"auth_time": now, "exp": now + 3600, "iat": now, "jti": "j", "username": "ann",
		}},
		scope:  "orders/read",
		exempt: []string{"another audience", "no audience", "an empty audience"}, // client_id decides
		cases: []tokenCase{
			{"with a resource", set("aud", "https://api.acme.example"), ""},
			{"an ID token", all(set("token_use", "id"), set("aud", "1example23456789"), drop("client_id"), drop("scope")), "token_use is not access"},
			{"no token_use", drop("token_use"), "token_use is not access"},
			{"another client", set("client_id", "other"), "client_id is not our client"},
			{"another client with aud", all(set("client_id", "other"), set("aud", "1example23456789")), "client_id is not our client"},
			{"no client", drop("client_id"), "client_id is not our client"},
			{"another pool", set("iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"), "iss is not"},
			{"values of API Gateway", set("exp", "Mon Jan 01 00:00:00 UTC 2035"), "exp is not a number"},
		},
	}
}

func cognitoIDProvider() provider {
	return provider{
		name: "Amazon Cognito", variant: "ID token", documents: cognitoKeys(), verifier: must(cognitoID),
		token: draft{rsaKey, object{"kid": "1234example="}, object{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "aud": "1example23456789", "email_verified": true, "token_use": "id", "auth_time": now,
			"iss": userPool, "cognito:username": "ann", "exp": now + 3600, "iat": now, "cognito:roles": []string{"arn:aws:iam::1:role/a"},
			"identities": []object{{"userId": "1", "providerName": "Google", "primary": "true", "dateCreated": "1642699117273"}},
		}},
		cases: []tokenCase{
			{"an access token", all(set("token_use", "access"), set("client_id", "1example23456789"), drop("aud")), "aud is missing or empty"},
			{"an access token with aud", set("token_use", "access"), "token_use is not id"},
			{"another client", set("aud", "other"), "aud does not contain"},
		},
	}
}

// An outage of the list of customers is no refusal.
func TestEntraCustomersUnavailable(t *testing.T) {
	internet.publish(t, entraV2+"common/discovery/v2.0/keys", entraKeys())
	v, err := entraAnyTenant(func(context.Context, string) (bool, error) { return false, context.DeadlineExceeded })
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.VerifyToken(t.Context(), entraToken().sign(t))
	if p := jwtauth.ProblemOf(err); p.Status != 503 {
		t.Errorf("%v has the status %d", err, p.Status)
	}
}

// The discovery document of /common names a template as its issuer, so the URL
// of the key set has to be given.
func TestEntraCommonDiscovery(t *testing.T) {
	internet.publish(t, entraV2+"common/v2.0/.well-known/openid-configuration", object{
		"issuer": entraV2 + "{tenantid}/v2.0", "jwks_uri": entraV2 + "common/discovery/v2.0/keys",
	})
	keys, err := jwtauth.NewRemoteKeysFromIssuer(entraV2+"common/v2.0", jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "the document is of another issuer") {
		t.Errorf("got %v", err)
	}
}
