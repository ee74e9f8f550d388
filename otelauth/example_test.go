package otelauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

// A service reports all that package jwtauth does. Here the program reads the
// metrics itself. A service uses an exporter instead.
func Example() {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	telemetry, err := otelauth.New(otelauth.Options{MeterProvider: provider})
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions: memstore.New(),
		OnVerify: telemetry.OnVerify,
		OnEvent:  telemetry.OnEvent,
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	_, _ = issuer.VerifyToken(ctx, tokens.AccessToken)
	_, _ = issuer.VerifyToken(ctx, "opaque")

	printCounts(reader)
	// Output:
	// jwtauth.session.events 1
	// jwtauth.verification.duration 2
}

// printCounts prints how often something was counted or measured.
func printCounts(reader *metric.ManualReader) {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		log.Fatal(err)
	}
	counts := make(figures)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					counts[m.Name] += float64(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					counts[m.Name] += float64(p.Count)
				}
			}
		}
	}
	for _, name := range sortedKeys(counts.positive()) {
		fmt.Println(name, counts[name])
	}
}

// Refusals are counted by the code of their response. Without a respond
// function the client gets the usual one.
func ExampleTelemetry_OnError() {
	reader := metric.NewManualReader()
	telemetry, err := otelauth.New(otelauth.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	protected := jwtauth.Verify(issuer, jwtauth.OnError(telemetry.OnError(nil)))(http.NotFoundHandler())
	w := httptest.NewRecorder()
	protected.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)

	printCounts(reader)
	// Output:
	// 401
	// jwtauth.refusals 1
}

// Each key set has a name, such as the host of its provider.
func ExampleTelemetry_OnFetch() {
	telemetry, err := otelauth.New(otelauth.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.NewRemoteKeysFromIssuer("https://login.example.com", jwtauth.RemoteKeysOptions{
		OnFetch: telemetry.OnFetch("login.example.com"),
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleTelemetry_OnGuardEvent() {
	telemetry, err := otelauth.New(otelauth.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = guard.New(guard.Options{
		Secret:  []byte("at least 32 random bytes, here not"),
		OnEvent: telemetry.OnGuardEvent,
	})
	fmt.Println(err)
	// Output: <nil>
}

// The queue of passwords is observed if the service has a Hasher of its own.
func ExampleTelemetry_ObserveHasher() {
	telemetry, err := otelauth.New(otelauth.Options{})
	if err != nil {
		log.Fatal(err)
	}
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
	if err != nil {
		log.Fatal(err)
	}
	telemetry.ObserveHasher(hasher) // and call hasher.CheckPassword at logins
	fmt.Println(hasher.Stats().Running)
	// Output: 0
}
