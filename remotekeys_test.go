package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	providerIssuer = "https://idp.example"
	providerKeys   = providerIssuer + "/keys"
)

// provider is an identity provider without a network: it is the transport of the requests to it.
type provider struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	asked  []time.Time
	told   []jwtauth.KeyFetch
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked = append(p.asked, time.Now())
	answer := p.answer
	p.mu.Unlock()
	resp, err := answer(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// does changes what requests are answered from now on.
func (p *provider) does(answer func(*http.Request) (*http.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// serves answers requests by a handler.
func (p *provider) serves(h http.Handler) {
	p.does(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	})
}

// publishes answers requests with the public parts of keys.
func (p *provider) publishes(t testing.TB, keys ...jwtauth.Key) {
	t.Helper()
	p.does(answers(keySetOf(t, keys...)))
}

func (p *provider) fetches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *provider) onFetch(f jwtauth.KeyFetch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, f)
}

// tellings is how often OnFetch was told.
func (p *provider) tellings() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.told)
}

// lastTold is what OnFetch was told last.
func (p *provider) lastTold() jwtauth.KeyFetch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told) == 0 {
		return jwtauth.KeyFetch{}
	}
	return p.told[len(p.told)-1]
}

func answerText(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

func answers(text string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return answerText(200, text), nil }
}

// keySetOf is the set that an issuer with keys publishes.
func keySetOf(t testing.TB, keys ...jwtauth.Key) string {
	t.Helper()
	issuer, err := jwtauth.NewIssuer(keys[0], jwtauth.IssuerOptions{AcceptKeys: keys[1:]})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	issuer.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// remote returns the keys of p, and a verifier with them.
func (p *provider) remote(t testing.TB, opts jwtauth.RemoteKeysOptions) (*jwtauth.RemoteKeys, *jwtauth.Verifier) {
	t.Helper()
	opts.Transport, opts.OnFetch = p, p.onFetch
	keys, err := jwtauth.NewRemoteKeys(providerKeys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return keys, newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
}

// signed returns a token of the provider that lives for a year.
func signed(t testing.TB, key jwtauth.Key) string {
	t.Helper()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil, jwtauth.ExpiresIn(365*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantVerify checks how a token is judged, and that it took no time (of the bubble's).
func wantVerify(t testing.TB, v jwtauth.TokenVerifier, token string, want error) {
	t.Helper()
	begun := time.Now()
	wantVerifySlowly(t, v, token, want)
	if took := time.Since(begun); took != 0 {
		t.Errorf("the request waited for %v", took)
	}
}

func wantVerifySlowly(t testing.TB, v jwtauth.TokenVerifier, token string, want error) {
	t.Helper()
	_, err := v.VerifyToken(t.Context(), token)
	switch {
	case want == nil && err != nil:
		t.Errorf("refused: %v", err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want)
	case errors.Is(err, jwtauth.ErrUnavailable) && errors.Is(err, jwtauth.ErrTokenInvalid):
		t.Errorf("%v is an outage and a refusal at once", err)
	}
}

func wantFetches(t testing.TB, p *provider, want int) {
	t.Helper()
	synctest.Wait()
	if got := p.fetches(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}

// Requests that come before there are keys share one fetch.
func TestRemoteKeysShareTheFirstFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := generate(t, jwtauth.EdDSA)
		p := new(provider)
		text := keySetOf(t, key)
		p.does(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answerText(200, text), nil
		})
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		wantFetches(t, p, 0) // start-up does not need the provider
		token := signed(t, key)
		var requests sync.WaitGroup
		for i := range 100 {
			requests.Go(func() {
				time.Sleep(time.Duration(i) * 9 * time.Millisecond)
				wantVerifySlowly(t, v, token, nil)
			})
		}
		requests.Wait()
		wantFetches(t, p, 1)
		wantVerify(t, v, token, nil)
		wantFetches(t, p, 1)
		if f := p.lastTold(); f.URL != providerKeys || f.Keys != 1 || len(f.Skipped) != 0 || f.Err != nil {
			t.Errorf("OnFetch was told %+v", f)
		}
	})
}

// As keys grow old, a request has them fetched and does not wait; what the provider withdrew
// ceases to verify then, tokens that are remembered included.
func TestRemoteKeysRefreshInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		kept, withdrawn, added := generate(t, jwtauth.ES256), generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		p.publishes(t, kept, withdrawn)
		keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		for range 3 {
			wantVerify(t, v, signed(t, kept), nil)
		}
		gone := signed(t, withdrawn)
		wantVerify(t, v, gone, nil)
		wantVerify(t, v, gone, nil)
		before, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, kept.ID())
		if err != nil || len(before) != 1 {
			t.Fatal(before, err)
		}

		text := keySetOf(t, added, kept)
		p.does(func(*http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return answerText(200, text), nil
		})
		time.Sleep(45*time.Minute - time.Second)
		wantVerify(t, v, gone, nil)
		wantFetches(t, p, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		for range 3 {
			wantVerify(t, v, gone, nil)
		}
		wantFetches(t, p, 2)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantVerify(t, v, gone, jwtauth.ErrKeyUnknown)
		wantVerify(t, v, signed(t, added), nil)
		wantFetches(t, p, 2) // gone named an unknown key, but within the cooldown

		after, err := keys.VerificationKeys(t.Context(), jwtauth.ES256, kept.ID())
		if err != nil || len(after) != 1 || after[0] != before[0] {
			t.Errorf("a key that stayed is another Key now: %v, %v", after, err)
		}
	})
}

// Nobody having asked while keys grew old, the first request waits: it must not be judged by keys withdrawn long ago.
func TestRemoteKeysTooOldToUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		withdrawn, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		p.publishes(t, withdrawn)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		gone := signed(t, withdrawn)
		wantVerify(t, v, gone, nil)
		p.publishes(t, added)
		time.Sleep(time.Hour)
		synctest.Wait()
		wantVerify(t, v, gone, jwtauth.ErrKeyUnknown)
		wantFetches(t, p, 2)
	})
}

var cacheControls = []struct {
	name   string
	maxAge time.Duration
	header http.Header
	life   time.Duration
}{
	{"none", 0, nil, time.Hour},
	{"less", 0, http.Header{"Cache-Control": {"public, max-age=1200"}}, 20 * time.Minute},
	{"more", 0, http.Header{"Cache-Control": {"max-age=86400"}}, time.Hour},
	{"more, and allowed", 24 * time.Hour, http.Header{"Cache-Control": {"max-age=43200"}}, 12 * time.Hour},
	{"far more", 24 * time.Hour, http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
	{"very little", 0, http.Header{"Cache-Control": {"max-age=15"}}, 5 * time.Minute},
	{"less than the least", time.Minute, http.Header{"Cache-Control": {"max-age=15"}}, time.Minute},
	{"no-store", 0, http.Header{"Cache-Control": {"no-store"}}, 5 * time.Minute},
	{"no-cache, second field", 0, http.Header{"Cache-Control": {"max-age=1200", "private, No-Cache"}}, 5 * time.Minute},
	{"spelt oddly", 0, http.Header{"Cache-Control": {` s-maxage=9,,Max-Age="1200" ,x`}}, 20 * time.Minute},
	{"no number", 0, http.Header{"Cache-Control": {"max-age=-1"}}, 5 * time.Minute},
	{"has an age", 0, http.Header{"Cache-Control": {"max-age=3000"}, "Age": {"1800"}}, 20 * time.Minute},
	{"is over age", 0, http.Header{"Cache-Control": {"max-age=3000"}, "Age": {"4000"}}, 5 * time.Minute},
}

func TestRemoteKeysCacheControl(t *testing.T) {
	for _, c := range cacheControls {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := generate(t, jwtauth.EdDSA)
				p, text := new(provider), keySetOf(t, key)
				p.does(func(*http.Request) (*http.Response, error) {
					resp := answerText(200, text)
					resp.Header = c.header
					return resp, nil
				})
				_, v := p.remote(t, jwtauth.RemoteKeysOptions{MaxAge: c.maxAge})
				token := signed(t, key)
				for round := range 3 {
					wantVerify(t, v, token, nil)
					wantFetches(t, p, round+1)
					time.Sleep(c.life/4*3 - time.Millisecond)
					wantVerify(t, v, token, nil)
					wantFetches(t, p, round+1)
					time.Sleep(time.Millisecond)
					synctest.Wait()
				}
			})
		})
	}
}

// A token that names a new key has it fetched at once. Afterwards no tokens, however many, cause
// more than one fetch in a cooldown.
func TestRemoteKeysUnknownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		first, second, third := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA), generate(t, jwtauth.ES256)
		p.publishes(t, first)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		wantVerify(t, v, signed(t, first), nil)
		time.Sleep(30 * time.Second)

		p.publishes(t, first, second)
		wantVerify(t, v, signed(t, second), nil)
		wantFetches(t, p, 2)

		p.publishes(t, first, second, third)
		time.Sleep(30*time.Second - 1)
		wantVerify(t, v, signed(t, third), jwtauth.ErrKeyUnknown)
		wantFetches(t, p, 2)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantVerify(t, v, signed(t, third), nil)
		wantFetches(t, p, 3)
		wantVerify(t, v, signed(t, first), nil)
		wantFetches(t, p, 3)
	})
}

// An unknown key that came within the cooldown is not forgotten: the next request of
// any kind has the keys fetched when it is over.
func TestRemoteKeysUnknownKeyIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		p.publishes(t, known)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, known)
		wantVerify(t, v, token, nil)
		p.publishes(t, known, added)
		wantVerify(t, v, signed(t, added), jwtauth.ErrKeyUnknown)
		time.Sleep(30*time.Second - 1)
		wantVerify(t, v, token, nil)
		wantFetches(t, p, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantVerify(t, v, token, nil)
		wantFetches(t, p, 2)
		wantVerify(t, v, signed(t, added), nil)
		wantFetches(t, p, 2)
	})
}

// Nor is one whose token joined a fetch that had begun, and which the provider may have answered before it published the key.
func TestRemoteKeysUnknownKeyJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added, garbage := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		p.publishes(t, known)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, known)
		wantVerify(t, v, token, nil)
		time.Sleep(time.Minute)

		text := keySetOf(t, known)
		p.does(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answerText(200, text), nil
		})
		go func() { wantVerifySlowly(t, v, signed(t, garbage), jwtauth.ErrKeyUnknown) }()
		time.Sleep(time.Second / 2)
		p.publishes(t, known, added)
		wantVerifySlowly(t, v, signed(t, added), jwtauth.ErrKeyUnknown)
		wantFetches(t, p, 2)
		time.Sleep(30 * time.Second)
		wantVerify(t, v, token, nil)
		synctest.Wait()
		wantFetches(t, p, 3)
		wantVerify(t, v, signed(t, added), nil)
		wantFetches(t, p, 3)
	})
}

// 100,000 tokens with made-up key ids in 10 seconds, and then on: at most one fetch for each cooldown, and
// a key published meanwhile is known after one at most.
func TestRemoteKeysFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		slow := func(keys ...jwtauth.Key) {
			text := keySetOf(t, keys...)
			p.does(func(*http.Request) (*http.Response, error) {
				time.Sleep(50 * time.Millisecond)
				return answerText(200, text), nil
			})
		}
		slow(known)
		const cooldown = 30 * time.Second
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token, newToken := signed(t, known), signed(t, added)
		wantVerifySlowly(t, v, token, nil)
		time.Sleep(cooldown)

		begun := time.Now()
		end := begun.Add(100 * time.Second)
		var flood sync.WaitGroup
		var early atomic.Int64 // in the first 10 seconds
		for worker := range 21 {
			flood.Go(func() {
				for i := 0; time.Now().Before(end); i++ {
					garbage := fmt.Sprintf("%s.%s.%s", b64(fmt.Sprintf(`{"alg":"EdDSA","kid":"%d-%d"}`, worker, i)), b64(`{}`), strings.Repeat("A", 86))
					if _, err := v.VerifyToken(context.Background(), garbage); !errors.Is(err, jwtauth.ErrKeyUnknown) {
						t.Errorf("garbage: %v", err)
					}
					if time.Since(begun) < 10*time.Second {
						early.Add(1)
					}
					if i < 5000 {
						time.Sleep(2 * time.Millisecond)
					} else {
						time.Sleep(time.Second) // 100,000 have come, and it goes on
					}
				}
			})
		}
		time.Sleep(5 * time.Second)
		slow(known, added)
		published := time.Now()
		for {
			wantVerify(t, v, token, nil)
			if _, err := v.VerifyToken(t.Context(), newToken); err == nil {
				break
			} else if !errors.Is(err, jwtauth.ErrKeyUnknown) {
				t.Errorf("the new key's token: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
			if time.Since(published) > time.Minute {
				t.Fatal("the new key is not known after a minute")
			}
		}
		// From a cooldown after the publication at the latest, a fetch may run, which takes 50 ms.
		took := time.Since(published)
		if took > cooldown+60*time.Millisecond {
			t.Errorf("the new key was known after %v", took)
		}
		flood.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := 1; i < len(p.asked); i++ {
			if between := p.asked[i].Sub(p.asked[i-1]); between < cooldown {
				t.Errorf("fetches %d and %d are only %v apart", i-1, i, between)
			}
		}
		t.Logf("%d made-up key ids in 10 s: %d fetches in %v; a new key known after %v", early.Load(), len(p.asked), time.Since(p.asked[0]), took)
		if early.Load() < 100_000 || len(p.asked) < 4 || len(p.asked) > 5 {
			t.Error("that is not what was to be shown")
		}
	})
}

// What no key could ever verify causes no fetch, not even the first.
func TestRemoteKeysNoFetch(t *testing.T) {
	for _, loaded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := new(provider)
			key := generate(t, jwtauth.EdDSA)
			p.publishes(t, key)
			keys, v := p.remote(t, jwtauth.RemoteKeysOptions{Algorithms: []jwtauth.Algorithm{jwtauth.EdDSA, jwtauth.PS256}})
			before := 0
			if loaded {
				wantVerify(t, v, signed(t, key), nil)
				time.Sleep(time.Minute)
				before = 1
			}
			for _, header := range []string{
				`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"HS256","kid":"x"}`, `{"alg":"XX","kid":"x"}`, `{"alg":"eddsa","kid":"x"}`,
				`{"alg":"RS256","kid":"x"}`, `{"alg":"ES256"}`, `{"alg":"EdDSA","kid":"` + strings.Repeat("k", 257) + `"}`,
			} {
				for range 2 {
					wantVerify(t, v, b64(header)+"."+b64(`{}`)+".AAAA", jwtauth.ErrKeyUnknown)
				}
			}
			if keys, err := keys.VerificationKeys(t.Context(), "", ""); keys != nil || err != nil {
				t.Error(keys, err)
			}
			wantFetches(t, p, before)
			wantVerify(t, v, b64(`{"alg":"EdDSA","kid":"`+strings.Repeat("k", 256)+`"}`)+"."+b64(`{}`)+".AAAA", jwtauth.ErrKeyUnknown)
			wantFetches(t, p, before+1)
		})
	}
}

// A request that has to wait does so no longer than its context lasts.
func TestRemoteKeysContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.does(hang)
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

// hang is a provider that takes a request and never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestRemoteKeysReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.does(func(*http.Request) (*http.Response, error) { return answerText(500, "no"), nil })
		keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		key := generate(t, jwtauth.EdDSA)
		if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), "status 500") || !strings.Contains(err.Error(), providerKeys) {
			t.Errorf("got %v", err)
		}
		p.publishes(t, key)
		if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) { // so soon, nobody asks again
			t.Errorf("got %v", err)
		}
		wantFetches(t, p, 1)
		time.Sleep(time.Second)
		if err := keys.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		wantFetches(t, p, 2)
		wantVerify(t, v, signed(t, key), nil)

		// An outage that keys in use bridge is none.
		p.does(hang)
		time.Sleep(23 * time.Hour)
		if err := keys.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		begun := time.Now()
		if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) || time.Since(begun) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

func TestRemoteKeysFaults(t *testing.T) {
	type options = jwtauth.RemoteKeysOptions
	cases := []struct {
		name, url string
		opts      options
		want      []string // empty: none
	}{
		{"https", "https://idp.example/keys?p=policy", options{}, nil},
		{"http to an IPv4 address of this host", "http://127.0.0.53:8080/keys", options{}, nil},
		{"http to the IPv6 address of this host", "http://[::1]:8080/keys", options{}, nil},
		{"http to localhost", "http://LocalHost/keys", options{}, nil},
		{"http to a name below localhost", "http://app.LocalHost/keys", options{}, nil},
		{"http", "http://idp.example/keys", options{}, []string{"NewRemoteKeys: url: is http", "InsecureHTTP"}},
		{"http to a name like localhost", "http://localhost.example/keys", options{}, []string{"is http"}},
		{"http to a name like an address", "http://127.0.0.1.example/keys", options{}, []string{"is http"}},
		{"http to a private address", "http://10.0.0.1/keys", options{}, []string{"is http"}},
		{"http, allowed", "http://idp.example/keys", options{InsecureHTTP: true}, nil},
		{"empty", "", options{}, []string{"NewRemoteKeys: url: is empty"}},
		{"no host", "https:///keys", options{}, []string{"not an https URL"}},
		{"no scheme", "idp.example/keys", options{}, []string{"not an https URL"}},
		{"file", "file:///etc/keys", options{InsecureHTTP: true}, []string{"not an https URL"}},
		{"opaque", "https:idp.example", options{}, []string{"not an https URL"}},
		{"password", "https://user:hunter2@idp.example/", options{}, []string{"user name"}},
		{"fragment", "https://idp.example/#keys", options{}, []string{"fragment"}},
		{"nonsense", "https://idp.example/\x00hunter2", options{}, []string{"not a URL"}},
		{"long", "https://idp.example/" + strings.Repeat("a", 2048), options{}, []string{"2068 bytes"}},
		{"bounds", providerKeys, options{MaxAge: 24 * time.Hour, MaxStale: 30 * 24 * time.Hour, Cooldown: 5 * time.Minute}, nil},
		{"lower bounds", providerKeys, options{MaxAge: time.Minute, MaxStale: time.Minute, Cooldown: time.Second}, nil},
		{"no stale keys", providerKeys, options{MaxStale: -1}, nil},
		{"MaxAge alone", providerKeys, options{MaxAge: 24 * time.Hour}, nil},
		{"everything at once", "", options{MaxAge: 25 * time.Hour, MaxStale: 721 * time.Hour, Cooldown: 6 * time.Minute, Algorithms: []jwtauth.Algorithm{"none", jwtauth.HS256, jwtauth.ES256, jwtauth.ES256}},
			[]string{"NewRemoteKeys: url: ", "RemoteKeysOptions.MaxAge: 25h", "MaxStale: 721h", "Cooldown: 6m", "Algorithms[0]: ", "Algorithms[1]: HS256", "Algorithms[3]: ES256 is there twice"}},
		{"everything too little", providerKeys, options{MaxAge: time.Minute - 1, MaxStale: time.Second, Cooldown: time.Second - 1}, []string{"MaxAge: 59.9", "MaxStale: 1s is below MaxAge", "Cooldown: 999.9"}},
		{"negative", providerKeys, options{MaxAge: -1, Cooldown: -1}, []string{"MaxAge: -1ns is below", "Cooldown: -1ns is below"}},
		{"longer cooldown than age", providerKeys, options{MaxAge: time.Minute, Cooldown: 2 * time.Minute}, []string{"Cooldown: 2m0s exceeds MaxAge (1m0s)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			keys, err := jwtauth.NewRemoteKeys(c.url, c.opts)
			if (err != nil) != (len(c.want) > 0) || (keys == nil) != (err != nil) {
				t.Fatalf("keys %v, error %v", keys, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v shows a secret", err)
			}
		})
	}
}

// A look-up of a known key allocates nothing.
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
