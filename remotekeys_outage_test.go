package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// endless is a body of 10 GB, and counts what is read of it.
type endless struct {
	left  int64
	begin string
	read  *atomic.Int64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := copy(b, e.begin)
	e.begin = e.begin[n:]
	for i := n; i < len(b); i++ {
		b[i] = ' '
	}
	e.left -= int64(len(b))
	e.read.Add(int64(len(b)))
	return len(b), nil
}

func (e *endless) Close() error { return nil }

// drip is a body that never ends for its slowness.
type drip struct{ ctx context.Context }

func (d drip) Read(b []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second):
		b[0] = ' '
		return 1, nil
	}
}

func (d drip) Close() error { return nil }

func redirect(to func(*http.Request) string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		resp := answerText(302, "")
		resp.Header.Set("Location", to(r))
		return resp, nil
	}
}

// outages are the ways in which a provider may fail, and what the report says of each.
func outages(t testing.TB, read *atomic.Int64) map[string]struct {
	answer func(*http.Request) (*http.Response, error)
	want   string
	slow   bool // until the fetch is given up
} {
	text := func(status int, text string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return answerText(status, text), nil }
	}
	type outage = struct {
		answer func(*http.Request) (*http.Response, error)
		want   string
		slow   bool
	}
	good := keySetOf(t, generate(t, jwtauth.EdDSA))
	return map[string]outage{
		"stopped": {answer: func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, want: "connection refused"},
		"hung":    {answer: hang, want: "no answer within 5s", slow: true},
		"drips": {answer: func(r *http.Request) (*http.Response, error) {
			resp := answerText(200, "")
			resp.Body = drip{r.Context()}
			return resp, nil
		}, want: "no answer within 5s", slow: true},
		"500":        {answer: text(500, good), want: "status 500"},
		"404":        {answer: text(404, good), want: "status 404"},
		"201":        {answer: text(201, good), want: "status 201"},
		"HTML":       {answer: text(200, "<!doctype html><title>Sign in</title>"), want: "no key set"},
		"nothing":    {answer: text(200, ""), want: "no key set"},
		"null":       {answer: text(200, "null"), want: "no key set"},
		"array":      {answer: text(200, "[]"), want: "no key set"},
		"no keys":    {answer: text(200, `{"Keys":[{}]}`), want: "no key set"},
		"keys null":  {answer: text(200, `{"keys":null}`), want: "no key set"},
		"keys twice": {answer: text(200, strings.TrimSuffix(good, "}")+`,"keys":[]}`), want: "no key set"},
		"two values": {answer: text(200, good+good), want: "no key set"},
		"cut short":  {answer: text(200, good[:len(good)-1]), want: "no key set"},
		"no UTF-8":   {answer: text(200, strings.TrimSuffix(good, "}")+",\"x\":\"\xff\"}"), want: "no key set"},
		"empty set":  {answer: text(200, `{"keys":[]}`), want: "empty"},
		"odd keys":   {answer: text(200, `{"keys":[{"kty":"oct","k":"AAAA"},{}]}`), want: "none of the 2 keys of the set is usable"},
		"10 GB": {answer: func(*http.Request) (*http.Response, error) {
			resp := answerText(200, "")
			resp.Body = &endless{10 << 30, good, read}
			return resp, nil
		}, want: "more than 1048576 bytes"},
		"1 byte too much": {answer: text(200, good+strings.Repeat(" ", 1<<20+1-len(good))), want: "more than 1048576 bytes"},
		"redirect loop":   {answer: redirect(func(r *http.Request) string { return r.URL.String() }), want: "more than 5 redirects"},
		"redirected to another host": {answer: func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "idp.example" {
				t.Errorf("%v is asked", r.URL)
			}
			return redirect(func(*http.Request) string { return "https://evil.example/keys" })(r)
		}, want: "another host"},
		"redirected to another port": {answer: redirect(func(*http.Request) string { return "https://idp.example:8443/keys" }), want: "another host"},
		"redirected to http":         {answer: redirect(func(*http.Request) string { return "http://idp.example/keys" }), want: "from https to http"},
	}
}

// Whatever the provider does, known keys verify without waiting, until MaxStale; unknown ones are not
// blamed on the token; and when it is well again, so are we.
func TestRemoteKeysOutage(t *testing.T) {
	var read atomic.Int64
	for name, outage := range outages(t, &read) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(provider)
				known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
				p.publishes(t, known)
				_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
				token, newToken := signed(t, known), signed(t, added)
				wantVerify(t, v, token, nil)

				p.does(outage.answer)
				time.Sleep(45 * time.Minute)
				synctest.Wait()
				begun := time.Now()
				for range 3 {
					wantVerify(t, v, token, nil)
				}
				wantVerifySlowly(t, v, newToken, jwtauth.ErrUnavailable)
				took := time.Since(begun)
				if outage.slow && took != 5*time.Second || !outage.slow && took != 0 {
					t.Errorf("an unknown key was decided upon after %v", took)
				}
				synctest.Wait()
				wantVerify(t, v, newToken, jwtauth.ErrUnavailable) // within the cooldown
				if f := p.lastTold(); f.Err == nil || !strings.Contains(f.Err.Error(), outage.want) || f.Keys != 0 {
					t.Errorf("OnFetch was told %+v, want %q", f, outage.want)
				}
				// Nobody waits through the outage, and nobody asks more often than once in a cooldown.
				before := p.tellings()
				for range 100 {
					time.Sleep(6 * time.Second)
					synctest.Wait()
					wantVerify(t, v, token, nil)
				}
				synctest.Wait()
				if got := p.tellings() - before; got < 17 || got > 20 {
					t.Errorf("%d fetches failed in 10 minutes", got)
				}
				time.Sleep(23 * time.Hour)
				synctest.Wait()
				wantVerify(t, v, token, nil)
				time.Sleep(5 * time.Minute) // 24 hours after the last good fetch
				synctest.Wait()
				wantVerifySlowly(t, v, token, jwtauth.ErrUnavailable)
				wantVerifySlowly(t, v, newToken, jwtauth.ErrUnavailable)

				p.publishes(t, known, added)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				wantVerify(t, v, token, nil)
				wantVerify(t, v, newToken, nil)
				synctest.Wait()
				if f := p.lastTold(); f.Err != nil || f.Keys != 2 {
					t.Errorf("OnFetch was told %+v", f)
				}
			})
		})
	}
}

// The same before there was any good answer: nothing can be decided, and the first fetches are
// tried again soon.
func TestRemoteKeysOutageAtTheStart(t *testing.T) {
	var read atomic.Int64
	for name, outage := range outages(t, &read) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(provider)
				p.does(outage.answer)
				_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
				key := generate(t, jwtauth.EdDSA)
				token := signed(t, key)
				begun := time.Now()
				var at []time.Duration
				for len(at) < 8 {
					told := p.tellings()
					wantVerifySlowly(t, v, token, jwtauth.ErrUnavailable)
					synctest.Wait()
					if p.tellings() > told {
						at = append(at, time.Since(begun))
					}
					time.Sleep(100 * time.Millisecond)
				}
				if !outage.slow {
					want := "[0s 1s 3s 7s 15s 31s 1m1s 1m31s]"
					if fmt.Sprint(at) != want {
						t.Errorf("fetches failed at %v, want %s", at, want)
					}
				}
				p.publishes(t, key)
				time.Sleep(30 * time.Second)
				wantVerify(t, v, token, nil)
			})
		})
	}
}

// What a provider sends is read up to 1 MiB, and memory does not follow it further.
func TestRemoteKeysMemory(t *testing.T) {
	var read atomic.Int64
	all := outages(t, &read)
	many := `{"keys":[` + strings.Repeat("1,", (1<<20-20)/2) + `1]}`
	deep := `{"keys":[` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `]}`
	wide := `{"keys":[{` + strings.Repeat(`"":1,`, 13000) + `"":1}]}`
	names := new(strings.Builder)
	for i := 0; names.Len() < 1<<20-100; i++ {
		fmt.Fprintf(names, `,"%d":0`, i)
	}
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"10 GB":        all["10 GB"].answer,
		"many values":  func(*http.Request) (*http.Response, error) { return answerText(200, many), nil },
		"deep values":  func(*http.Request) (*http.Response, error) { return answerText(200, deep), nil },
		"wide key":     func(*http.Request) (*http.Response, error) { return answerText(200, wide), nil },
		"many members": func(*http.Request) (*http.Response, error) { return answerText(200, `{"a":0`+names.String()+"}"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			p := new(provider)
			p.does(answer)
			keys, _ := p.remote(t, jwtauth.RemoteKeysOptions{})
			read.Store(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
				t.Errorf("%d bytes allocated", used)
			}
			if n := read.Load(); n > 1<<20+64<<10 {
				t.Errorf("%d bytes read", n)
			}
		})
	}
}

// MaxStale -1: keys are used until they have to be fetched anew, and no longer.
func TestRemoteKeysNoStaleKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.publishes(t, key)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{MaxStale: -1})
		token := signed(t, key)
		wantVerify(t, v, token, nil)
		p.does(func(*http.Request) (*http.Response, error) { return answerText(500, ""), nil })
		time.Sleep(time.Hour - 1)
		wantVerify(t, v, token, nil)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantVerify(t, v, token, jwtauth.ErrUnavailable)
		p.publishes(t, key)
		time.Sleep(30 * time.Second)
		wantVerify(t, v, token, nil)
	})
}

// An outage that begins while nobody asks makes the first who does wait once, and nobody after that.
func TestRemoteKeysHungWhileOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.publishes(t, key)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, key)
		wantVerify(t, v, token, nil)
		p.does(hang)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		begun := time.Now()
		var requests sync.WaitGroup
		for range 2000 { // those with known keys all may wait
			requests.Go(func() { wantVerifySlowly(t, v, token, nil) })
		}
		requests.Wait()
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("waited for %v", took)
		}
		for range 100 {
			wantVerify(t, v, token, nil)
			time.Sleep(7 * time.Second)
			synctest.Wait()
		}
	})
}

// A request whose own time ends while it waits for old keys to be fetched anew is judged by those; one of an unknown key
// cannot be.
func TestRemoteKeysHungPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.publishes(t, key)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token, newToken := signed(t, key), signed(t, generate(t, jwtauth.EdDSA))
		wantVerify(t, v, token, nil)
		p.does(hang)
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

// A transport or callback that panics, or ends its goroutine, is an outage: the program goes on, and nobody waits for ever.
func TestRemoteKeysPanic(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   string
	}{
		"transport": {func(*http.Request) (*http.Response, error) { panic("out\nof order") }, "the fetch panicked: out?of order"},
		"body": {func(*http.Request) (*http.Response, error) {
			resp := answerText(200, "")
			resp.Body = panicking{}
			return resp, nil
		}, "the fetch panicked"},
		"Goexit": {func(*http.Request) (*http.Response, error) { runtime.Goexit(); return nil, nil }, "ended the goroutine"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(provider)
				p.does(c.answer)
				keys, v := p.remote(t, jwtauth.RemoteKeysOptions{})
				key := generate(t, jwtauth.EdDSA)
				if err := keys.Ready(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				synctest.Wait()
				if f := p.lastTold(); f.Err == nil || f.URL != providerKeys {
					t.Errorf("OnFetch was told %+v", f)
				}
				p.publishes(t, key)
				time.Sleep(time.Second)
				wantVerify(t, v, signed(t, key), nil)
			})
		})
	}
	t.Run("OnFetch", func(t *testing.T) {
		var logged strings.Builder
		log.SetOutput(&logged)
		defer log.SetOutput(os.Stderr)
		synctest.Test(t, func(t *testing.T) {
			p := new(provider)
			key := generate(t, jwtauth.EdDSA)
			p.publishes(t, key)
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
			t.Errorf("the log says %q", text)
		}
	})
}

type panicking struct{ io.ReadCloser }

// With a provider that hangs, unknown keys do not pile requests up without bound; known ones verify.
func TestRemoteKeysHungFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.publishes(t, key)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, key)
		wantVerify(t, v, token, nil)
		time.Sleep(time.Minute)
		p.does(hang)
		garbage := b64(`{"alg":"EdDSA","kid":"x"}`) + "." + b64(`{}`) + "." + strings.Repeat("A", 86)
		wantWaiting(t, v, garbage, func() { wantVerify(t, v, token, nil) })
	})
}

// wantWaiting checks that of many requests that only a fetch could decide 1,000 wait for it, however many
// gave up before, and the others are refused at once. It calls meanwhile while they wait.
func wantWaiting(t *testing.T, v jwtauth.TokenVerifier, token string, meanwhile func()) {
	t.Helper()
	begun := time.Now()
	var givenUp sync.WaitGroup
	for range 1000 {
		givenUp.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := v.VerifyToken(ctx, token); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("one who gives up got %v", err)
			}
		})
	}
	givenUp.Wait()
	var waited, refused atomic.Int64
	var requests sync.WaitGroup
	for range 3000 {
		requests.Go(func() {
			wantVerifySlowly(t, v, token, jwtauth.ErrUnavailable)
			if time.Since(begun) > time.Second {
				waited.Add(1)
			} else {
				refused.Add(1)
			}
		})
	}
	synctest.Wait()
	meanwhile()
	requests.Wait()
	if waited.Load() != 1000 || refused.Load() != 2000 {
		t.Errorf("%d requests waited, %d did not; want 1000 and 2000", waited.Load(), refused.Load())
	}
}

// Before there are keys, and when they are past MaxStale, no more wait either.
func TestRemoteKeysHungWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		key := generate(t, jwtauth.EdDSA)
		p.does(hang)
		_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
		token := signed(t, key)
		wantWaiting(t, v, token, func() {})
		p.publishes(t, key)
		time.Sleep(30 * time.Second)
		wantVerify(t, v, token, nil)
		p.does(hang)
		time.Sleep(24 * time.Hour)
		wantWaiting(t, v, token, func() {})
	})
}

// A redirect is followed five times, not more.
func TestRemoteKeysRedirects(t *testing.T) {
	text := keySetOf(t, generate(t, jwtauth.EdDSA))
	for redirects, want := range map[int]int{1: 2, 5: 6, 6: 6} {
		p := new(provider)
		p.does(func(r *http.Request) (*http.Response, error) {
			if p.fetches() > redirects {
				return answerText(200, text), nil
			}
			return redirect(func(*http.Request) string { return "/elsewhere" })(r)
		})
		keys, _ := p.remote(t, jwtauth.RemoteKeysOptions{})
		if err := keys.Ready(t.Context()); (err == nil) != (redirects <= 5) || p.fetches() != want {
			t.Errorf("%d redirects: %d requests, %v", redirects, p.fetches(), err)
		}
	}
}

// Errors and reports go into logs: they show neither a query nor what was fetched.
func TestRemoteKeysErrorsAreForLogs(t *testing.T) {
	secretKey, err := json.Marshal(map[string]string{"kty": "oct", "alg": "HS256", "k": b64("hunter2 hunter2 hunter2 hunter2 hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("long ", 10_000)
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"refused":  func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"redirect": redirect(func(*http.Request) string { return "https://idp.example/?hunter2" }),
		"HTML":     func(*http.Request) (*http.Response, error) { return answerText(200, "<p>hunter2\n"), nil },
		"secret": func(*http.Request) (*http.Response, error) {
			return answerText(200, `{"keys":[`+string(secretKey)+`,{"kty":"hunter2 \n","kid":"\n"}]}`), nil
		},
		"malformed Location": redirect(func(*http.Request) string { return "https://idp.example/%zz\n\x1b[31m" + long }),
		"malformed header": func(*http.Request) (*http.Response, error) {
			return nil, errors.New("malformed MIME header line: \n\x1b[31m\u202e" + long)
		},
		"malformed body": func(*http.Request) (*http.Response, error) {
			resp := answerText(200, "")
			resp.Body = io.NopCloser(iotest.ErrReader(errors.New("invalid chunk\n\x1b[31m" + long)))
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := new(provider)
			told := make(chan jwtauth.KeyFetch, 1)
			keys, err := jwtauth.NewRemoteKeys(providerKeys+"?api-key=hunter2", jwtauth.RemoteKeysOptions{Transport: p, OnFetch: func(f jwtauth.KeyFetch) { told <- f }})
			if err != nil {
				t.Fatal(err)
			}
			p.does(answer)
			err = keys.Ready(t.Context())
			text := fmt.Sprintf("%v %+v", err, <-told)
			if len(text) > 1000 {
				t.Errorf("%d bytes: %.1000q", len(text), text)
			}
			for _, unwanted := range []string{"hunter2", b64("hunter2"), "\n", "\x1b", "\u202e"} {
				if err == nil || strings.Contains(text, unwanted) {
					t.Errorf("shows %q: %s", unwanted, text)
				}
			}
		})
	}
}
