package jwtauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A provider that gives a new key the ID of an old one, or signs tokens without
// a "kid", is trusted again after one cooldown at most.
func TestRemoteKeysSameID(t *testing.T) {
	for _, header := range []string{`{"alg":"ES256","kid":"the-key"}`, `{"alg":"ES256"}`} {
		synctest.Test(t, func(t *testing.T) {
			p := new(provider)
			first, second := forgeES256(t), forgeES256(t)
			old, renewed := first.key.WithID("the-key"), second.key.WithID("the-key")
			token := func(key jwtauth.Key) string {
				f := first
				if key == renewed {
					f = second
				}
				return f.token(header, withClaims(`"iss":"`+providerIssuer+`"`, `"iat":946684800`))
			}
			p.replies(responds(http.StatusOK, publicSet(t, old)))
			_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
			wantVerifyAtOnce(t, v, token(old), nil)
			p.replies(responds(http.StatusOK, publicSet(t, renewed)))
			wantVerifyAtOnce(t, v, token(renewed), jwtauth.ErrSignatureInvalid) // within the cooldown
			wantFetches(t, p, 1)
			time.Sleep(30 * time.Second)
			wantVerifyAtOnce(t, v, token(renewed), nil)
			wantVerifyAtOnce(t, v, token(old), jwtauth.ErrSignatureInvalid)
			wantFetches(t, p, 2)
			p.replies(responds(http.StatusOK, publicSet(t, renewed)))
			time.Sleep(30 * time.Second)
			wantVerifyAtOnce(t, v, token(old), jwtauth.ErrSignatureInvalid) // after a good fetch
			wantFetches(t, p, 3)
			p.replies(responds(http.StatusBadGateway, ""))
			time.Sleep(30 * time.Second)
			wantVerifyAtOnce(t, v, token(old), jwtauth.ErrUnavailable)
			wantVerifyAtOnce(t, v, token(old), jwtauth.ErrUnavailable)
			wantVerifyAtOnce(t, v, token(renewed), nil)
			wantFetches(t, p, 4)
		})
	}
}

// publicSet returns the key set of one public key.
func publicSet(t testing.TB, key jwtauth.Key) string {
	t.Helper()
	object, err := key.MarshalJWK()
	if err != nil {
		t.Fatal(err)
	}
	return `{"keys":[` + string(object) + `]}`
}

// The error for a signature of another key does not say that its length is
// wrong, although the source returns no other keys.
func TestRemoteKeysSignatureError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		f := forgeES256(t)
		p.replies(responds(http.StatusOK, publicSet(t, f.key)))
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := forgeES256(t).claims(goodClaims)
		for _, wait := range []time.Duration{0, 0, time.Hour} { // the cooldown ends
			time.Sleep(wait)
			_, err := v.VerifyToken(t.Context(), token)
			if want := "jwtauth: token signature invalid: it was made with another key, or the token was changed"; err == nil || err.Error() != want {
				t.Errorf("after %v: %v, want %s", wait, err, want)
			}
			_, err = v.VerifyToken(t.Context(), token[:len(token)-6])
			if err == nil || !strings.Contains(err.Error(), "does not have the 64 bytes") {
				t.Errorf("after %v: %v, want the length", wait, err)
			}
		}
	})
}

// Many requests with the new key share one fetch. A wrapper that embeds
// RemoteKeys passes the question on.
func TestRemoteKeysSameIDShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		old, renewed := generate(t, jwtauth.EdDSA).WithID("k"), generate(t, jwtauth.EdDSA).WithID("k")
		p.publishes(t, old)
		keys, _ := p.remote(t, jwtauth.RemoteKeysOptions{})
		v := newVerifier(t, struct{ *jwtauth.RemoteKeys }{keys}, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
		wantVerifyAtOnce(t, v, signed(t, old), nil)
		time.Sleep(30 * time.Second)
		p.replies(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return response(http.StatusOK, keySetOf(t, renewed)), nil
		})
		results := make(chan error, 100)
		token := signed(t, renewed)
		for range cap(results) {
			go func() {
				_, err := v.VerifyToken(t.Context(), token)
				results <- err
			}()
		}
		for range cap(results) {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		wantFetches(t, p, 2)
	})
}

// Garbage signatures cause at most one fetch per cooldown, over real
// connections.
func TestRemoteKeysGarbageOverSockets(t *testing.T) {
	t.Parallel()
	const cooldown = time.Second
	good := generate(t, jwtauth.EdDSA).WithID("k")
	set := keySetOf(t, good)
	var fetches atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetches.Add(1)
		sends(http.StatusOK, set)(w, r)
	}))
	defer server.Close()
	keys, err := jwtauth.NewRemoteKeys(server.URL, jwtauth.RemoteKeysOptions{Cooldown: cooldown})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	token := signed(t, good)
	garbage := token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 84) // too short, so that the checks cost little
	begun := time.Now()
	for i := range 100_000 {
		if _, err := v.VerifyToken(t.Context(), garbage); !errors.Is(err, jwtauth.ErrSignatureInvalid) {
			t.Fatalf("garbage %d: %v", i, err)
		}
	}
	if most := int64(time.Since(begun)/cooldown) + 2; fetches.Load() > most {
		t.Errorf("%d fetches in %v, want at most %d", fetches.Load(), time.Since(begun), most)
	}
	wantVerify(t, v, token, nil)
}
