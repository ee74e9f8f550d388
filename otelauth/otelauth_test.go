package otelauth_test

import (
	"maps"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

func sortedKeys(f figures) []string { return slices.Sorted(maps.Keys(f)) }

// Programs get the API of OpenTelemetry and no SDK.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	want := []string{
		"github.com/cespare/xxhash/v2", // of the API
		"github.com/go-logr/logr",      // of the API
		"github.com/go-logr/stdr",      // of the API
		"github.com/golang-jwt/jwt/v5", // of jwtauth
		"github.com/seed-0a072700/jwtauth",
		"github.com/seed-0a072700/jwtauth/otelauth",
		"go.opentelemetry.io/auto/sdk", // of the API
		"go.opentelemetry.io/otel",
		"go.opentelemetry.io/otel/log", // of the API
		"go.opentelemetry.io/otel/metric",
		"go.opentelemetry.io/otel/trace",
		"golang.org/x/crypto", // of jwtauth
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the package needs the modules %q, want %q", got, want)
	}
}

// Without Options.MeterProvider, the global one is used, even if it is set
// after New.
func TestGlobalProvider(t *testing.T) {
	telemetry, err := otelauth.New(otelauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fetched := telemetry.OnFetch("provider")
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	telemetry.OnVerify(t.Context(), jwtauth.Verification{})
	fetched(jwtauth.KeyFetch{Keys: 1})
	got := recorder{telemetry, reader}.collect(t)
	if len(got.positive()) != 3 || got[`jwtauth.verification.duration{jwtauth.cached="false"}`] != 1 {
		t.Errorf("got\n%s", got)
	}
}

// The events that programs alert on have series from the start, and the queue
// has some as soon as there is a Hasher.
func TestSeriesFromTheStart(t *testing.T) {
	r := newRecorder(t)
	r.OnFetch("provider")
	want := figures{
		`jwtauth.session.events{jwtauth.session.event="reuse",jwtauth.session.reason="late_retry"}`: 0,
		`jwtauth.session.events{jwtauth.session.event="reuse",jwtauth.session.reason="stolen"}`:     0,
		`jwtauth.guard.events{jwtauth.guard.event="account_paused"}`:                                0,
		`jwtauth.guard.events{jwtauth.guard.event="device_paused"}`:                                 0,
		`jwtauth.guard.events{jwtauth.guard.event="outage"}`:                                        0,
		`jwtauth.keys.fetches{error.type="fetch_failed",jwtauth.keys.source="provider"}`:            0,
	}
	if got := r.collect(t); !maps.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.ObserveHasher(nil)
	r.ObserveHasher(hasher)
	for _, name := range []string{"running", "waiting", "started", "refused", "waited"} {
		want["jwtauth.password."+name+"{}"] = 0
	}
	if got := r.collect(t); !maps.Equal(got, want) {
		t.Errorf("with a Hasher: got\n%swant\n%s", got, want)
	}
}

// The names and units are those in the package comment and in the README.
func TestNames(t *testing.T) {
	r := newRecorder(t)
	r.OnVerify(t.Context(), jwtauth.Verification{})
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.ObserveHasher(hasher)
	r.OnFetch("provider")(jwtauth.KeyFetch{})
	r.OnError(nil)(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), jwtauth.ErrForbidden)
	units := map[string]string{}
	for name, m := range r.metrics(t) {
		units[name] = m.Unit
		if m.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	want := map[string]string{
		"jwtauth.verification.duration": "s",
		"jwtauth.session.events":        "{event}",
		"jwtauth.guard.events":          "{event}",
		"jwtauth.refusals":              "{request}",
		"jwtauth.keys.fetches":          "{fetch}",
		"jwtauth.keys.age":              "s",
		"jwtauth.password.running":      "{call}",
		"jwtauth.password.waiting":      "{call}",
		"jwtauth.password.started":      "{call}",
		"jwtauth.password.refused":      "{call}",
		"jwtauth.password.waited":       "s",
	}
	if !maps.Equal(units, want) {
		t.Errorf("units %v, want %v", units, want)
	}
}
