package docs_test

import (
	"encoding/json"
	"slices"
)

func accepted(name string, changes ...change) tokenCase { return tokenCase{name, all(changes...), ""} }

func refused(name, reason string, changes ...change) tokenCase {
	return tokenCase{name, all(changes...), reason}
}

// sets changes all claims of o.
func sets(o object) change {
	return func(d *draft) {
		for name, value := range o {
			d.claims[name] = value
		}
	}
}

// raw is JSON text that encoding/json would not write.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

// formCases are tokens in other forms that RFC 7519 allows or forbids.
var formCases = []tokenCase{
	accepted("exp as a float", set("exp", raw("4.1e9"))),
	accepted("exp with a fraction", set("exp", float64(now)+3000.25), set("iat", float64(now)-1.5)),
	accepted("iat of 1e9", set("iat", raw("1e9")), set("nbf", raw("1.0E+9"))),
	accepted("typ in small letters", header("typ", "jwt")),
	accepted("typ of RFC 9068", header("typ", "at+jwt")),
	accepted("typ of RFC 9068 as a media type", header("typ", "application/at+JWT")),
	accepted("members of the header that name keys", header("jku", "https://attacker.example/jwks.json"), header("x5u", "https://attacker.example/x5u"),
		header("x5c", []string{"MIIDBzCCAe+gAwIBAgIJ"}), header("x5t", "a"), header("x5t#S256", "b"), header("jwk", jwk(strangerRSA, nil))),
	accepted("other members of the header", header("nonce", "AQABAAAAAAD"), header("cty", "JWT"), header("ver", "1.0"), header("pi.atm", "x"), header("zip", "DEF")),
	accepted("claims of other types that no check reads", set("sid", 17), set("acr", 1), set("amr", []object{{"method": "otp", "timestamp": now}}),
		set("scope", nil), set("https://acme.example/roles", []any{"a", object{"b": []any{nil, 1.5, true}}})),

	refused("a key in the header", anyReason, signedBy(strangerRSA), header("jwk", jwk(strangerRSA, nil))),
	refused("exp is null", "exp", set("exp", nil)),
	refused("exp is true", "exp", set("exp", true)),
	refused("exp in milliseconds, as text", "exp", set("exp", "1e12")),
	refused("exp is 0", "exp", set("exp", 0)),
	refused("exp is negative", "exp", set("exp", -1)),
	refused("nbf is text", "nbf is not a number", set("nbf", "2030-01-01T00:00:00Z")),
	refused("iat is text", "iat is not a number", set("iat", "2020-01-01T00:00:00Z")),
	refused("iat in the future", "iat is in the future", set("iat", now+3600)),
	refused("sub is an object", "sub is not a string", set("sub", object{"format": "opaque", "id": "u1"})),
	refused("sub is null", "sub", set("sub", nil)),
	refused("iss is an array", "iss", func(d *draft) { d.claims["iss"] = []any{d.claims["iss"]} }),
	refused("aud is a number", "aud", set("aud", 1)),
	refused("aud is null", "aud", set("aud", nil)),
	refused("aud is an object", "aud", func(d *draft) { d.claims["aud"] = object{"0": d.claims["aud"]} }),
	refused("aud is a list in a list", "aud", func(d *draft) { d.claims["aud"] = []any{d.claims["aud"], []string{"x"}} }),
	refused("a logout token", "typ in the header", header("typ", "logout+jwt")),
	refused("a security event", "typ in the header", header("typ", "application/secevent+jwt")),
	refused("an empty typ", "typ in the header", header("typ", "")),
	refused("typ is null", "typ in the header", header("typ", nil)),
	refused("kid is a number", "kid in the header", header("kid", 1)),
	refused("b64 is false", "b64", header("b64", false)),
}

// moreCases returns the cases of other forms and of other accounts for the
// entry and variant with this name.
func moreCases(name string) []tokenCase {
	return slices.Concat(formCases, hostedAccounts[name], ownAccounts[name])
}

// hostedAccounts are tokens of other kinds of accounts, clients and endpoints,
// by the heading of the entry and the variant.
var hostedAccounts = map[string][]tokenCase{
	"Auth0": {
		accepted("a social login with claims of an action", set("sub", "google-oauth2|103547991597142817347"), set("https://acme.example/roles", []string{"admin"}), set("org_name", "acme")),
		accepted("no permissions and no scope", drop("scope"), set("permissions", []string{})),
		accepted("RFC 9068 with the time of the login", header("typ", "at+jwt"), drop("azp"), set("client_id", "web-client"), set("auth_time", now-60), set("amr", []string{"mfa"})),
		refused("the Management API", "aud does not contain", set("aud", "https://acme.eu.auth0.com/api/v2/")),
		refused("the MFA API", "aud does not contain", set("aud", "https://acme.eu.auth0.com/mfa/")),
		refused("a custom domain", "iss is not", set("iss", "https://login.acme.example/")),
		refused("client_id of another client beside our azp", "client_id", set("client_id", "other-client")),
		refused("azp is an array", "azp", set("azp", []string{"web-client"})),
		refused("the organization in user_metadata", "org_id", drop("org_id"), set("user_metadata", object{"org_id": "org_acme"})),
		refused("a part of the organization's name", "org_id", set("org_id", "org_acme2")),
	},
	"Okta": {
		accepted("one scope, with groups", set("scp", []string{"orders.read"}), set("groups", []string{"Everyone"})),
		accepted("the batch client", set("cid", "0oabatch")),
		refused("a custom domain", "iss is not", set("iss", "https://login.acme.example/oauth2/default")),
		refused("the organization's own server, without its typ", "iss is not", set("iss", "https://acme.okta.com"), set("aud", "https://acme.okta.com")),
		refused("a preview organization", "iss is not", set("iss", "https://acme.oktapreview.com/oauth2/default")),
		refused("the client as an array", "cid", set("cid", []string{"0oaweb"})),
		refused("an ID token of our client", "aud does not contain", sets(object{"aud": "0oaweb", "jti": "ID.0mP4", "idp": "00o1", "at_hash": "x"}), drop("cid"), drop("scp")),
	},
	"Microsoft Entra ID": entraAccounts,
	"Microsoft Entra ID several tenants": append(slices.Clone(entraAccounts),
		refused("a personal account", "iss", sets(object{"iss": entraV2 + personalTenant + "/v2.0", "tid": personalTenant}))),
	"Microsoft Entra ID any tenant": append(slices.Clone(entraAccounts),
		refused("a personal account", "tid is not a customer", sets(object{"iss": entraV2 + personalTenant + "/v2.0", "tid": personalTenant})),
		refused("a customer in capital letters", "tid", sets(object{"iss": entraV2 + "7A1E9C53-2D4B-4E6F-8A0B-9C8D7E6F5A4B/v2.0", "tid": "7A1E9C53-2D4B-4E6F-8A0B-9C8D7E6F5A4B"})),
		refused("tid is an array", "tid", set("tid", []string{ourTenant}))),
	"Microsoft Entra ID v1": {
		accepted("a guest", sets(object{"idp": "https://sts.windows.net/" + otherTenant + "/", "altsecid": "5::10030000801BAFC7", "email": "bob@other.example",
			"unique_name": "bob@other.example", "in_corp": "true", "ipaddr": "192.0.2.1", "e_exp": 10800, "puid": "1003BFFD9ACA40EE", "platf": "3"})),
		accepted("a guest with a personal account", sets(object{"idp": "live.com", "unique_name": "live.com#bob@outlook.com", "altsecid": "1:live.com:00034001DFF7D5DE"})),
		refused("an application without a user", "scp is missing", drop("scp"), drop("unique_name"), set("roles", []string{"Orders.Read.All"}), set("idtyp", "app")),
		refused("Azure Resource Manager", "aud does not contain", set("aud", "https://management.core.windows.net/")),
		refused("Microsoft Graph", "aud does not contain", header("nonce", "AQABAAAAAAD"), set("aud", "https://graph.microsoft.com")),
		refused("an ID token", "aud does not contain", drop("appid"), drop("scp"), set("aud", ourClient), set("nonce", "n")),
		refused("Azure China", "iss is not", set("iss", "https://sts.chinacloudapi.cn/"+ourTenant+"/")),
	},
	"Amazon Cognito": {
		accepted("a client without a user", sets(object{"sub": "1example23456789", "scope": "orders/read"}), drop("username"), drop("cognito:groups"), drop("origin_jti"), drop("event_id")),
		accepted("a user of Google", sets(object{"username": "Google_103547991597142817347", "cognito:groups": []string{"eu-west-1_Example_Google"}})),
		accepted("a login with the SDK", set("scope", "aws.cognito.signin.user.admin"), set("device_key", "eu-west-1_0a1b")),
		refused("an identity pool", "iss is not", sets(object{"iss": "https://cognito-identity.amazonaws.com", "aud": "eu-west-1:0a1b", "amr": []string{"authenticated"}})),
		refused("the client as an array", "client_id", set("client_id", []string{"1example23456789"})),
		refused("a pool of another region", "iss is not", set("iss", "https://cognito-idp.eu-west-2.amazonaws.com/eu-west-1_Example")),
		refused("an ID token with client_id", "token_use is not access", sets(object{"token_use": "id", "aud": "1example23456789"})),
	},
	"Amazon Cognito ID token": {
		accepted("a user with a phone and attributes", sets(object{"phone_number": "+15555550100", "phone_number_verified": true, "custom:tenant": "acme", "cognito:preferred_role": "arn:aws:iam::1:role/a"}), drop("email_verified")),
		accepted("an address that is not verified", set("email", "ann@acme.example"), set("email_verified", false)),
		refused("no token_use", "token_use is not id", drop("token_use")),
		refused("another pool", "iss is not", set("iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other")),
	},
	"Google ID tokens": {
		accepted("the button for websites", sets(object{"nbf": now - 300, "jti": "a1b2", "given_name": "Ann", "picture": "https://lh3.googleusercontent.com/a"}), drop("nonce"), drop("at_hash")),
		refused("a service account", "aud does not contain", sets(object{"aud": "https://orders.acme.example", "azp": "103547991597142817347", "email": "job@acme.iam.gserviceaccount.com"}), drop("hd")),
		refused("a service account with our client as its audience", "azp", sets(object{"azp": "103547991597142817347", "email": "job@acme.iam.gserviceaccount.com"}), drop("hd")),
		refused("a domain below ours", "hd is not", set("hd", "eu.acme.example")),
		refused("no email_verified", "email_verified is not true", drop("email_verified")),
		refused("Firebase", "issuer", sets(object{"iss": "https://securetoken.google.com/acme-shop", "aud": "acme-shop"})),
	},
	"Firebase Authentication": {
		accepted("a phone number", sets(object{"phone_number": "+15555550100", "firebase": object{"identities": object{"phone": []string{"+15555550100"}}, "sign_in_provider": "phone"}}), drop("email"), drop("email_verified")),
		accepted("a password, with an address that is not verified", set("email_verified", false), setIn("firebase", "sign_in_provider", "password")),
		accepted("SAML with attributes and a second factor", setIn("firebase", "sign_in_provider", "saml.acme"), setIn("firebase", "sign_in_attributes", object{"role": "x"}), setIn("firebase", "second_factor_identifier", "2f1")),
		accepted("custom claims", setIn("firebase", "sign_in_provider", "custom"), set("admin", true)),
		refused("a custom token", "iss is not", func(d *draft) {
			const account = "firebase-adminsdk-x@acme-shop.iam.gserviceaccount.com"
			d.claims = object{"iss": account, "sub": account, "uid": "u1", "iat": now, "exp": now + 3600,
				"aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"}
		}),
		refused("the number of the project", "aud does not contain", set("aud", "123456789012")),
		refused("firebase is text", "firebase", set("firebase", "google.com")),
	},
	"Apple": {
		accepted("no address", drop("email"), drop("email_verified"), drop("is_private_email"), drop("nonce"), drop("c_hash")),
		accepted("a user of a transferred app", set("transfer_sub", "760417.ebbf12acbc78e1be1668ba852d492d8a.1827"), set("at_hash", "x")),
		refused("the secret of a client", "iss is not", sets(object{"iss": "A1B2C3D4E5", "aud": "https://appleid.apple.com", "sub": "com.acme.shop"})),
		refused("a server notification with an object", "events is present", set("events", object{"type": "account-delete"})),
	},
	"Cloudflare Access": {
		accepted("aud as a string", set("aud", accessApplication)),
		accepted("claims of the identity provider", set("custom", object{"groups": []string{"a"}}), set("policy_id", "7335d417"), set("common_name", "ann-laptop")),
		refused("the cookie of a team with a name like ours", "iss is not", set("iss", "https://acme.cloudflareaccess.com.attacker.example")),
		refused("type is an array", "type", set("type", []string{"app"})),
	},
	"Cloudflare Access services": {
		accepted("aud as a string", set("aud", accessApplication), drop("nbf"), drop("country")),
		refused("the name as an array", "common_name", set("common_name", []string{"e367826f93b8d71185e03fe518aff3b4.access"})),
		refused("another application", "aud does not contain", set("aud", []string{"97e2aae120121f902df8bc99fc345913ab186d174f3079ea729236766b2e7c4a"})),
	},
	"Google IAP": {
		accepted("without access levels", drop("google"), set("identity_source", "GOOGLE")),
		refused("Cloud Run", "aud does not contain", set("aud", "/projects/123456789/locations/europe-west1/services/orders")),
		refused("an external identity", "hd is not", sets(object{"sub": "securetoken.google.com/acme-shop/t-1:u1", "gcip": object{"auth_time": now}}), drop("hd")),
		refused("a service account", "hd is not", set("email", "job@acme.iam.gserviceaccount.com"), drop("hd")),
		refused("an address of our domain", "hd is not", set("email", "ann@acme.example"), set("hd", "gmail.com")),
	},
}

const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// entraAccounts are for every verifier of tokens of version 2.0.
var entraAccounts = []tokenCase{
	accepted("a guest", sets(object{"idp": "https://sts.windows.net/" + otherTenant + "/", "acct": 1, "email": "bob@other.example"})),
	accepted("too many groups", set("_claim_names", object{"groups": "src1"}), set("_claim_sources", object{"src1": object{"endpoint": "https://graph.microsoft.com/v1.0/users"}})),
	accepted("roles, directory roles and numbers", set("roles", []string{"admin"}), set("wids", []string{"b79fbf4d-3ef9-4689-8143-76b194e85509"}), set("xms_tcdt", 1625682223), set("xms_idrel", "1 32")),
	accepted("x5t in the header", header("x5t", "kWbkHbs2zE")),
	refused("the client as an array", "azp", set("azp", []string{ourClient})),
	refused("US Government", "iss", set("iss", "https://login.microsoftonline.us/"+ourTenant+"/v2.0")),
	refused("Azure AD B2C", "iss", set("iss", "https://acme.b2clogin.com/"+ourTenant+"/v2.0/")),
	refused("External ID", "iss", set("iss", "https://"+ourTenant+".ciamlogin.com/"+ourTenant+"/v2.0")),
	refused("a host that begins like Microsoft's", "iss", set("iss", "https://login.microsoftonline.com.attacker.example/"+ourTenant+"/v2.0")),
	refused("the URI of the API, as in version 1.0", "aud does not contain", set("aud", "api://"+ourAPI)),
	refused("scp is an array of numbers", "scp", set("scp", []int{1})),
}
