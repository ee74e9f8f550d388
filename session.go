package jwtauth

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// Session is one login, from then until it ends, however often its tokens are
// refreshed. Times are in whole milliseconds, UTC or not.
type Session struct {
	ID         string // SubjectTag, "-", then 130 random bits in letters and digits; a store may rely on the tag
	Subject    string
	Label      string    // what [Label] said at login; at most 128 bytes
	Generation int64     // of the refresh token in force: 1 at login, at most 2^53-1 (a Lua number holds it)
	CreatedAt  time.Time // the login
	AuthTime   time.Time // when the subject last proved who it is
	RotatedAt  time.Time // when Generation began; CreatedAt before the first refresh
	ExpiresAt  time.Time // the earlier of the idle and the absolute end; moves with each rotation. A store may drop the row from then on
	EndsAt     time.Time // the absolute end, fixed at login
}

// SessionStore keeps sessions. Implementations are safe for concurrent use by many
// processes, own no clock (now is the caller's), and pass jwtauthtest.RunSessionStore.
// Packages memstore, sqlstore and redisstore have some.
//
// Every method honours its context. An error other than those named says that nothing is
// known of the outcome; it wraps [ErrUnavailable] where a later try may succeed. An [Issuer] takes
// all of these for an outage, ErrUnavailable, those that last included, such as an id that is taken: none of them says that
// anybody is logged out. ErrSessionEnded counts from Load alone. Load and List
// see every write that was acknowledged before: they ask the primary, never a replica.
type SessionStore interface {
	// Create stores a new session, at s.CreatedAt by the caller's clock. It is an error where the
	// id is taken, unless by exactly this session.
	Create(ctx context.Context, s Session) error

	// Load returns the session with this id. Where there is none, or now is not
	// before its ExpiresAt, the error wraps [ErrSessionEnded].
	Load(ctx context.Context, id string, now time.Time) (Session, error)

	// Swap replaces Generation, RotatedAt and ExpiresAt of the session next.ID by
	// those of next, where its generation is from and now is before its ExpiresAt; of
	// callers with one from and different values exactly one wins. It has also won where it finds
	// exactly those three values in place, since clients of stores repeat commands by
	// themselves. Where there is no such session, or it has ended by now, it has lost, without an error, whatever it finds.
	Swap(ctx context.Context, from int64, next Session, now time.Time) (won bool, err error)

	// Delete ends a session. It is no error where there is none.
	Delete(ctx context.Context, id string) error

	// DeleteSubject ends all sessions of a subject that were created before the call.
	DeleteSubject(ctx context.Context, subject string) error

	// List returns the sessions of a subject whose ExpiresAt is after now, in any order.
	List(ctx context.Context, subject string, now time.Time) ([]Session, error)
}

// maxGeneration is the largest integer below which a double holds every one.
const maxGeneration = 1<<53 - 1

// SubjectTag is what the ids of a subject's sessions start with: 8 characters of A-Z and
// 2-7, hashed from the subject. A clustered store keeps what has one tag in one place, so that
// it finds and deletes all sessions of a subject in one step. It hides nothing.
func SubjectTag(subject string) string {
	sum := sha256.Sum256([]byte("jwtauth subject tag\x00" + subject))
	return base32.StdEncoding.EncodeToString(sum[:5])
}

// step is what a presented refresh token leads to.
type step uint8

const (
	stepRotate   step = iota + 1 // begin the next generation
	stepCoalesce                 // answer the same generation again, without a write
	stepRecover                  // answer the generation in force to a holder of the one before, without a write
	stepAdopt                    // take over the presented generation, which the store has lost
	stepReuse                    // end the session: the token was copied
)

// Instances' clocks may differ by clockSkew, and coalescing goes on for longer than
// recovery by more than that: else a recovered answer that is late could
// replace a newer one.
const (
	clockSkew     = 10 * time.Second
	coalesceGrace = 30 * time.Second
)

// decide judges a refresh token of generation presented that arrived when the
// session stood at generation current, rotated at rotated. Both windows are anchored at the
// rotation, so that no replay extends them. A window of 0 means none: every token counts once.
func decide(current int64, rotated time.Time, presented int64, arrived time.Time, window time.Duration) step {
	switch {
	case presented > current:
		return stepAdopt
	case presented == current:
		neverRotated := current == 1
		clockSetBack := rotated.Sub(arrived) > clockSkew
		if window == 0 || neverRotated || clockSetBack || !arrived.Before(rotated.Add(window+coalesceGrace)) {
			return stepRotate
		}
		return stepCoalesce
	case presented == current-1 && window > 0 && arrived.Before(rotated.Add(window+clockSkew)):
		return stepRecover
	default:
		return stepReuse
	}
}
