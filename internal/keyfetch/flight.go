package keyfetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// fetchTimeout is the time for all requests of one fetch.
const fetchTimeout = 5 * time.Second

// flight is a running fetch, which every look-up that needs it shares.
type flight struct {
	done chan struct{} // closed at the end
	err  error         // valid after that
}

// wait returns the error of the fetch, or the error of ctx if it ends first.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start starts a fetch. s.mu is held.
func (s *Source[K]) start() {
	s.flight = &flight{done: make(chan struct{})}
	go s.run(s.flight, s.set)
}

// fetched is the result of a fetch. The set and its header are nil if it
// failed.
type fetched[K comparable] struct {
	set    *keyset.Set[K]
	header http.Header
	report Report
}

// run fetches the set, and ends the flight.
func (s *Source[K]) run(f *flight, last *keyset.Set[K]) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	got := fetched[K]{report: Report{URL: s.location.String()}}
	got.report.Err = errors.New("the transport ended the goroutine")
	// Deferred, because a caller's transport may panic or call runtime.Goexit.
	// That must neither end the program nor leave look-ups waiting.
	defer func() {
		if p := recover(); p != nil {
			got.report.Err = fmt.Errorf("the fetch panicked: %w", brief(p))
		}
		s.finish(f, got)
	}()
	err := s.fetch(ctx, &got, last)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("no response within %v", fetchTimeout)
	}
	got.report.Err = err
}

// fetch finds the set, if its URL is not known, and reads it into got.
func (s *Source[K]) fetch(ctx context.Context, got *fetched[K], last *keyset.Set[K]) (err error) {
	defer s.client.closeIdle()
	u := s.location.url
	if s.location.issuer != "" {
		if u, err = s.client.discover(ctx, s.location); err != nil {
			return err
		}
		got.report.URL = withoutQuery(u)
	}
	var body []byte
	if body, got.header, err = s.client.get(ctx, u); err != nil {
		return err
	}
	got.set, got.report.Skipped, err = s.reader.read(body, last)
	got.report.Keys = got.set.Len()
	return err
}

// finish puts a new set in use, releases the look-ups that wait, and reports.
func (s *Source[K]) finish(f *flight, got fetched[K]) {
	err := got.report.Err
	s.mu.Lock()
	now := s.clock.now()
	s.flight, s.err, f.err = nil, err, err
	if err != nil {
		s.apply(event{kind: fetchFailed, now: now})
	} else {
		s.set = got.set
		s.apply(event{kind: fetchSucceeded, now: now, lifetime: lifetime(got.header, s.maxAge)})
	}
	close(f.done)
	s.mu.Unlock()
	if s.onFetch != nil {
		s.onFetch(got.report)
	}
}
