package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// In an outage, tokens of known keys verify without waiting until MaxStale.
// Tokens of unknown keys are not rejected, because the key may be new. All is
// well soon after the provider is.
func TestRemoteKeysOutage(t *testing.T) {
	for _, outage := range []struct {
		name  string
		reply func(*http.Request) (*http.Response, error)
		want  string // part of the report's error
		took  time.Duration
	}{
		{"500", responds(http.StatusInternalServerError, "no"), "status 500", 0},
		{"hung", hang, "no response within 5s", 5 * time.Second},
		{"empty set", responds(http.StatusOK, `{"keys":[]}`), "empty", 0},
	} {
		t.Run(outage.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(provider)
				known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
				p.publishes(t, known)
				_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
				token, newToken := signed(t, known), signed(t, added)
				wantVerifyAtOnce(t, v, token, nil)

				p.replies(outage.reply)
				time.Sleep(45 * time.Minute)
				synctest.Wait()
				begun := time.Now()
				wantVerifyAtOnce(t, v, token, nil)
				wantVerify(t, v, newToken, jwtauth.ErrUnavailable)
				if took := time.Since(begun); took != outage.took {
					t.Errorf("the token of an unknown key was decided upon after %v", took)
				}
				synctest.Wait()
				wantVerifyAtOnce(t, v, newToken, jwtauth.ErrUnavailable) // within the cooldown
				if f := p.lastReport(t); f.Err == nil || !strings.Contains(f.Err.Error(), outage.want) || f.Keys != 0 {
					t.Errorf("reported %+v, want %q", f, outage.want)
				}
				for range 100 {
					time.Sleep(6 * time.Second)
					synctest.Wait()
					wantVerifyAtOnce(t, v, token, nil)
				}
				time.Sleep(23 * time.Hour)
				synctest.Wait()
				wantVerifyAtOnce(t, v, token, nil)
				time.Sleep(5 * time.Minute) // 24 hours after the last successful fetch
				synctest.Wait()
				wantVerify(t, v, token, jwtauth.ErrUnavailable)
				wantVerify(t, v, newToken, jwtauth.ErrUnavailable)

				p.publishes(t, known, added)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				wantVerifyAtOnce(t, v, token, nil)
				wantVerifyAtOnce(t, v, newToken, nil)
				synctest.Wait()
				if f := p.lastReport(t); f.Err != nil || f.Keys != 2 {
					t.Errorf("reported %+v", f)
				}
			})
		})
	}
}

// If the context of a request ends while it waits for old keys to be fetched
// again, the request uses the old keys. It cannot decide about unknown keys.
func TestRemoteKeysOutageOutlastsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.publishes(t, key)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token, newToken := signed(t, key), signed(t, generate(t, jwtauth.EdDSA))
		wantVerifyAtOnce(t, v, token, nil)
		p.replies(hang)
		within := func(token string, want error) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			begun := time.Now()
			_, err := v.VerifyToken(ctx, token)
			if took := time.Since(begun); took != 2*time.Second || !errors.Is(err, want) {
				t.Errorf("after %v: %v, want %v", took, err, want)
			}
		}
		time.Sleep(24*time.Hour - 10*time.Second)
		within(token, nil)
		within(newToken, jwtauth.ErrUnavailable)
		wantFetches(t, p, 2)
		time.Sleep(time.Minute) // past MaxStale
		within(token, jwtauth.ErrUnavailable)
		time.Sleep(5 * time.Second)
	})
}
