package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/decoded"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/mismatch"
	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

// TokenVerifier verifies tokens. [Issuer], [Verifier] and the results of
// [Live], [ByIssuer] and [ByIssuerFunc] implement it. So may a fake in a test,
// or a client of a token introspection endpoint (RFC 7662).
type TokenVerifier interface {
	// VerifyToken returns the claims of a valid token. It must be safe for
	// concurrent use.
	//
	// The error wraps [ErrTokenInvalid] if the token is rejected, and
	// [ErrUnavailable] if that could not be decided. It must not contain any
	// part of the token.
	VerifyToken(ctx context.Context, token string) (*Claims, error)
}

// Verifier verifies the tokens of one issuer with the keys of a [KeySource],
// which may change its keys at any time. It is safe for concurrent use. Make
// one with [NewVerifier]; the zero value cannot be used.
type Verifier struct {
	keys    KeySource
	rules   rules
	headers tokencache.Headers[header]
	cache   *tokencache.Cache[verified] // nil if nothing is remembered
}

// NewVerifier returns a Verifier that accepts tokens signed by one of keys. The
// error joins all faults, each naming its argument or field.
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

// VerifyToken verifies a token (RFC 7519, section 7.2; RFC 8725, section 3) and
// returns new claims. Cheap checks come first, and the signature is checked
// before the content. Strict JSON is one object in valid UTF-8 without repeated
// members, whose objects and arrays nest at most 256 deep.
//
// It rejects a token with
//
//   - [ErrTokenMalformed] if it is longer than MaxTokenBytes or does not have
//     three segments, or if its header has more than 8,192 characters, is not
//     strict JSON or contains "crit";
//   - [ErrTokenType] if the "typ" of the header is not one of Types;
//   - [ErrKeyUnknown] if there is no key for the "alg" and "kid" of the header,
//     as for the alg "none"; members but these, "typ" and "crit" are ignored;
//   - [ErrSignatureInvalid] if no such key made the signature. It tries at most
//     16 keys, and fewer if they are expensive: see [KeySource];
//   - [ErrClaimsInvalid] if the payload is not a strict JSON object, if "exp",
//     "nbf", "iat", "iss", "aud" or "sub" has a wrong type, or if "exp", "sub"
//     (see AnySubject) or "iat" (see MaxAge) is missing;
//   - [ErrIssuerMismatch] or [ErrAudienceMismatch] if "iss" or "aud" is not as
//     configured;
//   - [ErrTokenExpired], [ErrTokenNotYetValid] or [ErrTokenTooOld] because of
//     "exp", of "nbf" or "iat", or of MaxAge;
//   - the error of VerifierOptions.Check.
//
// Each of these errors also matches [ErrTokenInvalid], except for an error of
// Check with an HTTP form of its own. A token that is bound to a key ("cnf",
// RFC 7800) is rejected with ErrTokenInvalid as well, unless the context comes
// from a Verify with [ProofOfPossession]. If the keys cannot be looked up, the
// error is [ErrUnavailable].
func (v *Verifier) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	now := v.rules.now()
	if v.rules.onVerify == nil {
		return v.verify(ctx, token, now, nil)
	}
	var seen Verification
	start := now // reading the clock again would cost 3 % of a first use
	if v.rules.ownClock {
		start = time.Now()
	}
	claims, err := v.verify(ctx, token, now, &seen)
	seen.Duration = time.Since(start)
	seen.Code = codeOf(err)
	v.rules.onVerify(ctx, seen)
	return claims, err
}

// verify is VerifyToken without OnVerify. It notes the algorithm and a hit of
// the cache in seen, unless that is nil.
func (v *Verifier) verify(ctx context.Context, token string, now time.Time, seen *Verification) (*Claims, error) {
	var hash tokencache.Hash
	if v.cache != nil {
		hash = v.cache.Hash(token)
	}
	claims, err := v.recall(ctx, token, hash, now, seen)
	remembered := claims != nil
	var by signature
	if claims == nil && err == nil {
		claims, by, err = v.read(ctx, token, now, seen)
	}
	if err != nil {
		return nil, err
	}
	if err := v.rules.checkTimes(claims, now); err != nil {
		return nil, err
	}
	if !remembered {
		v.remember(token, hash, claims, by)
	}
	if claims.payload.bound && ctx.Value(proofKey{}) == nil {
		return nil, errBound
	}
	if v.rules.check == nil {
		return claims, nil
	}
	if ctx.Value(proofKey{}) != nil {
		// The proof is for this token only. Check may verify another one.
		ctx = context.WithValue(ctx, proofKey{}, nil)
	}
	if err := v.rules.check(ctx, claims); err != nil {
		return nil, checkError(err)
	}
	return claims, nil
}

// checkError returns the error for a token that Check refused with err.
func checkError(err error) error {
	if errors.Is(err, ErrTokenInvalid) {
		return fmt.Errorf("%w: %w", err, errCheck) // so that Renew does not renew
	}
	if hasResponse(err) {
		return err
	}
	return fmt.Errorf("%w: %w: %w", ErrTokenInvalid, errCheck, faults.Detail(err))
}

var (
	errCheck = errors.New("refused by Check")
	errBound = fmt.Errorf("%w: it is bound to a key (cnf), which VerifyToken cannot check: use Verify with ProofOfPossession (see package dpop), or request a bearer token", ErrTokenInvalid)
)

// recall returns new claims of a token that is remembered, if its key is still
// trusted. It returns nil for any other token.
func (v *Verifier) recall(ctx context.Context, token string, hash tokencache.Hash, now time.Time, seen *Verification) (*Claims, error) {
	if v.cache == nil {
		return nil, nil
	}
	hit := v.cache.Get(token, hash)
	if hit == nil {
		return nil, nil
	}
	found, err := v.keys.VerificationKeys(ctx, hit.by.header.alg, hit.by.header.kid)
	if err != nil {
		return nil, keySourceError(err)
	}
	if !slices.Contains(candidates(found, hit.by.header.alg), hit.by.key) {
		return nil, nil
	}
	if seen != nil {
		seen.Algorithm, seen.Cached = hit.by.header.alg, true
	}
	return hit.claims.fresh(now), nil
}

// signature says how a token was signed.
type signature struct {
	key    Key
	header *header
}

// read verifies all of a token except its times.
func (v *Verifier) read(ctx context.Context, token string, now time.Time, seen *Verification) (*Claims, signature, error) {
	if len(token) > v.rules.maxBytes {
		return nil, signature{}, v.rules.errTooLong
	}
	first, second, ok := compact.Split(token)
	if !ok {
		return nil, signature{}, malformed[compact.SegmentsError(token)]
	}
	header, known, err := v.header(token, first)
	if err != nil {
		return nil, signature{}, err
	}
	if seen != nil && header.alg.supported() {
		seen.Algorithm = header.alg
	}
	keys, by, err := v.signer(ctx, header, token, second)
	if err != nil {
		return nil, signature{}, err
	}
	if !known {
		v.headers.Put(token[:first], header, now)
	}

	// The holder of a trusted key wrote the token, so its content may be read.
	claims := newClaims()
	claims.verifiedAt, claims.payload.rules = now, &v.rules
	if err := v.rules.readClaims(claims, token[first+1:second]); err != nil {
		return nil, signature{}, err
	}
	if by, err = keyForIssuer(keys, by, claims, token, second); err != nil {
		return nil, signature{}, err
	}
	return claims, signature{by, header}, nil
}

var (
	errNotBefore   = fmt.Errorf("%w: nbf is in the future; compare the clocks of both machines", ErrTokenNotYetValid)
	errLifetime    = fmt.Errorf("%w: exp is before 1980; it is a time in seconds since 1970, not a lifetime", ErrTokenExpired)
	errProofType   = fmt.Errorf("%w: it is a DPoP proof, which belongs in the DPoP header, and the access token in Authorization", ErrTokenType)
	errRefreshType = fmt.Errorf("%w: it is a refresh token, which only Issuer.Refresh accepts", ErrTokenType)
	errIssuedLater = fmt.Errorf("%w: iat is in the future; compare the clocks of both machines", ErrTokenNotYetValid)
)

// lifetimesEnd is the end of the times that are too early for a token, and
// that look like a lifetime in seconds.
var lifetimesEnd = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// malformed maps the errors of package compact to those of this package.
var malformed = reasons(ErrTokenMalformed, "", compact.Errors())

// verified is a remembered token: the claims that passed every check except
// those of times, and the signature, whose key must still be trusted.
type verified struct {
	claims  Claims
	payload payload // of claims
	decoded decoded.Results
	by      signature
}

// maxRememberedBytes keeps a few large tokens from using more memory than the
// documentation of CacheSize promises.
const maxRememberedBytes = 8 << 10

// remember caches a token that was used before.
func (v *Verifier) remember(token string, hash tokencache.Hash, claims *Claims, by signature) {
	if v.cache == nil || len(token) > maxRememberedBytes || !v.cache.Seen(hash) {
		return
	}
	// The claims are copied, so that no change by the caller reaches later
	// requests, and the token, which may be part of a large text.
	entry := &verified{claims: *claims, payload: *claims.payload, by: by}
	entry.claims.detach()
	entry.claims.payload = &entry.payload
	entry.payload.decoded = &entry.decoded
	v.cache.Put(strings.Clone(token), hash, entry)
}

// header is the part of a valid header that selects the key.
type header struct {
	alg Algorithm // not empty
	kid string
}

// header reads the header segment of a token, whose first dot is at index dot.
// It returns known if the segment was accepted before, in a token whose
// signature was valid.
func (v *Verifier) header(token string, dot int) (h *header, known bool, err error) {
	segment := token[:dot]
	if h := v.headers.Get(segment); h != nil {
		return h, true, nil
	}
	parsed, err := compact.ParseHeader(segment)
	if err != nil {
		return nil, false, malformed[compact.HeaderError(token, err)]
	}
	if err := v.rules.checkType(parsed); err != nil {
		return nil, false, err
	}
	return &header{alg: canonicalAlgorithm(parsed.Algorithm), kid: parsed.KeyID}, false, nil
}

// checkType checks the media type in a header (RFC 7515, section 4.1.9;
// RFC 8725, section 3.11).
func (r *rules) checkType(h compact.Header) error {
	if !h.Typed {
		if r.untyped {
			return nil
		}
		return r.errUntyped
	}
	switch typ := compact.MediaType(h.Type); {
	case slices.Contains(r.types, typ):
		return nil
	case typ == refreshType:
		return errRefreshType
	case typ == "dpop+jwt":
		return errProofType
	default:
		return r.errType
	}
}

// readClaims reads a payload segment into c and makes all checks whose result
// does not change with time.
func (r *rules) readClaims(c *Claims, segment string) error {
	var stack [1 << 10]byte // larger payloads go to the heap
	payload, ascii, ok := compact.DecodeText(stack[:0], segment)
	if !ok {
		return payloadEncodings[compact.EncodingError(compact.PayloadSegment, segment)]
	}
	if err := c.scan(string(payload), ascii, r.scopeClaims); err != nil {
		return err
	}
	switch {
	case c.ExpiresAt.IsZero():
		return errExpMissing
	case r.maxAge > 0 && c.IssuedAt.IsZero():
		return errIatMissing
	case r.issuer != "" && c.Issuer != r.issuer:
		return r.otherIssuer.Issuer(c.Issuer)
	case len(r.audience) > 0 && !containsAny(c.Audience, r.audience):
		return r.otherAudience.Audience(c.Audience)
	case c.Subject == "" && !r.anySubject:
		return errSubMissing
	}
	return nil
}

func containsAny(have, want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool { return slices.Contains(have, w) })
}

// checkTimes makes the checks that every request needs (RFC 7519, sections
// 4.1.4 to 4.1.6). A token expires at the instant of its "exp".
func (r *rules) checkTimes(c *Claims, now time.Time) error {
	early, late := now.Add(-r.leeway), now.Add(r.leeway)
	switch {
	case !early.Before(c.ExpiresAt) && c.ExpiresAt.Before(lifetimesEnd):
		return errLifetime
	case !early.Before(c.ExpiresAt):
		return r.errExpired
	case late.Before(c.NotBefore):
		return errNotBefore
	case late.Before(c.IssuedAt):
		return errIssuedLater
	case r.maxAge > 0 && !early.Before(c.IssuedAt.Add(r.maxAge)):
		return r.errTooOld
	}
	return nil
}

// rules are compiled VerifierOptions: defaults are filled in and values
// checked.
type rules struct {
	issuer      string   // "" for any
	audience    []string // empty for any
	anySubject  bool
	check       func(context.Context, *Claims) error // nil for none
	onVerify    func(context.Context, Verification)  // nil for none
	types       []string                             // as compact.MediaType returns them
	untyped     bool                                 // a header without a type is accepted
	scopeClaims []string
	maxBytes    int
	cacheSize   int // 0 for none
	leeway      time.Duration
	maxAge      time.Duration // 0 for any
	now         func() time.Time
	ownClock    bool // now is not time.Now

	// These errors name the options. They are built once, so that refusing a
	// token costs no more than accepting it.
	otherIssuer, otherAudience                             *mismatch.Errors
	errExpired, errTooOld, errTooLong, errType, errUntyped error
}

// buildErrors builds the errors of r.
func (r *rules) buildErrors() {
	r.otherIssuer = mismatch.New(ErrIssuerMismatch, "iss", []string{r.issuer})
	r.otherAudience = mismatch.New(ErrAudienceMismatch, "aud", r.audience)
	r.errExpired = fmt.Errorf("%w: exp is more than Leeway (%v) ago", ErrTokenExpired, r.leeway)
	r.errTooOld = fmt.Errorf("%w: iat is more than %v ago", ErrTokenTooOld, r.maxAge)
	r.errTooLong = fmt.Errorf("%w: longer than MaxTokenBytes (%d)", ErrTokenMalformed, r.maxBytes)
	r.errType = fmt.Errorf("%w: typ in the header is not one of %q", ErrTokenType, r.types)
	r.errUntyped = fmt.Errorf("%w: the header has no typ; it must be one of %q", ErrTokenType, r.types)
}
