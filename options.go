package jwtauth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// IssuerOptions configures an [Issuer]. The zero value is a complete and safe
// configuration: a field that is zero has its default. A negative value is an
// error unless the field gives it a meaning. Literals must name their fields.
//
// Texts in options (issuer, audience and other names) are valid UTF-8 of at
// most 1 KiB without control characters.
type IssuerOptions struct {
	_ struct{}

	// Issuer is the "iss" of the tokens, usually the https URL of the service.
	// Verifying a token then requires exactly this value. Default: tokens have
	// no "iss", and it is not checked, because only keys of this Issuer verify.
	//
	// Services that share a key accept each other's tokens unless they set
	// different values of Issuer or Audience.
	//
	// A new name logs everyone out: refresh tokens are bound to it, and those
	// of the old name no longer verify.
	Issuer string

	// Audience is the "aud" of the tokens. Verifying a token then requires one
	// of these values. Default: tokens have no "aud", and it is not checked.
	Audience []string

	// AccessTTL is the lifetime of access tokens: whole seconds, longer than
	// Leeway, at most 366 days. Default 15 minutes.
	AccessTTL time.Duration

	// Sessions stores login sessions. If it is nil, which is the default, Login
	// issues access tokens only, and the methods that need a session (Refresh,
	// Logout and others) return an error.
	Sessions SessionStore

	// IdleTTL is how long a session lasts without a refresh: at least AccessTTL
	// + 2·(ReuseWindow + 30 s), at most SessionTTL. Default 7 days, or
	// SessionTTL if that is less. Time in which the store is down counts as
	// well, so IdleTTL should exceed the outages that users are to survive.
	IdleTTL time.Duration

	// SessionTTL is how long a session lasts in total, counted from the login:
	// at least the minimum of IdleTTL, at most 10 years of 366 days. Default 30
	// days, or IdleTTL if that is more.
	SessionTTL time.Duration

	// ReuseWindow is how long after a refresh the previous refresh token is
	// still accepted, so that lost responses and concurrent tabs do not log the
	// user out. Later reuse of an old token is treated as theft: it ends the
	// session. At most 5 minutes. A negative value turns the window off, and
	// two tabs then log each other out. Default 30 seconds. Another 10 seconds
	// are allowed for the clocks of several instances.
	//
	// If the store fails within the window, the window starts again when the
	// store is back. See SECURITY.md for the limits of that.
	ReuseWindow time.Duration

	// RefreshKeys are HS… keys for refresh tokens, which are signed, not
	// encrypted. The first one signs, and all of them verify, as do the signing
	// key and AcceptKeys: 16 keys at most in total. Default: the signing key
	// signs. With Sessions, RefreshKeys are required if the signing key is a
	// [crypto.Signer], or if one of AcceptKeys is that or a public key. They
	// also allow to rotate signing keys without regard to refresh tokens.
	//
	// Refresh tokens are never signed with a key itself, but with one derived
	// from it and Issuer (HKDF, RFC 5869). So the keys of access tokens do not
	// verify refresh tokens, and Issuers that share a key do not accept each
	// other's refresh tokens, unless they have the same Issuer or none.
	RefreshKeys []Key

	// OnEvent, if not nil, is called synchronously after each session event. It
	// should return quickly and must be safe for concurrent use.
	OnEvent func(context.Context, Event)

	// AcceptKeys are further keys whose tokens verify, for key rotation (see
	// [Issuer.SetKeys]). Do not list the keys of another system here: every
	// token that it signed, for any purpose, could count as an access token.
	AcceptKeys []Key

	// Claims returns the private claims for an access token of a session: a
	// struct, a map or nil. Login and Refresh call it each time, and again if
	// the session changes meanwhile. Without Sessions, s has no ID. If it
	// returns [ErrSubjectDisabled], the login is refused or the session ends.
	// Any other error is reported as [ErrUnavailable] and ends no session.
	//
	// It must be safe for concurrent use. Only the context of the call limits
	// its time, so it should set a limit of a few seconds itself. Default: no
	// private claims.
	Claims func(ctx context.Context, s Session) (any, error)

	// CredentialVersion, if not nil, returns the present version of the
	// password, or of another credential, of a subject: a counter or a time
	// that changes with it. Login and Refresh call it for sessions with the
	// option [CredentialVersion], after the session is in the store. If the
	// versions differ, the session ends. So a login in progress with the old
	// password fails, and sessions of the old password end at their next
	// refresh, even without [Issuer.LogoutAll].
	//
	// The errors have the same meaning as those of Claims, but sessions without
	// the option never call it: to exclude a disabled subject from all of its
	// sessions, return [ErrSubjectDisabled] from Claims. It must read from the
	// primary database and be safe for concurrent use.
	CredentialVersion func(ctx context.Context, subject string) (string, error)

	// MaxSessions is how many sessions a subject may have. After a login that
	// exceeds it, the excess of older sessions ends, each with an
	// [EventLogout]: first those that were never refreshed and whose access
	// token has expired, then those whose last rotation is the longest ago.
	// Logins in progress can exceed the limit for a moment. The limit also
	// bounds sessions whose tokens were lost, such as the first one of a form
	// that was sent twice. At most 10,000; negative for no limit. Default 100.
	MaxSessions int

	// Check and OnVerify are called like those of [VerifierOptions], but not
	// for refresh tokens. They must be safe for concurrent use.
	Check    func(ctx context.Context, c *Claims) error
	OnVerify func(ctx context.Context, v Verification)

	// Leeway is the clock skew tolerated in "exp", "nbf" and "iat": at most 5
	// minutes. A negative value tolerates no skew. Default 30 seconds.
	Leeway time.Duration

	// Now returns the current time and must be safe for concurrent use. Default
	// [time.Now].
	Now func() time.Time
}

// VerifierOptions configures a [Verifier]. Issuer (or AnyIssuer) and Audience
// (or AnyAudience) are required. Any other field that is zero has its default.
// A negative value is an error unless the field gives it a meaning. Literals
// must name their fields.
//
// Texts in options (issuer, audience and other names) are valid UTF-8 of at
// most 1 KiB without control characters.
type VerifierOptions struct {
	_ struct{}

	// Issuer is the exact "iss" that a token must have.
	Issuer string

	// Audience lists the names of this service. The "aud" of a token must
	// contain one of them (RFC 7519, section 4.1.3), because the keys of a
	// provider sign tokens for the services of all its customers.
	Audience []string

	// AnyIssuer, in place of Issuer, accepts tokens with any "iss" or none.
	// AnyAudience, in place of Audience, accepts those with any "aud" or none.
	// AnySubject accepts tokens without a "sub"; a handler must then not use
	// Claims.Subject. Each of them requires Check, which has to decide instead.
	AnyIssuer, AnyAudience, AnySubject bool

	// Check, if not nil, is called last for every token that has passed all
	// other checks, remembered or not. An error rejects the token. It is
	// reported as [ErrTokenInvalid], unless it has an HTTP form of its own,
	// such as [ErrForbidden] or [ErrUnavailable] (see [WriteError]). Check must
	// be safe for concurrent use and may change the claims. ctx is the argument
	// of VerifyToken: with [Verify], the context of the request. If a rule
	// needs the request itself, use [Require].
	Check func(ctx context.Context, c *Claims) error

	// OnVerify, if not nil, is called at the end of every VerifyToken, unless
	// Check panics. It must be safe for concurrent use and return quickly.
	OnVerify func(ctx context.Context, v Verification)

	// Types are the media types that the "typ" of the header may have, such as
	// "at+jwt" (RFC 9068). Upper and lower case do not differ, and
	// "application/" in front is ignored. If set, a token must have one of
	// these types. Default: "JWT", "at+jwt" or no "typ" at all.
	Types []string

	// ScopeClaims are further claims that hold scopes, as a string or an array
	// of strings, such as "scp" or "roles". NewVerifier refuses the names of
	// other registered claims. Default: "scope" only.
	ScopeClaims []string

	// MaxTokenBytes is the length of the longest token that is accepted: 8 KiB
	// to 1 MiB. Default 16 KiB.
	MaxTokenBytes int

	// CacheSize is how many verified tokens are remembered, so that their
	// signatures are not checked again: at most 1,048,576. A negative value
	// turns that off. Default 4,096. Times, the key, Check and the proof of
	// possession are still checked for every request.
	//
	// A token is remembered at its second use, if it is not longer than 8 KiB.
	// So tokens that are used only once evict none that come back. Results of
	// [ClaimsAs] are remembered with the token, for up to four types.
	//
	// With typical tokens of 1 KiB the default takes some 10 MiB of memory.
	// With the largest it takes some 60 MiB, or 200 MiB if each has a thousand
	// audiences. Each result of ClaimsAs adds its size: at most 2 KiB and the
	// texts of its strings.
	CacheSize int

	// Leeway is the clock skew tolerated in "exp", "nbf", "iat" and MaxAge: at
	// most 5 minutes. A negative value tolerates no skew. Default 30 seconds.
	Leeway time.Duration

	// MaxAge is how long after its "iat" a token is accepted. A token must then
	// have an "iat". Default: no limit besides "exp".
	MaxAge time.Duration

	// Now returns the current time and must be safe for concurrent use. Default
	// [time.Now].
	Now func() time.Time
}

// accessTypes are the default media types of access tokens.
var accessTypes = []string{"jwt", "at+jwt"}

const (
	defaultAccessTTL = 15 * time.Minute

	defaultMaxSessions = 100
	maxMaxSessions     = 10_000

	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute

	defaultMaxTokenBytes = 16 << 10
	minMaxTokenBytes     = 8 << 10
	maxMaxTokenBytes     = 1 << 20

	defaultCacheSize = 4096
	maxCacheSize     = 1 << 20
)

func (o VerifierOptions) compile(f *faults.Collector) rules {
	o.checkParties(f)
	f.Names("VerifierOptions.Types", o.Types)
	types := accessTypes
	if len(o.Types) > 0 {
		types = make([]string, len(o.Types))
		for i, t := range o.Types {
			types[i] = compact.MediaType(t)
		}
	}
	f.Names("VerifierOptions.ScopeClaims", o.ScopeClaims)
	for i, name := range o.ScopeClaims {
		if isRegistered(name) {
			f.Add(fmt.Sprintf("VerifierOptions.ScopeClaims[%d]", i), "%s is a registered claim and cannot hold scopes", name)
		}
	}
	r := rules{
		issuer:      o.Issuer,
		audience:    slices.Clone(o.Audience),
		types:       types,
		untyped:     len(o.Types) == 0,
		scopeClaims: slices.Clone(o.ScopeClaims),
		maxBytes:    f.Int("VerifierOptions.MaxTokenBytes", o.MaxTokenBytes, defaultMaxTokenBytes, minMaxTokenBytes, maxMaxTokenBytes),
		cacheSize:   f.IntOrNone("VerifierOptions.CacheSize", o.CacheSize, defaultCacheSize, maxCacheSize),
		leeway:      f.DurationOrNone("VerifierOptions.Leeway", o.Leeway, defaultLeeway, maxLeeway),
		maxAge:      o.MaxAge,
		anySubject:  o.AnySubject,
		check:       o.Check,
		onVerify:    o.OnVerify,
		now:         clock(o.Now),
		ownClock:    o.Now != nil,
	}
	r.buildErrors()
	if o.MaxAge < 0 {
		f.Add("VerifierOptions.MaxAge", "%v is negative", o.MaxAge)
	}
	return r
}

// checkParties checks the options about "iss" and "aud".
func (o VerifierOptions) checkParties(f *faults.Collector) {
	switch {
	case o.AnyIssuer && o.Issuer != "":
		f.Add("VerifierOptions.Issuer", "cannot be combined with AnyIssuer")
	case o.Issuer != "":
		f.Name("VerifierOptions.Issuer", o.Issuer)
	case !o.AnyIssuer:
		f.Add("VerifierOptions.Issuer", "is required: the exact iss of the tokens (AnyIssuer accepts any)")
	}
	switch {
	case o.AnyAudience && len(o.Audience) > 0:
		f.Add("VerifierOptions.Audience", "cannot be combined with AnyAudience")
	case len(o.Audience) == 0 && !o.AnyAudience:
		f.Add("VerifierOptions.Audience", "is required: the name of this service in the aud of its tokens (AnyAudience accepts any)")
	}
	f.Names("VerifierOptions.Audience", o.Audience)
	for _, option := range []struct {
		name string
		set  bool
	}{{"AnyIssuer", o.AnyIssuer}, {"AnyAudience", o.AnyAudience}, {"AnySubject", o.AnySubject}} {
		if option.set && o.Check == nil {
			f.Add("VerifierOptions."+option.name, "requires Check, which must decide about the claims instead")
		}
	}
}

func (o IssuerOptions) compile(f *faults.Collector) (issuance, rules) {
	r := rules{
		issuer:    o.Issuer,
		audience:  slices.Clone(o.Audience),
		types:     accessTypes,
		untyped:   true,
		maxBytes:  defaultMaxTokenBytes,
		cacheSize: defaultCacheSize,
		leeway:    f.DurationOrNone("IssuerOptions.Leeway", o.Leeway, defaultLeeway, maxLeeway),
		check:     o.Check,
		onVerify:  o.OnVerify,
		now:       clock(o.Now),
		ownClock:  o.Now != nil,
	}
	r.buildErrors()
	i := issuance{
		issuer: o.Issuer, ttl: o.AccessTTL, claims: o.Claims, store: o.Sessions, onEvent: o.OnEvent,
		credentialVersion: o.CredentialVersion,
	}
	if o.Issuer != "" {
		f.Name("IssuerOptions.Issuer", o.Issuer)
	}
	f.Names("IssuerOptions.Audience", o.Audience)
	if o.AccessTTL == 0 {
		i.ttl = defaultAccessTTL
	}
	if err := rotation.CheckAccessTTL(i.ttl); err != nil {
		f.Add("IssuerOptions.AccessTTL", "%w", err)
	} else if i.ttl <= r.leeway {
		f.Add("IssuerOptions.AccessTTL", "%v does not exceed Leeway (%v)", i.ttl, r.leeway)
	}
	o.compileSessions(f, &i)
	return i, r
}

// compileSessions compiles the options that need Sessions.
func (o IssuerOptions) compileSessions(f *faults.Collector, i *issuance) {
	f.TypedNil("IssuerOptions.Sessions", o.Sessions)
	if o.Sessions == nil {
		for _, field := range []struct {
			name string
			set  bool
		}{
			{"IdleTTL", o.IdleTTL != 0},
			{"SessionTTL", o.SessionTTL != 0},
			{"ReuseWindow", o.ReuseWindow != 0},
			{"RefreshKeys", len(o.RefreshKeys) > 0},
			{"MaxSessions", o.MaxSessions != 0},
		} {
			if field.set {
				f.Add("IssuerOptions."+field.name, "needs Sessions, a SessionStore, which is not set")
			}
		}
		return
	}
	i.maxSessions = f.IntOrNone("IssuerOptions.MaxSessions", o.MaxSessions, defaultMaxSessions, maxMaxSessions)
	times := rotation.Lifetimes{AccessTTL: i.ttl, IdleTTL: o.IdleTTL, SessionTTL: o.SessionTTL, ReuseWindow: o.ReuseWindow}
	times.Complete(f)
	i.idle, i.life, i.window = times.IdleTTL, times.SessionTTL, times.ReuseWindow
	for n, key := range o.RefreshKeys {
		path := fmt.Sprintf("IssuerOptions.RefreshKeys[%d]", n)
		switch {
		case key.k.Check() != nil:
			f.Add(path, "%v", key.k.Check())
		case !key.k.Symmetric():
			f.Add(path, "is a key for %s; refresh tokens need HS256, HS384 or HS512", key.Algorithm())
		default:
			derived, err := deriveRefreshKey(key, o.Issuer)
			if err != nil {
				f.Add(path, "%v", err)
			}
			key = derived
		}
		i.refreshKeys = append(i.refreshKeys, key)
	}
}

// clock returns the clock of an options struct.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
