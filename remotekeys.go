package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// RemoteKeysOptions configures [RemoteKeys]. The zero value is complete and
// safe. Literals must be keyed.
type RemoteKeysOptions struct {
	_ struct{}

	// Algorithms are the algorithms that keys may be for. Keys for other
	// algorithms are skipped, and tokens that name another algorithm are
	// rejected without a fetch. If empty, all public-key algorithms are
	// allowed: RS…, PS…, ES… and EdDSA.
	//
	// A key is for the algorithm in the "alg" member of its JWK. If it has no
	// such member, the curve of an EC or OKP key determines the algorithm, and
	// an RSA key is for the first RSA algorithm in this list, RS256 by default.
	Algorithms []Algorithm

	// MaxAge is the age at which keys are fetched again. A Cache-Control of the
	// provider can shorten it, to 5 minutes at least. A key that the provider
	// has withdrawn can verify tokens for this time. From 1 minute to 24 hours;
	// default 1 hour.
	MaxAge time.Duration

	// MaxStale is how long keys are used after the last successful fetch if
	// later fetches fail. After that, every token gets [ErrUnavailable]. From
	// MaxAge to 30 days; default 24 hours. If negative, keys are used until
	// MaxAge only.
	MaxStale time.Duration

	// Cooldown is the least time between two fetches, however many tokens name
	// unknown keys. A new key may stay unknown for this time. From 1 second to
	// 5 minutes, and at most MaxAge; default 30 seconds.
	Cooldown time.Duration

	// OnFetch, if not nil, is called after each fetch, in a goroutine that
	// serves no request. It must be safe for concurrent use. A panic is
	// recovered and logged.
	OnFetch func(KeyFetch)

	// Transport makes the requests. Set it to use a proxy or a private
	// certificate authority. It must end a request when the request's context
	// ends. If nil, a copy of [http.DefaultTransport] is used that accepts at
	// most 64 KiB of response header.
	Transport http.RoundTripper

	// InsecureHTTP allows http URLs of hosts other than this machine. Anyone on
	// the network in between can then replace the keys, and so sign tokens.
	InsecureHTTP bool
}

// KeyFetch describes one fetch of keys. Its errors are fit for logs: of the
// provider's response, they quote only key IDs and short names. If the response
// is not valid HTTP, an error may quote up to 200 printable characters of it.
type KeyFetch struct {
	URL     string  // of the key set, without its query; the issuer if discovery failed
	Keys    int     // number of keys that the fetch brought into use; 0 if it failed
	Skipped []error // for each key of the set that cannot be used, the reason
	Err     error   // why the fetch failed, or nil; the keys of the last successful fetch remain in use
}

const (
	defaultKeysMaxAge = time.Hour
	minKeysMaxAge     = time.Minute
	maxKeysMaxAge     = 24 * time.Hour

	defaultKeysMaxStale = 24 * time.Hour
	maxKeysMaxStale     = 30 * 24 * time.Hour

	defaultKeysCooldown = 30 * time.Second
	minKeysCooldown     = time.Second
	maxKeysCooldown     = 5 * time.Minute
)

// RemoteKeys is a [KeySource] that fetches the key set (RFC 7517, section 5) of
// an identity provider and keeps it up to date. Make one with [NewRemoteKeys]
// or [NewRemoteKeysFromIssuer], and share it between verifiers. It is safe for
// concurrent use, and does not need to be closed.
//
// # When keys are fetched
//
// Only requests start fetches. At most one fetch runs at a time. It runs in its
// own goroutine, and takes at most 5 seconds.
//
//   - The first request starts a fetch and waits for it.
//   - When keys have reached three quarters of their maximum age, the next
//     request starts a fetch and does not wait.
//   - When keys have reached their maximum age, the next request waits for the
//     fetch. If its context ends first, it uses the old keys. If the fetch
//     fails, requests use the old keys without waiting.
//   - A token that names an unknown key starts a fetch and waits for it. If the
//     last fetch succeeded and started less than Cooldown ago, the token is
//     rejected with [ErrKeyUnknown] instead, and the first request after the
//     cooldown starts a fetch. If it failed, see Failures.
//
// Requests never wait longer than their context lasts. At most 1,000 requests
// wait without a key to fall back on. Others get [ErrUnavailable] at once.
// Keys in use are looked up without a lock.
//
// # How long keys are used
//
// The maximum age of keys is MaxAge. A shorter Cache-Control of the provider
// takes precedence, but counts as 5 minutes at least. The age counts from the
// start of the fetch. The time while the machine is suspended is included, as
// far as the wall clock shows it.
//
// After each successful fetch, keys that are no longer in the set do not verify
// tokens, not even tokens that the verifier remembers.
//
// # Failures
//
// A fetch succeeds if the provider responds within 5 seconds, with status 200
// and a JSON object of at most 1 MiB whose "keys" array contains a usable key.
// An empty set is a failure: it is more likely an accident than the withdrawal
// of all keys. Up to 5 redirects are followed, within the same host and never
// from https to http.
//
// When a fetch fails, the keys of the last successful fetch remain in use until
// MaxStale. A token that names an unknown key gets [ErrUnavailable], because
// the key may be new. So does every token after MaxStale, and before the first
// successful fetch. The next fetch can start after Cooldown. Before the first
// successful fetch, it can start after 1, 2, 4, … seconds, up to Cooldown.
//
// # Which keys are used
//
// Of each set, the first 1,000 keys are read, in the way [ParseKey] reads a
// JWK. Unusable keys are skipped and reported to OnFetch. These are keys that
// are malformed, weak, not for signatures or not for one of Algorithms, and
// keys with a private or symmetric part, because everyone who can read the set
// could sign with them.
//
// A token with a "kid" is verified only with the keys that have this ID. A key
// without a "kid" has its thumbprint (RFC 7638) as its ID. If several keys for
// the token's algorithm share the ID, each is tried. For a token without a
// "kid", all keys for its algorithm are tried, up to the limits of [KeySource].
//
// If a JWK has an "issuer", as those of Microsoft Entra ID do, its key verifies
// only tokens whose "iss" is this text, in which {tenantid} stands for the
// token's "tid". Other tokens are rejected with [ErrIssuerMismatch].
//
// A provider should use each ID once. If it gives a new key the ID of an old
// one, or signs tokens without a "kid", the new key does not look unknown. If
// none of the keys made the signature of a token, a [Verifier] therefore starts
// a fetch and waits for it, under the rules for unknown keys. The token is
// rejected with [ErrSignatureInvalid] if the fetch brings no other key that
// verifies it, and gets [ErrUnavailable] if the fetch fails. A KeySource that
// wraps RemoteKeys has this as well if it embeds *RemoteKeys.
type RemoteKeys struct {
	source *keyfetch.Source[Key] // nil in the zero value, which provides no keys
}

// NewRemoteKeys returns the keys of the set at a URL, which a provider calls
// its "jwks_uri". The URL must be https. On this machine (loopback addresses
// and localhost), and with InsecureHTTP, http is allowed as well. If a name
// below localhost resolves to another machine, the fetch fails, unless there is
// a Transport.
//
// NewRemoteKeys does not fetch the keys. The first request or
// [RemoteKeys.Ready] does. The error joins all faults of the arguments, each
// with the name of the field.
func NewRemoteKeys(url string, opts RemoteKeysOptions) (*RemoteKeys, error) {
	var f faults.Collector
	location, err := keyfetch.ParseURL(url, opts.InsecureHTTP)
	if err != nil {
		f.Add("NewRemoteKeys: url", "%v", err)
	}
	return newRemoteKeys(&f, location, opts)
}

// NewRemoteKeysFromIssuer is like [NewRemoteKeys], and finds the URL of the key
// set by discovery. Use the same issuer as [VerifierOptions].Issuer.
//
// Each fetch reads the document at /.well-known/openid-configuration below the
// issuer's URL (OpenID Connect Discovery, section 4). If this fails or takes
// more than 2 seconds, it reads the one at
// /.well-known/oauth-authorization-server (RFC 8414, section 3) instead. All
// requests of a fetch share the 5 seconds.
//
// The "issuer" of the document must be identical to the given issuer, including
// a slash at the end. If the first document names another issuer, the second
// one is not read. The "jwks_uri" may be on another host. It must be https if
// the issuer is, unless InsecureHTTP is set.
func NewRemoteKeysFromIssuer(issuer string, opts RemoteKeysOptions) (*RemoteKeys, error) {
	var f faults.Collector
	location, err := keyfetch.ParseIssuer(issuer, opts.InsecureHTTP)
	if err != nil {
		f.Add("NewRemoteKeysFromIssuer: issuer", "%v", err)
	}
	return newRemoteKeys(&f, location, opts)
}

func newRemoteKeys(f *faults.Collector, location keyfetch.Location, o RemoteKeysOptions) (*RemoteKeys, error) {
	c := keyfetch.Config[Key]{
		Location:   location,
		Wrap:       func(k *jose.Key) Key { return Key{k} },
		Algorithms: o.algorithms(f),
		MaxAge:     f.Duration("RemoteKeysOptions.MaxAge", o.MaxAge, defaultKeysMaxAge, minKeysMaxAge, maxKeysMaxAge),
		MaxStale:   f.DurationOrNone("RemoteKeysOptions.MaxStale", o.MaxStale, defaultKeysMaxStale, maxKeysMaxStale),
		Cooldown:   f.Duration("RemoteKeysOptions.Cooldown", o.Cooldown, defaultKeysCooldown, minKeysCooldown, maxKeysCooldown),
		Transport:  o.Transport,
	}
	if c.Cooldown > c.MaxAge {
		f.Add("RemoteKeysOptions.Cooldown", "%v exceeds MaxAge (%v)", c.Cooldown, c.MaxAge)
	}
	if o.MaxStale >= 0 && c.MaxStale < c.MaxAge {
		f.Add("RemoteKeysOptions.MaxStale", "%v is below MaxAge (%v)", c.MaxStale, c.MaxAge)
	}
	if o.OnFetch != nil {
		c.OnFetch = func(r keyfetch.Report) { o.report(KeyFetch(r)) }
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &RemoteKeys{keyfetch.New(c)}, nil
}

// algorithms returns those that keys may be for.
func (o RemoteKeysOptions) algorithms(f *faults.Collector) []jose.Algorithm {
	if len(o.Algorithms) == 0 {
		return slices.DeleteFunc(jose.Algorithms(), jose.Algorithm.Symmetric)
	}
	var algs []jose.Algorithm
	for i, name := range o.Algorithms {
		alg, path := jose.Algorithm(name), fmt.Sprintf("RemoteKeysOptions.Algorithms[%d]", i)
		if err := alg.Check(); err != nil {
			f.Add(path, "%v", err)
		} else if alg.Symmetric() {
			f.Add(path, "%s keys are secret and cannot be published", alg)
		} else if slices.Contains(algs, alg) {
			f.Add(path, "%s is listed twice", alg)
		}
		algs = append(algs, alg)
	}
	return algs
}

// report calls OnFetch. No request depends on it, so a panic must not end the
// program.
func (o RemoteKeysOptions) report(fetch KeyFetch) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("jwtauth: panic in RemoteKeysOptions.OnFetch: %v\n%s", p, debug.Stack())
		}
	}()
	o.OnFetch(fetch)
}

// VerificationKeys implements [KeySource]. It can wait for a fetch, as
// described at [RemoteKeys]. Its error is [ErrUnavailable].
func (r *RemoteKeys) VerificationKeys(ctx context.Context, alg Algorithm, kid string) ([]Key, error) {
	if r.source == nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, errZeroRemoteKeys)
	}
	keys, err := r.source.Lookup(ctx, jose.Algorithm(alg), kid)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return keys, nil
}

// keysAgain implements keyRenewer.
func (r *RemoteKeys) keysAgain(ctx context.Context, alg Algorithm, kid string, earlier []Key) ([]Key, error) {
	if r.source == nil {
		return nil, nil
	}
	keys, err := r.source.LookupAgain(ctx, jose.Algorithm(alg), kid, earlier)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return keys, nil
}

func (r *RemoteKeys) algorithms() []jose.Algorithm {
	if r.source == nil {
		return nil
	}
	return r.source.Algorithms()
}

// Ready returns nil if there are keys to verify tokens with. During an outage,
// these may be keys of an earlier fetch, until MaxStale. If there are no keys,
// Ready starts a fetch and waits for it, under the same rules as a request, and
// returns [ErrUnavailable] if that fails.
//
// Ready is suitable for health checks, and for programs that must not start
// without their provider.
func (r *RemoteKeys) Ready(ctx context.Context) error {
	if r.source == nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, errZeroRemoteKeys)
	}
	if err := r.source.Ready(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

var errZeroRemoteKeys = errors.New("the RemoteKeys were not made by NewRemoteKeys or NewRemoteKeysFromIssuer")
