package otelauth_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

// secret is a text that must not appear in any attribute.
const secret = "hunter2"

// figures are the values of all series. The value of a histogram is its count.
type figures map[string]float64

// recorder has a Telemetry and reads what it reports.
type recorder struct {
	*otelauth.Telemetry
	reader *metric.ManualReader
}

func newRecorder(t testing.TB) recorder {
	t.Helper()
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	telemetry, err := otelauth.New(otelauth.Options{MeterProvider: provider})
	if err != nil {
		t.Fatal(err)
	}
	return recorder{telemetry, reader}
}

// series returns the name of a series, such as `name{key="value"}`.
func series(name string, set attribute.Set) string {
	var parts []string
	for _, kv := range set.ToSlice() { // sorted by key
		parts = append(parts, fmt.Sprintf("%s=%q", kv.Key, kv.Value.String()))
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// collect returns the figures of all metrics.
func (r recorder) collect(t testing.TB) figures {
	t.Helper()
	got := make(figures)
	for name, m := range r.metrics(t) {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				got[series(name, p.Attributes)] = float64(p.Value)
			}
		case metricdata.Sum[float64]:
			for _, p := range data.DataPoints {
				got[series(name, p.Attributes)] = p.Value
			}
		case metricdata.Gauge[float64]:
			for _, p := range data.DataPoints {
				got[series(name, p.Attributes)] = p.Value
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				got[series(name, p.Attributes)] = float64(p.Count)
			}
		default:
			t.Errorf("%s is a %T", name, m.Data)
		}
	}
	return got
}

// metrics returns the metrics by name.
func (r recorder) metrics(t testing.TB) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		if scope.Scope.Name != "github.com/seed-0a072700/jwtauth/otelauth" {
			t.Errorf("the scope is %s", scope.Scope.Name)
		}
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// want compares the figures with the expected ones. A series with the value 0
// is the same as none.
func (got figures) want(t testing.TB, want figures) {
	t.Helper()
	if !maps.Equal(got.positive(), want.positive()) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func (f figures) positive() figures {
	positive := maps.Clone(f)
	maps.DeleteFunc(positive, func(_ string, value float64) bool { return value == 0 })
	return positive
}

func (f figures) String() string {
	var b strings.Builder
	for _, name := range sortedKeys(f) {
		fmt.Fprintf(&b, "\t%s %v\n", name, f[name])
	}
	return b.String()
}

// traced returns a context with a span, and a function that ends the span and
// returns its events, such as `name{key="value"}`.
func traced(ctx context.Context) (context.Context, func() []string) {
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	ctx, span := provider.Tracer("test").Start(ctx, "request")
	return ctx, func() []string {
		span.End()
		var events []string
		for _, e := range spans.Ended()[0].Events() {
			events = append(events, series(e.Name, attribute.NewSet(e.Attributes...)))
		}
		return events
	}
}

// newIssuer returns an Issuer that reports to r. Its clock can be changed.
func newIssuer(t testing.TB, r recorder, change func(*jwtauth.IssuerOptions)) *jwtauth.Issuer {
	t.Helper()
	key, err := jwtauth.NewKey(jwtauth.HS256, []byte("a key of these tests, 32 bytes and more"))
	if err != nil {
		t.Fatal(err)
	}
	opts := jwtauth.IssuerOptions{Sessions: memstore.New(), OnVerify: r.OnVerify, OnEvent: r.OnEvent}
	if change != nil {
		change(&opts)
	}
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// clock is a time that a test changes.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }
