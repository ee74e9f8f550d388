package jwtauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/batch"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
	"github.com/seed-0a072700/jwtauth/internal/numericdate"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
	"github.com/seed-0a072700/jwtauth/internal/scopes"
)

// Issuer signs access tokens, verifies them, and runs login sessions. Create
// one with [NewIssuer]. All of its methods are safe for concurrent use.
type Issuer struct {
	issuance
	rules    rules
	party    []byte // members "iss" and "aud" of the tokens
	verifier *Verifier
	keys     atomic.Pointer[issuerKeys]

	sessions        storeClient                  // unused if IssuerOptions.Sessions is nil
	limits          batch.Group[string, Session] // logins by subject, for limitSessions
	refreshVerifier *Verifier
}

// NewIssuer returns an Issuer that signs with key, which must have its private
// part. The error joins all faults, each naming its argument or field.
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

// issuance is compiled IssuerOptions, apart from the rules of the verifier.
type issuance struct {
	issuer      string
	ttl         time.Duration
	claims      func(ctx context.Context, s Session) (any, error)
	store       SessionStore // nil for none
	maxSessions int          // 0 for no limit
	idle, life  time.Duration
	window      time.Duration // 0 for none
	refreshKeys []Key         // derived from the option
	onEvent     func(context.Context, Event)

	credentialVersion func(ctx context.Context, subject string) (string, error)
}

// refreshRules returns the rules for refresh tokens, given those for access
// tokens. The two kinds differ in type and key.
func (i *issuance) refreshRules(access rules) rules {
	r := rules{types: []string{refreshType}, maxBytes: access.maxBytes, now: access.now}
	r.buildErrors()
	return r
}

// issuerKeys are the keys of an Issuer at one time.
type issuerKeys struct {
	signing  *jose.Key
	header   string           // header segment of signed tokens, with its dot
	accepted *keyset.Set[Key] // verify access tokens; includes signing
	refresh  []Key            // verify refresh tokens, and the first signs; empty without a store
}

// newKeys checks keys and returns them for use. The paths name the two
// arguments in faults.
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
		f.Add(acceptedPath, "leads to %d keys that verify refresh tokens, RefreshKeys included; the maximum is %d", len(keys.refresh), maxCandidates)
	}
	return keys
}

// addDerived makes refresh tokens verify that were signed with a key derived
// from key. Without RefreshKeys a key that does not allow this is a fault,
// because its sessions would end.
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

// SetKeys replaces the keys while requests run. From then on signing signs all
// tokens, and tokens verify if signing or one of the accepted keys signed them.
// This Issuer refuses all others at once, except refresh tokens that a key of
// RefreshKeys signed. [Issuer.JWKS] publishes the same keys. On error the keys
// are unchanged; the error joins all faults.
//
// A rotation that refuses no valid token has three steps. With several
// instances, finish each step on all of them before the next one begins:
//
//  1. Publish: SetKeys(old, next). Wait until no cache holds a set without
//     next: 5 minutes (the max-age of JWKS), or 10 behind shared caches that do
//     not revalidate. Wait longer for services that keep a set longer and do
//     not fetch it again for an unknown key ID.
//  2. Sign: SetKeys(next, old). Wait until all tokens signed with old have
//     expired: AccessTTL or the longest [ExpiresIn], plus Leeway. If Sessions
//     is set and RefreshKeys are not, wait for IdleTTL if that is longer:
//     refresh tokens are then signed with a key derived from old, which must
//     keep its private part.
//  3. Withdraw: SetKeys(next).
//
// HS… keys are not published, but several instances need the first step as
// well.
//
// If a key has leaked, replace it at once: SetKeys(fresh) on all instances. All
// tokens of the old key are refused from then on, and without RefreshKeys all
// users must log in again. A service with [RemoteKeys] notices the change with
// the first token of the new key, or within 5 minutes of its last fetch, if it
// can fetch the set. RefreshKeys that have leaked cannot be replaced in this
// way: create a new Issuer.
func (i *Issuer) SetKeys(signing Key, accepted ...Key) error {
	var f faults.Collector
	keys := i.newKeys(&f, "SetKeys: signing", signing, "SetKeys: accepted", accepted)
	if err := f.Err(); err != nil {
		return err
	}
	i.keys.Store(keys)
	return nil
}

// ownKeys is the KeySource for an Issuer's access tokens.
type ownKeys Issuer

func (o *ownKeys) VerificationKeys(_ context.Context, alg Algorithm, kid string) ([]Key, error) {
	return o.keys.Load().accepted.Lookup(jose.Algorithm(alg), kid), nil
}

func (o *ownKeys) algorithms() []jose.Algorithm { return o.keys.Load().accepted.Algorithms() }

// VerifyToken verifies an access token that this Issuer signed, as
// [Verifier.VerifyToken] does.
func (i *Issuer) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	return i.verifier.VerifyToken(ctx, token)
}

// SignOption changes one token of [Issuer.Sign].
type SignOption func(*tokenSpec)

// ExpiresIn sets the lifetime of the token, instead of IssuerOptions.AccessTTL:
// a positive number of whole seconds, at most 366 days.
func ExpiresIn(d time.Duration) SignOption { return func(s *tokenSpec) { s.ttl = d } }

// ForAudience sets the "aud" of the token, instead of IssuerOptions.Audience.
// An Issuer with an Audience verifies the token only if one of its own
// audiences is in the list. One without an Audience does not check "aud".
// Without arguments the token has no "aud".
func ForAudience(audience ...string) SignOption {
	return func(s *tokenSpec) { s.audience = append([]string{}, audience...) }
}

// NotBefore sets the "nbf" of the token: the time from which it is valid, in
// whole seconds. It must be before the token expires, and not before 1970.
func NotBefore(t time.Time) SignOption { return func(s *tokenSpec) { s.notBefore = t } }

// Sign returns a new access token for subject, without a session.
//
// The private claims are a struct, a map or another value that encoding/json
// encodes as an object, or nil. They may contain "scope", a string or an array
// of strings. They must not contain a registered claim (iss, sub, aud, exp,
// nbf, iat, jti, sid, auth_time, acr, amr, cnf, gen, upd), in upper or lower
// case. The names of two claims must not differ only in case, and no object in
// them may have two members of the same name.
//
// The token has "sub", "iat", "exp" and a random "jti" (RFC 9068, section 2.2),
// and "iss" and "aud" if they are configured.
//
// The subject is required: valid UTF-8 of at most 1 KiB without control
// characters. For anonymous tokens use a fixed name such as "guest".
//
// Sign returns an error if an argument or option breaks one of these rules, if
// the token would be longer than the 16 KiB that verifiers accept by default,
// if the clock is outside the years 1970 to 9999, or if the key fails to sign.
// The error joins all faults in the arguments.
func (i *Issuer) Sign(subject string, claims any, opts ...SignOption) (string, error) {
	spec := tokenSpec{subject: subject, private: claims, ttl: i.ttl}
	for _, opt := range opts {
		opt(&spec)
	}
	token, _, err := i.sign(&spec)
	return token, err
}

// tokenSpec describes one access token.
type tokenSpec struct {
	subject   string
	private   any
	ttl       time.Duration
	audience  []string  // nil for the issuer's
	authTime  time.Time // zero for no "auth_time"
	sessionID string    // "" for no "sid"
	endsAt    time.Time // the token expires no later; zero for no limit
	notBefore time.Time // zero for no "nbf"

	attributes attributes.Attributes // of the session
}

// sign returns the token and its lifetime in seconds.
func (i *Issuer) sign(spec *tokenSpec) (string, int, error) {
	var f faults.Collector
	if err := rotation.CheckAccessTTL(spec.ttl); err != nil {
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
	if nbf := spec.notBefore; !nbf.IsZero() && (nbf.Unix() < 0 || nbf.Unix() >= expiresAt) {
		return "", 0, errors.New("jwtauth: NotBefore: t: is not between 1970 and the expiry of the token")
	}
	if issuedAt < 0 || expiresAt > numericdate.Max {
		return "", 0, errors.New("jwtauth: the clock is outside the years 1970 to 9999")
	}

	var stack [512]byte // enough for most payloads, without an allocation
	payload := jsonwrite.String(append(stack[:0], `{"sub":`...), spec.subject)
	payload = append(payload, party...)
	payload = strconv.AppendInt(append(payload, `,"iat":`...), issuedAt, 10)
	payload = strconv.AppendInt(append(payload, `,"exp":`...), expiresAt, 10)
	payload = jsonwrite.String(append(payload, `,"jti":`...), rand.Text())
	if spec.sessionID != "" {
		payload = jsonwrite.String(append(payload, `,"sid":`...), spec.sessionID)
	}
	if !spec.authTime.IsZero() {
		payload = strconv.AppendInt(append(payload, `,"auth_time":`...), spec.authTime.Unix(), 10)
	}
	payload = spec.attributes.AppendClaims(payload)
	if !spec.notBefore.IsZero() {
		payload = strconv.AppendInt(append(payload, `,"nbf":`...), spec.notBefore.Unix(), 10)
	}
	if len(private) > 0 {
		payload = append(append(payload, ','), private...)
	}
	payload = append(payload, '}')

	keys := i.keys.Load()
	token, err := signToken(keys.signing, keys.header, payload)
	if err != nil {
		return "", 0, err
	}
	if len(token) > i.rules.maxBytes {
		return "", 0, fmt.Errorf("jwtauth: the token would be %d bytes long, and verifiers accept %d: use fewer or shorter claims", len(token), i.rules.maxBytes)
	}
	return token, int(expiresAt - issuedAt), nil
}

// marshalPrivate returns the members of the private claims, without the braces.
func marshalPrivate(claims any) ([]byte, error) {
	if claims == nil {
		return nil, nil
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, errors.New("jwtauth: claims: " + jsonwrite.Fault(err))
	}
	object := string(text)
	if object == "null" { // a nil map or pointer
		return nil, nil
	}
	s := jsonscan.New(object)
	var names jsonscan.FoldSet
	for s.Next() {
		if isRegistered(s.Name()) {
			return nil, fmt.Errorf("jwtauth: claims: %q is a registered claim and cannot be set%s", s.Name(), replacement(s.Name()))
		}
		if !names.Add(s.Name()) {
			return nil, fmt.Errorf("jwtauth: claims: two claims differ only in case: %q", s.Name())
		}
		if s.Value().RepeatsName() {
			return nil, fmt.Errorf("jwtauth: claims: %q has two members of the same name in one object", s.Name())
		}
		if s.Name() == "scope" {
			if _, ok := scopes.Add("", s.Value()); !ok {
				return nil, errors.New("jwtauth: claims: scope is neither a string nor an array of strings")
			}
		}
	}
	if !s.Valid() {
		return nil, fmt.Errorf("jwtauth: claims: %T is not encoded as a strict JSON object", claims)
	}
	return text[1 : len(text)-1], nil
}

// replacement returns how to set a registered claim, or "".
func replacement(claim string) string {
	use, ok := map[string]string{
		"iss":       "IssuerOptions.Issuer",
		"sub":       "the argument subject",
		"aud":       "IssuerOptions.Audience or ForAudience",
		"exp":       "IssuerOptions.AccessTTL or ExpiresIn",
		"nbf":       "NotBefore",
		"auth_time": "AuthenticatedAt with Login",
		"acr":       "AuthenticatedBy with Login",
		"amr":       "AuthenticatedBy with Login",
		"cnf":       "Confirmation with Login",
	}[strings.ToLower(claim)]
	if !ok {
		return ""
	}
	return "; use " + use
}

// appendParty appends the members "iss" and "aud", with a comma before each.
// One audience is written as a string, which more readers know than the array.
func appendParty(dst []byte, issuer string, audience []string) []byte {
	if issuer != "" {
		dst = jsonwrite.String(append(dst, `,"iss":`...), issuer)
	}
	switch len(audience) {
	case 0:
		return dst
	case 1:
		return jsonwrite.String(append(dst, `,"aud":`...), audience[0])
	}
	return jsonwrite.Strings(append(dst, `,"aud":`...), audience)
}

// signToken returns a token with this header segment and payload.
func signToken(by *jose.Key, header string, payload []byte) (string, error) {
	token, err := jose.SignToken(by, header, payload)
	if err != nil {
		return "", fmt.Errorf("jwtauth: signing: %w", err)
	}
	return token, nil
}
