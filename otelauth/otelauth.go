// Package otelauth reports to OpenTelemetry how package jwtauth verifies
// tokens, runs sessions, fetches keys and checks passwords. Its functions fit
// the hooks of that package:
//
//	telemetry, err := otelauth.New(otelauth.Options{})
//	…
//	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
//	…
//	telemetry.ObserveHasher(hasher)
//	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
//		Sessions: store,
//		OnVerify: telemetry.OnVerify,
//		OnEvent:  telemetry.OnEvent,
//	})
//
// # Metrics
//
// Attributes in brackets are left out if they do not apply.
//
//	jwtauth.verification.duration  histogram  [error.type], jwtauth.cached,
//	                                          [jwtauth.algorithm]
//	jwtauth.refusals               counter    error.type
//	jwtauth.session.events         counter    jwtauth.session.event,
//	                                          [jwtauth.session.reason]
//	jwtauth.guard.events           counter    jwtauth.guard.event
//	jwtauth.keys.fetches           counter    jwtauth.keys.source, [error.type]
//	jwtauth.keys.age               gauge      jwtauth.keys.source
//	jwtauth.password.running       up-down counter
//	jwtauth.password.waiting       up-down counter
//	jwtauth.password.started       counter
//	jwtauth.password.refused       counter
//	jwtauth.password.waited        counter
//
// The histogram, the age and jwtauth.password.waited are in seconds. The count
// of the histogram is the number of verifications. An error.type is a code of
// [jwtauth.WriteError], such as "token_expired", "fetch_failed" for a fetch of
// keys, or "_OTHER". It is left out for a success.
//
// Thefts, events of a guard and failed fetches are reported as 0 from the
// start, so that the first one is an increase. This requires that the
// MeterProvider is set before New.
//
// # Span events
//
// If the context has a span that records, it gets the events "jwtauth.refusal",
// "jwtauth.session" and "jwtauth.guard", and "jwtauth.verification" for tokens
// that were refused or took 1 ms or longer. They have the attributes above. The
// package starts no spans.
//
// # Content of attributes
//
// No attribute contains a token, a subject, a session ID, a key ID, an account
// or the text of an error. Their values come from fixed sets, so a client
// cannot cause new time series. Only the names of key sets are chosen by the
// caller of [Telemetry.OnFetch].
package otelauth

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// scope is the name of the instrumentation.
const scope = "github.com/seed-0a072700/jwtauth/otelauth"

// Options configures [New]. Literals must be keyed.
type Options struct {
	_ struct{}

	// MeterProvider makes the instruments. Default: the global one
	// ([otel.GetMeterProvider]), which the program may also set after New.
	MeterProvider metric.MeterProvider
}

// Telemetry has the instruments of a program. It is safe for concurrent use.
// Make one with [New] and keep it until the program ends, because its gauges
// are not unregistered. The zero value cannot be used.
type Telemetry struct {
	verifications metric.Float64Histogram
	refusals      metric.Int64Counter
	sessions      metric.Int64Counter
	guards        metric.Int64Counter
	fetches       metric.Int64Counter
	observed      observed

	acceptedLabels *acceptedLabels
	refusedLabels  table[outcome]
	refusalLabels  table[string]
	sessionLabels  table[sessionEvent]
	guardLabels    table[string]

	mu      sync.Mutex // guards the fields below
	keySets map[string]*keySet
	hashers map[*jwtauth.Hasher]bool
}

// bounds are the bounds of the histogram in seconds: from a remembered token,
// which takes less than a microsecond, to a fetch of keys that hangs.
var bounds = []float64{
	1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4,
	1e-3, 2.5e-3, 5e-3, 1e-2, 0.1, 1, 5,
}

// New returns the Telemetry of a program. The error joins all errors of the
// MeterProvider.
func New(opts Options) (*Telemetry, error) {
	provider := opts.MeterProvider
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	t := &Telemetry{
		acceptedLabels: newAcceptedLabels(),
		refusedLabels:  table[outcome]{make: outcome.labels},
		refusalLabels:  table[string]{make: refusalLabels},
		sessionLabels:  table[sessionEvent]{make: sessionEvent.labels},
		guardLabels:    table[string]{make: guardLabels},
		keySets:        make(map[string]*keySet),
		hashers:        make(map[*jwtauth.Hasher]bool),
	}
	meter := provider.Meter(scope)
	var failures []error
	note := func(err error) {
		if err != nil {
			failures = append(failures, fmt.Errorf("jwtauth: otelauth.New: %w", err))
		}
	}
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		note(err)
		return c
	}
	t.refusals = counter("jwtauth.refusals", "{request}", "Requests that were refused, by the code of the response.")
	t.sessions = counter("jwtauth.session.events", "{event}", "Logins, refreshes, logouts and thefts.")
	t.guards = counter("jwtauth.guard.events", "{event}", "Accounts and devices that were paused, and outages of the store of attempts.")
	t.fetches = counter("jwtauth.keys.fetches", "{fetch}", "Fetches of key sets.")
	var err error
	t.verifications, err = meter.Float64Histogram("jwtauth.verification.duration", metric.WithUnit("s"),
		metric.WithDescription("Time that the verification of an access token takes."), metric.WithExplicitBucketBoundaries(bounds...))
	note(err)
	note(t.observe(meter))
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	t.startAlarms()
	return t, nil
}

// startAlarms makes the series of the events that programs alert on, with the
// value 0. Otherwise their first event is no increase, and raises no alarm.
func (t *Telemetry) startAlarms() {
	ctx := context.Background()
	for _, reason := range []jwtauth.EventReason{jwtauth.ReasonLateRetry, jwtauth.ReasonStolen} {
		event := knownEvent(jwtauth.Event{Kind: jwtauth.EventReuse, Reason: reason})
		t.sessions.Add(ctx, 0, t.sessionLabels.get(event).add...)
	}
	for _, kind := range []guard.EventKind{guard.EventAccountPaused, guard.EventDevicePaused, guard.EventOutage} {
		t.guards.Add(ctx, 0, t.guardLabels.get(string(kind)).add...)
	}
}
