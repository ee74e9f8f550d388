package otelauth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed-0a072700/jwtauth"
)

// observed are the instruments that are read when metrics are collected.
type observed struct {
	age              metric.Float64ObservableGauge
	running, waiting metric.Int64ObservableUpDownCounter
	started, refused metric.Int64ObservableCounter
	waited           metric.Float64ObservableCounter
}

// observe makes the observed instruments.
func (t *Telemetry) observe(meter metric.Meter) error {
	o := &t.observed
	var errs [6]error
	o.age, errs[0] = meter.Float64ObservableGauge("jwtauth.keys.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the last successful fetch of a key set."))
	o.running, errs[1] = meter.Int64ObservableUpDownCounter("jwtauth.password.running", metric.WithUnit("{call}"),
		metric.WithDescription("Calls that hash or check a password."))
	o.waiting, errs[2] = meter.Int64ObservableUpDownCounter("jwtauth.password.waiting", metric.WithUnit("{call}"),
		metric.WithDescription("Calls that wait for their turn to hash or check a password."))
	o.started, errs[3] = meter.Int64ObservableCounter("jwtauth.password.started", metric.WithUnit("{call}"),
		metric.WithDescription("Calls that had their turn."))
	o.refused, errs[4] = meter.Int64ObservableCounter("jwtauth.password.refused", metric.WithUnit("{call}"),
		metric.WithDescription("Calls that were refused because too many waited, or for too long."))
	o.waited, errs[5] = meter.Float64ObservableCounter("jwtauth.password.waited", metric.WithUnit("s"),
		metric.WithDescription("Total time that the started calls have waited for their turn."))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(t.collect, o.age, o.running, o.waiting, o.started, o.refused, o.waited)
	return err
}

// collect reads the observed instruments.
func (t *Telemetry) collect(_ context.Context, to metric.Observer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.keySets {
		if fetched := k.fetched.Load(); fetched != nil {
			to.ObserveFloat64(t.observed.age, time.Since(*fetched).Seconds(), k.source)
		}
	}
	if len(t.hashers) == 0 {
		return nil
	}
	var sum jwtauth.HasherStats
	for h := range t.hashers {
		s := h.Stats()
		sum.Running += s.Running
		sum.Waiting += s.Waiting
		sum.Started += s.Started
		sum.Refused += s.Refused
		sum.Waited += s.Waited
	}
	to.ObserveInt64(t.observed.running, int64(sum.Running))
	to.ObserveInt64(t.observed.waiting, int64(sum.Waiting))
	to.ObserveInt64(t.observed.started, int64(sum.Started))
	to.ObserveInt64(t.observed.refused, int64(sum.Refused))
	to.ObserveFloat64(t.observed.waited, sum.Waited.Seconds())
	return nil
}

// ObserveHasher reports the queue of a Hasher: its length and the time that
// calls wait in it. The figures of several Hashers are added. A Hasher that is
// observed twice by one Telemetry is counted once, but two Telemetries of one
// MeterProvider count it twice. A nil h is ignored.
//
// The functions [jwtauth.HashPassword] and [jwtauth.CheckPassword] use a Hasher
// of their own, which has no figures. Make one with [jwtauth.NewHasher] and
// call its methods instead.
func (t *Telemetry) ObserveHasher(h *jwtauth.Hasher) {
	if h == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hashers[h] = true
}

// keySet is a key set that is fetched.
type keySet struct {
	source           metric.ObserveOption
	success, failure *labels
	fetched          atomic.Pointer[time.Time] // the last successful fetch; nil before
}

// OnFetch returns a function that counts the fetches of a key set, and notes
// the age of its keys. Use it as RemoteKeysOptions.OnFetch. The name becomes
// the attribute jwtauth.keys.source: the same constant for each set, such as
// the host of its provider. Sets with the same name are counted together, and
// have the age of the set that was fetched last.
//
// The age counts from the end of a fetch. It is not reported before the first
// successful one.
func (t *Telemetry) OnFetch(name string) func(jwtauth.KeyFetch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.keySets[name]
	if k == nil {
		source := keysSource.String(name)
		k = &keySet{
			source:  metric.WithAttributeSet(attribute.NewSet(source)),
			success: newLabels(source),
			failure: newLabels(source, errorType.String("fetch_failed")),
		}
		t.keySets[name] = k
		t.fetches.Add(context.Background(), 0, k.failure.add...) // see startAlarms
	}
	return func(f jwtauth.KeyFetch) {
		result := k.failure
		if f.Err == nil {
			now := time.Now()
			k.fetched.Store(&now)
			result = k.success
		}
		t.fetches.Add(context.Background(), 1, result.add...)
	}
}
