package otelauth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

// The bars for the cost of a verification.
const (
	maxNoop = 0.05 // of the first use of a token, with a provider that does nothing
	maxSDK  = 500 * time.Nanosecond
)

var algorithms = []jwtauth.Algorithm{jwtauth.HS256, jwtauth.RS256, jwtauth.ES256, jwtauth.EdDSA}

// verification returns a function that verifies a token n times, each time as
// at its first use. Without a provider there is no telemetry.
func verification(b *testing.B, ctx context.Context, key jwtauth.Key, provider metric.MeterProvider) func(n int) {
	b.Helper()
	opts := jwtauth.VerifierOptions{Issuer: "https://service.example", Audience: []string{"api"}, CacheSize: -1}
	if provider != nil {
		telemetry, err := otelauth.New(otelauth.Options{MeterProvider: provider})
		if err != nil {
			b.Fatal(err)
		}
		opts.OnVerify = telemetry.OnVerify
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, opts)
	if err != nil {
		b.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: opts.Issuer, Audience: opts.Audience})
	if err != nil {
		b.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		b.Fatal(err)
	}
	return func(n int) {
		for range n {
			if _, err := verifier.VerifyToken(ctx, token); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func sdk() metric.MeterProvider {
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
}

// recording returns a context with a span that records.
func recording() context.Context {
	ctx, _ := trace.NewTracerProvider().Tracer("bench").Start(context.Background(), "request")
	return ctx
}

func generate(b *testing.B, alg jwtauth.Algorithm) jwtauth.Key {
	b.Helper()
	key, err := jwtauth.GenerateKey(alg)
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// BenchmarkVerify is for benchstat. The first use of a token is verified.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range algorithms {
		key := generate(b, alg)
		for _, c := range []struct {
			name     string
			provider metric.MeterProvider
		}{{"none", nil}, {"noop", noop.NewMeterProvider()}, {"sdk", sdk()}} {
			run := verification(b, context.Background(), key, c.provider)
			b.Run("alg="+string(alg)+"/provider="+c.name, func(b *testing.B) {
				b.ReportAllocs()
				run(b.N)
			})
		}
	}
}

// BenchmarkBars fails if the telemetry costs more than it may. The variants
// take turns, so that a change of the machine's speed affects all of them.
func BenchmarkBars(b *testing.B) {
	ctx := context.Background()
	for _, alg := range algorithms {
		b.Run("provider=noop/alg="+string(alg), func(b *testing.B) {
			key := generate(b, alg)
			var times []float64
			for range b.N {
				times = measure(verification(b, ctx, key, nil), verification(b, ctx, key, noop.NewMeterProvider()))
			}
			added := times[1] - times[0]
			report(b, map[string]float64{"none-ns": times[0], "noop-ns": added, "noop-%": 100 * added / times[0]})
			if share := added / times[0]; share > maxNoop {
				b.Errorf("a provider that does nothing adds %.1f%%, at most %.0f%% are allowed", 100*share, 100*maxNoop)
			}
		})
	}
	// The cost of the SDK is the same for all algorithms. It is measured with
	// the fastest one, because it is less than the noise of the others.
	b.Run("provider=sdk", func(b *testing.B) {
		key := generate(b, jwtauth.HS256)
		var times []float64
		for range b.N {
			times = measure(verification(b, ctx, key, nil), verification(b, ctx, key, sdk()), verification(b, recording(), key, sdk()))
		}
		metrics, both := times[1]-times[0], times[2]-times[0]
		report(b, map[string]float64{"sdk-ns": metrics, "sdk+span-ns": both})
		if max(metrics, both) > float64(maxSDK) {
			b.Errorf("the SDK adds %.0f ns, and %.0f ns in a span, at most %v are allowed", metrics, both, maxSDK)
		}
	})
}

func report(b *testing.B, metrics map[string]float64) {
	b.ReportMetric(0, "ns/op") // of a whole comparison
	for unit, value := range metrics {
		b.ReportMetric(value, unit)
	}
}

const (
	rounds = 201
	each   = 2 * time.Millisecond // the time of one measurement
)

// measure returns the time of a call of each function in nanoseconds, in the
// round that other programs have disturbed least: the fastest one. A function
// makes n calls.
func measure(functions ...func(n int)) []float64 {
	start := time.Now()
	const probe = 100
	functions[0](probe)
	n := max(10, int(each*probe/time.Since(start)))
	times := make([][]float64, len(functions))
	for range rounds {
		for i, f := range functions {
			start := time.Now()
			f(n)
			times[i] = append(times[i], float64(time.Since(start))/float64(n))
		}
	}
	result := make([]float64, len(functions))
	for i := range times {
		result[i] = slices.Min(times[i])
	}
	return result
}
