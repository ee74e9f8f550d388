package jwtauth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Keys that are due are fetched while they are used. Keys that the provider has
// withdrawn no longer verify tokens, not even remembered ones.
func TestRemoteKeysRefreshInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		kept, withdrawn, added := generate(t, jwtauth.ES256), generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		p.publishes(t, kept, withdrawn)
		keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		wantFetches(t, p, 0) // a service can start while the provider is down
		for range 3 {
			wantVerifyAtOnce(t, v, signed(t, kept), nil)
		}
		gone := signed(t, withdrawn)
		wantVerifyAtOnce(t, v, gone, nil)
		wantVerifyAtOnce(t, v, gone, nil)
		before, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, kept.ID())
		if err != nil || len(before) != 1 {
			t.Fatal(before, err)
		}

		set := keySetOf(t, added, kept)
		p.replies(func(*http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return response(http.StatusOK, set), nil
		})
		time.Sleep(45*time.Minute - 1)
		wantVerifyAtOnce(t, v, gone, nil)
		wantFetches(t, p, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		for range 3 {
			wantVerifyAtOnce(t, v, gone, nil)
		}
		wantFetches(t, p, 2)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantVerifyAtOnce(t, v, gone, jwtauth.ErrKeyUnknown)
		wantVerifyAtOnce(t, v, signed(t, added), nil)
		wantFetches(t, p, 2) // the withdrawn key was looked up within the cooldown

		after, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, kept.ID())
		if err != nil || len(after) != 1 || after[0] != before[0] {
			t.Errorf("a key that stayed is another Key now: %v, %v", after, err)
		}
	})
}

// A token that names a new key has it fetched at once. After that, there is at
// most one fetch per cooldown.
func TestRemoteKeysUnknownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		first, second, third := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA), generate(t, jwtauth.ES256)
		p.publishes(t, first)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		wantVerifyAtOnce(t, v, signed(t, first), nil)
		time.Sleep(30 * time.Second)

		p.publishes(t, first, second)
		wantVerifyAtOnce(t, v, signed(t, second), nil)
		wantFetches(t, p, 2)
		if f := p.lastReport(t); f.URL != providerKeys || f.Keys != 2 || len(f.Skipped) != 0 || f.Err != nil {
			t.Errorf("reported %+v", f)
		}

		p.publishes(t, first, second, third)
		time.Sleep(30*time.Second - 1)
		wantVerifyAtOnce(t, v, signed(t, third), jwtauth.ErrKeyUnknown)
		wantFetches(t, p, 2)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantVerifyAtOnce(t, v, signed(t, third), nil)
		wantFetches(t, p, 3)
		wantVerifyAtOnce(t, v, signed(t, first), nil)
		wantFetches(t, p, 3)
	})
}

// A token that no key can verify causes no fetch, not even the first.
func TestRemoteKeysNoFetch(t *testing.T) {
	for _, loaded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, key := new(provider), generate(t, jwtauth.EdDSA)
			p.publishes(t, key)
			keys, v := p.remote(t, jwtauth.RemoteKeysOptions{Algorithms: []jwtauth.Algorithm{jwtauth.EdDSA, jwtauth.PS256}})
			before := 0
			if loaded {
				wantVerifyAtOnce(t, v, signed(t, key), nil)
				time.Sleep(time.Minute)
				before = 1
			}
			for _, header := range []string{
				`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"HS256","kid":"x"}`, `{"alg":"XX","kid":"x"}`, `{"alg":"eddsa","kid":"x"}`,
				`{"alg":"RS256","kid":"x"}`, `{"alg":"ES256"}`, `{"alg":"EdDSA","kid":"` + strings.Repeat("k", 257) + `"}`,
			} {
				for range 4 {
					wantVerifyAtOnce(t, v, b64(header)+"."+b64(`{}`)+".AAAA", jwtauth.ErrKeyUnknown)
				}
			}
			if keys, err := keys.VerificationKeys(t.Context(), "", ""); keys != nil || err != nil {
				t.Error(keys, err)
			}
			wantFetches(t, p, before)
			wantVerifyAtOnce(t, v, b64(`{"alg":"EdDSA","kid":"`+strings.Repeat("k", 256)+`"}`)+"."+b64(`{}`)+".AAAA", jwtauth.ErrKeyUnknown)
			wantFetches(t, p, before+1)
		})
	}
}

// Keys that share an ID are told apart by their algorithm, and then each is
// tried, up to 16.
func TestRemoteKeysSharedID(t *testing.T) {
	private := make([]jwtauth.Key, 20)
	var set []any
	for i := range private {
		public, secret, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		private[i] = newKey(t, jwtauth.EdDSA, secret).WithID("same")
		set = append(set, jwk{"kty": "OKP", "crv": "Ed25519", "kid": "same", "x": base64.RawURLEncoding.EncodeToString(public)})
	}
	other := generate(t, jwtauth.ES256).WithID("same")
	keys, report := fetched(t, keySetText(t, append(set, jwkOf(t, other))...), jwtauth.RemoteKeysOptions{})
	if report.Keys != 21 || len(report.Skipped) != 0 {
		t.Errorf("reported %+v", report)
	}
	if got, err := keys.VerificationKeys(t.Context(), jwtauth.EdDSA, "same"); err != nil || len(got) != 20 {
		t.Errorf("%d keys, %v", len(got), err)
	}
	v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	wantVerify(t, v, signed(t, other), nil)
	for i, key := range private {
		if _, err := v.VerifyToken(t.Context(), signed(t, key)); (err == nil) != (i < 16) {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

// A key set can be found by discovery.
func TestRemoteKeysFromIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jwtauth.EdDSA)
		document := `{"issuer":"` + providerIssuer + `","jwks_uri":"http://keys.example/set"}`
		p.replies(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "idp.example" {
				return response(http.StatusOK, document), nil
			}
			return response(http.StatusOK, keySetOf(t, key)), nil
		})
		for insecure, want := range map[bool]error{true: nil, false: jwtauth.ErrUnavailable} {
			keys, err := jwtauth.NewRemoteKeysFromIssuer(providerIssuer, jwtauth.RemoteKeysOptions{Transport: p, InsecureHTTP: insecure, OnFetch: p.onFetch})
			if err != nil {
				t.Fatal(err)
			}
			v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
			wantVerify(t, v, signed(t, key), want)
			synctest.Wait()
			wantURL := providerIssuer
			if insecure {
				wantURL = "http://keys.example/set"
			}
			if f := p.lastReport(t); f.URL != wantURL || !insecure && !strings.Contains(f.Err.Error(), "jwks_uri is http") {
				t.Errorf("InsecureHTTP %v: reported %+v", insecure, f)
			}
		}
	})
}

func TestRemoteKeysReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jwtauth.EdDSA)
		p.replies(responds(http.StatusInternalServerError, "no"))
		keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		for range 2 { // too soon for a second fetch
			if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), "status 500") || !strings.Contains(err.Error(), providerKeys) {
				t.Errorf("got %v", err)
			}
			wantFetches(t, p, 1)
			p.publishes(t, key)
		}
		time.Sleep(time.Second)
		if err := keys.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		wantFetches(t, p, 2)
		wantVerifyAtOnce(t, v, signed(t, key), nil)
	})
}

// A request waits no longer than its context lasts.
func TestRemoteKeysContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.replies(hang)
		keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, generate(t, jwtauth.EdDSA))
		for _, call := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := v.VerifyToken(ctx, token); return err },
			keys.Ready,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			begun := time.Now()
			err := call(ctx)
			if took := time.Since(begun); took != 100*time.Millisecond || !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %v: %v", took, err)
			}
			cancel()
		}
		wantFetches(t, p, 1)
		time.Sleep(5 * time.Second)
	})
}

func TestRemoteKeysOnFetchPanics(t *testing.T) {
	var logged strings.Builder
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.publishes(t, generate(t, jwtauth.EdDSA))
		keys, err := jwtauth.NewRemoteKeys(providerKeys, jwtauth.RemoteKeysOptions{Transport: p, OnFetch: func(jwtauth.KeyFetch) { panic("no log today") }})
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
	if text := logged.String(); !strings.Contains(text, "RemoteKeysOptions.OnFetch: no log today") {
		t.Errorf("the log contains %q", text)
	}
}

func TestRemoteKeysZeroValue(t *testing.T) {
	var keys jwtauth.RemoteKeys
	if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("Ready: %v", err)
	}
	if _, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, "a"); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("VerificationKeys: %v", err)
	}
}

// Looking up a known key allocates nothing.
func TestRemoteKeysLookupAllocatesNothing(t *testing.T) {
	key := generate(t, jwtauth.EdDSA)
	keys, _ := fetched(t, keySetOf(t, key), jwtauth.RemoteKeysOptions{})
	for _, kid := range []string{key.ID(), ""} {
		if allocs := testing.AllocsPerRun(100, func() {
			if found, err := keys.VerificationKeys(context.Background(), jwtauth.EdDSA, kid); err != nil || len(found) != 1 {
				t.Error(found, err)
			}
		}); allocs != 0 {
			t.Errorf("with kid %q: %v allocations", kid, allocs)
		}
	}
}
