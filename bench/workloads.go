package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// requests sends one token after the other through a handler. After the last
// token it continues with a new handler, so that no handler sees a token twice.
// If there is only one token, one handler receives it at every request.
type requests struct {
	fresh      func() (http.Handler, error)
	fields     []string // Authorization
	want       int      // the expected status of every response
	goroutines int

	handler http.Handler
	next    int // index of fields
}

func newRequests(im impl.Impl, alg string, tokens []string, goroutines int) (*requests, error) {
	r := &requests{
		fresh:      func() (http.Handler, error) { return im.Handler(alg, fixture.KeyOf(alg)) },
		fields:     make([]string, len(tokens)),
		want:       http.StatusNoContent,
		goroutines: goroutines,
	}
	for i, token := range tokens {
		r.fields[i] = "Bearer " + token
	}
	var err error
	r.handler, err = r.fresh()
	return r, err
}

// refusing returns requests with a token that the handler must refuse. The
// handler has accepted a good token before.
func refusing(im impl.Impl, alg, good, bad string) (*requests, error) {
	r, err := newRequests(im, alg, []string{bad}, 1)
	if err != nil {
		return nil, err
	}
	if status := newCaller().call(r.handler, "Bearer "+good); status != http.StatusNoContent {
		return nil, fmt.Errorf("a good token: status %d", status)
	}
	r.want = http.StatusUnauthorized
	return r, nil
}

func (r *requests) run(n int, t timer) error {
	for n > 0 {
		batch, times, err := r.batch(n)
		if err != nil {
			return err
		}
		n -= len(batch) * times
		// Each goroutine sends its share of a batch, or of its repetitions.
		share := func(g, of int) (from, to int) { return g * of / r.goroutines, (g + 1) * of / r.goroutines }
		var wrong atomic.Int64
		send := func(g int) {
			c := newCaller()
			mine, repeat := batch, times
			if times > 1 {
				from, to := share(g, times)
				repeat = to - from
			} else {
				from, to := share(g, len(batch))
				mine = batch[from:to]
			}
			for range repeat {
				for _, field := range mine {
					if c.call(r.handler, field) != r.want {
						wrong.Add(1)
					}
				}
			}
		}
		t.StartTimer()
		inParallel(r.goroutines, send)
		t.StopTimer()
		if wrong.Load() > 0 {
			return fmt.Errorf("%d requests did not have status %d", wrong.Load(), r.want)
		}
	}
	return nil
}

// batch returns the tokens to send next, and how often to repeat them.
func (r *requests) batch(n int) (fields []string, times int, err error) {
	if len(r.fields) == 1 {
		return r.fields, n, nil
	}
	if r.next == len(r.fields) {
		if r.handler, err = r.fresh(); err != nil {
			return nil, 0, err
		}
		r.next = 0
	}
	fields = r.fields[r.next:min(len(r.fields), r.next+n)]
	r.next += len(fields)
	return fields, 1, nil
}

func (r *requests) close() {}

// inParallel calls f(0) to f(n-1) concurrently.
func inParallel(n int, f func(int)) {
	var others sync.WaitGroup
	for g := 1; g < n; g++ {
		others.Go(func() { f(g) })
	}
	f(0)
	others.Wait()
}

// caller reuses one request and one response, so that they add no cost.
type caller struct {
	request *http.Request
	field   []string
	header  http.Header
	status  int
}

func newCaller() *caller {
	request, err := http.NewRequest(http.MethodGet, "http://service.example/", nil)
	if err != nil {
		panic(err) // the URL is valid
	}
	c := &caller{request: request, field: make([]string, 1), header: make(http.Header)}
	request.Header["Authorization"] = c.field
	return c
}

// call returns the status of h's response.
func (c *caller) call(h http.Handler, authorization string) int {
	c.field[0] = authorization
	c.status = 0
	clear(c.header)
	h.ServeHTTP(c, c.request)
	return c.status
}

func (c *caller) Header() http.Header { return c.header }

func (c *caller) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *caller) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return len(p), nil
}

// cryptography only checks signatures.
type cryptography struct {
	checks []func(*fixture.Signed) bool // one for each goroutine
	tokens []*fixture.Signed
	next   int
}

func newCryptography(alg string, tokens []string, goroutines int) *cryptography {
	c := new(cryptography)
	for range goroutines {
		c.checks = append(c.checks, fixture.Check(alg))
	}
	for _, token := range tokens {
		c.tokens = append(c.tokens, fixture.TakeApart(token))
	}
	return c
}

func (c *cryptography) run(n int, t timer) error {
	var wrong atomic.Int64
	start := c.next
	c.next += n
	t.StartTimer()
	inParallel(len(c.checks), func(g int) {
		check := c.checks[g]
		from, to := g*n/len(c.checks), (g+1)*n/len(c.checks)
		for i := from; i < to; i++ {
			if !check(c.tokens[(start+i)%len(c.tokens)]) {
				wrong.Add(1)
			}
		}
	})
	t.StopTimer()
	if wrong.Load() > 0 {
		return fmt.Errorf("%d signatures are invalid", wrong.Load())
	}
	return nil
}

func (c *cryptography) close() {}

// contextOnly passes a request on with a value in its context, as every
// middleware does. It also checks a signature, if there is a check.
type contextOnly struct {
	middleware http.Handler // an interface, so that the compiler cannot inline it
}

func newContextOnly(check func(*fixture.Signed) bool, texts []string) contextOnly {
	var tokens []*fixture.Signed
	for _, text := range texts {
		tokens = append(tokens, fixture.TakeApart(text))
	}
	next := 0
	type key struct{}
	subject := fixture.Subject(0)
	var behind http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(key{}) == &subject {
			w.WriteHeader(http.StatusNoContent)
		}
	})
	handlers := []http.Handler{behind}
	return contextOnly{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if check != nil {
			next++
			if !check(tokens[next%len(tokens)]) {
				return
			}
		}
		handlers[0].ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, &subject)))
	})}
}

func (m contextOnly) run(n int, t timer) error {
	c := newCaller()
	t.StartTimer()
	for range n {
		c.call(m.middleware, "")
	}
	t.StopTimer()
	if c.status != http.StatusNoContent {
		return errors.New("the context did not arrive")
	}
	return nil
}

func (contextOnly) close() {}

// signing signs tokens.
type signing struct {
	sign func(subject string) (string, error)
}

func (s signing) run(n int, t timer) error {
	t.StartTimer()
	defer t.StopTimer()
	for range n {
		if _, err := s.sign("u-00000000"); err != nil {
			return err
		}
	}
	return nil
}

func (signing) close() {}
