package jwtauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

const (
	minHashCost     = 10 // OWASP's minimum for bcrypt
	defaultHashCost = 12
	maxHashCost     = 16 // some seconds each; 31, bcrypt's own maximum, would block a slot for a day

	maxHashConcurrent = 1024
	maxHashWaiting    = 64 * maxHashConcurrent
	defaultHashWait   = time.Second

	maxPasswordBytes = 72 // bcrypt's key is at most 18 words of 32 bits
	maxClientBytes   = 64
)

// HasherOptions configures [NewHasher]. The zero value is a good choice.
type HasherOptions struct {
	// Cost is the binary logarithm of the work that goes into a new hash, and
	// into refusing a wrong password: one more doubles both. Default 12, from
	// 10 (the minimum in the OWASP Password Storage Cheat Sheet) to 16.
	//
	// Choose at least the highest cost among the stored hashes. A dearer one
	// takes longer to refuse than an unknown user does, which tells them apart.
	Cost int

	// MaxConcurrent is how many passwords are hashed or checked at a time;
	// each keeps one CPU busy. Default: half of GOMAXPROCS, at least 1, so that
	// logins never take all CPUs from the rest of the service. At most 1024.
	MaxConcurrent int

	// MaxWaiting is how many calls may wait for their turn. Default: 64 for each
	// of MaxConcurrent; at most 65536; negative: none, a call that cannot start
	// at once returns [ErrBusy].
	MaxWaiting int

	// MaxWait is how long a call waits for its turn before it returns
	// [ErrBusy]. Default 1 s; negative is an error.
	MaxWait time.Duration
}

// withDefaults returns the options to work with, or every fault in them.
func (o HasherOptions) withDefaults() (HasherOptions, error) {
	var f faults.Collector
	o.Cost = f.Int("HasherOptions.Cost", o.Cost, defaultHashCost, minHashCost, maxHashCost)
	o.MaxConcurrent = f.Int("HasherOptions.MaxConcurrent", o.MaxConcurrent, max(1, runtime.GOMAXPROCS(0)/2), 1, maxHashConcurrent)
	o.MaxWaiting = f.IntOrNone("HasherOptions.MaxWaiting", o.MaxWaiting, 64*o.MaxConcurrent, maxHashWaiting)
	switch {
	case o.MaxWait == 0:
		o.MaxWait = defaultHashWait
	case o.MaxWait < 0: // no second way to say "do not wait"
		f.Add("HasherOptions.MaxWait", "%v is negative (MaxWaiting: -1 turns waiting off)", o.MaxWait)
	}
	return o, f.Err()
}

// A Hasher hashes and checks passwords with bcrypt (Provos and Mazières, "A
// Future-Adaptable Password Scheme", USENIX 1999), a limited number at a time.
// One Hasher serves the whole program: limits that are not shared limit nothing.
// Its methods may be called concurrently. Make it with [NewHasher].
type Hasher struct {
	cost  int
	wait  time.Duration
	queue *fairqueue.Queue

	// bcrypt's own functions, which tests replace to count and to save time.
	generate func(password []byte, cost int) ([]byte, error)
	compare  func(hash, password []byte) error
}

// NewHasher returns a Hasher, or an error that joins all faults in opts, each
// naming its field.
func NewHasher(opts HasherOptions) (*Hasher, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Hasher{
		cost:     o.Cost,
		wait:     o.MaxWait,
		queue:    fairqueue.New(o.MaxConcurrent, o.MaxWaiting, o.MaxWait),
		generate: bcrypt.GenerateFromPassword,
		compare:  bcrypt.CompareHashAndPassword,
	}, nil
}

// defaultHasher is made at first use, when main has had its chance to set GOMAXPROCS.
var defaultHasher = sync.OnceValue(func() *Hasher {
	h, err := NewHasher(HasherOptions{})
	if err != nil {
		panic(err) // the zero options are valid
	}
	return h
})

// HashPassword returns the bcrypt hash of password, to be stored with its user:
// 60 bytes of ASCII that hold the cost and a random salt too.
//
// It takes as long as a login and so waits for its turn as [CheckPassword]
// does. Errors: [ErrPasswordUnhashable], [ErrBusy] or ctx's own. How short or how
// common a password may be is for the caller to decide (NIST SP 800-63B-4 §3.1.1.2).
//
// HashPassword, [CheckPassword] and [NeedsRehash] use one Hasher with the
// defaults of [HasherOptions].
func HashPassword(ctx context.Context, password string) (string, error) {
	return defaultHasher().HashPassword(ctx, password)
}

// CheckPassword returns nil when hash was made from password. hash is what is
// stored for the user, and "" when there is no such user or the user has no
// password: call it then too, so that these cases take as long as the others.
//
// Bcrypt hashes with the prefixes $2a$, $2b$ and $2y$ and a cost from 4 to 16
// verify, whoever made them. Everything else is refused with
// [ErrWrongPassword], after the same work: a wrong password, one longer than
// 72 bytes or with a NUL byte in it, an empty, malformed or costlier hash. That
// work is 2^Cost rounds also where the hash has a lower cost; where its cost
// lies above the configured one, it is the hash's.
//
// A limited number of checks run at a time ([HasherOptions]). The others wait,
// and those of different clients ([WithClient]) take turns, so that a client who
// tries passwords by the thousand delays the others by little. The error is
// [ErrBusy] where no turn comes in time, or where the queue is full and this
// client's line in it is the longest. When ctx ends before or during the wait,
// it is ctx's own error; a check that has begun runs to its end.
func CheckPassword(ctx context.Context, hash, password string) error {
	return defaultHasher().CheckPassword(ctx, hash, password)
}

// NeedsRehash reports whether hash should be replaced by a new one of the same
// password: its cost is lower than the configured one, or [CheckPassword] would
// not accept it from anyone. Ask after a successful check, while the password is
// at hand. A hash of a higher cost is left as it is.
func NeedsRehash(hash string) bool {
	return defaultHasher().NeedsRehash(hash)
}

// HashPassword is as the function [HashPassword], with h's options.
func (h *Hasher) HashPassword(ctx context.Context, password string) (string, error) {
	if why := unhashable(password); why != "" {
		return "", fmt.Errorf("%w: %s", ErrPasswordUnhashable, why)
	}
	var hash []byte
	var failed error
	err := h.run(ctx, func() { hash, failed = h.generate([]byte(password), h.cost) })
	if err != nil {
		return "", err
	}
	if failed != nil {
		return "", fmt.Errorf("jwtauth: hashing a password: %v", failed)
	}
	return string(hash), nil
}

// CheckPassword is as the function [CheckPassword], with h's options.
func (h *Hasher) CheckPassword(ctx context.Context, hash, password string) error {
	matches := false
	err := h.run(ctx, func() { matches = h.matches(hash, password) })
	if err != nil {
		return err
	}
	if !matches {
		return ErrWrongPassword
	}
	return nil
}

// NeedsRehash is as the function [NeedsRehash], with h's options.
func (h *Hasher) NeedsRehash(hash string) bool {
	cost, ok := hashCost(hash)
	return !ok || cost < h.cost
}

// run calls work when it is the turn of ctx's client.
func (h *Hasher) run(ctx context.Context, work func()) error {
	client, _ := ctx.Value(passwordClientKey{}).(string)
	err := h.queue.Do(ctx, fairqueue.Client{Name: client}, work)
	switch {
	case errors.Is(err, fairqueue.ErrFull):
		return fmt.Errorf("%w: queue full", ErrBusy)
	case errors.Is(err, fairqueue.ErrTimeout):
		return fmt.Errorf("%w: no turn within %v", ErrBusy, h.wait)
	}
	return err
}

// matches does the same work for every refusal: one comparison, whatever the
// hash and the password are like, and then what is missing to 2^h.cost rounds.
// It does not stop early when the context ends, or the moment at which a
// deadline is noticed would depend on the stored cost.
func (h *Hasher) matches(hash, password string) bool {
	cost, possible := hashCost(hash)
	if !possible {
		cost, hash = h.cost, decoyHash(h.cost)
	}
	if unhashable(password) != "" {
		possible, password = false, ""
	}
	if h.compare([]byte(hash), []byte(password)) == nil && possible {
		return true
	}
	// 2^cost rounds are done. With 2^cost + 2^(cost+1) + … + 2^(h.cost-1) more
	// they add up to 2^h.cost.
	for c := cost; c < h.cost; c++ {
		_ = h.compare([]byte(decoyHash(c)), []byte(password))
	}
	return false
}

// decoyHash returns a hash that costs what others cost and is nobody's: the
// last character of a real one ends in two zero bits. No work goes into it, so
// a Hasher needs none to start.
func decoyHash(cost int) string {
	return fmt.Sprintf("$2a$%02d$", cost) + strings.Repeat(".", 22) + strings.Repeat("/", 31)
}

// hashCost returns the cost in a well-formed bcrypt hash that is not dearer than
// maxHashCost. It leaves nothing to x/crypto's parser, which ignores line breaks in the
// salt and whatever follows the 60 bytes, and takes any minor version, "$2x$"
// (hashes of a broken implementation) included. That the salt's unused last
// bits be zero is not asked: some other libraries set them, and no second hash
// would match for it.
func hashCost(hash string) (cost int, ok bool) {
	if len(hash) != 60 || hash[:2] != "$2" || hash[3] != '$' || hash[6] != '$' {
		return 0, false
	}
	if hash[2] != 'a' && hash[2] != 'b' && hash[2] != 'y' {
		return 0, false
	}
	for _, c := range []byte(hash[7:]) {
		if (c < '.' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return 0, false
		}
	}
	for _, c := range []byte(hash[4:6]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		cost = cost*10 + int(c) - '0'
	}
	return cost, bcrypt.MinCost <= cost && cost <= maxHashCost
}

// unhashable says why bcrypt would take password for another one, or "".
func unhashable(password string) string {
	switch {
	case len(password) > maxPasswordBytes:
		return fmt.Sprintf("longer than %d bytes", maxPasswordBytes)
	case strings.IndexByte(password, 0) >= 0:
		return "contains a NUL byte"
	}
	return ""
}

type passwordClientKey struct{}

// WithClient returns a context whose password calls are on account of client:
// the peer's address, an IPv6 one cut to its /64 since a single host commands
// that many, or whatever else an attacker cannot have many of at no cost. It
// must not be a text that the client chooses freely, such as an unchecked
// X-Forwarded-For, nor the user name, by which anyone could use up another's turns.
//
// Calls without a client, or with "", share one account. A text of more than
// 64 bytes is kept as its SHA-256 hash.
func WithClient(ctx context.Context, client string) context.Context {
	if len(client) > maxClientBytes {
		sum := sha256.Sum256([]byte(client))
		client = string(sum[:])
	}
	return context.WithValue(ctx, passwordClientKey{}, client)
}
