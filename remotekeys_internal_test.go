package jwtauth

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
)

// KeysLife is for the tests outside of the package: how long keys are fresh that came with a header.
func KeysLife(header http.Header, maxAge time.Duration) time.Duration {
	return (&fetched{header: header}).life(maxAge)
}

// Between two decisions look-ups are quick, and nobody asks decide: so for as long as quietUntil says,
// it must have nothing to say about a known key, whatever the state, and from then on it should.
func TestFetchStateQuiet(t *testing.T) {
	base := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(i int) time.Time {
		if i < 0 {
			return time.Time{}
		}
		return base.Add(time.Duration(i) * time.Minute)
	}
	// Times are set by begin, succeed and fail alone: due < old <= expires, and the first good fetch sets them all.
	const end = 8
	states, quiet := 0, 0
	for next := -1; next < end; next++ {
		for _, ages := range [][3]int{{-1, -1, -1}, {1, 3, 3}, {1, 3, 6}, {2, 3, 4}, {4, 5, 6}} {
			for flags := range 8 {
				if flags&2 == 0 && next > ages[1] {
					continue // after a good fetch, the cooldown is over before the set is old
				}
				s := fetchState{next: at(next), due: at(ages[0]), old: at(ages[1]), expires: at(ages[2]), busy: flags&1 != 0, failed: flags&2 != 0, wanted: flags&4 != 0}
				for i := range end {
					states++
					now := at(i)
					until := s.quietUntil(now)
					for j := i; j <= end; j++ {
						d := s.decide(at(j), true)
						idle := d == fetchDecision{use: true}
						switch {
						case at(j).Before(until) && !idle:
							t.Fatalf("%+v at minute %d: quiet for %v, but at minute %d decides %+v", s, i, until.Sub(now), j, d)
						case at(j).Equal(until) && idle:
							t.Fatalf("%+v at minute %d: quiet for %v only, but then has nothing to say", s, i, until.Sub(now))
						case idle:
							quiet++
						}
					}
				}
			}
		}
	}
	if quiet < states/4 {
		t.Errorf("of %d states only %d moments are quiet: this proves little", states, quiet)
	}
}

const oneKey = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

// Whoever is made to wait has something to wait for; nobody uses what has expired; no fetch starts beside another or before its time.
func TestFetchStateDecide(t *testing.T) {
	base := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, age := range []time.Duration{-1, 0, 44, 45, 59, 60, 23 * 60, 24 * 60} {
		for flags := range 32 {
			busy, failed, wanted, early, found := flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0, flags&16 != 0
			var s fetchState
			if age >= 0 {
				s.succeed(base, time.Hour, 24*time.Hour)
			}
			s.busy, s.failed, s.wanted = busy, failed, wanted
			now := base.Add(max(age, 0) * time.Minute)
			if early {
				s.next = now.Add(1)
			} else {
				s.next = now
			}
			loaded := age >= 0 && age < 24*60
			d := s.decide(now, found)
			name := fmt.Sprintf("age %d, busy %v, failed %v, wanted %v, early %v, found %v: %+v", age, busy, failed, wanted, early, found, d)
			if d.use != (loaded && found) {
				t.Error("uses wrongly:", name)
			}
			if d.start && (busy || early) {
				t.Error("starts a fetch that must not start:", name)
			}
			if d.wait && !busy && !d.start {
				t.Error("waits for nothing:", name)
			}
			if d.wait && d.use && (age < 60 || failed) {
				t.Error("waits without need:", name)
			}
			if may := !busy && !early; may && !d.start && (!loaded || !found || age >= 45 || wanted) {
				t.Error("does not fetch what it should:", name)
			}
			if !wanted && loaded && found && age < 45 && d.start {
				t.Error("fetches for nothing:", name)
			}
		}
	}
}

func TestFetchStateTimes(t *testing.T) {
	base := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var s fetchState
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30} {
		s.begin(base, 30*time.Second)
		s.fail(base, 30*time.Second)
		if got := s.next.Sub(base); got != want*time.Second {
			t.Errorf("after failure %d the next fetch is %v later, want %v", i+1, got, want*time.Second)
		}
	}
	s.begin(base, 30*time.Second)
	s.succeed(base, time.Hour, 0)
	if s.due != base.Add(45*time.Minute) || s.old != base.Add(time.Hour) || s.expires != s.old || s.failed || s.busy || s.wanted {
		t.Errorf("%+v", s)
	}
	s.begin(base, 30*time.Second)
	s.fail(base, 30*time.Second)
	if s.next != base.Add(30*time.Second) || !s.wanted || !s.failed || s.busy || !s.usable(base.Add(time.Hour-1)) || s.usable(base.Add(time.Hour)) {
		t.Errorf("%+v", s)
	}
}

// The time in which a machine sleeps shows in its wall clock alone. Setting back the wall clock's first reading
// is as if it had slept since.
func TestRemoteKeysSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		answer := oneKey
		r, err := NewRemoteKeys("https://idp.example/", RemoteKeysOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
			fetches++
			if answer == "" {
				return nil, errors.New("down")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(answer))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		suspend := func(d time.Duration) {
			r.mu.Lock()
			r.clock.wall = r.clock.wall.Add(-d)
			r.mu.Unlock()
			// Timers go on where they stopped.
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		look := func(wantFetches int, wantErr error) {
			t.Helper()
			keys, err := r.VerificationKeys(t.Context(), EdDSA, "k")
			if (len(keys) == 1) != (wantErr == nil) || !errors.Is(err, wantErr) {
				t.Errorf("%v, %v", keys, err)
			}
			synctest.Wait()
			if fetches != wantFetches {
				t.Errorf("%d fetches, want %d", fetches, wantFetches)
			}
		}
		look(1, nil)
		suspend(0)
		look(1, nil)
		suspend(-10 * time.Hour) // a clock set back makes nothing younger
		look(1, nil)
		suspend(10 * time.Hour) // and set right again nothing older
		look(1, nil)
		suspend(45 * time.Minute)
		look(2, nil)
		answer = ""
		suspend(24 * time.Hour)
		look(3, ErrUnavailable)
	})
}

// Keys that are out of date when they come, since the machine slept meanwhile, are an outage that the next request
// ends, and not the fault of the token that waited for them.
func TestRemoteKeysSuspendedDuringFetch(t *testing.T) {
	for name, ask := range map[string]func(*RemoteKeys) error{
		"a token": func(r *RemoteKeys) error {
			keys, err := r.VerificationKeys(context.Background(), EdDSA, "k")
			if (len(keys) == 1) != (err == nil) {
				return fmt.Errorf("keys %v, error %v", keys, err)
			}
			return err
		},
		"Ready": func(r *RemoteKeys) error { return r.Ready(context.Background()) },
	} {
		for _, opts := range []RemoteKeysOptions{{}, {MaxStale: -1}, {MaxStale: -1, MaxAge: time.Minute}} {
			t.Run(fmt.Sprintf("%s, MaxAge %v, MaxStale %v", name, opts.MaxAge, opts.MaxStale), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var r *RemoteKeys
					fetches := 0
					opts.Transport = roundTripFunc(func(*http.Request) (*http.Response, error) {
						if fetches++; fetches == 1 {
							r.mu.Lock()
							r.clock.wall = r.clock.wall.Add(-24 * time.Hour)
							r.mu.Unlock()
						}
						return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(oneKey))}, nil
					})
					r, err := NewRemoteKeys("https://idp.example/", opts)
					if err != nil {
						t.Fatal(err)
					}
					if err := ask(r); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errOutdated) {
						t.Errorf("%v; want ErrUnavailable, and why", err)
					}
					if err := ask(r); err != nil || fetches != 2 {
						t.Errorf("the next one: %v after %d fetches; want none after 2", err, fetches)
					}
				})
			})
		}
	}
}

// A clock that steps to and fro lets nobody fetch more often, and uses up no keys in an outage.
func TestRemoteKeysClockToAndFro(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches, down := 0, false
		r, err := NewRemoteKeys("https://idp.example/", RemoteKeysOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
			fetches++
			if down {
				return nil, errors.New("down")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(oneKey))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		look := func(kid string) error {
			_, err := r.VerificationKeys(t.Context(), EdDSA, kid)
			return err
		}
		toAndFro := func(d time.Duration) {
			for _, step := range []time.Duration{-d, d} {
				r.mu.Lock()
				r.clock.wall = r.clock.wall.Add(-step)
				r.mu.Unlock()
				_ = look("unknown")
			}
			synctest.Wait()
		}
		_ = look("k")
		for range 100 {
			time.Sleep(time.Second)
			toAndFro(30 * time.Second)
		}
		if fetches != 4 {
			t.Errorf("%d fetches in 100 seconds; want one in each 30", fetches)
		}
		down = true
		for range 23 {
			time.Sleep(time.Hour)
			toAndFro(12 * time.Hour)
			if err := look("k"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Small steps between the clocks are no suspension, however many, and neither are large ones to and fro. What is set
// back is not taken off.
func TestAgingClock(t *testing.T) {
	var c agingClock
	first := c.now()
	for range 1000 {
		c.wall = c.wall.Add(-leastJump / 2)
		c.now()
	}
	if got := c.now().Sub(first); got > time.Minute {
		t.Errorf("%v went by", got)
	}
	for _, step := range []struct{ ahead, want time.Duration }{
		{time.Hour, time.Hour},
		{-30 * time.Minute, time.Hour},
		{30 * time.Minute, time.Hour},
		{-30 * time.Minute, time.Hour},
		{40 * time.Minute, time.Hour + 10*time.Minute},
		{time.Hour, 2*time.Hour + 10*time.Minute},
	} {
		c.wall = c.wall.Add(-step.ahead)
		if got := c.now().Sub(first); got < step.want || got > step.want+time.Minute {
			t.Errorf("after a step of %v %v went by, want %v", step.ahead, got, step.want)
		}
	}
}
