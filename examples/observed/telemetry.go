package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

// telemetry counts events and logs them. The metrics name no user, because
// each value of an attribute is a time series of its own. The log does.
type telemetry struct {
	*otelauth.Telemetry
	log     *slog.Logger
	metrics http.Handler // for Prometheus
}

func newTelemetry(log *slog.Logger) (*telemetry, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	t, err := otelauth.New(otelauth.Options{MeterProvider: provider})
	if err != nil {
		return nil, err
	}
	return &telemetry{t, log, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}, nil
}

// onEvent counts and logs a session event. A reuse means that a refresh token
// was copied.
func (t *telemetry) onEvent(ctx context.Context, e jwtauth.Event) {
	t.OnEvent(ctx, e)
	level := slog.LevelInfo
	if e.Kind == jwtauth.EventReuse {
		level = slog.LevelWarn
	}
	t.log.Log(ctx, level, "session", "event", e.Kind, "reason", e.Reason, "subject", e.Subject, "id", e.SessionID)
}

// onGuardEvent counts and logs that guesses at a password were stopped.
func (t *telemetry) onGuardEvent(ctx context.Context, e guard.Event) {
	t.OnGuardEvent(ctx, e)
	t.log.WarnContext(ctx, "guard", "event", e.Kind, "account", e.Account, "err", e.Err)
}

// onFetch returns a function that counts and logs the fetches of a key set.
func (t *telemetry) onFetch(name string) func(jwtauth.KeyFetch) {
	count := t.OnFetch(name)
	return func(f jwtauth.KeyFetch) {
		count(f)
		if f.Err != nil {
			t.log.Warn("fetching keys failed", "url", f.URL, "err", f.Err)
			return
		}
		t.log.Info("fetched keys", "url", f.URL, "keys", f.Keys)
	}
}

// refuse logs the reason for a refusal, and sends the client the part of it
// that is safe to show. OnError counts it.
func (t *telemetry) refuse(w http.ResponseWriter, r *http.Request, err error) {
	t.log.InfoContext(r.Context(), "refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	jwtauth.WriteError(w, r, err)
}
