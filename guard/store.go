package guard

import (
	"context"
	"time"
)

// Store holds the counters of failed attempts. [NewMemory] returns one for a
// single process. Packages sqlstore and redisstore contain others.
//
// Each method is one atomic step. Implementations must be safe for concurrent
// use by many processes, and must return when the context is done. They have no
// clock: now is the caller's time. Every error is treated as an outage.
//
// Reserve may have counted an attempt although it returns an error, for example
// because a response was lost. Guard does not take such an attempt back, so it
// counts like a failure. If the client of a database repeats a command whose
// response was lost, as that of Redis does, each repetition may count.
//
// Accounts and devices are texts of 22 letters, digits, "-" and "_". They
// contain no user name.
type Store interface {
	// Reserve counts an attempt to log in to an account. It counts for the
	// device, if there is one and its epoch is not less than that of the
	// account. Otherwise it counts for the account, and known is false.
	//
	// limit, window and longest are Options.Failures, Window and MaxPause. A
	// counter that has no attempt left stays as it is, and wait says for how
	// long. Otherwise wait is zero, and left attempts remain. round identifies
	// the attempt for Refund. current is the epoch of the account, 0 if it was
	// never reset.
	Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
		known bool, current, round int64, left int, wait time.Duration, err error)

	// Refund takes back an attempt: of the device, or of the account if device
	// is empty. It changes nothing if the counter is in another round. It must
	// not be repeated if its response was lost.
	Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error

	// Reset raises the epoch of an account, to now in milliseconds since 1970
	// or more. The store must keep the epoch until the given time.
	Reset(ctx context.Context, account string, now, until time.Time) error

	// Epoch returns the epoch of an account, 0 if it was never reset.
	Epoch(ctx context.Context, account string) (int64, error)
}
