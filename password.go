package jwtauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/passwords"
	"github.com/seed-0a072700/jwtauth/internal/peer"
)

// HasherOptions configures [NewHasher]. The zero value is a good choice.
// Literals must be keyed.
type HasherOptions struct {
	_ struct{}

	// Cost is the binary logarithm of the work for a new hash, and for refusing
	// a wrong password: adding 1 doubles both. From 10 (the minimum in the
	// OWASP Password Storage Cheat Sheet) to 16. Default: 12.
	//
	// Choose at least the highest cost among the stored hashes. Refusing a hash
	// of a higher cost takes longer than refusing an unknown user, which tells
	// the two apart.
	Cost int

	// MaxConcurrent is how many passwords are hashed or checked at a time. Each
	// occupies one CPU. At most 1,024. Default: half of GOMAXPROCS, but at
	// least 1, so that logins leave CPUs for the rest of the service.
	MaxConcurrent int

	// MaxWaiting is how many calls may wait for their turn, at most 65,536. If
	// it is negative, a call that cannot start at once returns [ErrBusy].
	// Default: 64 for each of MaxConcurrent.
	MaxWaiting int

	// MaxWait is how long a call waits for its turn before it returns
	// [ErrBusy]. It must not be negative. Default: 1 second.
	MaxWait time.Duration
}

const (
	minHashCost     = 10
	defaultHashCost = 12

	maxHashConcurrent = 1024
	maxHashWaiting    = 64 * maxHashConcurrent
	defaultHashWait   = time.Second
)

// withDefaults returns the options with defaults filled in, or all faults.
func (o HasherOptions) withDefaults() (HasherOptions, error) {
	var f faults.Collector
	o.Cost = f.Int("HasherOptions.Cost", o.Cost, defaultHashCost, minHashCost, passwords.MaxCost)
	o.MaxConcurrent = f.Int("HasherOptions.MaxConcurrent", o.MaxConcurrent, max(1, runtime.GOMAXPROCS(0)/2), 1, maxHashConcurrent)
	o.MaxWaiting = f.IntOrNone("HasherOptions.MaxWaiting", o.MaxWaiting, 64*o.MaxConcurrent, maxHashWaiting)
	switch {
	case o.MaxWait == 0:
		o.MaxWait = defaultHashWait
	case o.MaxWait < 0: // MaxWaiting already turns waiting off
		f.Add("HasherOptions.MaxWait", "%v is negative (MaxWaiting: -1 turns waiting off)", o.MaxWait)
	}
	return o, f.Err()
}

// Hasher hashes and checks passwords with bcrypt (Provos and Mazières, "A
// Future-Adaptable Password Scheme", USENIX 1999), a limited number at a time.
// Use one Hasher in the whole program, because its limits do not cover others.
// It is safe for concurrent use. Make it with [NewHasher].
type Hasher struct {
	passwords *passwords.Hasher
	queue     *fairqueue.Queue
	maxWait   time.Duration
}

// NewHasher returns a Hasher. The error joins all faults in opts, each naming
// its field.
func NewHasher(opts HasherOptions) (*Hasher, error) {
	return newHasher(passwords.Bcrypt{Generate: bcrypt.GenerateFromPassword, Compare: bcrypt.CompareHashAndPassword}, opts)
}

func newHasher(b passwords.Bcrypt, opts HasherOptions) (*Hasher, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Hasher{
		passwords: passwords.New(b, o.Cost),
		queue:     fairqueue.New(o.MaxConcurrent, o.MaxWaiting, o.MaxWait),
		maxWait:   o.MaxWait,
	}, nil
}

// defaultHasher returns the Hasher of the package's functions. It is made on
// first use, so that main can set GOMAXPROCS before.
var defaultHasher = sync.OnceValue(func() *Hasher {
	h, err := NewHasher(HasherOptions{})
	if err != nil {
		panic(err) // the zero options are valid
	}
	return h
})

// HashPassword returns the bcrypt hash of password, for storage with the user:
// 60 bytes of ASCII that include the cost and a random salt.
//
// It takes as long as a login, and waits for its turn like [CheckPassword]. It
// returns [ErrPasswordUnhashable] for a password that is longer than 72 bytes
// or contains a NUL byte, [ErrBusy], or the error of ctx. The caller decides
// whether a password is too short or too common (NIST SP 800-63B-4, section
// 3.1.1.2).
//
// HashPassword, [CheckPassword] and [NeedsRehash] share one Hasher with the
// default [HasherOptions].
func HashPassword(ctx context.Context, password string) (string, error) {
	return defaultHasher().HashPassword(ctx, password)
}

// CheckPassword returns nil if hash was made from password. Pass the hash that
// is stored for the user, or "" if there is no such user or the user has no
// password: call CheckPassword in this case as well, so that it takes as long
// as the others.
//
// It accepts bcrypt hashes with the prefixes $2a$, $2b$ and $2y$ and a cost
// from 4 to 16, whatever library made them. Otherwise it returns
// [ErrWrongPassword] after the same work: for a wrong password, for one that is
// longer than 72 bytes or contains a NUL byte, and for an empty or malformed
// hash or one of a cost above 16. The work is that of [HasherOptions].Cost, or
// of the hash if that has a higher cost of at most 16. If the hash can match no
// password, for example because it was cut or another algorithm made it, the
// text of the error says so: log it. Clients see no difference ([WriteError]).
//
// A limited number of checks run at a time (see [HasherOptions]). Other calls
// wait. Networks take turns, and then the clients of a network ([WithClient]),
// so that a client that tries thousands of passwords hardly delays the others.
// CheckPassword returns [ErrBusy] if its turn does not come in time, or if the
// queue is full and this client has the most waiting calls. If ctx ends before
// the check starts, it returns the error of ctx. A check that has started is
// completed.
func CheckPassword(ctx context.Context, hash, password string) error {
	return defaultHasher().CheckPassword(ctx, hash, password)
}

// NeedsRehash reports whether hash should be replaced by a new hash of the same
// password: its cost is lower than the configured one, or [CheckPassword] never
// accepts it. Call it after a successful check, while the password is at hand.
// A hash of a higher cost needs no replacement.
func NeedsRehash(hash string) bool {
	return defaultHasher().NeedsRehash(hash)
}

// HashPassword is like the function [HashPassword], with the options of h.
func (h *Hasher) HashPassword(ctx context.Context, password string) (string, error) {
	if err := passwords.CheckHashable(password); err != nil {
		return "", fmt.Errorf("%w: %w", ErrPasswordUnhashable, err)
	}
	var hash string
	var failed error
	err := h.run(ctx, func() { hash, failed = h.passwords.Hash(password) })
	if err != nil {
		return "", err
	}
	if failed != nil {
		return "", fmt.Errorf("jwtauth: hashing a password: %v", failed)
	}
	return hash, nil
}

// CheckPassword is like the function [CheckPassword], with the options of h.
func (h *Hasher) CheckPassword(ctx context.Context, hash, password string) error {
	matches := false
	err := h.run(ctx, func() { matches = h.passwords.Matches(hash, password) })
	if err != nil {
		return err
	}
	if matches {
		return nil
	}
	if err := passwords.Unusable(hash, password); err != nil {
		return fmt.Errorf("%w: %w", ErrWrongPassword, err)
	}
	return ErrWrongPassword
}

// NeedsRehash is like the function [NeedsRehash], with the options of h.
func (h *Hasher) NeedsRehash(hash string) bool { return h.passwords.NeedsRehash(hash) }

// run calls work when it is the turn of the client of ctx.
func (h *Hasher) run(ctx context.Context, work func()) error {
	client, _ := ctx.Value(passwordClientKey{}).(fairqueue.Client)
	err := h.queue.Do(ctx, client, work)
	switch {
	case errors.Is(err, fairqueue.ErrFull):
		return fmt.Errorf("%w: queue full", ErrBusy)
	case errors.Is(err, fairqueue.ErrTimeout):
		return fmt.Errorf("%w: no turn within %v", ErrBusy, h.maxWait)
	}
	return err
}

// HasherStats describes a [Hasher]: its state now, and its history since
// [NewHasher]. Hashing and checking count alike.
type HasherStats struct {
	Running int           // calls that hash or check a password
	Waiting int           // calls that wait for their turn
	Started uint64        // calls that had their turn
	Refused uint64        // calls that returned ErrBusy
	Waited  time.Duration // total time that the started calls have waited
}

// Stats returns the current figures of h, for metrics.
func (h *Hasher) Stats() HasherStats { return HasherStats(h.queue.Stats()) }

// passwordClientKey is the context key of a fairqueue.Client.
type passwordClientKey struct{}

// withClient returns a context with a changed client.
func withClient(ctx context.Context, change func(*fairqueue.Client)) context.Context {
	client, _ := ctx.Value(passwordClientKey{}).(fairqueue.Client)
	change(&client)
	return context.WithValue(ctx, passwordClientKey{}, client)
}

// maxClientBytes is the length of the longest client that is kept as it is.
const maxClientBytes = 64

// bounded returns a text, or its SHA-256 hash if it is long.
func bounded(text string) string {
	if len(text) > maxClientBytes {
		sum := sha256.Sum256([]byte(text))
		return string(sum[:])
	}
	return text
}

// WithClient returns a context whose password calls count for client: the
// address of the peer, for IPv6 its /64 network (see [PeerAddress]), or another
// name of which an attacker cannot have many for free. It must not be a text
// that the client chooses, such as an unchecked X-Forwarded-For, and not the
// username, because anyone could then use up the turns of another user.
//
// If client is an IPv6 address or prefix, its /48 network takes turns with the
// other networks, and its clients share these turns: a home often has a /56,
// and a rented server a /48. Every other client is a network of its own.
//
// Calls without a client, or with "", count for one client. A text of more than
// 64 bytes is kept as its SHA-256 hash.
func WithClient(ctx context.Context, client string) context.Context {
	return withClient(ctx, func(c *fairqueue.Client) {
		c.Name, c.Network = bounded(client), peer.Network(client)
	})
}

// WithKnownClient returns a context whose password calls come from a known
// device: one that has logged in to account before and has proved it, for
// example with a cookie. Package guard calls it. An unproved device must not be
// passed, because known devices have precedence.
//
// Known devices wait in a separate queue with as many places as the other one.
// They get four of five turns while calls wait in both. Their accounts take
// turns, and then the devices of an account. Each device has one place. Each
// account may use this queue three times in a row, and then once every 10
// seconds, so that an attacker's own accounts cannot fill it. Further calls
// wait in the other queue, in the line of their client ([WithClient]).
//
// Without a device, WithKnownClient returns ctx. A text of more than 64 bytes
// is kept as its SHA-256 hash.
func WithKnownClient(ctx context.Context, account, device string) context.Context {
	if device == "" {
		return ctx
	}
	return withClient(ctx, func(c *fairqueue.Client) {
		c.Account, c.Device = bounded(account), bounded(device)
	})
}

// PeerAddress returns the peer of a connection, for [WithClient]: the IP
// address in r.RemoteAddr, or for IPv6 its /64 network, because a host can use
// all addresses of its network. If RemoteAddr holds no address and port,
// PeerAddress returns it as it is.
//
// Behind a proxy the peer is the proxy. See [ClientFromHeader].
func PeerAddress(r *http.Request) string {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return peer.Client(addr.Addr())
}

// ClientFromHeader returns a function for HandlerOptions.Client and
// [WithClient] in a service behind proxies. The function reads the addresses in
// a header such as X-Forwarded-For, to which each proxy appends the address of
// its peer. It returns the right-most one that is not a trusted proxy, in the
// form of [PeerAddress]. Addresses to the left of it are ignored, because the
// client can choose them.
//
// The peer of the connection counts as the right-most address, so the function
// ignores the header of a client that reaches the service without a proxy.
// Without trusted prefixes, every peer is trusted as the only proxy: choose
// this only if clients cannot reach the service directly, and if the proxy
// appends to the header or replaces it. A peer without an IP address, as of a
// Unix socket, is trusted too. If an entry holds no address, the client is the
// proxy that has appended it.
//
// ClientFromHeader panics if name is not the name of a header or is
// "Forwarded", whose form (RFC 7239) it does not read, or if a prefix is
// invalid, or if the prefixes trust everyone: all addresses that a client may
// have, of IPv4 or of IPv6.
func ClientFromHeader(name string, trusted ...netip.Prefix) func(*http.Request) string {
	mustHeaderName("ClientFromHeader: name", name)
	name = http.CanonicalHeaderKey(name)
	if name == "Forwarded" {
		panic("jwtauth: ClientFromHeader: name is Forwarded, which holds no plain list of addresses")
	}
	proxies, err := peer.NewProxies(trusted)
	if err != nil {
		panic(fmt.Sprintf("jwtauth: ClientFromHeader: %v", err))
	}
	return func(r *http.Request) string {
		direct, _ := netip.ParseAddrPort(r.RemoteAddr) // invalid for a Unix socket
		origin := proxies.Origin(direct.Addr(), r.Header[name])
		if !origin.IsValid() {
			return PeerAddress(r)
		}
		return peer.Client(origin)
	}
}
