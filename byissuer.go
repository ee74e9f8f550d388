package jwtauth

import (
	"context"
	"fmt"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// ByIssuer returns a verifier for the tokens of several issuers, each judged by the one of verifiers
// whose VerifierOptions.Issuer is exactly its "iss": by that one's keys, audience and all its other rules. A
// token of any other issuer, or of none, is refused ([ErrIssuerMismatch]) without asking for keys.
//
// For that, "iss" is read before the signature is checked, to choose from this list and for nothing else; the
// verifier it leads to checks it again. Two verifiers of one issuer are refused, and so is one for any
// issuer. Its error joins all faults.
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
			f.Add(path, "takes tokens of any issuer (VerifierOptions.AnyIssuer)")
		case b.verifiers[v.rules.issuer] != nil:
			f.Add(path, "is for %q, and so is another one", v.rules.issuer)
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
	maxBytes  int // the most that any of them looks at
}

func (b *byIssuer) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	v, err := b.choose(token)
	if err != nil {
		return nil, err
	}
	return v.VerifyToken(ctx, token)
}

// choose looks the issuer up that a token claims to have. It stops at the first "iss":
// whether the rest is well formed, and whether there is a second one, the verifier will say.
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
