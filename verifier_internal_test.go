package jwtauth

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// What a verifier remembers is bounded, and nothing that failed is in it: that
// shows in memory and time only, so these tests look inside.

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
	v, err := NewVerifier(source, VerifierOptions{AnyIssuer: true, AnyAudience: true, MaxTokenBytes: 64 << 10, Now: func() time.Time { return time.Unix(1000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return v, signing.k
}

func sealText(t *testing.T, signing *jose.Key, header, payload string) string {
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
			token := sealText(t, signing, c.header, c.payload)
			if c.change != nil {
				token = c.change(token)
			}
			for range 2 {
				_, _ = v.VerifyToken(t.Context(), token)
				segment, _, _ := strings.Cut(token, ".")
				if got := v.cache.Get(token) != nil; got != c.token {
					t.Errorf("the token is remembered: %v", got)
				}
				if got := v.headers.known(segment) != nil; got != c.headerSeen {
					t.Errorf("the header is remembered: %v", got)
				}
			}
		})
	}
}

// What is remembered is used: nothing but the cache can know this subject.
func TestRememberedIsUsed(t *testing.T) {
	v, signing := remembering(t)
	token := sealText(t, signing, `{"alg":"EdDSA"}`, `{"exp":2000,"sub":"in the token"}`)
	if claims, err := v.VerifyToken(t.Context(), token); err != nil || claims.Subject != "in the token" {
		t.Fatalf("claims %v, error %v", claims, err)
	}
	v.cache.Get(token).claims.Subject = "in the cache"
	if claims, err := v.VerifyToken(t.Context(), token); err != nil || claims.Subject != "in the cache" {
		t.Errorf("claims %v, error %v", claims, err)
	}
}

// Tokens up to 8 KiB are remembered, longer ones are not.
func TestRemembersUpToALength(t *testing.T) {
	v, signing := remembering(t)
	token := ""
	for length := 5900; length < 6300; length++ {
		token = sealText(t, signing, `{"alg":"EdDSA"}`, `{"exp":2000}`+strings.Repeat(" ", length))
		if _, err := v.VerifyToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if got, want := v.cache.Get(token) != nil, len(token) <= 8<<10; got != want {
			t.Fatalf("a token of %d bytes is remembered: %v", len(token), got)
		}
	}
	if len(token) <= 8<<10 {
		t.Fatal("no token was longer than the limit")
	}
}

// A token may be a piece of a large text, such as a form: what is remembered of it must not keep all of that in memory.
func TestRememberedKeepsNothingElse(t *testing.T) {
	v, signing := remembering(t)
	text := strings.Repeat("x", 1<<20) + sealText(t, signing, `{"alg":"EdDSA"}`, `{"exp":2000}`)
	whole := weak.Make(unsafe.StringData(text))
	token := text[1<<20:]
	if _, err := v.VerifyToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if v.cache.Get(token) == nil || v.headers.seen.Load() == nil {
		t.Fatal("the token or its header is not remembered: this proves nothing")
	}
	text, token = "", ""
	runtime.GC()
	if whole.Value() != nil {
		t.Error("the text that the token was a piece of is still in memory")
	}
	runtime.KeepAlive(v)
}

func TestSymmetricTokensAreNotRemembered(t *testing.T) {
	signing, err := GenerateKey(HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := NewIssuer(signing, IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if issuer.verifier.cache.Get(token) != nil {
		t.Error("a token that costs less to verify than to remember is remembered")
	}
}

// A key's holder, too, cannot fill the memory with ever new headers.
func TestKnownHeadersAreBounded(t *testing.T) {
	v, signing := remembering(t)
	now := v.rules.now()
	v.rules.now = func() time.Time { return now }
	known := func(i int) bool {
		t.Helper()
		token := sealText(t, signing, fmt.Sprintf(`{"alg":"EdDSA","n":%d}`, i), `{"exp":2000}`)
		if _, err := v.VerifyToken(context.Background(), token); err != nil {
			t.Fatal(err)
		}
		if n := len(*v.headers.seen.Load()); n > maxKnownHeaders {
			t.Fatalf("%d headers are remembered, want at most %d", n, maxKnownHeaders)
		}
		segment, _, _ := strings.Cut(token, ".")
		return v.headers.known(segment) != nil
	}
	for i := range 3 * maxKnownHeaders {
		if want := i < maxKnownHeaders; known(i) != want {
			t.Fatalf("the header at %d is remembered: %v, want %v", i, !want, want)
		}
	}
	now = now.Add(time.Minute) // the table begins anew
	if !known(3*maxKnownHeaders) || len(*v.headers.seen.Load()) != 1 {
		t.Error("a full table is never given up")
	}
	if !known(3*maxKnownHeaders+1) || !known(3*maxKnownHeaders) {
		t.Error("the new table does not fill")
	}
}

// A header that is known is not judged again, so that it must be kept apart by verifier: what one takes, another may not.
func TestKnownHeadersAreTheVerifiersOwn(t *testing.T) {
	signing, err := GenerateKey(EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	source, err := StaticKeys(signing)
	if err != nil {
		t.Fatal(err)
	}
	opts := VerifierOptions{AnyIssuer: true, AnyAudience: true, Now: func() time.Time { return time.Unix(1000, 0) }}
	lenient, err := NewVerifier(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Types = []string{"at+jwt"}
	strict, err := NewVerifier(source, opts)
	if err != nil {
		t.Fatal(err)
	}
	token := sealText(t, signing.k, `{"alg":"EdDSA"}`, `{"exp":2000}`)
	for range 2 {
		if _, err := lenient.VerifyToken(t.Context(), token); err != nil {
			t.Error(err)
		}
		if _, err := strict.VerifyToken(t.Context(), token); err != ErrTokenType {
			t.Errorf("got %v, want ErrTokenType", err)
		}
	}
}
