package dpop

import (
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// Options configures [NewVerifier]. Literals must be keyed.
type Options struct {
	_ struct{}

	// URL is the address of the service as clients see it, such as
	// "https://api.example.com", or "https://example.com/api" behind a proxy
	// that removes "/api" from the path. A proof is for this URL followed by
	// the path of the request. X-Forwarded headers are never read. Required.
	URL string

	// Algorithms are the signature algorithms of proofs. Default: ES256 and
	// EdDSA. HS256, HS384 and HS512 are refused.
	Algorithms []jwtauth.Algorithm

	// Window is the difference that is allowed between the time at which a
	// proof was made and the clock of the service, in both directions. A proof
	// with a nonce of this service may be as old as its nonce, which is good
	// for at least Window and at most twice that long. Default: 1 minute. At
	// least 1 second, at most 10 minutes.
	Window time.Duration

	// AllowBearer also admits tokens that are not bound to a key, sent as
	// "Authorization: Bearer", and logins without a proof. A bound token is
	// refused without a proof in any case. Default: each request needs a proof.
	AllowBearer bool

	// Replay remembers proofs, so that each is accepted once. It must be shared
	// by all instances of the service, whose clocks may be 10 seconds apart. A
	// proof is remembered for the Window of the instance that accepts it, so
	// their Window and NonceKey must be the same. Default: two of [NewMemory],
	// each with 1,000,000 proofs: one for logins and refreshes, and one for
	// requests with a token.
	Replay ReplayStore

	// NonceKey is a secret of at least 32 bytes that all instances share. It
	// turns on nonces: each proof must contain a recent one. Put
	// [Verifier.Nonces] around the handlers, so that clients receive them.
	// Default: no nonces.
	NonceKey []byte

	// Now returns the current time. It must be safe for concurrent use.
	// Default: [time.Now].
	Now func() time.Time
}

const (
	defaultWindow = time.Minute
	maxWindow     = 10 * time.Minute
	minNonceKey   = 32
)

// Verifier checks the proofs of requests. It is safe for concurrent use. Make
// it with [NewVerifier].
type Verifier struct {
	proofs      proofRules
	window      time.Duration
	allowBearer bool
	replay      ReplayStore
	logins      ReplayStore // for proofs of logins and refreshes
	nonces      *nonces     // nil without nonces
	now         func() time.Time
	algs        string // for challenges
}

// NewVerifier returns a Verifier. The error joins all faults of opts, each
// naming its field.
func NewVerifier(opts Options) (*Verifier, error) {
	var f faults.Collector
	base, err := parseBase(opts.URL)
	if err != nil {
		f.Add("dpop.Options.URL", "%w", err)
	}
	if len(opts.Algorithms) == 0 {
		opts.Algorithms = []jwtauth.Algorithm{jwtauth.ES256, jwtauth.EdDSA}
	}
	rules := proofRules{base: base, algorithms: checkAlgorithms(&f, opts.Algorithms), keys: &keyCache{}}
	v := &Verifier{
		proofs:      rules,
		window:      f.Duration("dpop.Options.Window", opts.Window, defaultWindow, time.Second, maxWindow),
		allowBearer: opts.AllowBearer,
		replay:      opts.Replay,
		logins:      opts.Replay,
		now:         opts.Now,
		algs:        strings.Join(rules.names(), " "),
	}
	f.TypedNil("dpop.Options.Replay", opts.Replay)
	if v.replay == nil {
		// Anyone can make proofs for logins, and fill the memory with them.
		v.replay, v.logins = NewMemory(0), NewMemory(0)
	}
	if v.now == nil {
		v.now = time.Now
	}
	switch n := len(opts.NonceKey); {
	case n == 0:
	case n < minNonceKey:
		f.Add("dpop.Options.NonceKey", "has %d bytes; at least %d are needed", n, minNonceKey)
	default:
		v.nonces = newNonces(opts.NonceKey, v.window)
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

// VerifyOptions returns the options for [jwtauth.Verify]: the sources of
// tokens, the check of proofs, and the challenges. Further options may follow
// them, except for From, ProofOfPossession and Challenge.
func (v *Verifier) VerifyOptions() []jwtauth.VerifyOption {
	bound := jwtauth.HeaderScheme("Authorization", "DPoP")
	scheme := `DPoP algs="` + v.algs + `"`
	if v.allowBearer {
		return []jwtauth.VerifyOption{
			jwtauth.From(bound, jwtauth.Bearer()), jwtauth.ProofOfPossession(v.Check), jwtauth.Challenge("Bearer", scheme),
		}
	}
	return []jwtauth.VerifyOption{
		jwtauth.From(bound), jwtauth.ProofOfPossession(v.Check), jwtauth.Challenge(scheme),
	}
}

// Nonces returns a handler that adds a current nonce to each response of next,
// in the header DPoP-Nonce (RFC 9449, section 8.2). It belongs around all
// handlers that use v. Without Options.NonceKey it returns next. Browsers show
// the header to scripts of other origins only if the service lists it in
// Access-Control-Expose-Headers.
func (v *Verifier) Nonces(next http.Handler) http.Handler {
	if faults.IsNil(next) {
		panic("jwtauth: dpop: Nonces: the next handler is nil")
	}
	if v.nonces == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()[nonceHeader] = []string{v.nonces.current(v.now())}
		next.ServeHTTP(w, r)
	})
}
