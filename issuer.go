package jwtauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// Issuer signs access tokens and verifies its own. Make one with [NewIssuer]. It
// is safe for concurrent use, [Issuer.SetKeys] included.
type Issuer struct {
	issuance
	rules    rules
	party    []byte // the members "iss" and "aud" of its tokens
	verifier *Verifier
	keys     atomic.Pointer[issuerKeys]

	sessions        storeClient // without a store, its store is nil
	refreshVerifier *Verifier
}

// NewIssuer returns an Issuer that signs with key, which must have its private part. Its
// error joins all that is wrong with key and opts, each fault naming its field.
func NewIssuer(key Key, opts IssuerOptions) (*Issuer, error) {
	var f faults.Collector
	issue, rules := opts.compile(&f)
	keys := issue.newKeys(&f, "NewIssuer: key", key, "IssuerOptions.AcceptKeys", opts.AcceptKeys)
	if err := f.Err(); err != nil {
		return nil, err
	}
	i := &Issuer{issuance: issue, rules: rules, party: appendParty(nil, rules.issuer, rules.audience)}
	i.keys.Store(keys)
	i.verifier = newVerifier((*ownKeys)(i), rules)
	i.refreshVerifier = newVerifier((*ownRefreshKeys)(i), issue.refreshRules(rules))
	i.sessions.store, i.sessions.now, i.sessions.window = issue.store, rules.now, issue.window
	return i, nil
}

// issuerKeys are the keys in force, exchanged as one.
type issuerKeys struct {
	signing  *jose.Key
	header   string           // the header segment of what signing signs, and its dot
	accepted *keyset.Set[Key] // signing included
	refresh  []Key            // for refresh tokens, the first signs; none without a store
}

// newKeys adds its faults under the paths of the caller's two values.
func (i *issuance) newKeys(f *faults.Collector, path string, signing Key, acceptedPath string, accepted []Key) *issuerKeys {
	keys := &issuerKeys{signing: signing.k, accepted: newKeySet()}
	if i.store != nil {
		keys.refresh = slices.Clone(i.refreshKeys)
	}
	if err := keys.accepted.Add(signing.k); err != nil {
		f.Add(path, "%v", err)
	} else {
		if !signing.k.CanSign() {
			f.Add(path, "has no private part to sign with")
		} else {
			i.addDerived(f, keys, path, signing)
		}
		keys.header = signing.k.Header("JWT")
	}
	for n, key := range accepted {
		path := fmt.Sprintf("%s[%d]", acceptedPath, n)
		if err := keys.accepted.Add(key.k); err != nil {
			f.Add(path, "%v", err)
		} else {
			i.addDerived(f, keys, path, key)
		}
	}
	if len(keys.refresh) > maxCandidates {
		f.Add(acceptedPath, "makes %d keys that refresh tokens are tried with, RefreshKeys included; at most %d are", len(keys.refresh), maxCandidates)
	}
	return keys
}

// addDerived has refresh tokens verify that were signed with a key derived from
// key. Where no RefreshKeys are configured, that must be possible: else it would log people out.
func (i *issuance) addDerived(f *faults.Collector, keys *issuerKeys, path string, key Key) {
	if i.store == nil {
		return
	}
	derived, err := deriveRefreshKey(key, i.issuer)
	switch {
	case err == nil:
		keys.refresh = append(keys.refresh, derived)
	case len(i.refreshKeys) == 0:
		f.Add(path, "%v (with Sessions, refresh tokens are signed with a key derived from this one, unless RefreshKeys are set)", err)
	}
}

// SetKeys exchanges the keys while requests run: from then on tokens are signed with signing, and verify where
// signing or one of accepted signed them; tokens of any other key are refused at once. [Issuer.JWKS] publishes the
// same keys. On an error, which joins all faults, the old keys stay in force.
//
// A rotation that refuses nobody takes three steps. With several instances, each step is done on all of them
// before the next one begins:
//
//  1. Publish: SetKeys(old, next). Then wait until nobody holds a set without next: 5 minutes, which is what
//     JWKS allows others to keep it for; 10 where shared caches stand between that do not ask the origin; longer where some keep theirs longer and do not ask again for an unknown kid.
//  2. Sign: SetKeys(next, old). Then wait until nothing that old signed can be in use: AccessTTL, or the longest
//     [ExpiresIn], plus Leeway, from when the last instance took this step; where there are Sessions without RefreshKeys,
//     IdleTTL if that is longer, since refresh tokens then derive from the signing key (old must keep its private part for that).
//  3. Withdraw: SetKeys(next).
//
// HS… keys are not published; the first step is needed all the same where there are several instances.
//
// A key that has leaked is not rotated but replaced: SetKeys(fresh) at once, on all instances. All its tokens are
// refused from then on, and without RefreshKeys everybody logs in again. A service with [RemoteKeys] learns of it with
// the first token of the new key, or when it fetches next: within 5 minutes, counted from its last fetch, while it can reach the set.
// RefreshKeys that leaked with it are replaced as well, which takes a new Issuer.
func (i *Issuer) SetKeys(signing Key, accepted ...Key) error {
	var f faults.Collector
	keys := i.newKeys(&f, "SetKeys: signing", signing, "SetKeys: accepted", accepted)
	if err := f.Err(); err != nil {
		return err
	}
	i.keys.Store(keys)
	return nil
}

// ownKeys is an Issuer as the KeySource of its own verifier.
type ownKeys Issuer

func (o *ownKeys) VerificationKeys(_ context.Context, alg Algorithm, kid string) ([]Key, error) {
	return o.keys.Load().accepted.Lookup(jose.Algorithm(alg), kid), nil
}

// VerifyToken judges a token that this issuer signed, as [Verifier.VerifyToken] does.
func (i *Issuer) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	return i.verifier.VerifyToken(ctx, token)
}

// SignOption changes one token that [Issuer.Sign] signs.
type SignOption func(*tokenSpec)

// ExpiresIn gives a token another life than IssuerOptions.AccessTTL: whole seconds, at most 366 days.
func ExpiresIn(d time.Duration) SignOption { return func(s *tokenSpec) { s.ttl = d } }

// ForAudience gives a token another audience than IssuerOptions.Audience. This issuer verifies the
// token only if one of its own audiences is among them; none sets no "aud" at all.
func ForAudience(audience ...string) SignOption {
	return func(s *tokenSpec) { s.audience = append([]string{}, audience...) }
}

// Sign returns a new access token for subject, with no session behind it.
//
// claims are private claims: a struct, a map or any other value that encoding/json makes an
// object of, or nil. A member named like a registered claim (iss, sub, aud, exp, nbf, iat,
// jti, sid, auth_time, gen), in any case, is an error; "scope" is allowed, as a string or
// an array of strings. So is every object with two members whose names differ only in case.
//
// The token has "sub", "iat", "exp", a random "jti" (RFC 9068 §2.2), and "iss" and "aud" where configured. A token is
// always somebody's: where nobody logged in, name what it is for, such as "guest". An empty subject, one over 1 KiB, and claims that make the token longer than 16 KiB, which no verifier would take, are errors.
func (i *Issuer) Sign(subject string, claims any, opts ...SignOption) (string, error) {
	spec := tokenSpec{subject: subject, private: claims, ttl: i.ttl}
	for _, opt := range opts {
		opt(&spec)
	}
	token, _, err := i.sign(&spec)
	return token, err
}

// tokenSpec is what goes into one access token.
type tokenSpec struct {
	subject   string
	private   any
	ttl       time.Duration
	audience  []string  // nil for the issuer's
	authTime  time.Time // the zero time for none
	sessionID string    // "" for none
	endsAt    time.Time // of the session, which no token outlives
}

// sign returns the token and how many seconds it lives.
func (i *Issuer) sign(spec *tokenSpec) (string, int, error) {
	var f faults.Collector
	if err := checkTTL(spec.ttl); err != nil {
		f.Add("ExpiresIn: d", "%w", err)
	}
	f.Name("Sign: subject", spec.subject)
	party := i.party
	if spec.audience != nil {
		f.Names("ForAudience: audience", spec.audience)
		party = appendParty(nil, i.rules.issuer, spec.audience)
	}
	private, err := marshalPrivate(spec.private)
	if err := errors.Join(f.Err(), err); err != nil {
		return "", 0, err
	}

	issuedAt := i.rules.now().Unix()
	expiresAt := issuedAt + int64(spec.ttl/time.Second)
	if !spec.endsAt.IsZero() {
		expiresAt = min(expiresAt, spec.endsAt.Unix())
		if expiresAt <= issuedAt {
			return "", 0, ErrSessionEnded
		}
	}
	if issuedAt < 0 || expiresAt > maxTime {
		return "", 0, errors.New("jwtauth: the clock is set outside the years 1970 to 9999")
	}

	var stack [512]byte // larger payloads go to the heap
	payload := appendString(append(stack[:0], `{"sub":`...), spec.subject)
	payload = append(payload, party...)
	payload = strconv.AppendInt(append(payload, `,"iat":`...), issuedAt, 10)
	payload = strconv.AppendInt(append(payload, `,"exp":`...), expiresAt, 10)
	payload = appendString(append(payload, `,"jti":`...), rand.Text())
	if spec.sessionID != "" {
		payload = appendString(append(payload, `,"sid":`...), spec.sessionID)
	}
	if !spec.authTime.IsZero() {
		payload = strconv.AppendInt(append(payload, `,"auth_time":`...), spec.authTime.Unix(), 10)
	}
	if len(private) > 0 {
		payload = append(append(payload, ','), private...)
	}
	payload = append(payload, '}')

	keys := i.keys.Load()
	token, err := seal(keys.signing, keys.header, payload)
	if err != nil {
		return "", 0, err
	}
	if len(token) > i.rules.maxBytes {
		return "", 0, fmt.Errorf("jwtauth: the token would be %d bytes long, and verifiers take %d: put less into the claims", len(token), i.rules.maxBytes)
	}
	return token, int(expiresAt - issuedAt), nil
}

// marshalPrivate returns the members of a caller's claims, without the braces.
func marshalPrivate(claims any) ([]byte, error) {
	if claims == nil {
		return nil, nil
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: claims: %w", err)
	}
	object := string(text)
	if object == "null" { // a nil map or pointer
		return nil, nil
	}
	s := jsonscan.New(object)
	var names jsonscan.FoldSet
	for s.Next() {
		if isRegistered(s.Name()) {
			return nil, fmt.Errorf("jwtauth: claims: %q is not the caller's to set", s.Name())
		}
		if !names.Add(s.Name()) || s.Value().AmbiguousCase() {
			return nil, errors.New("jwtauth: claims: two members of one object differ only in case")
		}
		if s.Name() == "scope" && !new(Claims).addScopes(s.Value()) {
			return nil, errors.New("jwtauth: claims: scope is neither a string nor an array of strings")
		}
	}
	if !s.Valid() {
		return nil, fmt.Errorf("jwtauth: claims: %T does not make one strict JSON object", claims)
	}
	return text[1 : len(text)-1], nil
}

// appendParty appends the members "iss" and "aud", each behind a comma.
func appendParty(dst []byte, issuer string, audience []string) []byte {
	if issuer != "" {
		dst = appendString(append(dst, `,"iss":`...), issuer)
	}
	switch len(audience) {
	case 0:
		return dst
	case 1:
		return appendString(append(dst, `,"aud":`...), audience[0])
	}
	dst = append(dst, `,"aud":`...)
	for n, name := range audience {
		dst = append(dst, "[,"[min(n, 1)])
		dst = appendString(dst, name)
	}
	return append(dst, ']')
}

// appendString appends s, which is valid UTF-8, as a JSON string.
func appendString(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, _ := json.Marshal(s) // a string always can be
			return append(dst, text...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// deriveRefreshKey returns the HMAC key that an issuer signs refresh tokens with, given one of
// RefreshKeys, or a signing key where there are none (HKDF, RFC 5869). It differs from both, so that what verifies
// access tokens, here or in another library, never takes a refresh token for one, and from
// that of another issuer with the same keys, so that neither exchanges the other's tokens.
func deriveRefreshKey(key Key, issuer string) (Key, error) {
	derived, err := key.k.DeriveHMAC("jwtauth refresh token\x00" + issuer)
	return Key{derived}, err
}

// seal returns a token: header segment with its dot, payload, signature.
func seal(by *jose.Key, header string, payload []byte) (string, error) {
	token, err := jose.Seal(by, header, payload)
	if err != nil {
		return "", fmt.Errorf("jwtauth: signing: %w", err)
	}
	return token, nil
}
