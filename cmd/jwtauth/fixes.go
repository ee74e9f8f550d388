package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/numericdate"
)

func fixHeader(t *token) string {
	segment, _, _ := strings.Cut(t.text, ".")
	text, ok := compact.Decode(nil, segment)
	_, err := compact.ParseHeader(segment)
	switch {
	case !ok:
		return "The header is damaged: the token was changed, or not made by a JWT library. Get a new token, and pass it on unchanged."
	case err == compact.ErrHeaderJSON || err == compact.ErrHeaderRepeated:
		return "The header is damaged. " + fixJSON(string(text))
	case t.header["enc"] != nil:
		return fixEncrypted
	case err == compact.ErrHeaderAlg && t.header["alg"] == nil:
		return "The token is not signed. Sign it, for example with \"jwtauth sign\"."
	}
	return headerFixes[err]
}

func fixType(t *token) string {
	switch typ := textOf(t.header, "typ"); {
	case strings.EqualFold(typ, "rt+jwt"):
		return "This is a refresh token. Send it to the refresh endpoint, and the access token to the service."
	case strings.EqualFold(typ, "dpop+jwt"):
		return "This is a DPoP proof. Send it in the DPoP header, and the access token in Authorization."
	case typ == "":
		return "The token has no typ. Leave VerifierOptions.Types empty (no -typ), or have the issuer set it."
	default:
		return fmt.Sprintf("If this service is for such tokens, set VerifierOptions.Types: []string{%q} (-typ). Otherwise send the access token instead.", typ)
	}
}

// fixKey returns the fix for a token without a key. keys are those that the
// token was checked with.
func fixKey(t *token, k *keyFlags, keys jwtauth.KeySource) string {
	alg := textOf(t.header, "alg")
	if fault := jose.AlgorithmFault(alg); fault != "" {
		return fixAlgorithm(alg, fault)
	}
	var hint string
	kid, fromSet := textOf(t.header, "kid"), k.jwks != "" || k.issuerURL != ""
	ids, signer := otherIDs(t, keys, alg)
	switch {
	case kid != "" && signer != "":
		return fmt.Sprintf("The keys for %s have other IDs (%s), and the token names %q. The key %q signed the token: give it the ID %q, with \"kid\" in its file or Key.WithID. Or have the issuer name %q.", alg, quoteAll(ids), kid, signer, kid, signer)
	case kid != "" && len(ids) > 0 && fromSet:
		hint = fmt.Sprintf("The keys for %s have other IDs (%s), and the token names %q. None of them signed it: use the present key set of the issuer that made the token: -jwks, or -issuer-url for its URL.", alg, quoteAll(ids), kid)
	case kid != "" && len(ids) > 0:
		hint = fmt.Sprintf("The keys for %s have other IDs (%s), and the token names %q. None of them signed it: use the key of the issuer with that ID.", alg, quoteAll(ids), kid)
	case jose.Algorithm(alg).Symmetric() && fromSet:
		return fmt.Sprintf("The token is signed with a shared secret (%s), and key sets hold public keys. Give the secret: -secret FILE -alg %s, or jwtauth.NewKey(jwtauth.%s, secret).", alg, alg, alg)
	case jose.Algorithm(alg).Symmetric():
		hint = fmt.Sprintf("Give a key for %s, which is a secret: with -secret FILE -alg %s, or jwtauth.NewKey(jwtauth.%s, secret).", alg, alg, alg)
	case fromSet:
		hint = fmt.Sprintf("The key set has no key for %s. Use the present key set of the issuer that made the token: -jwks, or -issuer-url for its URL.", alg)
	default:
		hint = fmt.Sprintf("Give a key for %s: with -key FILE -alg %s, or jwtauth.ParseKey(jwtauth.%s, data).", alg, alg, alg)
	}
	if iss := textOf(t.claims, "iss"); iss != "" {
		hint += fmt.Sprintf("\nThe token comes from %q: use the keys of that issuer.", iss)
	}
	return hint
}

// otherIDs returns IDs of the keys for alg, which are not that of the token.
// signer is the ID of the key that nevertheless signed the token, or empty.
func otherIDs(t *token, keys jwtauth.KeySource, alg string) (ids []string, signer string) {
	const most = 5
	found, _ := keys.VerificationKeys(context.Background(), jwtauth.Algorithm(alg), "") // none after an error
	for _, key := range found {
		id := key.ID()
		if id == "" {
			continue
		}
		if len(ids) < most {
			ids = append(ids, id)
		}
		if signer == "" && signed(t, key) {
			signer = id
		}
	}
	return ids, signer
}

// signed reports whether the signature of the token is by this key.
func signed(t *token, key jwtauth.Key) bool {
	jwk, err := key.MarshalJWK()
	if err != nil {
		return false
	}
	by, err := jose.Parse(jose.Algorithm(key.Algorithm()), jwk)
	return err == nil && by.Verify(t.text, strings.LastIndexByte(t.text, '.'))
}

// fixAlgorithm returns the fix for an "alg" that is not supported, for the
// reason fault.
func fixAlgorithm(alg, fault string) string {
	if strings.EqualFold(alg, "none") {
		return "The token is not signed. Have the issuer sign it with ES256, EdDSA or RS256."
	}
	for _, known := range jose.Algorithms() {
		if strings.EqualFold(alg, string(known)) {
			return fmt.Sprintf("The issuer writes %q. Have it write %q: names of algorithms are case-sensitive.", alg, known)
		}
	}
	if _, meant, ok := strings.Cut(fault, "if the issuer means "); ok {
		return fmt.Sprintf("The name %q is not one of JWS. If the issuer means %s.", alg, meant)
	}
	return fmt.Sprintf("The algorithm %q is not supported. Have the issuer sign with ES256, EdDSA or RS256.", alg)
}

// fixSignature tries the mistakes that are common with secrets.
func (c *call) fixSignature(t *token, refusal error) string {
	segment, damage := t.text[strings.LastIndexByte(t.text, '.')+1:], compact.Damage(t.text)
	switch alg := jose.Algorithm(textOf(t.header, "alg")); {
	case segment == "":
		return "The signature is missing. Copy all of the token; if it has none, have the issuer sign it."
	case damage != nil:
		return formFixes[damage]
	case errors.Is(refusal, compact.EncodingError(compact.SignatureSegment, segment)):
		if strings.ContainsAny(segment, "+/") {
			return "Have the issuer use a JWT library, which writes base64url: base64.RawURLEncoding in Go."
		}
		return "The end of the token was changed. Copy it again, and pass it on unchanged."
	case errors.Is(refusal, jose.SignatureFault(alg, segment)):
		return "Have the issuer use a JWT library. If it does, copy all of the token, and compare the algorithm and the length of the keys."
	}
	if c.key.secret != "" {
		if hint := c.otherSecret(t); hint != "" {
			return hint
		}
		return "The secret is not the one that signed the token. Compare both sides byte by byte: encodings, spaces, quotes, and line breaks at the end."
	}
	hint := "Another key signed the token, or it was changed on the way."
	if iss := textOf(t.claims, "iss"); iss != "" {
		hint += fmt.Sprintf(" It says that it comes from %q: use the current keys of that issuer.", iss)
	}
	return hint
}

const (
	lineBreak = "The token is signed with the secret and the line break at its end. Remove the line break on the side of the signer."
	encoded   = "The signer uses the text of the secret, before it is decoded. Pass that text to jwtauth.NewKey, too."
)

// otherSecret says how the secret of the signer differs from that of -secret,
// or "".
func (c *call) otherSecret(t *token) string {
	raw := c.key.secretText
	trimmed := strings.TrimRight(raw, "\r\n")
	used := strings.TrimSuffix(strings.TrimSuffix(raw, "\n"), "\r") // as readSecret does
	decoded := func(decode func(string) ([]byte, error)) string {
		data, err := decode(strings.TrimSpace(trimmed))
		if err != nil {
			return ""
		}
		return string(data)
	}
	for _, try := range []struct{ secret, hint string }{
		{used + "\n", lineBreak},
		{used + "\r", lineBreak},
		{used + "\r\n", lineBreak},
		{`"` + used + `"`, "The token is signed with the secret in quotes. Remove the quotes on the side of the signer."},
		{"\uFEFF" + used, "The token is signed with the secret and the byte order mark of a file. Remove it on the side of the signer."},
		{base64.StdEncoding.EncodeToString([]byte(used)), encoded},
		{base64.RawURLEncoding.EncodeToString([]byte(used)), encoded},
		{hex.EncodeToString([]byte(used)), encoded},
		{strings.TrimSpace(trimmed), "The token is signed with the secret without the white space around it. Remove it here."},
		{strings.Trim(strings.TrimSpace(trimmed), `"'`), "The token is signed with the secret without the quotes around it. Remove them here."},
		{decoded(base64.StdEncoding.DecodeString), "The signer decodes the secret from base64. Pass base64.StdEncoding.DecodeString(secret) to jwtauth.NewKey."},
		{decoded(base64.RawStdEncoding.DecodeString), "The signer decodes the secret from base64. Pass base64.RawStdEncoding.DecodeString(secret) to jwtauth.NewKey."},
		{decoded(base64.URLEncoding.DecodeString), "The signer decodes the secret from base64url. Pass base64.URLEncoding.DecodeString(secret) to jwtauth.NewKey."},
		{decoded(base64.RawURLEncoding.DecodeString), "The signer decodes the secret from base64url. Pass base64.RawURLEncoding.DecodeString(secret) to jwtauth.NewKey."},
		{decoded(hex.DecodeString), "The signer decodes the secret from hexadecimal. Pass hex.DecodeString(secret) to jwtauth.NewKey."},
	} {
		key, err := jose.New(jose.Algorithm(textOf(t.header, "alg")), []byte(try.secret))
		if err == nil && key.Verify(t.text, strings.LastIndexByte(t.text, '.')) {
			return try.hint
		}
	}
	return ""
}

// maxLeeway is the maximum of VerifierOptions.Leeway.
const (
	maxLeeway = 5 * time.Minute
	setLeeway = "VerifierOptions.Leeway (-leeway; at most 5m)"
)

func fixExpiry(t *token, opts jwtauth.VerifierOptions) string {
	exp, fix := t.time("exp")
	switch {
	case t.claims["exp"] == nil:
		return "Have the issuer set exp. Tokens without an end are refused, and no option changes that."
	case fix != "":
		return fix
	case exp.Unix() < 315532800: // 1980
		return "The number is a lifetime. Have the issuer write the time: the current one plus the lifetime, in seconds since 1970."
	}
	ago := now(opts).Sub(exp).Round(time.Second)
	if ago < maxLeeway {
		return fmt.Sprintf("It expired %v ago. Refresh tokens before they expire; if the clocks differ, correct them or set %s.", ago, setLeeway)
	}
	return fmt.Sprintf("It expired %v ago. Get a new token: log in again, or use the refresh token.", ago)
}

func fixNotBefore(t *token, opts jwtauth.VerifierOptions) string { return fixFuture(t, opts, "nbf") }

func fixIssuedAt(t *token, opts jwtauth.VerifierOptions) string {
	iat, fix := t.time("iat")
	switch {
	case t.claims["iat"] == nil:
		return "MaxAge needs iat. Have the issuer set it, or leave VerifierOptions.MaxAge unset (no -max-age)."
	case fix == "" && iat.Before(now(opts)):
		return "The token is older than MaxAge. Get a new one, or raise VerifierOptions.MaxAge (-max-age)."
	}
	return fixFuture(t, opts, "iat")
}

func fixFuture(t *token, opts jwtauth.VerifierOptions, claim string) string {
	at, fix := t.time(claim)
	if fix != "" {
		return fix
	}
	ahead := at.Sub(now(opts)).Round(time.Second)
	if ahead < maxLeeway {
		return fmt.Sprintf("It is %v ahead of this clock. Correct the clocks of both machines, or set %s.", ahead, setLeeway)
	}
	return fmt.Sprintf("It is %v ahead of this clock. Correct the clocks of both machines. If they are right, the token is for later.", ahead)
}

func fixIssuer(t *token, opts jwtauth.VerifierOptions) string {
	iss := textOf(t.claims, "iss")
	switch {
	case t.claims["iss"] == nil:
		return "The token has no iss. Have the issuer set it, or use AnyIssuer (no -iss) with a Check that decides."
	case iss == "":
		return "Have the issuer write iss as a string."
	case strings.TrimSuffix(iss, "/") == strings.TrimSuffix(opts.Issuer, "/"):
		return fmt.Sprintf("They differ in the slash at the end. Set VerifierOptions.Issuer: %q (-iss).", iss)
	}
	return fmt.Sprintf("If you trust this issuer, set VerifierOptions.Issuer: %q (-iss) and use its keys. Otherwise the token belongs to another service or tenant.", iss)
}

func fixAudience(t *token, opts jwtauth.VerifierOptions) string {
	audience := t.audience()
	similar := slices.IndexFunc(audience, func(name string) bool {
		return slices.ContainsFunc(opts.Audience, func(want string) bool { return strings.TrimSuffix(want, "/") == strings.TrimSuffix(name, "/") })
	})
	switch {
	case t.claims["aud"] == nil:
		hint := "The token has no aud. Ask the provider for a token for this service: most need an audience or a resource in the request."
		for _, name := range []string{"client_id", "azp", "appid"} {
			if t.claims[name] != nil {
				hint += fmt.Sprintf("\nIf the provider never sets aud, use AnyAudience (no -aud) with a Check that compares %s.", name)
				break
			}
		}
		return hint
	case audience == nil:
		return "Have the issuer write aud as a string or an array of strings."
	case strings.Join(audience, "") == "":
		return "The aud is empty. Request a token for this service: most providers need an audience or a resource in the request. If the issuer is yours, set IssuerOptions.Audience or ForAudience."
	case similar >= 0:
		return fmt.Sprintf("They differ in the slash at the end. Set VerifierOptions.Audience: []string{%q} (-aud).", audience[similar])
	case t.claims["nonce"] != nil || t.claims["at_hash"] != nil:
		return fmt.Sprintf("This is an ID token: it is for the client %q, not for a service. Send the access token instead.", audience[0])
	}
	return fmt.Sprintf("The token is for %s. Request a token for this service, or set VerifierOptions.Audience (-aud) if that is its name.", quoteAll(audience))
}

func fixSubject(t *token, _ jwtauth.VerifierOptions) string {
	for _, name := range []string{"user_id", "id", "uid", "identity", "username"} {
		if t.claims["sub"] == nil && t.claims[name] != nil {
			return fmt.Sprintf("Have the issuer write the user into sub; it is in %s. For tokens already issued, use AnySubject (-any-sub) with a Check that reads %s.", name, name)
		}
	}
	switch {
	case t.claims["sub"] == nil:
		return "Have the issuer set sub. For tokens without a user, use AnySubject (-any-sub) with a Check that decides."
	case textOf(t.claims, "sub") == "" && string(t.claims["sub"]) != `""`:
		return "Have the issuer write sub as a string: \"42\" instead of 42."
	}
	return "Have the issuer set sub to the ID of the user; it must not be empty."
}

func fixBinding(*token, jwtauth.VerifierOptions) string {
	return "The token is bound to a key of the client. Use ProofOfPossession, for DPoP and mutual TLS with package dpop. Or have the issuer issue bearer tokens."
}

// time returns a claim that is a time, or the fix for one that is not.
func (t *token) time(claim string) (at time.Time, fix string) {
	value := string(t.claims[claim])
	if at, ok := numericdate.Parse(value); ok {
		return at, ""
	}
	switch numericdate.Fault(value) {
	case numericdate.ErrMillis:
		return at, "The number is in milliseconds. Have the issuer divide it by 1000."
	case numericdate.ErrMicros:
		return at, "The number is in microseconds or nanoseconds. Have the issuer write seconds."
	case numericdate.ErrRange:
		return at, "The number is out of range. Have the issuer write " + claim + " as a number of seconds since 1970."
	}
	return at, "Have the issuer write " + claim + " as a number of seconds since 1970."
}

// audience returns the names in aud, or nil if it has another type.
func (t *token) audience() []string {
	var one *string
	if json.Unmarshal(t.claims["aud"], &one) == nil && one != nil {
		return []string{*one}
	}
	var several []string
	if json.Unmarshal(t.claims["aud"], &several) != nil {
		return nil
	}
	return several // not nil if it is empty
}

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	return strings.Join(quoted, ", ")
}

func now(opts jwtauth.VerifierOptions) time.Time {
	if opts.Now != nil {
		return opts.Now()
	}
	return time.Now()
}
