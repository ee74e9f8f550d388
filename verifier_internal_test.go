package jwtauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

// A verifier remembers a bounded number of tokens and headers, and only valid
// ones. That shows in memory and time only, so these tests look inside.

// acceptAll is a Check that accepts every token.
func acceptAll(context.Context, *Claims) error { return nil }

func remembering(t *testing.T) (*Verifier, *jose.Key) {
	t.Helper()
	signing, err := GenerateKey(EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	source, err := StaticKeys(signing)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(source, VerifierOptions{AnyIssuer: true, AnyAudience: true, AnySubject: true, Check: acceptAll, MaxTokenBytes: 64 << 10, Now: func() time.Time { return time.Unix(1000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return v, signing.k
}

func remembered(v *Verifier, token string) *verified { return v.cache.Get(token, v.cache.Hash(token)) }

func signText(t *testing.T, signing *jose.Key, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	token, err := signing.Sign([]byte(input+"."), []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func TestRemembersOnlyWhatVerified(t *testing.T) {
	const header, good = `{"alg":"EdDSA"}`, `{"exp":2000}`
	cases := []struct {
		name              string
		header, payload   string
		change            func(token string) string
		token, headerSeen bool // remembered
	}{
		{name: "good", header: header, payload: good, token: true, headerSeen: true},
		{name: "bad signature", header: header, payload: good, change: func(s string) string { return s[:len(s)-4] + "AAAA" }},
		{name: "no key", header: `{"alg":"ES256"}`, payload: good},
		{name: "another type", header: `{"alg":"EdDSA","typ":"x"}`, payload: good},
		{name: "bad header", header: `{"alg":"EdDSA","crit":[]}`, payload: good},
		{name: "expired", header: header, payload: `{"exp":500}`, headerSeen: true},
		{name: "not yet valid", header: header, payload: `{"exp":2000,"nbf":1500}`, headerSeen: true},
		{name: "bad claims", header: header, payload: `{"exp":"x"}`, headerSeen: true},
		{name: "long", header: header, payload: good + strings.Repeat(" ", 7<<10), headerSeen: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, signing := remembering(t)
			token := signText(t, signing, c.header, c.payload)
			if c.change != nil {
				token = c.change(token)
			}
			for use := range 3 {
				_, _ = v.VerifyToken(t.Context(), token)
				segment, _, _ := strings.Cut(token, ".")
				if got, want := remembered(v, token) != nil, c.token && use > 0; got != want {
					t.Errorf("after use %d the token is remembered: %v", use+1, got)
				}
				if got := v.headers.Get(segment) != nil; got != c.headerSeen {
					t.Errorf("the header is remembered: %v", got)
				}
			}
		})
	}
}

// Remembered claims are used: this subject is in the cache only.
func TestRememberedIsUsed(t *testing.T) {
	v, signing := remembering(t)
	token := signText(t, signing, `{"alg":"EdDSA"}`, `{"exp":2000,"sub":"in the token"}`)
	for range 2 {
		if claims, err := v.VerifyToken(t.Context(), token); err != nil || claims.Subject != "in the token" {
			t.Fatalf("claims %v, error %v", claims, err)
		}
	}
	remembered(v, token).claims.Subject = "in the cache"
	if claims, err := v.VerifyToken(t.Context(), token); err != nil || claims.Subject != "in the cache" {
		t.Errorf("claims %v, error %v", claims, err)
	}
}

// Tokens up to 8 KiB are remembered, longer ones are not. Two headers lead to
// tokens of every length.
func TestRemembersUpToALength(t *testing.T) {
	t.Parallel()
	v, signing := remembering(t)
	for _, header := range []string{`{"alg":"EdDSA"}`, `{"alg":"EdDSA" }`} {
		seen := make(map[int]bool)
		for length := 5900; length < 6300; length++ {
			token := signText(t, signing, header, `{"exp":2000}`+strings.Repeat(" ", length))
			for range 2 {
				if _, err := v.VerifyToken(t.Context(), token); err != nil {
					t.Fatal(err)
				}
			}
			seen[len(token)] = true
			if got, want := remembered(v, token) != nil, len(token) <= 8<<10; got != want {
				t.Fatalf("a token of %d bytes is remembered: %v", len(token), got)
			}
		}
		if !seen[8<<10] && !seen[8<<10+1] {
			t.Errorf("header %s: no token is at the limit", header)
		}
	}
}

// The smallest cache is a cache.
func TestRemembersWithTheSmallestCache(t *testing.T) {
	for size, want := range map[int]bool{1: true, 0: true, -1: false} {
		source, err := StaticKeys(generated(t, EdDSA))
		if err != nil {
			t.Fatal(err)
		}
		v, err := NewVerifier(source, VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: acceptAll, CacheSize: size})
		if err != nil {
			t.Fatal(err)
		}
		if got := v.cache != nil; got != want {
			t.Errorf("CacheSize %d: a cache is %v, want %v", size, got, want)
		}
	}
}

func generated(t *testing.T, alg Algorithm) Key {
	t.Helper()
	key, err := GenerateKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A token may be part of a large text, such as a form, which must not stay in
// memory.
func TestRememberedKeepsNothingElse(t *testing.T) {
	v, signing := remembering(t)
	const size = 16 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	good := signText(t, signing, `{"alg":"EdDSA"}`, `{"exp":2000}`)
	before := heap()
	text := strings.Repeat("x", size) + good
	for range 2 {
		if _, err := v.VerifyToken(t.Context(), text[size:]); err != nil {
			t.Fatal(err)
		}
	}
	text = ""
	if after := heap(); after > before+size/2 {
		t.Errorf("the heap has grown by %d bytes", after-before)
	}
	header, _, _ := strings.Cut(good, ".")
	if remembered(v, good) == nil || v.headers.Get(header) == nil {
		t.Error("the token or its header is not remembered, so this test shows nothing")
	}
}

// HMAC tokens are remembered like others, refresh tokens are not.
func TestSymmetricTokensAreRemembered(t *testing.T) {
	for _, alg := range []Algorithm{HS256, HS384, HS512} {
		issuer, err := NewIssuer(generated(t, alg), IssuerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		token, err := issuer.Sign("user-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		if remembered(issuer.verifier, token) == nil {
			t.Errorf("a token with %s is not remembered", alg)
		}
	}
}

// Even the holder of a key cannot fill the memory with ever new headers.
func TestKnownHeadersAreBounded(t *testing.T) {
	v, signing := remembering(t)
	now := v.rules.now()
	v.rules.now = func() time.Time { return now }
	known := func(i int) bool {
		t.Helper()
		token := signText(t, signing, fmt.Sprintf(`{"alg":"EdDSA","n":%d}`, i), `{"exp":2000}`)
		if _, err := v.VerifyToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		segment, _, _ := strings.Cut(token, ".")
		return v.headers.Get(segment) != nil
	}
	const limit = tokencache.MaxHeaders
	for i := range 3 * limit {
		if want := i < limit; known(i) != want {
			t.Fatalf("the header at %d is remembered: %v, want %v", i, !want, want)
		}
	}
	now = now.Add(time.Minute) // a new table is due
	for _, i := range []int{3 * limit, 3*limit + 1, 3 * limit} {
		if !known(i) {
			t.Errorf("the header at %d is not remembered in a new table", i)
		}
	}
}

// A known header is not checked again, so each verifier must have its own
// table: their rules may differ.
func TestKnownHeadersAreTheVerifiersOwn(t *testing.T) {
	signing, err := GenerateKey(EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	source, err := StaticKeys(signing)
	if err != nil {
		t.Fatal(err)
	}
	opts := VerifierOptions{AnyIssuer: true, AnyAudience: true, AnySubject: true, Check: acceptAll, Now: func() time.Time { return time.Unix(1000, 0) }}
	lenient, err := NewVerifier(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Types = []string{"at+jwt"}
	strict, err := NewVerifier(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	token := signText(t, signing.k, `{"alg":"EdDSA"}`, `{"exp":2000}`)
	for range 2 {
		if _, err := lenient.VerifyToken(t.Context(), token); err != nil {
			t.Error(err)
		}
		if _, err := strict.VerifyToken(t.Context(), token); !errors.Is(err, ErrTokenType) {
			t.Errorf("got %v, want ErrTokenType", err)
		}
	}
}

// A refusal by Check is marked, so that Renew does not renew for it each time.
func TestCheckErrorIsMarked(t *testing.T) {
	for _, err := range []error{ErrTokenExpired, ErrTokenInvalid, errors.New("no tenant")} {
		got := checkError(err)
		if !errors.Is(got, errCheck) || !errors.Is(got, err) || !errors.Is(got, ErrTokenInvalid) {
			t.Errorf("%v: %v", err, got)
		}
	}
	if got := checkError(ErrForbidden); got != ErrForbidden {
		t.Errorf("%v", got)
	}
}
