package docs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func loginProviders() []provider {
	return []provider{googleProvider(), firebaseProvider(), appleProvider(), cloudflareProvider(), cloudflareServiceProvider(), iapProvider()}
}

func googleProvider() provider {
	const web = "1234-web.apps.googleusercontent.com"
	return provider{
		name: "Google ID tokens",
		documents: map[string]object{"https://www.googleapis.com/oauth2/v3/certs": keySet(
			jwk(rsaKey, object{"kid": "f833e8a7fe3fe4b878948219a1684afa373ca86f", "use": "sig", "alg": "RS256"}),
			jwk(newRSA(), object{"kid": "89dc9a6be0a2d7f2c2b3f3b0e39a6bdb4d1c2a11", "use": "sig", "alg": "RS256"}),
		)},
		verifier: must(google),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "f833e8a7fe3fe4b878948219a1684afa373ca86f"}, object{
			"iss": "https://accounts.google.com", "azp": web, "aud": web, "sub": "112233445566778899001", "hd": "acme.example",
			"email": "ann@acme.example", "email_verified": true, "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "nonce": "n", "iat": now, "exp": now + 3600,
		}},
		cases: []tokenCase{
			{"the issuer without https", set("iss", "accounts.google.com"), ""},
			{"the Android client", set("azp", "1234-android.apps.googleusercontent.com"), ""},
			{"the issuer with a slash", set("iss", "https://accounts.google.com/"), "issuer"},
			{"the issuer with http", set("iss", "http://accounts.google.com"), "issuer"},
			{"another client", all(set("aud", "9-web.apps.googleusercontent.com"), set("azp", "9-web.apps.googleusercontent.com")), "aud does not contain"},
			{"another azp", set("azp", "9-web.apps.googleusercontent.com"), "azp is not one of our clients"},
			{"no azp", drop("azp"), "azp is not one of our clients"},
			{"another domain", all(set("hd", "other.example"), set("email", "ann@acme.example")), "hd is not our domain"},
			{"a consumer account", all(drop("hd"), set("email", "ann@gmail.com")), "hd is not our domain"},
			{"an address that is not verified", set("email_verified", false), "email_verified is not true"},
			{"email_verified as text", set("email_verified", "true"), "email_verified"},
		},
	}
}

func firebaseProvider() provider {
	return provider{
		name: "Firebase Authentication",
		documents: map[string]object{
			"https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com": keySet(
				jwk(rsaKey, object{"kid": "d8a8e1f3a4b5c6d7e8f9", "use": "sig", "alg": "RS256"})),
		},
		verifier: must(firebase),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "d8a8e1f3a4b5c6d7e8f9"}, object{
			"iss": "https://securetoken.google.com/acme-shop", "aud": "acme-shop", "auth_time": now - 60, "user_id": "u1", "sub": "u1",
			"iat": now, "exp": now + 3600, "email": "ann@acme.example", "email_verified": true,
			"firebase": object{"identities": object{"google.com": []string{"1"}, "email": []string{"ann@acme.example"}}, "sign_in_provider": "google.com"},
		}},
		cases: []tokenCase{
			{"another project", all(set("iss", "https://securetoken.google.com/other"), set("aud", "other")), "iss is not"},
			{"another project in aud", set("aud", "other"), "aud does not contain"},
			{"a session cookie", set("iss", "https://session.firebase.google.com/acme-shop"), "iss is not"},
			{"App Check", all(set("iss", "https://firebaseappcheck.googleapis.com/1"), set("aud", []string{"projects/1", "projects/acme-shop"})), "iss is not"},
			{"an anonymous user", setIn("firebase", "sign_in_provider", "anonymous"), "firebase.sign_in_provider is missing or anonymous"},
			{"no provider", drop("firebase"), "firebase.sign_in_provider is missing or anonymous"},
			{"a tenant", setIn("firebase", "tenant", "t-1"), "firebase.tenant is not ours"},
			{"no auth_time", drop("auth_time"), "auth_time is missing"},
			{"auth_time in the future", set("auth_time", now+3600), "auth_time is missing or in the future"},
			{"an empty sub", set("sub", ""), "sub is missing"},
			{"a long sub", set("sub", strings.Repeat("u", 129)), "sub is longer"},
			{"a sub of 128 bytes", set("sub", strings.Repeat("u", 128)), ""},
		},
	}
}

// The map of certificates that Firebase documents is not a key set.
func TestFirebaseCertificates(t *testing.T) {
	const url = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
	internet.publish(t, url, object{"d8a8e1f3": "-----BEGIN CERTIFICATE-----\nMIIDHDCCAgSgAwIBAgIIMQ==\n-----END CERTIFICATE-----\n"})
	keys, err := jwtauth.NewRemoteKeys(url, jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "it is a map of certificates") {
		t.Errorf("got %v", err)
	}
}

func appleProvider() provider {
	const issuer = "https://appleid.apple.com"
	return provider{
		name: "Apple",
		documents: discovery(issuer, issuer+"/auth/keys", keySet(
			jwk(newRSA(), object{"kid": "pyaRQpAbnY", "use": "sig", "alg": "RS256"}),
			jwk(rsaKey, object{"kid": "Bh6H7rHVmb", "use": "sig", "alg": "RS256"}),
		)),
		verifier: must(apple),
		token: draft{rsaKey, object{"kid": "Bh6H7rHVmb"}, object{
			"iss": issuer, "aud": "com.acme.shop", "exp": now + 86400, "iat": now, "sub": "001234.0a1b2c3d4e5f.0123", "nonce": hexSHA256("n-1"),
			"nonce_supported": true, "c_hash": "x", "email": "x7y@privaterelay.appleid.com", "email_verified": "true", "is_private_email": "true",
			"auth_time": now, "real_user_status": 2,
		}},
		cases: []tokenCase{
			{"the web client", set("aud", "com.acme.shop.web"), ""},
			{"booleans", all(set("email_verified", true), set("is_private_email", true)), ""},
			{"another app", set("aud", "com.other.app"), "aud does not contain"},
			{"a server notification", set("events", `{"type":"consent-revoked","sub":"001234.0a1b2c3d4e5f.0123"}`), "events is present"},
			{"a server notification without sub", all(drop("sub"), set("events", "{}")), "sub is missing"},
		},
	}
}

func hexSHA256(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The nonce belongs to one login, and email_verified has two types.
func TestAppleLogin(t *testing.T) {
	p := appleProvider()
	for url, document := range p.documents {
		internet.publish(t, url, document)
	}
	v := p.verifier(t)
	for _, c := range []struct {
		nonce, verified any
		fits, want      bool
	}{
		{hexSHA256("n-1"), "true", true, true},
		{hexSHA256("n-1"), true, true, true},
		{hexSHA256("n-1"), "false", true, false},
		{hexSHA256("n-1"), false, true, false},
		{hexSHA256("n-1"), 1, true, false},
		{hexSHA256("n-1"), nil, true, false},
		{hexSHA256("n-2"), "true", false, false},
		{"", "true", false, false},
	} {
		p.token.claims["nonce"], p.token.claims["email_verified"] = c.nonce, c.verified
		claims, err := v.VerifyToken(t.Context(), p.token.sign(t))
		if err != nil {
			t.Fatal(err)
		}
		if verified, err := checkAppleLogin(claims, "n-1"); (err == nil) != c.fits || verified != c.want {
			t.Errorf("%v: %v, %v", c, verified, err)
		}
	}
}

const accessTeam = "https://acme.cloudflareaccess.com"

func accessKeys() map[string]object {
	return map[string]object{accessTeam + "/cdn-cgi/access/certs": keySet(
		jwk(rsaKey, object{"kid": "1a1c3986a44ce6390be42ec772b031df8f433fdc", "alg": "RS256", "use": "sig"}),
	).with(object{
		"public_cert":  object{"kid": "1a1c3986", "cert": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"},
		"public_certs": []object{{"kid": "1a1c3986", "cert": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}},
	})}
}

func accessToken() draft {
	return draft{rsaKey, object{"typ": "JWT", "kid": "1a1c3986a44ce6390be42ec772b031df8f433fdc"}, object{
		"aud": []string{accessApplication}, "email": "ann@acme.example", "exp": now + 86400, "iat": now, "nbf": now, "iss": accessTeam,
		"type": "app", "identity_nonce": "6ei69kawdKzMIAPF", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "US",
	}}
}

// service makes a token of accessToken the token of a service.
var service = all(drop("email"), drop("identity_nonce"), set("sub", ""), set("common_name", "e367826f93b8d71185e03fe518aff3b4.access"))

func cloudflareProvider() provider {
	return provider{
		name: "Cloudflare Access", documents: accessKeys(), token: accessToken(),
		verifier: must(cloudflareAccess),
		cases: []tokenCase{
			{"another application of the team", set("aud", []string{strings.Repeat("a", 64)}), "aud does not contain"},
			{"another team", set("iss", "https://other.cloudflareaccess.com"), "iss is not"},
			{"the token of the whole session", set("type", "org"), "type is not app"},
			{"no type", drop("type"), "type is not app"},
			{"a service", service, "sub is missing"},
		},
	}
}

func cloudflareServiceProvider() provider {
	d := accessToken()
	service(&d)
	return provider{
		name: "Cloudflare Access", variant: "services", documents: accessKeys(), token: d,
		verifier: func(t testing.TB) jwtauth.TokenVerifier {
			keys, err := jwtauth.NewRemoteKeys(accessTeam+"/cdn-cgi/access/certs", jwtauth.RemoteKeysOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return must(func() (*jwtauth.Verifier, error) { return cloudflareServices(keys) })(t)
		},
		exempt: []string{"no sub"}, // it is the same as an empty one
		cases: []tokenCase{
			{"a user", set("sub", "7335d417-61da-459d-899c-0a01c76a2f94"), "sub is present"},
			{"another service", set("common_name", "x.access"), "common_name is not our service"},
			{"no service", drop("common_name"), "common_name is not our service"},
			{"the token of the whole session", set("type", "org"), "type is not app"},
		},
	}
}

func iapProvider() provider {
	const backend = "/projects/123456789/global/backendServices/987654321"
	return provider{
		name: "Google IAP",
		documents: map[string]object{"https://www.gstatic.com/iap/verify/public_key-jwk": keySet(
			jwk(ecKey, object{"alg": "ES256", "kid": "LYyP2g", "use": "sig"}), jwk(newEC(), object{"alg": "ES256", "kid": "f9R3yg", "use": "sig"}),
		)},
		verifier: must(googleIAP),
		token: draft{ecKey, object{"typ": "JWT", "kid": "LYyP2g"}, object{
			"iss": "https://cloud.google.com/iap", "aud": backend, "azp": backend, "sub": "accounts.google.com:112233", "email": "ann@acme.example",
			"hd": "acme.example", "google": object{"access_levels": []string{"accessPolicies/1/accessLevels/a"}}, "iat": now, "exp": now + 3000,
		}},
		cases: []tokenCase{
			{"another backend", set("aud", "/projects/123456789/global/backendServices/1"), "aud does not contain"},
			{"App Engine", set("aud", "/projects/123456789/apps/acme"), "aud does not contain"},
			{"another domain", set("hd", "other.example"), "hd is not our domain"},
			{"no domain", drop("hd"), "hd is not our domain"},
			{"an ID token of Google", set("iss", "https://accounts.google.com"), "iss is not"},
		},
	}
}

// Behind a proxy the token is in a header of the proxy, and nowhere else.
func TestProxies(t *testing.T) {
	for _, c := range []struct {
		p       provider
		protect func(jwtauth.TokenVerifier) func(http.Handler) http.Handler
		name    string
	}{
		{cloudflareProvider(), behindAccess, "Cf-Access-Jwt-Assertion"},
		{iapProvider(), behindIAP, "X-Goog-Iap-Jwt-Assertion"},
		{cognitoProvider(), behindALB, "X-Amzn-Oidc-Accesstoken"},
	} {
		for url, document := range c.p.documents {
			internet.publish(t, url, document)
		}
		h := c.protect(c.p.verifier(t))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		token := c.p.token.sign(t)
		for _, request := range []struct {
			name, value string
			want        int
		}{
			{c.name, token, 204},
			{c.name, "", 401},
			{c.name, token[:len(token)-4] + "AAAA", 401},
			{"Authorization", "Bearer " + token, 401},
			{"X-Goog-Authenticated-User-Email", "accounts.google.com:ann@acme.example", 401},
			{"X-Amzn-Oidc-Identity", "ann", 401},
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(request.name, request.value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != request.want {
				t.Errorf("%s: %s responds %d, want %d", c.p.name, request.name, w.Code, request.want)
			}
		}
	}
}
