package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

// TokenVerifier judges a token. *[Issuer] and *[Verifier] do; so may a fake in a test, or a client of
// an introspection endpoint (RFC 7662).
//
// A refused token's error is [ErrTokenInvalid], or a more exact one that wraps
// it; where nothing could be decided it is [ErrUnavailable]. No error holds token text.
type TokenVerifier interface {
	VerifyToken(ctx context.Context, token string) (*Claims, error)
}

// Verifier judges the tokens of one issuer, with keys that it asks a [KeySource] for.
// Make one with [NewVerifier]. It is safe for concurrent use.
type Verifier struct {
	keys    KeySource
	rules   rules
	headers headerCache
	cache   *tokencache.Cache[verified] // nil for none
}

// NewVerifier returns a Verifier that takes tokens signed by one of keys. Its
// error joins all that is wrong with opts, each fault naming its field.
func NewVerifier(keys KeySource, opts VerifierOptions) (*Verifier, error) {
	var f faults.Collector
	if faults.IsNil(keys) {
		f.Add("NewVerifier: keys", "is nil")
	}
	r := opts.compile(&f)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return newVerifier(keys, r), nil
}

func newVerifier(keys KeySource, r rules) *Verifier {
	v := &Verifier{keys: keys, rules: r}
	if r.cacheSize > 0 {
		v.cache = tokencache.New[verified](r.cacheSize)
	}
	return v
}

// maxCandidates is how many keys are tried on one token, so that a token without a kid costs a
// bounded number of signature checks, however large the key set.
const maxCandidates = 16

// maxWork bounds the same by what the checks cost, in units of one with RSA of 2048 bits: large RSA keys are tried fewer at a
// time, though always one.
const maxWork = 32

// VerifyToken judges one token (RFC 8725 §3, RFC 7519 §7.2), cheap before dear and the signature
// before the content, and returns new claims. Errors, beside [ErrTokenInvalid], which each of them is:
// [ErrTokenMalformed], [ErrTokenType], [ErrKeyUnknown], [ErrSignatureInvalid], [ErrClaimsInvalid],
// [ErrIssuerMismatch], [ErrAudienceMismatch], [ErrTokenExpired], [ErrTokenNotYetValid],
// [ErrTokenTooOld]. [ErrUnavailable], which is none of them, says that the keys could not be had.
func (v *Verifier) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	now := v.rules.now()
	claims, by, err := v.read(ctx, token, now)
	if err != nil {
		return nil, err
	}
	if err := v.rules.checkDates(claims, now); err != nil {
		return nil, err
	}
	if by != (Key{}) && v.cache != nil && !by.k.Symmetric() && len(token) <= maxRememberedBytes {
		// A copy: what the caller does to its claims must not reach the next request.
		remembered := &verified{claims: *claims, key: by}
		remembered.claims.detach()
		v.cache.Put(strings.Clone(token), remembered)
	}
	if v.rules.sessions != nil {
		if err := checkSession(ctx, v.rules.sessions, claims, now); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// read judges all of a token but its dates. It returns the key that signed it,
// or the zero Key where the token was remembered.
func (v *Verifier) read(ctx context.Context, token string, now time.Time) (*Claims, Key, error) {
	if len(token) > v.rules.maxBytes {
		return nil, Key{}, errTokenTooLong
	}
	first, second, ok := compact.Split(token)
	if !ok {
		return nil, Key{}, errNotCompact
	}
	header, known, err := v.header(token[:first])
	if err != nil {
		return nil, Key{}, err
	}
	keys, err := v.keys.VerificationKeys(ctx, header.alg, header.kid)
	if err != nil {
		return nil, Key{}, keySourceError(err)
	}
	keys = candidates(keys, header.alg)

	if v.cache != nil && !header.symmetric {
		if hit := v.cache.Get(token); hit != nil && slices.Contains(keys, hit.key) {
			return hit.claims.fresh(now), Key{}, nil
		}
	}
	by, err := signer(keys, header.alg, token, second)
	if err != nil {
		return nil, Key{}, err
	}
	if !known {
		v.headers.learn(token[:first], header, now)
	}

	// From here on the text is that of a trusted key's holder.
	claims := &Claims{verifiedAt: now}
	if err := v.rules.readClaims(claims, token[first+1:second]); err != nil {
		return nil, Key{}, err
	}
	return claims, by, nil
}

// verified is what the cache remembers of a token: nothing that could fail is in it but dates,
// which are checked again, and the key, which must still be trusted.
type verified struct {
	claims Claims
	key    Key
}

// maxRememberedBytes keeps a few huge tokens from filling the memory that CacheSize promises.
const maxRememberedBytes = 8 << 10

var (
	errTokenTooLong = fmt.Errorf("%w: longer than MaxTokenBytes", ErrTokenMalformed)
	errNotCompact   = fmt.Errorf("%w: not three segments", ErrTokenMalformed)
	errHeader       = fmt.Errorf("%w: header", ErrTokenMalformed)
)

// candidates leaves out what lies beyond maxCandidates and maxWork.
func candidates(keys []Key, alg Algorithm) []Key {
	keys = keys[:min(len(keys), maxCandidates)]
	work := 0
	for i, key := range keys {
		if key.Algorithm() != alg || alg == "" {
			continue
		}
		first := work == 0
		if work += key.k.Work(); work > maxWork && !first {
			return keys[:i]
		}
	}
	return keys
}

// signer returns the key that made the signature of a token whose second dot stands at dot.
func signer(keys []Key, alg Algorithm, token string, dot int) (Key, error) {
	err := error(ErrKeyUnknown)
	for _, key := range keys {
		// The algorithm is the key's, whatever a KeySource hands out.
		if key.Algorithm() != alg || alg == "" {
			continue
		}
		if key.k.Verify(token, dot) {
			return key, nil
		}
		err = ErrSignatureInvalid
	}
	return Key{}, err
}

// keySourceError lets a key source say that it does not know the key, and takes
// anything else for an outage: then it is not known whether the token is bad.
func keySourceError(err error) error {
	if errors.Is(err, ErrTokenInvalid) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: key source: %v", ErrUnavailable, err)
}

// header is a checked header: what is left of it to act on.
type header struct {
	alg       Algorithm
	kid       string
	symmetric bool // the algorithm, whose signatures cost less than remembering them
}

// header judges a header segment, unless it is known.
func (v *Verifier) header(segment string) (h *header, known bool, err error) {
	if h := v.headers.known(segment); h != nil {
		return h, true, nil
	}
	parsed, ok := compact.ParseHeader(segment)
	if !ok {
		return nil, false, errHeader
	}
	if !v.rules.takesType(parsed) {
		return nil, false, ErrTokenType
	}
	alg := canonicalAlgorithm(parsed.Algorithm)
	return &header{alg: alg, kid: parsed.KeyID, symmetric: alg.symmetric()}, false, nil
}

// canonicalAlgorithm folds the second name of one algorithm (RFC 9864 §2.2) into the first.
func canonicalAlgorithm(name string) Algorithm {
	if name == "Ed25519" {
		return EdDSA
	}
	return Algorithm(name)
}

// takesType judges the media type that a header gives its token (RFC 7515 §4.1.9, RFC 8725 §3.11).
func (r *rules) takesType(h compact.Header) bool {
	if r.types == nil {
		return !h.Typed || strings.EqualFold(shortType(h.Type), "JWT") || strings.EqualFold(shortType(h.Type), "at+jwt")
	}
	return h.Typed && slices.Contains(r.types, strings.ToLower(shortType(h.Type)))
}

// shortType leaves out the "application/" that a media type in a header may go without.
func shortType(t string) string {
	const prefix = "application/"
	if len(t) > len(prefix) && strings.EqualFold(t[:len(prefix)], prefix) && !strings.Contains(t[len(prefix):], "/") {
		return t[len(prefix):]
	}
	return t
}

// readClaims reads a payload segment into c and checks all that will not change with time.
func (r *rules) readClaims(c *Claims, segment string) error {
	var stack [1 << 10]byte // larger payloads go to the heap
	payload, ok := compact.Decode(stack[:0], segment)
	if !ok {
		return errPayloadEncoding
	}
	if err := c.scan(string(payload), r.scopeClaims); err != nil {
		return err
	}
	switch {
	case c.ExpiresAt.IsZero():
		return errExpMissing
	case r.maxAge > 0 && c.IssuedAt.IsZero():
		return errIatMissing
	case r.issuer != "" && c.Issuer != r.issuer:
		return ErrIssuerMismatch
	case len(r.audience) > 0 && !containsAny(c.Audience, r.audience):
		return ErrAudienceMismatch
	}
	return nil
}

func containsAny(have, want []string) bool {
	for _, w := range want {
		if slices.Contains(have, w) {
			return true
		}
	}
	return false
}

// checkDates judges what a verifier must ask at every request (RFC 7519 §4.1.4 to
// §4.1.6). A token is expired from the very instant of exp on.
func (r *rules) checkDates(c *Claims, now time.Time) error {
	early, late := now.Add(-r.leeway), now.Add(r.leeway)
	switch {
	case !early.Before(c.ExpiresAt):
		return ErrTokenExpired
	case late.Before(c.NotBefore) || late.Before(c.IssuedAt):
		return ErrTokenNotYetValid
	case r.maxAge > 0 && !early.Before(c.IssuedAt.Add(r.maxAge)):
		return ErrTokenTooOld
	}
	return nil
}

// headerCache knows header segments of tokens that verified: a service meets a handful.
// Reading takes no lock; what it holds is bounded, and only a key's holder can add to it.
type headerCache struct {
	seen  atomic.Pointer[map[string]*header]
	mu    sync.Mutex // taken to learn
	begun time.Time  // when the table was last empty
}

const maxKnownHeaders = 64

func (c *headerCache) known(segment string) *header {
	if seen := c.seen.Load(); seen != nil {
		return (*seen)[segment]
	}
	return nil
}

// A full table begins anew, but at most once a minute: with headers that never
// come again, learning would cost more than it saves.
func (c *headerCache) learn(segment string, h *header, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := make(map[string]*header)
	if seen := c.seen.Load(); seen != nil {
		if len(*seen) < maxKnownHeaders {
			maps.Copy(next, *seen)
		} else if now.Sub(c.begun) < time.Minute {
			return
		}
	}
	if len(next) == 0 {
		c.begun = now
	}
	next[strings.Clone(segment)] = h
	c.seen.Store(&next)
}
