package otelauth

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Attributes. Those without the prefix are from the semantic conventions of
// OpenTelemetry.
const (
	errorType     = attribute.Key("error.type")
	algorithm     = attribute.Key("jwtauth.algorithm")
	cached        = attribute.Key("jwtauth.cached")
	sessionKind   = attribute.Key("jwtauth.session.event")
	sessionReason = attribute.Key("jwtauth.session.reason")
	guardKind     = attribute.Key("jwtauth.guard.event")
	keysSource    = attribute.Key("jwtauth.keys.source")
)

// other stands for a value outside of a fixed set, as the semantic conventions
// require it for error.type.
const other = "_OTHER"

// labels are attributes in the forms of the API. They are made once, because
// sorting attributes takes longer than counting.
type labels struct {
	add    []metric.AddOption
	record []metric.RecordOption
	event  []trace.EventOption
}

func newLabels(attributes ...attribute.KeyValue) *labels {
	set := metric.WithAttributeSet(attribute.NewSet(attributes...))
	return &labels{
		add:    []metric.AddOption{set},
		record: []metric.RecordOption{set},
		event:  []trace.EventOption{trace.WithAttributes(attributes...)},
	}
}

// count adds 1 to a counter, and an event to the span of ctx, if there is one.
func count(ctx context.Context, counter metric.Int64Counter, event string, l *labels) {
	counter.Add(ctx, 1, l.add...)
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddEvent(event, l.event...)
	}
}

// table makes the labels of a key at its first use. It keeps all of them, so
// keys must come from a bounded set. Reading it takes no lock.
type table[K comparable] struct {
	make  func(K) *labels
	known atomic.Pointer[map[K]*labels] // never changed, only replaced
	mu    sync.Mutex                    // held while known is replaced
}

func (t *table[K]) get(key K) *labels {
	if known := t.known.Load(); known != nil {
		if l := (*known)[key]; l != nil {
			return l
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[K]*labels)
	if known := t.known.Load(); known != nil {
		if l := (*known)[key]; l != nil {
			return l
		}
		maps.Copy(next, *known)
	}
	l := t.make(key)
	next[key] = l
	t.known.Store(&next)
	return l
}
