package keyfetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// outage is a way in which a provider fails.
type outage struct {
	name  string
	reply reply
	want  string // part of the report's error
	slow  bool   // fails when the fetch times out, not at once
}

// outages returns all of them. It counts the bytes of endless responses in
// read.
func outages(t testing.TB, read *atomic.Int64) []outage {
	good := setOf(t, generate(t, jose.EdDSA))
	return []outage{
		{name: "stopped", reply: func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, want: "connection refused"},
		{name: "hung", reply: hang, want: "no response within 5s", slow: true},
		{name: "slow body", reply: drip, want: "no response within 5s", slow: true},
		{name: "500", reply: text(500, good), want: "status 500"},
		{name: "404", reply: text(404, good), want: "status 404"},
		{name: "201", reply: text(201, good), want: "status 201"},
		{name: "HTML", reply: text(200, "<!doctype html><title>Sign in</title>"), want: "no key set"},
		{name: "empty body", reply: text(200, ""), want: "no key set"},
		{name: "null", reply: text(200, "null"), want: "no key set"},
		{name: "array", reply: text(200, "[]"), want: "no key set"},
		{name: "keys in another case", reply: text(200, `{"Keys":[{}]}`), want: "no key set"},
		{name: "keys is null", reply: text(200, `{"keys":null}`), want: "no key set"},
		{name: "keys twice", reply: text(200, strings.TrimSuffix(good, "}")+`,"keys":[]}`), want: "no key set"},
		{name: "two values", reply: text(200, good+good), want: "no key set"},
		{name: "cut short", reply: text(200, good[:len(good)-1]), want: "no key set"},
		{name: "invalid UTF-8", reply: text(200, strings.TrimSuffix(good, "}")+",\"x\":\"\xff\"}"), want: "no key set"},
		{name: "empty set", reply: text(200, `{"keys":[]}`), want: "empty"},
		{name: "unusable keys", reply: text(200, `{"keys":[{"kty":"oct","k":"AAAA"},{}]}`), want: "no usable key; the first problem: keys[0]: "},
		{name: "10 GB", reply: endless(good, read), want: "more than 1048576 bytes"},
		{name: "1 byte too many", reply: text(200, good+strings.Repeat(" ", 1<<20+1-len(good))), want: "more than 1048576 bytes"},
		{name: "redirect loop", reply: redirect(func(r *http.Request) string { return r.URL.String() }), want: "more than 5 redirects"},
		{name: "redirected to another host", reply: func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "idp.example" {
				t.Errorf("requested %v", r.URL)
			}
			return redirect(func(*http.Request) string { return "https://evil.example/keys" })(r)
		}, want: "another host"},
		{name: "redirected to another port", reply: redirect(func(*http.Request) string { return "https://idp.example:8443/keys" }), want: "another host"},
		{name: "redirected to http", reply: redirect(func(*http.Request) string { return "http://idp.example/keys" }), want: "from https to http"},
	}
}

func redirect(to func(*http.Request) string) reply {
	return func(r *http.Request) (*http.Response, error) {
		resp := response(http.StatusFound, "")
		resp.Header.Set("Location", to(r))
		return resp, nil
	}
}

// In every outage, known keys are found without waiting until they have
// expired. Unknown keys are unavailable, not unknown. All is well soon after
// the provider is.
func TestOutage(t *testing.T) {
	var read atomic.Int64
	for _, outage := range outages(t, &read) {
		t.Run(outage.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(provider)
				known, added := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
				p.publishes(t, known)
				s := p.source(t)
				wantAtOnce(t, s, known, found)

				p.replies(outage.reply)
				time.Sleep(45 * time.Minute)
				synctest.Wait()
				begun := time.Now()
				for range 3 {
					wantAtOnce(t, s, known, found)
				}
				wantLookup(t, s, added, unavailable)
				took := time.Since(begun)
				if outage.slow && took != 5*time.Second || !outage.slow && took != 0 {
					t.Errorf("an unknown key was decided upon after %v", took)
				}
				synctest.Wait()
				wantAtOnce(t, s, added, unavailable) // within the cooldown
				if r := p.lastReport(t); r.Err == nil || !strings.Contains(r.Err.Error(), outage.want) || r.Keys != 0 {
					t.Errorf("reported %+v, want %q", r, outage.want)
				}
				// There is one fetch per cooldown, and no look-up waits for it.
				before := p.reportCount()
				for range 100 {
					time.Sleep(6 * time.Second)
					synctest.Wait()
					wantAtOnce(t, s, known, found)
				}
				synctest.Wait()
				if got := p.reportCount() - before; got < 17 || got > 20 {
					t.Errorf("%d fetches failed in 10 minutes", got)
				}
				time.Sleep(23 * time.Hour)
				synctest.Wait()
				wantAtOnce(t, s, known, found)
				time.Sleep(5 * time.Minute) // 24 hours after the last successful fetch
				synctest.Wait()
				wantLookup(t, s, known, unavailable)
				wantLookup(t, s, added, unavailable)

				p.publishes(t, known, added)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				wantAtOnce(t, s, known, found)
				wantAtOnce(t, s, added, found)
				synctest.Wait()
				if r := p.lastReport(t); r.Err != nil || r.Keys != 2 {
					t.Errorf("reported %+v", r)
				}
			})
		})
	}
}

// Before the first successful fetch, every key is unavailable, and the first
// fetches follow each other soon.
func TestOutageAtTheStart(t *testing.T) {
	var read atomic.Int64
	for _, outage := range outages(t, &read) {
		t.Run(outage.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, key := new(provider), generate(t, jose.EdDSA)
				p.replies(outage.reply)
				s := p.source(t)
				begun := time.Now()
				var failed []time.Duration
				for len(failed) < 8 {
					before := p.reportCount()
					wantLookup(t, s, key, unavailable)
					synctest.Wait()
					if p.reportCount() > before {
						failed = append(failed, time.Since(begun))
					}
					time.Sleep(100 * time.Millisecond)
				}
				if want := "[0s 1s 3s 7s 15s 31s 1m1s 1m31s]"; !outage.slow && fmt.Sprint(failed) != want {
					t.Errorf("fetches failed at %v, want %s", failed, want)
				}
				p.publishes(t, key)
				time.Sleep(30 * time.Second)
				wantAtOnce(t, s, key, found)
			})
		})
	}
}

// Without MaxStale, keys are used until they are old.
func TestOutageWithoutMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.publishes(t, key)
		s := p.source(t, func(c *config) { c.MaxStale = 0 })
		wantAtOnce(t, s, key, found)
		p.replies(text(500, ""))
		time.Sleep(time.Hour - 1)
		wantAtOnce(t, s, key, found)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantAtOnce(t, s, key, unavailable)
		p.publishes(t, key)
		time.Sleep(30 * time.Second)
		wantAtOnce(t, s, key, found)
	})
}

// If the context of a look-up ends while old keys are fetched again, the
// look-up uses the old keys. It cannot decide about unknown keys.
func TestOutageOutlastsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishes(t, known)
		s := p.source(t)
		wantAtOnce(t, s, known, found)
		p.replies(hang)
		within := func(key *jose.Key, want outcome) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			begun := time.Now()
			got, err := lookup(ctx, s, key)
			if took := time.Since(begun); took != 2*time.Second || got != want {
				t.Errorf("after %v the key is %s (%v), want %s", took, got, err, want)
			}
		}
		time.Sleep(24*time.Hour - 10*time.Second)
		within(known, found)
		within(added, unavailable)
		wantRequests(t, p, 2)
		time.Sleep(time.Minute) // past MaxStale
		within(known, unavailable)
		time.Sleep(5 * time.Second)
	})
}

// A transport that panics or ends its goroutine is an outage. The program goes
// on, and no look-up waits for ever.
func TestTransportPanics(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply reply
		want  string
	}{
		{"transport", func(*http.Request) (*http.Response, error) { panic("out\nof order") }, "the fetch panicked: out?of order"},
		{"body", func(*http.Request) (*http.Response, error) {
			resp := response(200, "")
			resp.Body = panickingBody{}
			return resp, nil
		}, "the fetch panicked"},
		{"Goexit", func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, "ended the goroutine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, key := new(provider), generate(t, jose.EdDSA)
				p.replies(c.reply)
				s := p.source(t)
				if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				if r := p.lastReport(t); r.Err == nil || r.URL != keysURL {
					t.Errorf("reported %+v", r)
				}
				p.publishes(t, key)
				time.Sleep(time.Second)
				wantAtOnce(t, s, key, found)
			})
		})
	}
}
