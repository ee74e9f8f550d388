package otelauth_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

func TestVerifications(t *testing.T) {
	r := newRecorder(t)
	at := &clock{time.Now()}
	issuer := newIssuer(t, r, func(o *jwtauth.IssuerOptions) { o.Now = at.now })
	token, err := issuer.Sign("user-"+secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(token string) { _, _ = issuer.VerifyToken(t.Context(), token) }
	for range 3 { // the third time it is remembered
		verify(token)
	}
	verify(token[:len(token)-8] + "AAAAAAAA")
	verify(secret)
	at.advance(time.Hour)
	verify(token)
	r.collect(t).want(t, figures{
		`jwtauth.verification.duration{jwtauth.algorithm="HS256",jwtauth.cached="false"}`:                            2,
		`jwtauth.verification.duration{jwtauth.algorithm="HS256",jwtauth.cached="true"}`:                             1,
		`jwtauth.verification.duration{error.type="token_invalid",jwtauth.algorithm="HS256",jwtauth.cached="false"}`: 1,
		`jwtauth.verification.duration{error.type="token_invalid",jwtauth.cached="false"}`:                           1,
		`jwtauth.verification.duration{error.type="token_expired",jwtauth.algorithm="HS256",jwtauth.cached="true"}`:  1,
	})
}

// Durations are in seconds, and the bounds separate remembered tokens from
// others.
func TestVerificationDuration(t *testing.T) {
	r := newRecorder(t)
	r.OnVerify(t.Context(), jwtauth.Verification{Duration: 700 * time.Nanosecond, Cached: true})
	r.OnVerify(t.Context(), jwtauth.Verification{Duration: 40 * time.Microsecond, Cached: true})
	m := r.metrics(t)["jwtauth.verification.duration"]
	p := m.Data.(metricdata.Histogram[float64]).DataPoints[0]
	if m.Unit != "s" || p.Sum < 40.69e-6 || p.Sum > 40.71e-6 {
		t.Errorf("unit %s, sum %v", m.Unit, p.Sum)
	}
	if first := slices.IndexFunc(p.BucketCounts, func(n uint64) bool { return n > 0 }); first != 0 || p.BucketCounts[5] != 1 {
		t.Errorf("bounds %v, counts %v", p.Bounds, p.BucketCounts)
	}
}

// A span has no events of accepted tokens, unless they took long.
func TestVerificationSpanEvents(t *testing.T) {
	r := newRecorder(t)
	// A busy machine may take long to verify.
	at := func(ctx context.Context, v jwtauth.Verification) {
		v.Duration = 30 * time.Microsecond
		r.OnVerify(ctx, v)
	}
	issuer := newIssuer(t, r, func(o *jwtauth.IssuerOptions) { o.OnVerify = at })
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, events := traced(t.Context())
	for _, token := range []string{token, secret} {
		_, _ = issuer.VerifyToken(ctx, token)
	}
	for _, d := range []time.Duration{999 * time.Microsecond, time.Millisecond} {
		r.OnVerify(ctx, jwtauth.Verification{Algorithm: jwtauth.ES256, Duration: d})
	}
	want := []string{
		`jwtauth.verification{error.type="token_invalid",jwtauth.cached="false"}`,
		`jwtauth.verification{jwtauth.algorithm="ES256",jwtauth.cached="false"}`,
	}
	if got := events(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// A span gets its events even if there are no metrics.
func TestSpanEventsWithoutMetrics(t *testing.T) {
	telemetry, err := otelauth.New(otelauth.Options{MeterProvider: noop.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, events := traced(t.Context())
	telemetry.OnVerify(ctx, jwtauth.Verification{Duration: time.Second})
	telemetry.OnEvent(ctx, jwtauth.Event{Kind: jwtauth.EventLogin})
	want := []string{`jwtauth.verification{jwtauth.cached="false"}`, `jwtauth.session{jwtauth.session.event="login"}`}
	if got := events(); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// A Check can return errors with any code. They share one series.
func TestUnknownOutcomes(t *testing.T) {
	r := newRecorder(t)
	ctx, events := traced(t.Context())
	const n = 100 // a span keeps 128 events
	for i := range n {
		r.OnVerify(ctx, jwtauth.Verification{Code: fmt.Sprint(secret, i), Algorithm: jwtauth.Algorithm(fmt.Sprint(secret, i))})
	}
	r.collect(t).want(t, figures{`jwtauth.verification.duration{error.type="_OTHER",jwtauth.cached="false"}`: n})
	if got := strings.Join(events(), " "); strings.Contains(got, secret) || strings.Count(got, "_OTHER") != n {
		t.Error(got)
	}
}

// Every algorithm and every code of the packages has a series of its own.
func TestKnownOutcomes(t *testing.T) {
	r := newRecorder(t)
	want := make(figures)
	for _, alg := range []jwtauth.Algorithm{
		jwtauth.HS256, jwtauth.HS384, jwtauth.HS512, jwtauth.RS256, jwtauth.RS384, jwtauth.RS512,
		jwtauth.PS256, jwtauth.PS384, jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA,
	} {
		r.OnVerify(t.Context(), jwtauth.Verification{Algorithm: alg})
		want[fmt.Sprintf(`jwtauth.verification.duration{jwtauth.algorithm=%q,jwtauth.cached="false"}`, alg)] = 1
	}
	codes := codesIn(t, "../errors.go", `(?m)^//\t\d{3} (\w+)`)
	codes = append(codes, codesIn(t, "../guard/errors.go", `Code: +"(\w+)"`)...)
	codes = append(codes, codesIn(t, "../dpop/errors.go", `code, detail :?= "(\w+)"`)...)
	codes = append(codes, codesIn(t, "../dpop/certificates.go", `Code: +"(\w+)"`)...)
	slices.Sort(codes)
	codes = slices.Compact(codes) // the table in errors.go also has the code of package guard
	if len(codes) < 23 {
		t.Errorf("only %d codes found: %q", len(codes), codes)
	}
	for _, code := range codes {
		r.OnVerify(t.Context(), jwtauth.Verification{Code: code})
		want[fmt.Sprintf(`jwtauth.verification.duration{error.type=%q,jwtauth.cached="false"}`, code)] = 1
	}
	r.collect(t).want(t, want)
}

// codesIn returns the codes in a source file of the root module.
func codesIn(t *testing.T, file, pattern string) (codes []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		codes = append(codes, match[1])
	}
	return codes
}

// Many goroutines see an outcome for the first time.
func TestConcurrentVerifications(t *testing.T) {
	r := newRecorder(t)
	done := make(chan bool)
	const goroutines, each = 8, 100
	codes := []string{"token_expired", "token_invalid", "unavailable", "forbidden"}
	for range goroutines {
		go func() {
			defer func() { done <- true }()
			for i := range each {
				r.OnVerify(context.Background(), jwtauth.Verification{Code: codes[i%len(codes)]})
			}
		}()
	}
	for range goroutines {
		<-done
	}
	want := make(figures)
	for _, code := range codes {
		want[fmt.Sprintf(`jwtauth.verification.duration{error.type=%q,jwtauth.cached="false"}`, code)] = goroutines * each / 4
	}
	r.collect(t).want(t, want)
}
