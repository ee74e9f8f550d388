package jwtauth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// IssuerOptions configure an [Issuer]. The zero value is a complete and safe
// configuration. In every field zero means the default, and a negative value
// means none where the field says so. Literals must be keyed.
type IssuerOptions struct {
	_ struct{}

	// Issuer is the "iss" of the tokens, usually the service's own https URL. It
	// is then required, exactly so, when a token is verified. Default: neither set
	// nor checked, since the key is this issuer's own.
	Issuer string

	// Audience is the "aud" of the tokens, one of which is then required
	// when a token is verified. Default: neither set nor checked.
	Audience []string

	// AccessTTL is how long an access token lives: whole seconds, more than
	// Leeway, at most 366 days. Default 15 minutes.
	AccessTTL time.Duration

	// Sessions is where logins are kept. Default: nowhere, so that there are access tokens and no refresh.
	Sessions SessionStore

	// IdleTTL is how long a session lives without a refresh: at least AccessTTL + 2·(ReuseWindow + 30 s), at most SessionTTL. Default 7
	// days, or SessionTTL where that is less. Outages count: it should be longer than those that clients are to outlive.
	IdleTTL time.Duration

	// SessionTTL is how long a session lives at most, from the login: no less than the least IdleTTL, up to 10 years. Default 30 days, or IdleTTL where that is more.
	SessionTTL time.Duration

	// ReuseWindow is how long after an exchange the old refresh token is answered again, for
	// answers that were lost and for tabs that refresh at the same time. Later it means that
	// somebody has a copy, and ends the session. It begins with the exchange; where the store fails before it is over, it begins anew when
	// the store is back, though no later than 5 minutes after the last failure, in the instances that saw it fail and have run since:
	// a client goes on that retried at least every 5 minutes until then. What counts as one outage is in SECURITY.md. At most 5 minutes;
	// negative for none, which forbids two tabs. Default 30 seconds.
	ReuseWindow time.Duration

	// RefreshKeys are symmetric keys (HS…) for refresh tokens: the first signs, all verify. Default: the signing key
	// and AcceptKeys, whose tokens verify in any case. Set them where the signing key is a crypto.Signer, or to change
	// signing keys without regard to refresh tokens.
	//
	// What signs is derived from the key and Issuer (HKDF, RFC 5869). So no key of access tokens verifies refresh tokens,
	// and issuers that share a key do not take each other's, unless they share Issuer, too, or neither has one.
	RefreshKeys []Key

	// OnEvent is told what happens to sessions, after it has happened, in the goroutine of the
	// call: it should not block, since nothing bounds its time and the answer waits for it, and must be safe
	// for concurrent use. Default: nobody is told.
	OnEvent func(context.Context, Event)

	// AcceptKeys are further keys whose tokens verify, while keys are rotated.
	AcceptKeys []Key

	// Claims returns a subject's private claims for the access token, asked anew at every login and refresh. It
	// is a struct or map, or nil for none. [ErrSubjectDisabled] refuses the
	// login and ends the session; any other error is [ErrUnavailable] and ends nothing. Nothing bounds its time but the
	// context of the call: it should set a limit of some seconds itself. It
	// must be safe for concurrent use. Default: no private claims.
	Claims func(ctx context.Context, subject string) (any, error)

	// Leeway is the difference of clocks that dates are forgiven: at most 5
	// minutes, negative for none. Default 30 seconds.
	Leeway time.Duration

	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// VerifierOptions configure a [Verifier]. In every field zero means the
// default, and a negative value means none where the field says so. Literals must be keyed.
type VerifierOptions struct {
	_ struct{}

	// Issuer is the exact "iss" that a token must have. Required, unless AnyIssuer.
	Issuer string

	// Audience are the names of this service: "aud" must hold one of them
	// (RFC 7519 §4.1.3). Required, unless AnyAudience: a provider's keys sign
	// tokens for everyone's services.
	Audience []string

	// AnyIssuer takes tokens whatever their "iss", AnyAudience whatever their "aud".
	AnyIssuer, AnyAudience bool

	// Types are the media types that the "typ" of a header may name, without
	// regard to case, with or without "application/" before it, such as "at+jwt" for RFC 9068. Where set, a token
	// must have one. Default: "JWT", "at+jwt", or none at all.
	Types []string

	// ScopeClaims are further claims whose values count as scopes, strings or arrays of
	// strings, such as "scp" or "roles". Default: "scope" alone.
	ScopeClaims []string

	// MaxTokenBytes is the length of the longest token that is looked at: 8 KiB to 1 MiB. Default 16 KiB.
	MaxTokenBytes int

	// CacheSize is how many verified tokens of public-key algorithms are remembered, so
	// that their signature is not computed again: at most 1,048,576, negative for none. Default 4,096. Tokens
	// over 8 KiB are not remembered; with usual ones of 1 KiB the default comes to some 10 MiB, and with the largest
	// to some 60, or 200 where each names a thousand audiences.
	CacheSize int

	// Leeway is the difference of clocks that dates are forgiven: at most 5
	// minutes, negative for none. Default 30 seconds.
	Leeway time.Duration

	// MaxAge is how long after its "iat", which is then required, a token is taken. Default: as long as its "exp" says.
	MaxAge time.Duration

	// Sessions, where set, is asked at every token whether its session still stands, as [Issuer.Live] does: the
	// store that the issuer of the tokens uses.
	Sessions SessionStore

	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

const (
	defaultAccessTTL = 15 * time.Minute
	maxAccessTTL     = 366 * 24 * time.Hour

	defaultIdleTTL     = 7 * 24 * time.Hour
	defaultSessionTTL  = 30 * 24 * time.Hour
	maxSessionTTL      = 10 * 366 * 24 * time.Hour
	defaultReuseWindow = 30 * time.Second
	maxReuseWindow     = 5 * time.Minute

	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute

	defaultMaxTokenBytes = 16 << 10
	minMaxTokenBytes     = 8 << 10
	maxMaxTokenBytes     = 1 << 20

	defaultCacheSize = 4096
	maxCacheSize     = 1 << 20
)

// rules are VerifierOptions, checked and compiled: each field is in force as it stands.
type rules struct {
	issuer      string   // "" for any
	audience    []string // empty for any
	types       []string // lower case, without "application/"; nil for the default
	scopeClaims []string
	maxBytes    int
	cacheSize   int // 0 for none
	leeway      time.Duration
	maxAge      time.Duration // 0 for any
	sessions    SessionStore  // nil for not asked
	now         func() time.Time
}

func (o VerifierOptions) compile(f *faults.Collector) rules {
	r := rules{
		issuer:      o.Issuer,
		audience:    append([]string(nil), o.Audience...),
		scopeClaims: append([]string(nil), o.ScopeClaims...),
		maxBytes:    f.Int("VerifierOptions.MaxTokenBytes", o.MaxTokenBytes, defaultMaxTokenBytes, minMaxTokenBytes, maxMaxTokenBytes),
		cacheSize:   f.IntOrNone("VerifierOptions.CacheSize", o.CacheSize, defaultCacheSize, maxCacheSize),
		leeway:      f.DurationOrNone("VerifierOptions.Leeway", o.Leeway, defaultLeeway, maxLeeway),
		maxAge:      o.MaxAge,
		sessions:    o.Sessions,
		now:         clock(o.Now),
	}
	switch {
	case o.AnyIssuer && o.Issuer != "":
		f.Add("VerifierOptions.Issuer", "is set, and so is AnyIssuer: one of them is meant")
	case o.Issuer != "":
		f.Name("VerifierOptions.Issuer", o.Issuer)
	case !o.AnyIssuer:
		f.Add("VerifierOptions.Issuer", "is required: the exact iss of the tokens (AnyIssuer takes them whatever it is)")
	}
	switch {
	case o.AnyAudience && len(o.Audience) > 0:
		f.Add("VerifierOptions.Audience", "is set, and so is AnyAudience: one of them is meant")
	case len(o.Audience) == 0 && !o.AnyAudience:
		f.Add("VerifierOptions.Audience", "is required: the name of this service in the aud of its tokens (AnyAudience takes them whatever it is)")
	}
	f.Names("VerifierOptions.Audience", o.Audience)
	f.Names("VerifierOptions.Types", o.Types)
	for _, t := range o.Types {
		r.types = append(r.types, strings.ToLower(shortType(t)))
	}
	f.Names("VerifierOptions.ScopeClaims", o.ScopeClaims)
	for i, name := range o.ScopeClaims {
		if isRegistered(name) {
			f.Add(fmt.Sprintf("VerifierOptions.ScopeClaims[%d]", i), "%s is a registered claim that holds no scopes", name)
		}
	}
	f.TypedNil("VerifierOptions.Sessions", o.Sessions)
	if o.MaxAge < 0 {
		f.Add("VerifierOptions.MaxAge", "%v is negative", o.MaxAge)
	}
	return r
}

// issuance is IssuerOptions, checked and compiled, but for the rules of its verifier.
type issuance struct {
	issuer      string
	ttl         time.Duration
	claims      func(ctx context.Context, subject string) (any, error)
	store       SessionStore // nil for none
	idle, life  time.Duration
	window      time.Duration // 0 for none
	refreshKeys []Key         // derived from the option
	onEvent     func(context.Context, Event)
}

// refreshRules are the rules for refresh tokens, given those for access tokens. The
// type tells the two apart, and the key does.
func (i *issuance) refreshRules(access rules) rules {
	return rules{types: []string{refreshType}, maxBytes: access.maxBytes, now: access.now}
}

func (o IssuerOptions) compile(f *faults.Collector) (issuance, rules) {
	r := rules{
		issuer:    o.Issuer,
		audience:  append([]string(nil), o.Audience...),
		maxBytes:  defaultMaxTokenBytes,
		cacheSize: defaultCacheSize,
		leeway:    f.DurationOrNone("IssuerOptions.Leeway", o.Leeway, defaultLeeway, maxLeeway),
		now:       clock(o.Now),
	}
	i := issuance{issuer: o.Issuer, ttl: o.AccessTTL, claims: o.Claims, store: o.Sessions, onEvent: o.OnEvent}
	if o.Issuer != "" {
		f.Name("IssuerOptions.Issuer", o.Issuer)
	}
	f.Names("IssuerOptions.Audience", o.Audience)
	if o.AccessTTL == 0 {
		i.ttl = defaultAccessTTL
	}
	if err := checkTTL(i.ttl); err != nil {
		f.Add("IssuerOptions.AccessTTL", "%w", err)
	} else if i.ttl <= r.leeway {
		f.Add("IssuerOptions.AccessTTL", "%v does not exceed Leeway (%v)", i.ttl, r.leeway)
	}
	o.compileSessions(f, &i)
	return i, r
}

// compileSessions compiles the options that only matter with Sessions.
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
		} {
			if field.set {
				f.Add("IssuerOptions."+field.name, "is set, but Sessions is not")
			}
		}
		return
	}
	i.window = f.DurationOrNone("IssuerOptions.ReuseWindow", o.ReuseWindow, defaultReuseWindow, maxReuseWindow)
	i.idle, i.life = o.IdleTTL, o.SessionTTL
	if i.life == 0 {
		i.life = max(defaultSessionTTL, i.idle)
	}
	if i.idle == 0 {
		i.idle = min(defaultIdleTTL, i.life)
	}
	// A client that refreshes when its access token expires, and once more for a lost answer, must come in time.
	least := i.ttl + 2*(i.window+coalesceGrace)
	below := func(field string, d time.Duration) {
		f.Add("IssuerOptions."+field, "%v is below the minimum of %v: AccessTTL + 2·(ReuseWindow + %v)", d, least, coalesceGrace)
	}
	switch {
	case i.life > maxSessionTTL:
		f.Add("IssuerOptions.SessionTTL", "%v exceeds the maximum of %v", i.life, maxSessionTTL)
	case i.life < least:
		below("SessionTTL", i.life)
	}
	switch {
	case i.idle == i.life: // said
	case i.idle < least:
		below("IdleTTL", i.idle)
	case i.idle > i.life:
		f.Add("IssuerOptions.IdleTTL", "%v exceeds SessionTTL (%v)", i.idle, i.life)
	}
	for n, key := range o.RefreshKeys {
		path := fmt.Sprintf("IssuerOptions.RefreshKeys[%d]", n)
		switch {
		case key.k.Check() != nil:
			f.Add(path, "%v", key.k.Check())
		case !key.k.Symmetric():
			f.Add(path, "is a key for %s; refresh tokens take HS256, HS384 or HS512", key.Algorithm())
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

// checkTTL returns an error if a token cannot have this lifetime.
func checkTTL(ttl time.Duration) error {
	switch {
	case ttl <= 0:
		return fmt.Errorf("%v is not positive", ttl)
	case ttl%time.Second != 0:
		return fmt.Errorf("%v is not a whole number of seconds", ttl)
	case ttl > maxAccessTTL:
		return fmt.Errorf("%v exceeds the maximum of %v", ttl, maxAccessTTL)
	}
	return nil
}

// clock returns the clock of an options struct.
func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
