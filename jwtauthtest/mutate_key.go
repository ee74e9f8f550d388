package jwtauthtest

import (
	"encoding/base64"
	"strings"
)

// commonSecrets are HMAC secrets from tutorials.
var commonSecrets = []string{
	"secret", "your-256-bit-secret", "a-string-secret-at-least-256-bits-long", "your-secret-key", "mysecretkey",
	"jwt_secret", "JWT_SECRET", "shhhhh", "changeme", "password", "undefined",
}

// algorithmMutations returns tokens with another alg, and tokens signed by HMAC
// with a secret that can be guessed.
func algorithmMutations() (list []mutation) {
	for _, alg := range []string{"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA", "RS1", "lower case"} {
		list = append(list, text("alg "+alg+", signature kept", ruleAlgorithm, unauthorized, func(k jws) string {
			if alg == k.alg {
				return ""
			}
			if alg == "lower case" {
				return k.headerWith(map[string]any{"alg": strings.ToLower(k.alg)}) + "." + k.payload + "." + k.signature
			}
			return k.headerWith(map[string]any{"alg": alg}) + "." + k.payload + "." + k.signature
		}))
	}
	for _, secret := range []struct {
		name string
		of   func(k jws) string
	}{
		// HMAC pads an empty key with zeros.
		{"an empty key", func(jws) string { return "" }},
		{"the kid as key", func(k jws) string { return k.kid }},
		{"the alg as key", func(k jws) string { return k.alg }},
		{"the header as key", func(k jws) string { return k.header }},
		{"the issuer as key", func(k jws) string { return strings.Trim(string(k.claims["iss"]), `"`) }},
		{"the audience as key", func(k jws) string { return strings.Trim(string(k.claims["aud"]), `"`) }},
	} {
		list = append(list, text("HMAC with "+secret.name, ruleSecret, unauthorized, func(k jws) string {
			s := secret.of(k)
			if s == "" && secret.name != "an empty key" {
				return ""
			}
			return guessed(k, s)
		}))
	}
	for _, secret := range commonSecrets {
		list = append(list, text("HMAC with the key "+secret, ruleSecret, unauthorized, func(k jws) string { return guessed(k, secret) }))
	}
	return list
}

// keyMutations returns tokens signed by an attacker's key. Their headers
// contain the key or name it.
func keyMutations(bait *bait) []mutation {
	foreign := func(name, rule string, header func(f forger, k jws) map[string]any) mutation {
		return text(name, rule, unauthorized, func(k jws) string {
			f := newForger(k.alg)
			changes := header(f, k)
			if changes == nil {
				return ""
			}
			return f.forged(k, changes)
		})
	}
	is := func(name string, value any) func(forger, jws) map[string]any {
		return func(forger, jws) map[string]any { return map[string]any{name: value} }
	}
	keyID := func(name, kid, secret string) mutation {
		return text(name, ruleKeyID, unauthorized, func(k jws) string {
			k.members = map[string]any{"alg": k.alg, "typ": "JWT", "kid": kid}
			return guessed(k, secret)
		})
	}
	return []mutation{
		foreign("another key, the same kid", ruleForeign, is("typ", "JWT")),
		foreign("another key, no kid", ruleForeign, is("kid", nil)),
		foreign("another key, unknown kid", ruleForeign, is("kid", "jwtauthtest-unknown")),
		foreign("another key, in jwk", ruleForeign, func(f forger, _ jws) map[string]any { return map[string]any{"jwk": f.jwk} }),
		foreign("another key, in jwk, with its kid", ruleForeign, func(f forger, _ jws) map[string]any {
			jwk := map[string]any{"kid": "jwtauthtest-forged"}
			for name, value := range f.jwk {
				jwk[name] = value
			}
			return map[string]any{"jwk": jwk, "kid": "jwtauthtest-forged"}
		}),
		text("a secret in jwk", ruleForeign, unauthorized, func(k jws) string {
			secret := strings.Repeat("jwtauthtest", 6)
			k.members = map[string]any{"typ": "JWT", "jwk": map[string]any{"kty": "oct", "k": encode([]byte(secret))}}
			return guessed(k, secret)
		}),
		foreign("another key, in x5c", ruleForeign, func(f forger, _ jws) map[string]any {
			if f.pair == nil {
				return nil
			}
			return map[string]any{"x5c": f.x5c()}
		}),
		foreign("another key, at jku", ruleAddress, is("jku", "http://"+bait.host()+"/.well-known/jwks.json")),
		foreign("another key, at jku by TLS", ruleAddress, is("jku", "https://"+bait.host()+"/.well-known/jwks.json")),
		foreign("another key, at x5u", ruleAddress, is("x5u", "http://"+bait.host()+"/certificate.pem")),
		foreign("another key, kid is an address", ruleAddress, is("kid", "http://"+bait.host()+"/key.json")),
		foreign("another key, kid is a number", ruleKeyID, is("kid", 0)),
		foreign("another key, kid is an object", ruleKeyID, is("kid", map[string]any{"$ne": ""})),
		foreign("another key, kid is a path", ruleKeyID, is("kid", "../../../../../../../../etc/passwd")),
		// A lookup in a map of secrets returns "" for an unknown kid.
		keyID("kid is unknown, HMAC with an empty key", "jwtauthtest-unknown", ""),
		keyID("kid is the path of an empty file", "../../../../../../../../../../dev/null", ""),
		keyID("kid is an SQL query", "jwtauthtest-injected' UNION SELECT 'forged", "forged"),
		keyID("kid is a command", "/dev/null; echo forged |", "forged"),
		text("kid with a NUL, signature kept", ruleKeyID, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"kid": k.kid + "\x00jwtauthtest-injected"}) + "." + k.payload + "." + k.signature
		}),
		foreign("crit", ruleCritical, is("crit", []string{"jwtauthtest"})),
		text("crit, signature kept", ruleCritical, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"crit": []string{"jwtauthtest"}, "jwtauthtest": true}) + "." + k.payload + "." + k.signature
		}),
		text("crit and b64, payload not encoded", ruleCritical, malformed, func(k jws) string {
			payload, _ := base64.RawURLEncoding.DecodeString(k.payload)
			header := k.headerWith(map[string]any{"crit": []string{"b64"}, "b64": false})
			return header + "." + string(payload) + "." + encode(newForger(k.alg).sign(header+"."+string(payload)))
		}),
	}
}
