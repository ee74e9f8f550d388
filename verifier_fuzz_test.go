package jwtauth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// fuzzSecret signs the seeds and the tokens of a fuzz target. It is fixed, so
// that an input means the same in every process.
var fuzzSecret = []byte("a secret of the fuzz tests alone")

func fuzzForger(t testing.TB) forger {
	key, err := jwtauth.NewKey(jwtauth.HS256, fuzzSecret)
	if err != nil {
		t.Fatal(err)
	}
	return forger{jwtauth.HS256, key, func(input string) []byte {
		mac := hmac.New(sha256.New, fuzzSecret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}}
}

// hostileTokens are the tokens of testdata/hostile.json.
func hostileTokens(t testing.TB) (fields []string) {
	for _, c := range hostileCases(t) {
		for _, field := range c.Authorization {
			if len(field) < 4<<10 {
				fields = append(fields, field)
			}
		}
	}
	return fields
}

// FuzzVerify passes any text to a verifier. An accepted token is signed by the
// key over exactly this text, and its claims are valid as encoding/json reads
// them. A rejection has a known error, which shows no part of the token.
func FuzzVerify(f *testing.F) {
	signer := fuzzForger(f)
	for _, c := range headerCases {
		f.Add(signer.token(c.header, goodClaims))
	}
	for _, c := range claimsCases {
		f.Add(signer.claims(c.payload))
	}
	for _, field := range hostileTokens(f) {
		_, token, _ := strings.Cut(field, " ")
		f.Add(token)
	}
	verifier, uncached := signer.verifier(f), signer.verifier(f, noCache)
	public, err := jwtauth.ParseKey("", []byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)) // RFC 8037 A.2
	if err != nil {
		f.Fatal(err)
	}
	publicVerifier := newVerifier(f, staticKeys(f, public), options())
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := publicVerifier.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("with a key that signed no token: %v", err)
		}
		claims, err := verifier.VerifyToken(t.Context(), token)
		again, errAgain := uncached.VerifyToken(t.Context(), token)
		if (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Errorf("%v with the cache, %v without", err, errAgain)
		}
		if err != nil {
			if claims != nil || again != nil || !errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("claims %v with error %v", claims, err)
			}
			for segment := range strings.SplitSeq(token, ".") {
				if len(segment) > 40 && strings.Contains(err.Error(), segment) {
					t.Errorf("%v shows the token", err)
				}
			}
			return
		}
		segments := strings.Split(token, ".")
		if len(segments) != 3 {
			t.Fatalf("accepted with %d segments", len(segments))
		}
		if want := base64.RawURLEncoding.EncodeToString(signer.sign(segments[0] + "." + segments[1])); want != segments[2] {
			t.Errorf("accepted with the signature %s, want %s", segments[2], want)
		}
		header, err := base64.RawURLEncoding.DecodeString(segments[0])
		var members map[string]json.RawMessage
		if err != nil || json.Unmarshal(header, &members) != nil || members["crit"] != nil {
			t.Errorf("accepted with the header %s", header)
		}
		var alg string
		if err := json.Unmarshal(members["alg"], &alg); err != nil || alg != "HS256" {
			t.Errorf("accepted with the header %s", header)
		}
		payload, err := base64.RawURLEncoding.DecodeString(segments[1])
		if err != nil {
			t.Error(err)
		}
		checkAccepted(t, string(payload), claims)
	})
}

// FuzzClaims signs any text as claims.
func FuzzClaims(f *testing.F) {
	for _, c := range claimsCases {
		f.Add(c.payload)
	}
	for _, field := range hostileTokens(f) {
		if segments := strings.Split(field, "."); len(segments) > 1 {
			payload, _ := base64.RawURLEncoding.DecodeString(segments[1])
			f.Add(string(payload))
		}
	}
	signer := fuzzForger(f)
	verifier := signer.verifier(f)
	f.Fuzz(func(t *testing.T, payload string) {
		claims, err := verifier.VerifyToken(t.Context(), signer.claims(payload))
		var read jwtauth.Claims
		readErr := read.UnmarshalJSON([]byte(payload))
		if err != nil {
			if !errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("%q: %v", payload, err)
			}
			if tooLong := errors.Is(err, jwtauth.ErrTokenMalformed); tooLong != (len(signer.claims(payload)) > 16<<10) {
				t.Errorf("%q: %v", payload, err)
			}
			// UnmarshalJSON and a verifier report the same fault.
			if readErr != nil && !errors.Is(err, jwtauth.ErrTokenMalformed) && err.Error() != readErr.Error() {
				t.Errorf("%q: %v, but UnmarshalJSON: %v", payload, err, readErr)
			}
			return
		}
		if readErr != nil {
			t.Fatalf("%q: accepted, but UnmarshalJSON: %v", payload, readErr)
		}
		if claims.Subject != read.Subject || claims.Scope != read.Scope || !slices.Equal(claims.Audience, read.Audience) ||
			!claims.ExpiresAt.Equal(read.ExpiresAt) || !claims.NotBefore.Equal(read.NotBefore) || !claims.IssuedAt.Equal(read.IssuedAt) {
			t.Errorf("%q: %+v, but UnmarshalJSON: %+v", payload, claims, read)
		}
		checkAccepted(t, payload, claims)
	})
}

// checkAccepted compares the claims that an ordinary verifier accepted with
// those that encoding/json reads. It decodes into a map, which keeps the exact
// names.
func checkAccepted(t *testing.T, payload string, claims *jwtauth.Claims) {
	t.Helper()
	var members map[string]any
	d := json.NewDecoder(strings.NewReader(payload))
	d.UseNumber() // 1e999 is a number, but not a float64
	if err := d.Decode(&members); err != nil || members == nil {
		t.Fatalf("%q: accepted, but by encoding/json %v", payload, err)
	}
	text := func(name string) string {
		switch value := members[name].(type) {
		case string:
			return value
		case nil:
			if _, present := members[name]; !present {
				return ""
			}
		}
		if name == "iss" || name == "sub" {
			t.Errorf("%q: accepted with %s of the wrong type", payload, name)
		}
		return "" // as if it were absent
	}
	for name, got := range map[string]string{"iss": claims.Issuer, "sub": claims.Subject, "jti": claims.ID, "sid": claims.SessionID} {
		if want := text(name); got != want {
			t.Errorf("%q: %s is %q, want %q", payload, name, got, want)
		}
	}
	if claims.Issuer != "https://issuer.example" {
		t.Errorf("%q: accepted from %q", payload, claims.Issuer)
	}
	var audience []string
	switch value := members["aud"].(type) {
	case string:
		audience = []string{value}
	case []any:
		for _, e := range value {
			one, _ := e.(string)
			audience = append(audience, one)
		}
	}
	if !slices.Equal(claims.Audience, audience) || !slices.Contains(audience, "api") {
		t.Errorf("%q: accepted for %q, want %q", payload, claims.Audience, audience)
	}
	for name, got := range map[string]time.Time{"exp": claims.ExpiresAt, "nbf": claims.NotBefore, "iat": claims.IssuedAt, "auth_time": claims.AuthTime} {
		number, isNumber := members[name].(json.Number)
		seconds, _ := number.Float64()
		if _, present := members[name]; isNumber != present && name != "auth_time" {
			t.Errorf("%q: accepted with %s of the wrong type", payload, name)
		}
		if name == "auth_time" && (seconds < -62135596800 || seconds > 253402300799) {
			isNumber = false // no time that counts
		}
		if !isNumber {
			if name == "exp" || !got.IsZero() {
				t.Errorf("%q: accepted with %s %v", payload, name, got)
			}
			continue
		}
		// A float has a precision of 1 µs in this century.
		if off := seconds - float64(got.Unix()) - float64(got.Nanosecond())/1e9; off > 1e-6 || off < -1e-6 {
			t.Errorf("%q: %s is %v, off by %v s", payload, name, got, off)
		}
		if name == "exp" && seconds <= now || (name == "nbf" || name == "iat") && seconds > now {
			t.Errorf("%q: accepted at the wrong time", payload)
		}
	}
}
