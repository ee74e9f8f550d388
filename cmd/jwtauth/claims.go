package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// token is the token to explain. A part that cannot be read stays empty.
type token struct {
	text        string
	hasForm     bool // three segments
	header      map[string]json.RawMessage
	headerJSON  json.RawMessage
	payload     string // decoded, if it is base64url
	payloadJSON json.RawMessage
	claims      map[string]json.RawMessage // nil if the payload is not a strict JSON object
}

// maxToken is the default of VerifierOptions.MaxTokenBytes.
const maxToken = 16 << 10

func inspect(text string) *token {
	t := &token{text: text}
	first, second, ok := compact.Split(text)
	if !ok || first == 0 || second == first+1 || len(text) > maxToken {
		return t
	}
	// A damage of the text comes first only if the header cannot be read.
	if _, err := compact.ParseHeader(text[:first]); err != nil && compact.HeaderError(text, err) == compact.Damage(text) {
		return t
	}
	t.hasForm = true
	if header, ok := compact.Decode(nil, text[:first]); ok && json.Unmarshal(header, &t.header) == nil {
		t.headerJSON = bytes.ToValidUTF8(header, []byte("\uFFFD"))
	}
	payload, ok := compact.Decode(nil, text[first+1:second])
	if !ok {
		return t
	}
	t.payload = string(payload)
	claims := make(map[string]json.RawMessage)
	s := jsonscan.New(t.payload)
	for s.Next() {
		claims[s.Name()] = json.RawMessage(s.Value().Text)
	}
	if s.Valid() {
		t.claims, t.payloadJSON = claims, payload
	}
	return t
}

// text returns a header parameter or a claim that is a string.
func textOf(m map[string]json.RawMessage, name string) string {
	var text string
	_ = json.Unmarshal(m[name], &text)
	return text
}

// good are the claims that pass every rule.
func good(opts jwtauth.VerifierOptions) map[string]any {
	now := time.Now()
	if opts.Now != nil {
		now = opts.Now()
	}
	claims := map[string]any{"sub": "ann", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	if opts.Issuer != "" {
		claims["iss"] = opts.Issuer
	}
	if len(opts.Audience) > 0 {
		claims["aud"] = opts.Audience
	}
	return claims
}

// claimRules are the rules about claims, in the order of their names in output.
var claimRules = []struct {
	name  string
	claim string
	fix   func(t *token, opts jwtauth.VerifierOptions) string
}{
	{"expiry", "exp", fixExpiry},
	{"not before", "nbf", fixNotBefore},
	{"issued at", "iat", fixIssuedAt},
	{"issuer", "iss", fixIssuer},
	{"audience", "aud", fixAudience},
	{"subject", "sub", fixSubject},
	{"binding", "cnf", fixBinding},
}

// checkClaims checks each rule about claims with the real verifier: it signs
// good claims, in which one is that of the token, with a key of its own.
func checkClaims(t *token, opts jwtauth.VerifierOptions) []finding {
	payload := finding{Rule: "payload", Result: pass}
	switch {
	case !t.hasForm:
		payload.Result, payload.Detail = skip, "not reached"
	case t.claims == nil:
		payload.Result, payload.Detail, payload.Fix = fail, "token claims invalid: "+payloadFault(t), fixPayload(t)
	}
	findings := []finding{payload}
	for _, rule := range claimRules {
		f := finding{Rule: rule.name, Result: pass}
		value := t.claims[rule.claim]
		if t.claims == nil {
			f.Result, f.Detail = skip, "the claims cannot be read"
		} else if err := checkClaim(rule.claim, value, opts); err != nil {
			f.Result, f.Detail, f.Fix = fail, plain(err), rule.fix(t, opts)
		} else if rule.claim == "iss" && opts.AnyIssuer || rule.claim == "aud" && opts.AnyAudience {
			f.Result, f.Detail = skip, fmt.Sprintf("no -%s is given; the token has %s", rule.claim, shown(value))
		}
		findings = append(findings, f)
	}
	return findings
}

// checkClaim returns the error of the verifier for good claims of which one has
// this value, or is missing if the value is nil.
func checkClaim(name string, value json.RawMessage, opts jwtauth.VerifierOptions) error {
	claims := good(opts)
	delete(claims, name)
	if value != nil {
		claims[name] = value
	}
	text, _ := json.Marshal(claims) // it was JSON before
	return verifyPayload(opts, string(text))
}

// payloadFault returns the reason why the claims of a token cannot be read.
func payloadFault(t *token) string {
	segment := strings.Split(t.text, ".")[1]
	if _, ok := compact.Decode(nil, segment); !ok {
		return compact.EncodingError(compact.PayloadSegment, segment).Error()
	}
	s := jsonscan.New(t.payload)
	for s.Next() {
	}
	if s.Repeated() {
		return fmt.Sprintf("%q is given twice", s.Name())
	}
	return fmt.Sprintf("the payload %v", s.Fault())
}

func shown(value json.RawMessage) string {
	if value == nil {
		return "none"
	}
	return oneLine(value)
}

// throwaway is a key that has signed no token before.
type throwaway struct {
	keys jwtauth.KeySource
	key  *jose.Key
}

func newThrowaway() (throwaway, error) {
	secret := []byte(rand.Text() + rand.Text())
	key, err := jwtauth.NewKey(jwtauth.HS256, secret)
	if err != nil {
		return throwaway{}, err
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		return throwaway{}, err
	}
	signing, err := jose.New(jose.HS256, secret)
	return throwaway{keys, signing}, err
}

// verifyPayload returns the error of the real verifier for a payload with a
// good signature.
func verifyPayload(opts jwtauth.VerifierOptions, payload string) error {
	by, err := newThrowaway()
	if err != nil {
		return err
	}
	opts.Types = nil
	verifier, err := jwtauth.NewVerifier(by.keys, opts)
	if err != nil {
		return err
	}
	text, err := jose.SignToken(by.key, by.key.Header("JWT"), []byte(payload))
	if err != nil {
		return err
	}
	_, err = verifier.VerifyToken(context.Background(), text)
	return err
}
