package keyfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// These tests set the clock of a Source, which no other package can do.

// suspend makes the source believe that the machine was suspended for d, or, if
// d is negative, that its wall clock was set back.
func (s *Source[K]) suspend(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.suspend(d)
}

// standIn is a provider that publishes one Ed25519 key with the ID "k".
type standIn struct {
	fetches int
	down    bool
	before  func() // called before each response, if not nil
}

func (p *standIn) RoundTrip(*http.Request) (*http.Response, error) {
	p.fetches++
	if p.before != nil {
		p.before()
	}
	if p.down {
		return nil, errors.New("down")
	}
	const set = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}` // RFC 8037, appendix A.2
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(set))}, nil
}

func (p *standIn) source(t *testing.T, maxAge, maxStale time.Duration) *Source[*jose.Key] {
	t.Helper()
	location, err := ParseURL("https://idp.example/", false)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config[*jose.Key]{
		Location:   location,
		Wrap:       func(key *jose.Key) *jose.Key { return key },
		Algorithms: []jose.Algorithm{jose.EdDSA},
		MaxAge:     maxAge, MaxStale: maxStale, Cooldown: 30 * time.Second,
		Transport: p,
	})
}

// Keys age while the machine is suspended.
func TestSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(standIn)
		s := p.source(t, time.Hour, 24*time.Hour)
		suspend := func(d time.Duration) {
			s.suspend(d)
			// Timers stand still during a suspension.
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		wantLookup := func(wantFetches int, wantError bool) {
			t.Helper()
			keys, err := s.Lookup(t.Context(), jose.EdDSA, "k")
			if (err != nil) != wantError || (len(keys) == 1) == wantError {
				t.Errorf("%v, %v", keys, err)
			}
			synctest.Wait()
			if p.fetches != wantFetches {
				t.Errorf("%d fetches, want %d", p.fetches, wantFetches)
			}
		}
		wantLookup(1, false)
		suspend(0)
		wantLookup(1, false)
		suspend(-10 * time.Hour) // a clock that is set back makes keys no younger,
		wantLookup(1, false)
		suspend(10 * time.Hour) // and setting it right again makes them no older
		wantLookup(1, false)
		suspend(45 * time.Minute)
		wantLookup(2, false)
		p.down = true
		suspend(24 * time.Hour)
		wantLookup(3, true)
	})
}

// If the machine was suspended during a fetch, the set may be out of date when
// it arrives. That is an outage, which the next look-up ends, and no reason to
// reject a token.
func TestSuspendedDuringFetch(t *testing.T) {
	for name, call := range map[string]func(*Source[*jose.Key]) error{
		"Lookup": func(s *Source[*jose.Key]) error {
			keys, err := s.Lookup(context.Background(), jose.EdDSA, "k")
			if (len(keys) == 1) != (err == nil) {
				return fmt.Errorf("keys %v, error %v", keys, err)
			}
			return err
		},
		"Ready": func(s *Source[*jose.Key]) error { return s.Ready(context.Background()) },
	} {
		for _, c := range []struct{ maxAge, maxStale time.Duration }{
			{time.Hour, 24 * time.Hour}, {time.Hour, 0}, {time.Minute, 0},
		} {
			t.Run(fmt.Sprintf("%s, MaxAge %v, MaxStale %v", name, c.maxAge, c.maxStale), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := new(standIn)
					s := p.source(t, c.maxAge, c.maxStale)
					p.before = func() { s.suspend(24 * time.Hour) }
					if err := call(s); !errors.Is(err, errOutdated) {
						t.Errorf("got %v, want that the set is out of date", err)
					}
					p.before = nil
					if err := call(s); err != nil || p.fetches != 2 {
						t.Errorf("the next call: %v after %d fetches", err, p.fetches)
					}
				})
			})
		}
	}
}

// A clock that steps to and fro causes no more fetches, and uses up no keys in
// an outage.
func TestClockStepsToAndFro(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(standIn)
		s := p.source(t, time.Hour, 24*time.Hour)
		lookup := func(id string) error {
			_, err := s.Lookup(t.Context(), jose.EdDSA, id)
			return err
		}
		toAndFro := func(d time.Duration) {
			for _, step := range []time.Duration{-d, d} {
				s.suspend(step)
				_ = lookup("unknown")
			}
			synctest.Wait()
		}
		_ = lookup("k")
		for range 100 {
			time.Sleep(time.Second)
			toAndFro(30 * time.Second)
		}
		if p.fetches != 4 {
			t.Errorf("%d fetches in 100 seconds, want one in each 30", p.fetches)
		}
		p.down = true
		for range 23 {
			time.Sleep(time.Hour)
			toAndFro(12 * time.Hour)
			if err := lookup("k"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Look-ups are quick, which means without lock and clock, for a minute at most.
// The first look-up after that makes them quick again.
func TestQuickLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(standIn).source(t, time.Hour, 24*time.Hour)
		wantQuick := func(want bool) {
			t.Helper()
			if got := s.quick.Load() != nil; got != want {
				t.Errorf("after %v quick is %v, want %v", time.Since(s.clock.first), got, want)
			}
		}
		wantQuick(false)
		for range 3 {
			if _, err := s.Lookup(t.Context(), jose.EdDSA, "k"); err != nil {
				t.Fatal(err)
			}
			wantQuick(true)
			time.Sleep(time.Minute - 1)
			synctest.Wait()
			wantQuick(true)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			wantQuick(false)
		}
	})
}
