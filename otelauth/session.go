package otelauth

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// OnEvent counts a session event by its kind and reason. Use it as
// IssuerOptions.OnEvent, or call it there together with a log.
func (t *Telemetry) OnEvent(ctx context.Context, e jwtauth.Event) {
	count(ctx, t.sessions, "jwtauth.session", t.sessionLabels.get(knownEvent(e)))
}

// sessionEvent is the part of an Event that becomes attributes.
type sessionEvent struct{ kind, reason string }

func (e sessionEvent) labels() *labels {
	attributes := []attribute.KeyValue{sessionKind.String(e.kind)}
	if e.reason != "" {
		attributes = append(attributes, sessionReason.String(e.reason))
	}
	return newLabels(attributes...)
}

// knownEvent returns the kind and the reason of an event of package jwtauth.
// Other kinds and reasons are [other].
func knownEvent(e jwtauth.Event) sessionEvent {
	known := sessionEvent{string(e.Kind), string(e.Reason)}
	switch e.Kind {
	case jwtauth.EventLogin, jwtauth.EventRefresh, jwtauth.EventReuse, jwtauth.EventLogout, jwtauth.EventDenied:
	default:
		known.kind = other
	}
	switch e.Reason {
	case "", jwtauth.ReasonRotated, jwtauth.ReasonRepeated, jwtauth.ReasonRetried, jwtauth.ReasonUpdated, jwtauth.ReasonAdopted,
		jwtauth.ReasonLateRetry, jwtauth.ReasonStolen, jwtauth.ReasonDisabled, jwtauth.ReasonCredentialChanged, jwtauth.ReasonLimit:
	default:
		known.reason = other
	}
	return known
}

// OnGuardEvent counts an event of a [guard.Guard] by its kind. Use it as
// guard.Options.OnEvent. Attempts that are refused are no events: OnError
// counts them as "too_many_attempts".
func (t *Telemetry) OnGuardEvent(ctx context.Context, e guard.Event) {
	kind := string(e.Kind)
	switch e.Kind {
	case guard.EventAccountPaused, guard.EventDevicePaused, guard.EventOutage:
	default:
		kind = other
	}
	count(ctx, t.guards, "jwtauth.guard", t.guardLabels.get(kind))
}

func guardLabels(kind string) *labels { return newLabels(guardKind.String(kind)) }
