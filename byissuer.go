package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// ByIssuer returns a verifier for the tokens of several issuers. The keys of
// the map are the exact values of "iss". The verifier of that value verifies a
// token, with its own keys, audience and other rules. A token of another
// issuer, or of none, is refused with [ErrIssuerMismatch] without looking for
// keys.
//
// The "iss" is read before the signature is checked. It only selects the
// verifier. After the verification, ByIssuer compares the "iss" again.
//
// The values may be of any type: [Verifier], [Issuer], the result of
// [Live], or a client of an introspection endpoint. ByIssuer refuses an
// empty map, an empty issuer, a nil verifier, and a Verifier or Issuer that is
// configured for another issuer than its map key, or for no particular one. The
// error joins all faults. The verifier is safe for concurrent use.
func ByIssuer(verifiers map[string]TokenVerifier) (TokenVerifier, error) {
	var f faults.Collector
	if len(verifiers) == 0 {
		f.Add("ByIssuer: verifiers", "is empty")
	}
	for _, issuer := range slices.Sorted(maps.Keys(verifiers)) {
		path := fmt.Sprintf("ByIssuer: verifiers[%q]", issuer)
		f.Name(path, issuer)
		v := verifiers[issuer]
		if isNilVerifier(v) {
			f.Add(path, "is nil, or was not made by its constructor")
			continue
		}
		switch configured, ok := configuredIssuer(v); {
		case ok && configured == "":
			f.Add(path, "accepts tokens of any issuer; set its Issuer option")
		case ok && configured != issuer:
			f.Add(path, "is configured for the issuer %q", configured)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	own := maps.Clone(verifiers)
	lookup := func(_ context.Context, issuer string) (TokenVerifier, error) {
		if v := own[issuer]; v != nil {
			return v, nil
		}
		return nil, ErrIssuerMismatch
	}
	return &byIssuer{lookup, longestToken(own)}, nil
}

// longestToken returns the length of the longest token that one of the
// verifiers accepts.
func longestToken(verifiers map[string]TokenVerifier) (longest int) {
	for _, v := range verifiers {
		if live, ok := v.(*liveVerifier); ok {
			v = live.verifier
		}
		switch v := v.(type) {
		case *Verifier:
			longest = max(longest, v.rules.maxBytes)
		case *Issuer:
			longest = max(longest, v.verifier.rules.maxBytes)
		default:
			return maxMaxTokenBytes
		}
	}
	return longest
}

// configuredIssuer returns the issuer that v requires, if v is of a type that
// says so.
func configuredIssuer(v TokenVerifier) (issuer string, ok bool) {
	switch v := v.(type) {
	case *Verifier:
		return v.rules.issuer, true
	case *Issuer:
		return v.verifier.rules.issuer, true
	case *liveVerifier:
		return configuredIssuer(v.verifier)
	}
	return "", false
}

// ByIssuerFunc returns a verifier that calls lookup for the verifier of each
// token's issuer. Use it if the issuers are not known at start-up, as with one
// tenant per customer; otherwise use [ByIssuer].
//
// The issuer passed to lookup is unverified, not empty, valid UTF-8 and at most
// 1 KiB long. Anyone can send any value, so look it up in a list, and never
// build a URL from it or fetch keys for it. lookup returns a long-lived
// verifier, which caches keys and tokens, or an error: [ErrIssuerMismatch] if
// the issuer is not trusted. Any other error is reported as [ErrUnavailable].
// lookup must be safe for concurrent use.
//
// After the verification, "iss" is compared with the issuer that was looked up.
// ByIssuerFunc panics if lookup is nil.
func ByIssuerFunc(lookup func(ctx context.Context, issuer string) (TokenVerifier, error)) TokenVerifier {
	if lookup == nil {
		panic("jwtauth: ByIssuerFunc: lookup is nil")
	}
	return &byIssuer{lookup, maxMaxTokenBytes}
}

type byIssuer struct {
	lookup   func(ctx context.Context, issuer string) (TokenVerifier, error)
	maxBytes int // of a token
}

func (b *byIssuer) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	if len(token) > b.maxBytes {
		return nil, errTooLong
	}
	issuer, err := unverifiedIssuer(token)
	if err != nil {
		return nil, err
	}
	v, err := b.lookup(ctx, issuer)
	switch {
	case errors.Is(err, ErrIssuerMismatch):
		return nil, errIssuerUntrusted
	case err != nil:
		return nil, fmt.Errorf("%w: ByIssuerFunc: %v", ErrUnavailable, faults.Detail(err))
	case isNilVerifier(v):
		return nil, errNoVerifier
	}
	claims, err := v.VerifyToken(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case claims == nil:
		return nil, errNoVerifier
	case claims.Issuer != issuer:
		return nil, errIssuerUntrusted
	}
	return claims, nil
}

var (
	errTooLong         = fmt.Errorf("%w: longer than any MaxTokenBytes", ErrTokenMalformed)
	errIssMissing      = fmt.Errorf("%w: iss is missing", ErrIssuerMismatch)
	errIssuerUntrusted = fmt.Errorf("%w: no verifier for its iss", ErrIssuerMismatch)
	errNoVerifier      = fmt.Errorf("%w: ByIssuerFunc: lookup returned a nil verifier, or the verifier nil claims", ErrUnavailable)
)

// unverifiedIssuer returns the "iss" of a token. It reads up to the first "iss"
// only: the verifier checks that the rest is well formed and that there is no
// second one.
func unverifiedIssuer(token string) (string, error) {
	first, second, ok := compact.Split(token)
	if !ok {
		return "", malformed[compact.SegmentsError(token)]
	}
	var stack [1 << 10]byte // larger payloads go to the heap
	payload, ok := compact.Decode(stack[:0], token[first+1:second])
	if !ok {
		return "", payloadEncodings[compact.EncodingError(compact.PayloadSegment, token[first+1:second])]
	}
	s := jsonscan.New(string(payload))
	for s.Next() {
		if s.Name() != "iss" {
			continue
		}
		issuer, ok := s.Value().Str()
		switch {
		case !ok:
			return "", errIssType
		case faults.CheckName(issuer) != nil:
			return "", errIssuerUntrusted
		}
		return issuer, nil
	}
	if !s.Valid() {
		return "", payloadError(&s, string(payload))
	}
	return "", errIssMissing
}

// isNilVerifier also reports a nil pointer from a constructor whose error was
// ignored, and literals of types that need a constructor.
func isNilVerifier(v TokenVerifier) bool {
	switch v := v.(type) {
	case *Issuer:
		return v == nil || v.verifier == nil
	case *Verifier:
		return v == nil || v.keys == nil
	}
	return faults.IsNil(v)
}
