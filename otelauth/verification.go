package otelauth

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-0a072700/jwtauth"
)

// OnVerify records a verification. Use it as VerifierOptions.OnVerify and
// IssuerOptions.OnVerify.
//
// A token that passes here can still be refused: by [jwtauth.Live] if its
// session has ended, or by [jwtauth.RequireScope]. [Telemetry.OnError] counts
// these refusals as well.
func (t *Telemetry) OnVerify(ctx context.Context, v jwtauth.Verification) {
	span := trace.SpanFromContext(ctx)
	measured, traced := t.verifications.Enabled(ctx), span.IsRecording()
	if !measured && !traced {
		return
	}
	l := t.verificationLabels.get(outcome{knownCode(v.Code), knownAlgorithm(v.Algorithm), v.Cached})
	if measured {
		t.verifications.Record(ctx, v.Duration.Seconds(), l.record...)
	}
	if traced {
		span.AddEvent("jwtauth.verification", l.event...)
	}
}

// outcome is the part of a Verification that becomes attributes.
type outcome struct {
	code      string            // of knownCode
	algorithm jwtauth.Algorithm // of knownAlgorithm
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

// knownAlgorithm returns an algorithm of package jwtauth, or "".
func knownAlgorithm(a jwtauth.Algorithm) jwtauth.Algorithm {
	switch a {
	case jwtauth.HS256, jwtauth.HS384, jwtauth.HS512,
		jwtauth.RS256, jwtauth.RS384, jwtauth.RS512,
		jwtauth.PS256, jwtauth.PS384, jwtauth.PS512,
		jwtauth.ES256, jwtauth.ES384, jwtauth.ES512,
		jwtauth.EdDSA:
		return a
	}
	return ""
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
