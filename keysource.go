package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// KeySource provides the keys that a [Verifier] checks signatures with.
// [StaticKeys] returns one, and *[RemoteKeys] is one. Implementations must be
// safe for concurrent use.
type KeySource interface {
	// VerificationKeys returns the keys for tokens whose header contains the
	// algorithm alg and the key ID kid, which is empty if the header has no
	// "kid". Anyone can choose both values. Use them only to look up keys.
	//
	// If VerificationKeys returns no key and no error, the token is rejected
	// with [ErrKeyUnknown]. Return an error if the keys cannot be looked up:
	// VerifyToken then returns [ErrUnavailable], unless the error wraps
	// [ErrTokenInvalid].
	//
	// The verifier calls it for every token, remembered or not, so the keys may
	// change at any time. It ignores keys of other algorithms, tries the first
	// 16 at most, and does not change the slice. Of expensive keys it tries
	// fewer: 6 RSA keys of 3072 bits, 4 of 4096 bits, or 3 that are longer or
	// on P-384 or P-521.
	//
	// So a token that no key signed costs at most about 3 ms of one core.
	// Three keys cost more if they are on P-521 (about 9 ms) or RSA keys of
	// 6144 bits (3.5 ms) or 8192 bits (6.5 ms), or if their RSA exponent is
	// larger than 131072 (up to four times as much).
	VerificationKeys(ctx context.Context, alg Algorithm, kid string) ([]Key, error)
}

// StaticKeys returns a source of fixed keys. It keeps only the public part of
// each key. Symmetric keys have no public part, and are kept whole.
//
// A token with a "kid" is verified with the key that has this ID. If no key has
// it, the token is verified with those keys of its algorithm whose IDs were
// derived, because the issuer may use another ID for them. IDs given by
// [Key.WithID] or the "kid" of a JWK are not derived. A token without a "kid"
// is verified with all keys of its algorithm.
//
// Symmetric and public keys may be in one list, for example while an issuer
// moves from HS256 to ES256. Each key verifies tokens of its own algorithm
// only, so no token can use a public key as a secret (RFC 8725, section 3.1).
//
// StaticKeys refuses an empty list, the zero Key, and two keys with the same
// ID; but several HS… keys may have none. It also refuses a key with a derived
// ID that is never tried, because too many others come before it (see
// [KeySource]). Its error joins all faults.
func StaticKeys(keys ...Key) (KeySource, error) {
	var f faults.Collector
	if len(keys) == 0 {
		f.Add("StaticKeys: keys", "is empty")
	}
	set := newKeySet()
	positions := make([]int, len(keys)) // of the keys among those of their algorithm
	count := make(map[Algorithm]int)
	for i, key := range keys {
		if err := set.Add(key.k); err != nil {
			f.Add(fmt.Sprintf("StaticKeys: keys[%d]", i), "%v", err)
			continue
		}
		positions[i] = count[key.Algorithm()]
		count[key.Algorithm()]++
	}
	for i, key := range keys {
		all := set.Lookup(jose.Algorithm(key.Algorithm()), "")
		tried := len(candidates(all, key.Algorithm()))
		if positions[i] >= tried && len(all) > 0 && !key.k.Assigned() {
			f.Add(fmt.Sprintf("StaticKeys: keys[%d]", i), "is never tried on a token without a \"kid\", because only %d of the %s keys are; "+
				"give it the ID that its issuer uses (WithID), or remove other keys", tried, key.Algorithm())
		}
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return staticKeys{set}, nil
}

type staticKeys struct{ set *keyset.Set[Key] }

func (s staticKeys) VerificationKeys(_ context.Context, alg Algorithm, kid string) ([]Key, error) {
	return s.set.Lookup(jose.Algorithm(alg), kid), nil
}

func (s staticKeys) algorithms() []jose.Algorithm { return s.set.Algorithms() }

// keyForIssuer returns the key that signed a token and may sign for the issuer
// of its claims: by, or another one of keys. The second dot of the token is at
// index dot. Most keys are not bound to an issuer, and may sign for all.
func keyForIssuer(keys []Key, by Key, c *Claims, token string, dot int) (Key, error) {
	if by.signsFor(c) {
		return by, nil
	}
	// A set may have the same key once for each of several issuers.
	for _, key := range keys {
		if key.Algorithm() == by.Algorithm() && key.signsFor(c) && key.k.Verify(token, dot) {
			return key, nil
		}
	}
	return Key{}, errKeyIssuer
}

var errKeyIssuer = fmt.Errorf("%w: iss or tid does not match the issuer in the JWK of the key that signed the token", ErrIssuerMismatch)

// signsFor reports whether k may sign tokens with the issuer of c, by the
// issuer of its JWK.
func (k Key) signsFor(c *Claims) bool {
	const placeholder = "{tenantid}"
	issuer := k.k.Issuer()
	if issuer == "" {
		return true
	}
	if strings.Contains(issuer, placeholder) {
		tenant := c.tenant()
		if tenant == "" {
			return false
		}
		issuer = strings.ReplaceAll(issuer, placeholder, tenant)
	}
	return issuer == c.Issuer
}

// tenant returns the claim "tid", or "" if it is absent or not a string.
func (c *Claims) tenant() (tenant string) {
	s := jsonscan.New(c.payload.text)
	for s.Next() {
		if s.Name() == "tid" {
			tenant, _ = s.Value().Str()
		}
	}
	return tenant
}

// maxCandidates limits how many keys are tried on one token, so that a token
// without a "kid" costs a bounded number of signature checks.
const maxCandidates = 16

// maxWork limits the same checks by their cost. The unit is a check with RSA of
// 2048 bits, so fewer expensive keys are tried, but at least minCandidates.
const (
	maxWork       = 48
	minCandidates = 3
)

// candidates returns the first keys, so that those for alg are within
// maxCandidates and maxWork. Keys for other algorithms are not tried and cost
// nothing, so they do not count.
func candidates(keys []Key, alg Algorithm) []Key {
	work, tried := 0, 0
	for i, key := range keys {
		if key.Algorithm() != alg {
			continue
		}
		work += key.k.Work()
		if tried == maxCandidates || work > maxWork && tried >= minCandidates {
			return keys[:i]
		}
		tried++
	}
	return keys
}

// signer returns the key that signed a token whose second dot is at index dot.
// It skips keys of other algorithms, whatever the KeySource returned.
func signer(keys []Key, alg Algorithm, token string, dot int) (Key, error) {
	err := error(ErrKeyUnknown)
	for _, key := range keys {
		if key.Algorithm() != alg {
			continue
		}
		if key.k.Verify(token, dot) {
			return key, nil
		}
		err = ErrSignatureInvalid
	}
	return Key{}, err
}

// signer returns the key that signed a token whose second dot is at index dot,
// and all keys that may be tried.
func (v *Verifier) signer(ctx context.Context, h *header, token string, dot int) (keys []Key, by Key, err error) {
	found, err := v.keys.VerificationKeys(ctx, h.alg, h.kid)
	if err != nil {
		return nil, Key{}, keySourceError(err)
	}
	keys = candidates(found, h.alg)
	by, err = signer(keys, h.alg, token, dot)
	if source, ok := v.keys.(keyRenewer); ok && errors.Is(err, ErrSignatureInvalid) {
		var others []Key
		if others, err = source.keysAgain(ctx, h.alg, h.kid, found); err == nil {
			others = candidates(others, h.alg)
			by, err = signer(others, h.alg, token, dot)
		}
		if errors.Is(err, ErrKeyUnknown) { // the source has no other keys
			err = ErrSignatureInvalid
		} else {
			keys = others
		}
	}
	switch err {
	case ErrKeyUnknown:
		err = v.keyUnknown(h)
	case ErrSignatureInvalid:
		err = signatureError(h.alg, keys, token[dot+1:])
	}
	return keys, by, err
}

// keyUnknown returns the reason why there is no key for a token.
func (v *Verifier) keyUnknown(h *header) error {
	unknown := &keyUnknownError{fault: jose.AlgorithmFault(string(h.alg))}
	if unknown.fault == "" {
		unknown.alg = jose.Algorithm(h.alg)
		if source, ok := v.keys.(interface{ algorithms() []jose.Algorithm }); ok {
			unknown.have = source.algorithms()
		}
		_, unknown.fetched = v.keys.(keyRenewer)
	}
	return unknown
}

// signatureError returns the reason why none of keys made a signature of alg.
func signatureError(alg Algorithm, keys []Key, segment string) error {
	if segment == "" {
		return errSignatureEmpty
	}
	if !isBase64URL(segment) {
		return signatureFaults[compact.EncodingError(compact.SignatureSegment, segment)]
	}
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.Algorithm() == alg && k.k.Fits(segment) }) {
		return signatureFaults[jose.SignatureFault(jose.Algorithm(alg), segment)]
	}
	if jose.Algorithm(alg).Symmetric() {
		return errSecret
	}
	return errSignature
}

var (
	signatureFaults   = reasons(ErrSignatureInvalid, "", append(compact.EncodingErrors(compact.SignatureSegment), jose.SignatureFaults()...))
	errSignatureEmpty = fmt.Errorf("%w: the signature, the third segment, is empty", ErrSignatureInvalid)
	errSignature      = fmt.Errorf("%w: it was made with another key, or the token was changed", ErrSignatureInvalid)
	errSecret         = fmt.Errorf("%w: it was made with another secret, or the token was changed; perhaps only one side decodes it from base64", ErrSignatureInvalid)
)

func isBase64URL(text string) bool {
	_, ok := compact.Decode(nil, text)
	return ok
}

// keyUnknownError is an [ErrKeyUnknown]. It formats its text only if it is
// read.
type keyUnknownError struct {
	fault   string           // of the algorithm of the token, "" if it is supported
	alg     jose.Algorithm   // of the token
	have    []jose.Algorithm // of the keys, nil if unknown
	fetched bool             // the keys come from a URL
}

func (e *keyUnknownError) Is(target error) bool {
	return target == ErrKeyUnknown || target == ErrTokenInvalid
}

func (e *keyUnknownError) Error() string {
	const prefix = "jwtauth: no key for the token: "
	switch {
	case e.fault != "":
		return prefix + "alg in the header " + e.fault
	case e.have == nil:
		return prefix + "the KeySource has no " + string(e.alg) + " key for the kid in the header"
	case slices.Contains(e.have, e.alg) && e.fetched:
		return prefix + "no " + string(e.alg) + " key of the key set has the ID in kid: the issuer does not publish it (any more), or another issuer made the token"
	case slices.Contains(e.have, e.alg):
		return prefix + "no " + string(e.alg) + " key has the ID in kid; use the IDs of the issuer (Key.WithID), and its present keys"
	}
	have := make([]string, len(e.have))
	for i, alg := range e.have {
		have[i] = string(alg)
	}
	text := fmt.Sprintf("%sthe keys are for %s, the header says %s", prefix, strings.Join(have, ", "), e.alg)
	if e.alg.Symmetric() && !slices.ContainsFunc(e.have, isPublic) {
		text += fmt.Sprintf("; if the issuer uses that, configure NewKey(%s, secret) with a secret of at least %d bytes", e.alg, e.alg.MinSecret())
	}
	return text
}

func isPublic(alg jose.Algorithm) bool { return !alg.Symmetric() }

// keyRenewer is a KeySource that can look for keys that it did not return
// before, because none of those made the signature of a token.
type keyRenewer interface {
	keysAgain(ctx context.Context, alg Algorithm, kid string, earlier []Key) ([]Key, error)
}

// keySourceError passes on the errors by which a KeySource rejects a token. Any
// other error means that the token could not be verified.
func keySourceError(err error) error {
	if errors.Is(err, ErrTokenInvalid) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: key source: %v", ErrUnavailable, faults.Detail(err))
}

func newKeySet() *keyset.Set[Key] {
	return keyset.New(func(k *jose.Key) Key { return Key{k} })
}
