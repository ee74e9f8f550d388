package otelauth_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

// The age of a key set counts from its last successful fetch.
func TestKeySets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t)
		one, two := r.OnFetch("one"), r.OnFetch("two")
		failed := jwtauth.KeyFetch{URL: "https://" + secret, Err: errors.New(secret)}
		two(failed)
		r.collect(t).want(t, figures{`jwtauth.keys.fetches{error.type="fetch_failed",jwtauth.keys.source="two"}`: 1})

		one(jwtauth.KeyFetch{URL: "https://" + secret, Keys: 3})
		time.Sleep(time.Hour)
		two(jwtauth.KeyFetch{Keys: 1})
		one(failed)
		r.OnFetch("one")(failed)
		time.Sleep(time.Minute)
		want := figures{
			`jwtauth.keys.fetches{error.type="fetch_failed",jwtauth.keys.source="two"}`: 1,
			`jwtauth.keys.fetches{jwtauth.keys.source="two"}`:                           1,
			`jwtauth.keys.fetches{error.type="fetch_failed",jwtauth.keys.source="one"}`: 2,
			`jwtauth.keys.fetches{jwtauth.keys.source="one"}`:                           1,
			`jwtauth.keys.age{jwtauth.keys.source="one"}`:                               3660,
			`jwtauth.keys.age{jwtauth.keys.source="two"}`:                               60,
		}
		r.collect(t).want(t, want)
	})
}

// limit is the time that a busy machine gets.
const limit = 60 * time.Second

// The figures are those of Hasher.Stats, while one call runs, one waits and one
// was refused.
func TestHasher(t *testing.T) {
	r := newRecorder(t)
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10, MaxConcurrent: 1, MaxWaiting: 1, MaxWait: limit})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.ObserveHasher(hasher)
	}
	// The calls may end before they are seen, so there are several attempts.
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if observeCalls(t, r, hasher) {
			return
		}
	}
	t.Errorf("the queue has the state %+v", hasher.Stats())
}

// observeCalls makes three calls at a time, and returns whether it saw them in
// the three states while the figures did not change. It returns after the
// calls.
func observeCalls(t *testing.T, r recorder, hasher *jwtauth.Hasher) (seen bool) {
	const calls = 3
	var ended atomic.Int64
	var wg sync.WaitGroup
	defer wg.Wait()
	for range calls {
		wg.Go(func() {
			_ = hasher.CheckPassword(context.Background(), "", secret)
			ended.Add(1)
		})
	}
	for ended.Load() < calls {
		before := hasher.Stats()
		if before.Running != 1 || before.Waiting != 1 || before.Refused == 0 {
			runtime.Gosched()
			continue
		}
		got := r.collect(t)
		if hasher.Stats() == before {
			got.want(t, figures{
				`jwtauth.password.running{}`: 1,
				`jwtauth.password.waiting{}`: 1,
				`jwtauth.password.started{}`: float64(before.Started),
				`jwtauth.password.refused{}`: float64(before.Refused),
				`jwtauth.password.waited{}`:  before.Waited.Seconds(),
			})
			return true
		}
	}
	return false
}

// The figures of several Hashers are added.
func TestHashers(t *testing.T) {
	r := newRecorder(t)
	var waited time.Duration
	for range 2 {
		hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10, MaxConcurrent: 1, MaxWait: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		r.ObserveHasher(hasher)
		var wg sync.WaitGroup
		for range 2 { // one of them waits
			wg.Go(func() { _ = hasher.CheckPassword(t.Context(), "", secret) })
		}
		wg.Wait()
		waited += hasher.Stats().Waited
	}
	r.collect(t).want(t, figures{
		`jwtauth.password.running{}`: 0,
		`jwtauth.password.waiting{}`: 0,
		`jwtauth.password.started{}`: 4,
		`jwtauth.password.refused{}`: 0,
		`jwtauth.password.waited{}`:  waited.Seconds(),
	})
}

// faulty is a MeterProvider that cannot make some instruments.
type faulty struct{ embedded.MeterProvider }

func (faulty) Meter(string, ...metric.MeterOption) metric.Meter { return faultyMeter{} }

type faultyMeter struct{ noop.Meter }

func (faultyMeter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errors.New("no counter " + name)
}

func (faultyMeter) Int64ObservableCounter(name string, _ ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return nil, errors.New("no observable counter " + name)
}

func TestNewErrors(t *testing.T) {
	telemetry, err := otelauth.New(otelauth.Options{MeterProvider: faulty{}})
	const want = `jwtauth: otelauth.New: no counter jwtauth.refusals
jwtauth: otelauth.New: no counter jwtauth.session.events
jwtauth: otelauth.New: no counter jwtauth.guard.events
jwtauth: otelauth.New: no counter jwtauth.keys.fetches
jwtauth: otelauth.New: no observable counter jwtauth.password.started
no observable counter jwtauth.password.refused`
	if telemetry != nil || err == nil || err.Error() != want {
		t.Errorf("got %v, %v", telemetry, err)
	}
}
