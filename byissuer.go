package jwtauth

import (
	"context"
	"fmt"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// ByIssuer returns a verifier for the tokens of several issuers. A token is
// verified by the Verifier whose VerifierOptions.Issuer equals its "iss", with
// the keys, the audience and all other rules of that Verifier. A token of
// another issuer, or without "iss", is rejected with [ErrIssuerMismatch] before
// any key is looked up.
//
// The "iss" is read before the signature is checked. It only selects a
// Verifier, which checks it again.
//
// ByIssuer refuses an empty list, a nil Verifier, one with AnyIssuer, and two
// of the same issuer. The error joins all faults.
func ByIssuer(verifiers ...*Verifier) (TokenVerifier, error) {
	var f faults.Collector
	if len(verifiers) == 0 {
		f.Add("ByIssuer: verifiers", "is empty")
	}
	b := &byIssuer{verifiers: make(map[string]*Verifier, len(verifiers))}
	for i, v := range verifiers {
		path := fmt.Sprintf("ByIssuer: verifiers[%d]", i)
		switch {
		case v == nil:
			f.Add(path, "is nil")
		case v.rules.issuer == "":
			f.Add(path, "accepts tokens of any issuer (VerifierOptions.AnyIssuer)")
		case b.verifiers[v.rules.issuer] != nil:
			f.Add(path, "is for %q, like another Verifier in the list", v.rules.issuer)
		default:
			b.verifiers[v.rules.issuer] = v
			b.maxBytes = max(b.maxBytes, v.rules.maxBytes)
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return b, nil
}

type byIssuer struct {
	verifiers map[string]*Verifier
	maxBytes  int // the largest limit of them
}

func (b *byIssuer) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	v, err := b.choose(token)
	if err != nil {
		return nil, err
	}
	return v.VerifyToken(ctx, token)
}

// choose returns the Verifier for the "iss" in a token. It reads up to the
// first "iss" only: the Verifier checks that the rest is well formed and that
// there is no second one.
func (b *byIssuer) choose(token string) (*Verifier, error) {
	if len(token) > b.maxBytes {
		return nil, errTokenTooLong
	}
	first, second, ok := compact.Split(token)
	if !ok {
		return nil, errNotCompact
	}
	var stack [1 << 10]byte // larger payloads go to the heap
	payload, ok := compact.Decode(stack[:0], token[first+1:second])
	if !ok {
		return nil, errPayloadEncoding
	}
	s := jsonscan.New(string(payload))
	for s.Next() {
		if s.Name() != "iss" {
			continue
		}
		issuer, ok := s.Value().Str()
		if !ok {
			return nil, errClaimType
		}
		if v := b.verifiers[issuer]; v != nil {
			return v, nil
		}
		return nil, ErrIssuerMismatch
	}
	if !s.Valid() {
		return nil, errPayloadJSON
	}
	return nil, ErrIssuerMismatch
}
