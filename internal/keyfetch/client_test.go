package keyfetch_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// A response is read up to 1 MiB. Memory does not grow beyond a multiple of it.
func TestMemory(t *testing.T) {
	var read atomic.Int64
	good := setOf(t, generate(t, jose.EdDSA))
	many := `{"keys":[` + strings.Repeat("1,", (1<<20-20)/2) + `1]}`
	deep := `{"keys":[` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `]}`
	wide := `{"keys":[{` + strings.Repeat(`"":1,`, 13000) + `"":1}]}`
	members := new(strings.Builder)
	for i := 0; members.Len() < 1<<20-100; i++ {
		fmt.Fprintf(members, `,"%d":0`, i)
	}
	for name, reply := range map[string]reply{
		"10 GB":        endless(good, &read),
		"many values":  text(200, many),
		"deep values":  text(200, deep),
		"wide key":     text(200, wide),
		"many members": text(200, `{"a":0`+members.String()+"}"),
	} {
		t.Run(name, func(t *testing.T) {
			p := new(provider)
			p.replies(reply)
			s := p.source(t)
			read.Store(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := s.Ready(t.Context()); err == nil {
				t.Error("the set was accepted")
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

func TestLargestResponse(t *testing.T) {
	good := setOf(t, generate(t, jose.EdDSA))
	for length, accepted := range map[int]bool{1 << 20: true, 1<<20 + 1: false} {
		p := new(provider)
		p.replies(text(200, good+strings.Repeat(" ", length-len(good))))
		if err := p.source(t).Ready(t.Context()); (err == nil) != accepted {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	set := setOf(t, generate(t, jose.EdDSA))
	for redirects, want := range map[int]int{1: 2, 5: 6, 6: 6} { // number of requests
		p := new(provider)
		p.replies(func(r *http.Request) (*http.Response, error) {
			if p.requestCount() > redirects {
				return response(200, set), nil
			}
			return redirect(func(*http.Request) string { return "/elsewhere" })(r)
		})
		if err := p.source(t).Ready(t.Context()); (err == nil) != (redirects <= 5) || p.requestCount() != want {
			t.Errorf("%d redirects: %d requests, %v", redirects, p.requestCount(), err)
		}
	}
}

// The host of a redirect is compared without regard to case, and a redirect may
// lead from http to https.
func TestRedirectsWithinHost(t *testing.T) {
	set := setOf(t, generate(t, jose.EdDSA))
	for from, to := range map[string]string{
		"https://idp.example/keys": "https://IDP.example/moved",
		"http://localhost/keys":    "https://localhost/moved",
		"http://127.0.0.1/keys":    "http://127.0.0.1/moved",
	} {
		p := new(provider)
		p.replies(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/moved" {
				return response(200, set), nil
			}
			return redirect(func(*http.Request) string { return to })(r)
		})
		if err := p.source(t, at(t, from), func(c *config) { c.Transport = p }).Ready(t.Context()); err != nil {
			t.Errorf("from %s to %s: %v", from, to, err)
		}
	}
	// A detour over https does not allow to return to http.
	p := new(provider)
	p.replies(redirect(func(r *http.Request) string {
		if r.URL.Scheme == "http" {
			return "https://localhost/"
		}
		return "http://localhost/"
	}))
	err := p.source(t, at(t, "http://localhost/keys"), func(c *config) { c.Transport = p }).Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "from https to http") || p.requestCount() != 2 {
		t.Errorf("%v after %d requests", err, p.requestCount())
	}
}

// Errors and reports go into logs. They contain neither the query of a URL nor
// the response.
func TestErrorsAreFitForLogs(t *testing.T) {
	const secret = "hunter2 hunter2 hunter2 hunter2 hunter2"
	encoded := base64.RawURLEncoding.EncodeToString([]byte(secret))
	long := strings.Repeat("long ", 10_000)
	for name, reply := range map[string]reply{
		"connection": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"redirect":   redirect(func(*http.Request) string { return "https://idp.example/?hunter2" }),
		"HTML":       text(200, "<p>hunter2\n"),
		"secret":     text(200, `{"keys":[{"kty":"oct","alg":"HS256","k":"`+encoded+`"},{"kty":"hunter2 \n","kid":"\n"}]}`),
		"malformed Location": redirect(func(*http.Request) string {
			return "https://idp.example/%zz\n\x1b[31m" + long
		}),
		"malformed header": func(*http.Request) (*http.Response, error) {
			return nil, errors.New("malformed MIME header line: \n\x1b[31m\u202e" + long)
		},
		"malformed body": func(*http.Request) (*http.Response, error) {
			resp := response(200, "")
			resp.Body = io.NopCloser(iotest.ErrReader(errors.New("invalid chunk\n\x1b[31m" + long)))
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				location, err := keyfetch.ParseURL(keysURL+"?api-key=hunter2", false)
				if err != nil {
					t.Fatal(err)
				}
				p := new(provider)
				p.replies(reply)
				err = p.source(t, func(c *config) { c.Location = location }).Ready(t.Context())
				synctest.Wait()
				text := fmt.Sprintf("%v %+v", err, p.lastReport(t))
				if len(text) > 1000 {
					t.Errorf("%d bytes: %.1000q", len(text), text)
				}
				for _, unwanted := range []string{"hunter2", encoded[:9], "\n", "\x1b", "\u202e"} {
					if err == nil || strings.Contains(text, unwanted) {
						t.Errorf("shows %q: %s", unwanted, text)
					}
				}
			})
		})
	}
}
