package guard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// unknownEpoch is the epoch of an account whose store has failed.
const unknownEpoch = -1

// outage is the state of this process while the store fails.
type outage struct {
	active atomic.Bool
	local  *Memory // counts known devices
}

// reserve counts an attempt and fills in a.
func (g *Guard) reserve(ctx context.Context, a *attempt, known device) error {
	wait, err := g.reserveIn(ctx, g.store, a, known)
	switch {
	case err == nil:
		g.outage.active.Store(false)
	case ctx.Err() != nil:
		return ctx.Err() // the client is gone
	default:
		g.emitOutage(ctx, err)
		if known == (device{}) && !g.opts.AdmitInOutage {
			return unavailable(ctx, err)
		}
		if wait, err = g.reserveIn(ctx, g.outage.local, a, known); err != nil {
			return unavailable(ctx, err)
		}
		// The epoch in the process is that of no account. A device keeps its
		// own.
		a.epoch = unknownEpoch
		if known != (device{}) {
			a.epoch = known.epoch
		}
	}
	if wait > 0 {
		return &pausedError{wait}
	}
	return nil
}

func (g *Guard) reserveIn(ctx context.Context, store Store, a *attempt, d device) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var known bool
	known, a.epoch, a.round, a.left, wait, err = store.Reserve(ctx, a.tag, d.key(), d.epoch, time.Now(),
		g.opts.Failures, g.opts.Window, g.opts.MaxPause)
	if known {
		a.device = d
	}
	a.store = store
	return wait, err
}

// refund takes back an attempt, even if the client is gone. If the store fails,
// the attempt counts as a failure.
func (g *Guard) refund(ctx context.Context, a *attempt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	err := a.store.Refund(ctx, a.tag, a.device.key(), a.round, g.opts.Failures, g.opts.MaxPause)
	if err != nil {
		g.emitOutage(ctx, err)
	}
}

// failed reports whether the result of an attempt counts. Unknown errors count,
// because they may depend on the guess.
func failed(err error) bool {
	if errors.Is(err, jwtauth.ErrWrongPassword) {
		return true
	}
	for _, undecided := range []error{jwtauth.ErrBusy, jwtauth.ErrUnavailable, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, undecided) {
			return false
		}
	}
	return true
}

// unavailable returns the error for a store that has failed.
func unavailable(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: guard.Options.Store: %w", jwtauth.ErrUnavailable, ended)
	}
	return fmt.Errorf("%w: guard.Options.Store: %v", jwtauth.ErrUnavailable, err)
}
