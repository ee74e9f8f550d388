package jwtauth

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// RemoteKeysOptions configure [RemoteKeys]. The zero value is a complete and safe
// configuration. Literals must be keyed.
type RemoteKeysOptions struct {
	_ struct{}

	// Algorithms are those that keys may be for; others are skipped, and tokens of others
	// refused without a fetch. A key is for the "alg" of its JWK. One that names none is for ES256, ES384, ES512 or EdDSA
	// by its curve; an RSA key, whose type does not tell, for the first RSA algorithm of this
	// list. Default: all RS…, PS…, ES… and EdDSA, with RS256 for RSA keys that name none.
	Algorithms []Algorithm

	// MaxAge is how old keys may grow before they are fetched anew, where the provider's Cache-Control does not
	// say less; what it says counts from 5 minutes up. So this is also how long a key that
	// the provider withdrew may go on verifying. 1 minute to 24 hours. Default 1 hour.
	MaxAge time.Duration

	// MaxStale is how long keys are used after the last good fetch while the provider cannot be
	// asked; later there is nothing but [ErrUnavailable]. At least MaxAge, at most 30 days; negative
	// for none: then they are used until they have to be fetched anew. Default 24 hours.
	MaxStale time.Duration

	// Cooldown is the least time between two fetches, however many tokens name unknown keys: a new key
	// is known at the latest that long after it was published and a token of it came. 1 second to 5 minutes, and
	// not more than MaxAge. Default 30 seconds.
	Cooldown time.Duration

	// OnFetch is told of each fetch, after it, in a goroutine of its own: what it found, what it
	// skipped, or why it failed. It must be safe for concurrent use; a panic of it is logged. Default: nobody is told.
	OnFetch func(KeyFetch)

	// Transport makes the requests: for a proxy, or a private certificate authority. It must heed the context of
	// a request. Default: as [http.DefaultTransport], with at most 64 KiB of header.
	Transport http.RoundTripper

	// InsecureHTTP allows "http" URLs of other hosts than this one. Whoever sits on the network
	// between can then sign tokens.
	InsecureHTTP bool
}

// KeyFetch says what became of one fetch of keys. Its errors hold nothing of what was fetched but key ids and short names,
// and where the answer was no proper HTTP what net/http quotes of it: at most 200 characters, all of them printable.
type KeyFetch struct {
	URL     string  // of the key set, without its query; of the issuer where that was not found out
	Keys    int     // that it brought and that are in use now; 0 where it failed
	Skipped []error // why keys of the set are not, one each
	Err     error   // why the fetch failed: the keys of the last good one stay in use; else nil
}

const (
	defaultKeysMaxAge = time.Hour
	leastKeysMaxAge   = time.Minute
	mostKeysMaxAge    = 24 * time.Hour

	defaultKeysMaxStale = 24 * time.Hour
	mostKeysMaxStale    = 30 * 24 * time.Hour

	defaultKeysCooldown = 30 * time.Second
	leastKeysCooldown   = time.Second
	mostKeysCooldown    = 5 * time.Minute
)

// RemoteKeys is a [KeySource] that fetches the key set (RFC 7517 §5) which an identity provider publishes, and
// keeps it up to date. Make one with [NewRemoteKeys] or [NewRemoteKeysFromIssuer], and share it between verifiers. It
// is safe for concurrent use; there is nothing to close.
//
// Requests start the fetches: the first one, and later ones as the keys grow old. At most one runs at a
// time, in a goroutine that ends with it, after 5 seconds at the latest. A request waits for it only where
// there is no other way to decide, and never longer than its context lasts; of those without a key in use at most 1,000
// do, and others get [ErrUnavailable] at once:
//
//   - Keys that are in use are looked up without waiting and without locks. When three quarters of
//     their age are over (MaxAge, Cache-Control), they are fetched anew in the background; where nobody asked
//     until all of it was over, the first request waits for that, and uses the keys there are should its context end
//     first. From then on, what the provider left out of its set has ceased to verify, remembered tokens included. Time in
//     which the machine was suspended counts, as its wall clock tells it, less what that was set back by before.
//   - A token that names an unknown key has them fetched at once, if the last fetch was started a Cooldown ago, and is then
//     judged by what came. Within the Cooldown it is refused ([ErrKeyUnknown]), and the first request
//     after that, whatever its token, has them fetched. Tokens without a "kid" are tried with all keys of their algorithm,
//     up to 16; a new key does not show in them, and comes with MaxAge. So does a new key under the id of an old one,
//     whose tokens are refused until then ([ErrSignatureInvalid]): a provider should not use an id twice.
//   - When a fetch fails, the keys of the last good one stay in use for MaxStale. A token that names
//     another key gets [ErrUnavailable], since that key may well be new, and so does every token after
//     MaxStale, or before the first good fetch. The next fetch follows a Cooldown after (before
//     the first good one already after 1, 2, 4, … seconds).
//
// A fetch fails unless it is answered within 5 seconds by status 200 and a JSON object of at most 1 MiB with a "keys"
// array of which at least one key is usable: an empty set is taken for an accident, not for the
// withdrawal of all keys. Redirects are followed within the same host only, and never to "http" from "https".
//
// Of a set the first 1,000 keys are read, each as [ParseKey] reads a JWK. Passed over, and told to OnFetch, are
// those that are malformed, weak, not for signatures, for an algorithm that is not wanted or not known, and those with
// a symmetric or private part, which everyone can read there. Keys that share
// an id are told apart by their algorithm, else each is tried. A token with a "kid" is judged by keys of
// that id alone; a key without one has its RFC 7638 thumbprint for an id.
type RemoteKeys struct {
	from       keyLocation
	client     *http.Client
	own        *http.Transport // nil where the caller's is used
	algorithms []Algorithm
	rsa        Algorithm // of RSA keys that do not say
	maxAge     time.Duration
	maxStale   time.Duration // 0 for none
	cooldown   time.Duration
	onFetch    func(KeyFetch)

	// quick is the set while a look-up of a key that is in it has to do nothing else.
	quick atomic.Pointer[keyset.Set[Key]]

	mu     sync.Mutex
	clock  agingClock
	set    *keyset.Set[Key] // nil before the first good fetch
	state  fetchState
	flight *flight     // nil where none is under way
	err    error       // of the last fetch
	wake   *time.Timer // takes quick away
}

// NewRemoteKeys returns the keys of the set at a URL (a provider's "jwks_uri"), which is https,
// or http on the loopback interface. It does not fetch them: the first request does, or [RemoteKeys.Ready]. Its
// error joins all faults, each naming its field.
func NewRemoteKeys(url string, opts RemoteKeysOptions) (*RemoteKeys, error) {
	var f faults.Collector
	u := checkURL(&f, "NewRemoteKeys: url", url, opts.InsecureHTTP)
	return opts.remoteKeys(&f, keyLocation{url: u, insecure: opts.InsecureHTTP})
}

// NewRemoteKeysFromIssuer returns the keys of an issuer, as [NewRemoteKeys] does, and finds
// their URL by discovery at each fetch: in the document at /.well-known/openid-configuration below the issuer's URL (OpenID
// Connect Discovery §4), else the one of /.well-known/oauth-authorization-server (RFC 8414 §3). The document's "issuer"
// must be exactly the one asked for, to the last slash; its "jwks_uri" may be on another host, and is https where the issuer is,
// unless InsecureHTTP is set. The first document has 2 of the 5 seconds; where it is of another issuer, the second is not asked for.
//
// What is asked for is also the [VerifierOptions].Issuer to use.
func NewRemoteKeysFromIssuer(issuer string, opts RemoteKeysOptions) (*RemoteKeys, error) {
	var f faults.Collector
	u := checkURL(&f, "NewRemoteKeysFromIssuer: issuer", issuer, opts.InsecureHTTP)
	if u != nil && (u.RawQuery != "" || u.ForceQuery) {
		f.Add("NewRemoteKeysFromIssuer: issuer", "has a query, which an issuer must not (RFC 8414 §2)")
	}
	return opts.remoteKeys(&f, keyLocation{url: u, issuer: issuer, insecure: opts.InsecureHTTP})
}

func (o RemoteKeysOptions) remoteKeys(f *faults.Collector, from keyLocation) (*RemoteKeys, error) {
	r := &RemoteKeys{
		from:       from,
		algorithms: slices.Clone(o.Algorithms),
		maxAge:     f.Duration("RemoteKeysOptions.MaxAge", o.MaxAge, defaultKeysMaxAge, leastKeysMaxAge, mostKeysMaxAge),
		cooldown:   f.Duration("RemoteKeysOptions.Cooldown", o.Cooldown, defaultKeysCooldown, leastKeysCooldown, mostKeysCooldown),
		onFetch:    o.OnFetch,
	}
	r.maxStale = f.DurationOrNone("RemoteKeysOptions.MaxStale", o.MaxStale, defaultKeysMaxStale, mostKeysMaxStale)
	if r.cooldown > r.maxAge {
		f.Add("RemoteKeysOptions.Cooldown", "%v exceeds MaxAge (%v)", r.cooldown, r.maxAge)
	}
	if o.MaxStale >= 0 && r.maxStale < r.maxAge {
		f.Add("RemoteKeysOptions.MaxStale", "%v is below MaxAge (%v)", r.maxStale, r.maxAge)
	}
	o.compileAlgorithms(f, r)
	r.client, r.own = keyClient(o.Transport)
	if err := f.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

func (o RemoteKeysOptions) compileAlgorithms(f *faults.Collector, r *RemoteKeys) {
	for _, alg := range jose.Algorithms() {
		if len(o.Algorithms) == 0 && !alg.Symmetric() {
			r.algorithms = append(r.algorithms, Algorithm(alg))
		}
	}
	for i, alg := range r.algorithms {
		path := fmt.Sprintf("RemoteKeysOptions.Algorithms[%d]", i)
		err := jose.Algorithm(alg).Check()
		switch {
		case err != nil:
			f.Add(path, "%v", err)
		case alg.symmetric():
			f.Add(path, "%s keys are secrets, which nobody publishes", alg)
		case slices.Contains(r.algorithms[:i], alg):
			f.Add(path, "%s is there twice", alg)
		case r.rsa == "" && jose.Algorithm(alg).RSA():
			r.rsa = alg
		}
	}
}

// VerificationKeys returns the keys for a token whose header names alg and kid, as [KeySource] has it. It fetches
// them where [RemoteKeys] says so. Its error is [ErrUnavailable].
func (r *RemoteKeys) VerificationKeys(ctx context.Context, alg Algorithm, kid string) ([]Key, error) {
	if set := r.quick.Load(); set != nil {
		if keys := set.Lookup(jose.Algorithm(alg), kid); len(keys) > 0 {
			return keys, nil
		}
	}
	if r.client == nil {
		return nil, errUnmadeKeys
	}
	return r.decide(ctx, alg, kid)
}

var errUnmadeKeys = fmt.Errorf("%w: the RemoteKeys were not made by NewRemoteKeys", ErrUnavailable)

// Ready reports whether tokens can be verified: nil where there are keys to use, fresh or, with the provider down, still
// within MaxStale. Without any it fetches them, under the same rules and with the same waiting as a request, and
// returns [ErrUnavailable] if that fails. It suits a health check, and a program that does not want to start without its provider.
func (r *RemoteKeys) Ready(ctx context.Context) error {
	if r.client == nil {
		return errUnmadeKeys
	}
	r.mu.Lock()
	now := r.clock.now()
	if r.state.usable(now) {
		r.mu.Unlock()
		return nil
	}
	if d := r.state.decide(now, false); d.start {
		r.start(now)
	}
	flight, err := r.flight, r.err
	r.mu.Unlock()
	if flight != nil {
		err = flight.wait(ctx)
		r.mu.Lock()
		usable := r.state.usable(r.clock.now())
		r.mu.Unlock()
		if usable {
			return nil
		}
		if err == nil {
			err = errOutdated
		}
	}
	return r.unavailable(err)
}

func (r *RemoteKeys) unavailable(err error) error {
	return fmt.Errorf("%w: keys of %s: %w", ErrUnavailable, r.from.name(), err)
}

// keyLocation is where a key set is: at url, or, where there is an issuer, where its documents say.
type keyLocation struct {
	url      *url.URL
	issuer   string
	insecure bool
}

// name is for error texts: a query may hold what is not for logs.
func (l *keyLocation) name() string {
	if l.issuer != "" {
		return l.issuer
	}
	return displayURL(l.url)
}
