package jwtauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func TestRemoteKeysFaults(t *testing.T) {
	type options = jwtauth.RemoteKeysOptions
	type algs = []jwtauth.Algorithm
	const day = 24 * time.Hour
	for _, c := range []struct {
		name, url string
		opts      options
		want      []string // faults, in this order; empty if all is well
	}{
		{"https", "https://idp.example/keys?p=policy", options{}, nil},
		{"http to localhost", "http://LocalHost/keys", options{}, nil},
		{"http to a name below localhost", "http://idp.localhost/keys", options{}, nil},
		{"http", "http://idp.example/keys", options{}, []string{"jwtauth: NewRemoteKeys: url: is http, so anyone on the network could replace the keys: use https (http is accepted for the loopback interface, or with InsecureHTTP)"}},
		{"http, allowed", "http://idp.example/keys", options{InsecureHTTP: true}, nil},
		{"empty", "", options{}, []string{"jwtauth: NewRemoteKeys: url: is empty"}},
		{"nonsense", "https://idp.example/\x00hunter2", options{}, []string{"jwtauth: NewRemoteKeys: url: is not a URL"}},
		{"longest times", providerKeys, options{MaxAge: day, MaxStale: 30 * day, Cooldown: 5 * time.Minute}, nil},
		{"shortest times", providerKeys, options{MaxAge: time.Minute, MaxStale: time.Minute, Cooldown: time.Second}, nil},
		{"MaxAge and Cooldown too long", providerKeys, options{MaxAge: day + 1, MaxStale: 30 * day, Cooldown: 5*time.Minute + 1}, []string{
			"jwtauth: RemoteKeysOptions.MaxAge: 24h0m0.000000001s exceeds the maximum of 24h0m0s",
			"jwtauth: RemoteKeysOptions.Cooldown: 5m0.000000001s exceeds the maximum of 5m0s",
		}},
		{"MaxStale too long", providerKeys, options{MaxStale: 30*day + 1}, []string{"jwtauth: RemoteKeysOptions.MaxStale: 720h0m0.000000001s exceeds the maximum of 720h0m0s"}},
		{"MaxAge and Cooldown too short", providerKeys, options{MaxAge: time.Minute - 1, Cooldown: time.Second - 1}, []string{
			"jwtauth: RemoteKeysOptions.MaxAge: 59.999999999s is below the minimum of 1m0s",
			"jwtauth: RemoteKeysOptions.Cooldown: 999.999999ms is below the minimum of 1s",
		}},
		{"MaxStale below MaxAge", providerKeys, options{MaxStale: time.Hour - 1}, []string{"jwtauth: RemoteKeysOptions.MaxStale: 59m59.999999999s is below MaxAge (1h0m0s)"}},
		{"no stale keys", providerKeys, options{MaxStale: -1}, nil},
		{"MaxAge alone", providerKeys, options{MaxAge: day}, nil},
		{"Cooldown of MaxAge", providerKeys, options{MaxAge: time.Minute, Cooldown: time.Minute}, nil},
		{"Cooldown beyond MaxAge", providerKeys, options{MaxAge: time.Minute, Cooldown: time.Minute + 1}, []string{"jwtauth: RemoteKeysOptions.Cooldown: 1m0.000000001s exceeds MaxAge (1m0s)"}},
		{"negative times", providerKeys, options{MaxAge: -1, Cooldown: -1}, []string{"RemoteKeysOptions.MaxAge: -1ns is below", "RemoteKeysOptions.Cooldown: -1ns is below"}},
		{"algorithms", providerKeys, options{Algorithms: algs{jwtauth.ES256, jwtauth.PS512}}, nil},
		{"faults of every field", "", options{MaxAge: 25 * time.Hour, MaxStale: 721 * time.Hour, Cooldown: 6 * time.Minute, Algorithms: algs{"none", jwtauth.HS256, jwtauth.ES256, jwtauth.ES256}}, []string{
			"jwtauth: NewRemoteKeys: url: ",
			"jwtauth: RemoteKeysOptions.Algorithms[0]: ",
			"jwtauth: RemoteKeysOptions.Algorithms[1]: HS256 keys are secret",
			"jwtauth: RemoteKeysOptions.Algorithms[3]: ES256 is listed twice",
			"jwtauth: RemoteKeysOptions.MaxAge: 25h",
			"jwtauth: RemoteKeysOptions.MaxStale: 721h",
			"jwtauth: RemoteKeysOptions.Cooldown: 6m",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys, err := jwtauth.NewRemoteKeys(c.url, c.opts)
			if (err != nil) != (len(c.want) > 0) || (keys == nil) != (err != nil) {
				t.Fatalf("keys %v, error %v", keys, err)
			}
			if err == nil {
				return
			}
			got := strings.Split(err.Error(), "\n")
			if !slices.EqualFunc(got, c.want, strings.Contains) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v contains a secret", err)
			}
		})
	}
}

func TestRemoteKeysFromIssuerFaults(t *testing.T) {
	for url, want := range map[string]string{
		"":                     "jwtauth: NewRemoteKeysFromIssuer: issuer: is empty",
		"http://idp.example":   "jwtauth: NewRemoteKeysFromIssuer: issuer: is http",
		"https://idp.example?": "jwtauth: NewRemoteKeysFromIssuer: issuer: has a query",
	} {
		keys, err := jwtauth.NewRemoteKeysFromIssuer(url, jwtauth.RemoteKeysOptions{Cooldown: -1})
		if err == nil || keys != nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "Cooldown") {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// The options and their defaults take effect.
func TestRemoteKeysTimes(t *testing.T) {
	for _, c := range []struct {
		name                       string
		opts                       jwtauth.RemoteKeysOptions
		cacheControl               string
		maxAge, maxStale, cooldown time.Duration
	}{
		{"defaults", jwtauth.RemoteKeysOptions{}, "", time.Hour, 24 * time.Hour, 30 * time.Second},
		{"Cache-Control", jwtauth.RemoteKeysOptions{}, "public, max-age=1200", 20 * time.Minute, 24 * time.Hour, 30 * time.Second},
		{"short Cache-Control", jwtauth.RemoteKeysOptions{}, "max-age=15", 5 * time.Minute, 24 * time.Hour, 30 * time.Second},
		{"other times", jwtauth.RemoteKeysOptions{MaxAge: 2 * time.Hour, MaxStale: 3 * time.Hour, Cooldown: time.Minute}, "", 2 * time.Hour, 3 * time.Hour, time.Minute},
		{"no stale keys", jwtauth.RemoteKeysOptions{MaxStale: -1}, "", time.Hour, time.Hour, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, key := new(provider), generate(t, jwtauth.EdDSA)
				set := keySetOf(t, key)
				p.replies(func(*http.Request) (*http.Response, error) {
					resp := response(http.StatusOK, set)
					resp.Header.Set("Cache-Control", c.cacheControl)
					return resp, nil
				})
				_, v := p.remote(t, c.opts)
				token, other := signed(t, key), signed(t, generate(t, jwtauth.EdDSA))
				for round := range 3 {
					wantVerifyAtOnce(t, v, token, nil)
					wantFetches(t, p, round+1)
					time.Sleep(c.maxAge/4*3 - 1)
					wantVerifyAtOnce(t, v, token, nil)
					wantFetches(t, p, round+1)
					time.Sleep(time.Nanosecond)
					synctest.Wait()
				}
				wantVerifyAtOnce(t, v, token, nil)
				wantFetches(t, p, 4)

				time.Sleep(c.cooldown - 1)
				wantVerifyAtOnce(t, v, other, jwtauth.ErrKeyUnknown)
				wantFetches(t, p, 4)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				wantVerifyAtOnce(t, v, other, jwtauth.ErrKeyUnknown)
				wantFetches(t, p, 5)

				p.replies(responds(http.StatusInternalServerError, ""))
				time.Sleep(c.maxStale - 1)
				wantVerifyAtOnce(t, v, token, nil)
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				wantVerifyAtOnce(t, v, token, jwtauth.ErrUnavailable)
			})
		})
	}
}
