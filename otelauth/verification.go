package otelauth

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-0a072700/jwtauth"
)

// slow is the duration from which a verification is an event of the span, even
// if the token was accepted.
const slow = time.Millisecond

// OnVerify records a verification. Use it as VerifierOptions.OnVerify and
// IssuerOptions.OnVerify. The span gets an event if the token was refused, or
// if its verification took 1 ms or longer, such as to fetch keys.
//
// A token that passes here can still be refused: by [jwtauth.Live] if its
// session has ended, or by [jwtauth.RequireScope]. [Telemetry.OnError] counts
// these refusals as well.
func (t *Telemetry) OnVerify(ctx context.Context, v jwtauth.Verification) {
	measured := t.verifications.Enabled(ctx)
	// The event of every accepted token would take longer than its metrics.
	traced := (v.Code != "" || v.Duration >= slow) && trace.SpanFromContext(ctx).IsRecording()
	if !measured && !traced {
		return
	}
	l := t.labelsOf(v)
	if measured {
		t.verifications.Record(ctx, v.Duration.Seconds(), l.record...)
	}
	if traced {
		trace.SpanFromContext(ctx).AddEvent("jwtauth.verification", l.event...)
	}
}

// outcome is the part of a Verification that becomes attributes.
type outcome struct {
	code      string            // of knownCode
	algorithm jwtauth.Algorithm // of algorithms
	cached    bool
}

func (o outcome) labels() *labels {
	attributes := []attribute.KeyValue{cached.Bool(o.cached)}
	if o.algorithm != "" {
		attributes = append(attributes, algorithm.String(string(o.algorithm)))
	}
	if o.code != "" {
		attributes = append(attributes, errorType.String(o.code))
	}
	return newLabels(attributes...)
}

// acceptedLabels are the labels of accepted tokens, by the index of the
// algorithm and by Cached. A map takes four times as long as two indexes.
type acceptedLabels [len(algorithms)][2]*labels

func newAcceptedLabels() *acceptedLabels {
	var l acceptedLabels
	for i, algorithm := range algorithms {
		l[i] = [2]*labels{outcome{algorithm: algorithm}.labels(), outcome{algorithm: algorithm, cached: true}.labels()}
	}
	return &l
}

// labelsOf returns the labels of a verification.
func (t *Telemetry) labelsOf(v jwtauth.Verification) *labels {
	algorithm := algorithmIndex(v.Algorithm)
	switch {
	case v.Code != "":
		return t.refusedLabels.get(outcome{knownCode(v.Code), algorithms[algorithm], v.Cached})
	case v.Cached:
		return t.acceptedLabels[algorithm][1]
	}
	return t.acceptedLabels[algorithm][0]
}

// algorithms are those of package jwtauth, after "" for any other.
var algorithms = [...]jwtauth.Algorithm{
	"",
	jwtauth.HS256, jwtauth.HS384, jwtauth.HS512,
	jwtauth.RS256, jwtauth.RS384, jwtauth.RS512,
	jwtauth.PS256, jwtauth.PS384, jwtauth.PS512,
	jwtauth.ES256, jwtauth.ES384, jwtauth.ES512,
	jwtauth.EdDSA,
}

// algorithmIndex returns the index of a in algorithms, or 0.
func algorithmIndex(a jwtauth.Algorithm) int {
	switch a {
	case jwtauth.HS256:
		return 1
	case jwtauth.RS256:
		return 4
	case jwtauth.ES256:
		return 10
	case jwtauth.EdDSA:
		return 13
	}
	return max(0, slices.Index(algorithms[:], a)) // less common
}

// knownCode returns a code of the packages jwtauth, guard and dpop, or "". Any
// other code is [other]: an error with a method HTTPProblem can have any text.
func knownCode(code string) string {
	switch code {
	case "",
		"invalid_request", "body_invalid", "password_invalid",
		"token_missing", "token_expired", "token_invalid",
		"session_ended", "login_failed", "insufficient_user_authentication",
		"insufficient_scope", "forbidden", "cross_site", "insecure_transport",
		"not_found", "method_not_allowed", "body_too_large", "unsupported_media_type",
		"busy", "unavailable", "internal_error",
		"too_many_attempts",
		"invalid_dpop_proof", "use_dpop_nonce", "certificate_missing":
		return code
	}
	return other
}
