package jwtauth

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/decoded"
	"github.com/seed-0a072700/jwtauth/internal/jsondecode"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/numericdate"
	"github.com/seed-0a072700/jwtauth/internal/scopes"
)

// Claims holds the claims of a verified token. The fields are the registered
// claims of RFC 7519, section 4.1, and a few others. [Claims.Decode] reads all
// claims, including private ones.
//
// Verification refuses a token if "iss", "sub", "aud", "exp", "nbf" or "iat"
// has a value of the wrong type, such as null. It ignores such a value of any
// other claim: the field is then empty, as if the claim were absent.
//
// Every verification returns new Claims, so the receiver may change them. A
// literal with any of the fields set is useful in tests and in other
// implementations of [TokenVerifier].
type Claims struct {
	Issuer    string   // "iss"
	Subject   string   // "sub"
	Audience  []string // "aud"
	ID        string   // "jti"
	SessionID string   // "sid": the login session that the token belongs to

	// Scope is "scope", a list separated by spaces (RFC 8693, section 4.2),
	// followed by the values of VerifierOptions.ScopeClaims.
	Scope string

	// The zero time means that the claim is absent.
	ExpiresAt time.Time // "exp"
	NotBefore time.Time // "nbf"
	IssuedAt  time.Time // "iat"

	// AuthTime is "auth_time": when the subject last proved its identity
	// (OpenID Connect Core, section 2).
	AuthTime time.Time

	// AuthContext is "acr" and AuthMethods is "amr": how the subject proved its
	// identity (OpenID Connect Core, section 2; RFC 8176).
	AuthContext string
	AuthMethods []string

	payload    *payload  // nil for a literal
	audience   [1]string // backs Audience if there is a single one
	verifiedAt time.Time // by the verifier's clock; zero for a literal
}

// payload holds the parts of Claims that never change. Copies share it.
type payload struct {
	text    string           // the claims as JSON
	bound   bool             // has a "cnf" (RFC 7800, section 3.1)
	updates int64            // "upd": how often the session had been updated
	rules   *rules           // of the verifier
	decoded *decoded.Results // nil unless the token is remembered
}

// newClaims returns Claims with a payload, in one allocation.
func newClaims() *Claims {
	c := new(struct {
		claims  Claims
		payload payload
	})
	c.claims.payload = &c.payload
	return &c.claims
}

// updates returns how often the session had been updated.
func (c *Claims) updates() int64 {
	if c.payload == nil {
		return 0
	}
	return c.payload.updates
}

// Decode stores all claims in dst, which is a pointer to a struct or map, like
// [json.Unmarshal]. For Claims built as a literal it does nothing.
//
// It returns [ErrClaimsInvalid] if a claim does not fit dst. The same applies
// if the names of two claims differ only in case, if two members of a nested
// object belong to the same struct field, or if a member differs from the name
// in the tag of a field only in case: json.Unmarshal ignores case and would mix
// them up. Members of a map may differ in case, but no object that is decoded
// may have two members of the same name. The error names the claim and the Go
// type. It contains no value. If dst is not a pointer, the error says so and
// matches no exported error.
func (c *Claims) Decode(dst any) error {
	if c.payload == nil || c.payload.decoded.LoadInto(dst) {
		return nil
	}
	remember := c.payload.decoded.Wants(dst)
	all := jsonscan.ObjectOf(c.payload.text)
	if name, ambiguous := all.AmbiguousNames(); ambiguous {
		return fmt.Errorf("%w: two claims differ only in case: %q", ErrClaimsInvalid, name)
	}
	err := jsondecode.Unmarshal(all, "", dst)
	if err == nil && remember {
		c.payload.decoded.Store(dst)
	}
	return decodeError("Decode", err)
}

// Get stores the claim name in dst, a pointer, like [json.Unmarshal]. If the
// token has no claim of exactly this name, or c was built as a literal, dst is
// unchanged. Get reads only this claim, so it is faster than [Claims.Decode].
//
// The errors are those of Decode, but other claims do not matter.
func (c *Claims) Get(name string, dst any) error {
	if c.payload != nil {
		if v, ok := jsonscan.ObjectOf(c.payload.text).Member(name); ok {
			return decodeError("Get", jsondecode.Unmarshal(v, name, dst))
		}
	}
	return decodeError("Get", jsondecode.CheckPointer(dst))
}

// decodeError returns the error of the method for an error of jsondecode.
func decodeError(method string, err error) error {
	fault, ok := err.(*jsondecode.Error)
	switch {
	case err == nil:
		return nil
	case !ok: // dst is not a pointer
		return fmt.Errorf("jwtauth: %s: %w", method, err)
	case fault.Path == "":
		return fmt.Errorf("%w: the object of all claims %s", ErrClaimsInvalid, fault.Reason)
	default:
		return fmt.Errorf("%w: %w", ErrClaimsInvalid, fault)
	}
}

// UnmarshalJSON reads a JSON object of claims by the rules of a verifier. It is
// meant for tests and for clients of a token introspection endpoint (RFC 7662).
//
// It returns [ErrClaimsInvalid] if the text or a registered claim is malformed.
// It does not check times, issuer, audience or signature. On an error c is
// unchanged.
func (c *Claims) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil // by convention, see json.Unmarshaler
	}
	read := newClaims()
	if err := read.scan(string(data), false, nil); err != nil {
		return err
	}
	*c = *read
	c.detach()
	return nil
}

// HasScope reports whether scope is one of the scopes of the token (RFC 6749,
// section 3.3). It is false if scope is empty or contains a space.
func (c *Claims) HasScope(scope string) bool {
	for s := range strings.SplitSeq(c.Scope, " ") {
		if s == scope && s != "" {
			return true
		}
	}
	return false
}

// ValidFor returns how long the verifier accepts the token after it has
// verified it, by its clock: until ExpiresAt, or until the end of MaxAge, and
// for its Leeway after that. A connection that lasts longer should end then:
// see package stream. For Claims built as a literal, ValidFor returns the time
// until ExpiresAt. Without an ExpiresAt it returns 0.
func (c *Claims) ValidFor() time.Duration {
	if c.ExpiresAt.IsZero() {
		return 0
	}
	if c.verifiedAt.IsZero() {
		return time.Until(c.ExpiresAt)
	}
	end := c.ExpiresAt
	if r := c.payload.rules; r.maxAge > 0 && c.IssuedAt.Add(r.maxAge).Before(end) {
		end = c.IssuedAt.Add(r.maxAge)
	}
	return end.Add(c.payload.rules.leeway).Sub(c.verifiedAt)
}

// registeredClaims are the claims that this package reads or writes itself. A
// caller cannot set them. "scope" is read as well, but a caller may set it.
var registeredClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "acr", "amr", "cnf", "gen", "upd",
}

// isRegistered ignores case because many readers of tokens do.
func isRegistered(name string) bool {
	for _, registered := range registeredClaims {
		if strings.EqualFold(name, registered) {
			return true
		}
	}
	return false
}

// These errors are built once, so that refusing a token costs no more than
// accepting it.
var (
	errPayloadEmpty  = claimsFault("the payload, the second segment, is empty")
	errPayloadNested = claimsFault("the payload is a token itself (a nested JWT; RFC 7519, section 2)")
	errExpMissing    = claimsFault("exp is missing; a token must expire")
	errIatMissing    = claimsFault("iat is missing; VerifierOptions.MaxAge requires it")
	errSubMissing    = claimsFault("sub is missing or empty: the issuer must set it, or set AnySubject with a Check")

	errIssType = claimsFault("iss is not a string")
	errSubType = claimsFault("sub is not a string")
	errAudType = claimsFault("aud is neither a string nor an array of strings")
)

// reasons maps the errors of an internal package to errors that also wrap
// sentinel and say what they are about.
func reasons(sentinel error, about string, errs []error) map[error]error {
	m := make(map[error]error, len(errs))
	for _, err := range errs {
		m[err] = fmt.Errorf("%w: %s%w", sentinel, about, err)
	}
	return m
}

var (
	payloadFaults    = reasons(ErrClaimsInvalid, "the payload ", jsonscan.Faults())
	payloadEncodings = reasons(ErrClaimsInvalid, "", compact.EncodingErrors(compact.PayloadSegment))
	expErrors        = reasons(ErrClaimsInvalid, "exp ", numericdate.Faults())
	nbfErrors        = reasons(ErrClaimsInvalid, "nbf ", numericdate.Faults())
	iatErrors        = reasons(ErrClaimsInvalid, "iat ", numericdate.Faults())
)

func claimsFault(text string) error { return fmt.Errorf("%w: %s", ErrClaimsInvalid, text) }

// scan reads a claims object in one pass into c, which newClaims has made. It
// matches claims by their exact names. A value of the wrong type, null
// included, is an error if verification depends on the claim, and counts as
// absent otherwise. It decodes no other member. If ascii is true, the caller
// knows that text is ASCII.
func (c *Claims) scan(text string, ascii bool, scopeClaims []string) error {
	c.payload.text = text
	if !ascii && !utf8.ValidString(text) {
		return payloadFaults[jsonscan.ErrUTF8]
	}
	s := jsonscan.NewValid(text)
	for s.Next() {
		if err := c.scanClaim(s.Name(), s.Value(), scopeClaims); err != nil {
			return err
		}
	}
	if !s.Valid() {
		return payloadError(&s, text)
	}
	return nil
}

// payloadError returns the error for a payload that s has refused.
func payloadError(s *jsonscan.Scanner, payload string) error {
	switch {
	case s.Repeated():
		return fmt.Errorf("%w: %.64q is given twice", ErrClaimsInvalid, s.Name())
	case payload == "":
		return errPayloadEmpty
	case strings.HasPrefix(payload, "eyJ") && strings.Count(payload, ".") > 1:
		return errPayloadNested
	default:
		return payloadFaults[s.Fault()]
	}
}

func (c *Claims) scanClaim(name string, v jsonscan.Value, scopeClaims []string) (err error) {
	ok := true
	switch name {
	case "iss":
		if c.Issuer, ok = v.Str(); !ok {
			return errIssType
		}
	case "sub":
		if c.Subject, ok = v.Str(); !ok {
			return errSubType
		}
	case "aud":
		if !c.scanAudience(v) {
			return errAudType
		}
	case "exp":
		c.ExpiresAt, err = strictTime(v, expErrors)
	case "nbf":
		c.NotBefore, err = strictTime(v, nbfErrors)
	case "iat":
		c.IssuedAt, err = strictTime(v, iatErrors)
	case "auth_time":
		c.AuthTime, _ = dateOf(v)
	case "jti":
		c.ID, _ = v.Str()
	case "sid":
		c.SessionID, _ = v.Str()
	case "acr":
		c.AuthContext, _ = v.Str()
	case "amr":
		c.AuthMethods = v.Strings()
	case "cnf":
		c.payload.bound = true // whatever the value is, so that an odd one fails closed
	case "upd":
		c.payload.updates = v.WholeNumber()
	case "scope":
		c.Scope, _ = scopes.Add(c.Scope, v)
	default:
		if len(scopeClaims) > 0 && slices.Contains(scopeClaims, name) {
			c.Scope, _ = scopes.Add(c.Scope, v)
		}
	}
	return err
}

// dateOf returns a time, or false if v is not a number or is out of range.
func dateOf(v jsonscan.Value) (time.Time, bool) {
	if v.Kind != jsonscan.Number {
		return time.Time{}, false
	}
	return numericdate.Parse(v.Text)
}

// strictTime reads a time that verification depends on.
func strictTime(v jsonscan.Value, errs map[error]error) (time.Time, error) {
	t, ok := dateOf(v)
	if !ok {
		return time.Time{}, errs[numericdate.Fault(v.Text)]
	}
	return t, nil
}

// fresh returns a copy of c that shares no memory that a caller could change.
func (c *Claims) fresh(now time.Time) *Claims {
	f := *c
	f.detach()
	f.verifiedAt = now
	return &f
}

// detach gives c, a copy of other claims, an Audience of its own.
func (c *Claims) detach() {
	if len(c.Audience) == 1 {
		c.setAudience(c.Audience[0])
	} else {
		c.Audience = slices.Clone(c.Audience)
	}
	c.AuthMethods = slices.Clone(c.AuthMethods)
}

func (c *Claims) setAudience(one string) {
	c.audience[0] = one
	c.Audience = c.audience[:]
}

// scanAudience reads a string or an array of strings (RFC 7519, section 4.1.3).
func (c *Claims) scanAudience(v jsonscan.Value) bool {
	if one, ok := v.Str(); ok {
		c.setAudience(one)
		return true
	}
	count := 0
	if !v.Elements(func(jsonscan.Value) bool { count++; return true }) {
		return false
	}
	c.Audience = c.audience[:0]
	if count > 1 {
		c.Audience = make([]string, 0, count)
	}
	return v.Elements(func(e jsonscan.Value) bool {
		one, ok := e.Str()
		c.Audience = append(c.Audience, one)
		return ok
	})
}
