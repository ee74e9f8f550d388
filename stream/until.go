package stream

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// UntilExpiry returns a copy of ctx that ends when the token of c expires: at
// the end of [jwtauth.Claims.ValidFor], which includes the Leeway of the
// verifier. So the stream ends when the verifier would refuse a request with
// the same token. [context.Cause] then returns an error that is
// [jwtauth.ErrTokenExpired].
//
// Call UntilExpiry at the beginning of the stream, with the claims that
// [jwtauth.FromContext] or [jwtauth.VerifyRequest] return. Claims without an
// ExpiresAt end the context at once. Call cancel when the stream has ended.
func UntilExpiry(ctx context.Context, c *jwtauth.Claims) (context.Context, context.CancelFunc) {
	cause := jwtauth.ErrTokenExpired
	if c.ExpiresAt.IsZero() {
		cause = errNoExpiry
	}
	return context.WithTimeoutCause(ctx, c.ValidFor(), cause)
}

var (
	errNoExpiry  = fmt.Errorf("%w: stream: the claims have no ExpiresAt", jwtauth.ErrTokenExpired)
	errNoSession = fmt.Errorf("%w: stream: the token has no session", jwtauth.ErrTokenInvalid)
)

// UntilLogout returns a function like [UntilExpiry]. Its contexts also end when
// the session of the token ends or is updated: when [jwtauth.Live] begins to
// refuse the token. store is the store of the sessions.
//
// Each context calls the store about every third of maxDelay. It ends at most
// maxDelay after the session. The cause is then [jwtauth.ErrTokenInvalid], and
// [jwtauth.ErrSessionEnded] as well if the session has ended. A context whose
// store does not respond for that long ends with [jwtauth.ErrUnavailable]. A
// panic of the store is logged, and counts as no response. A token without a
// session, such as one of [jwtauth.Issuer.Sign], ends its context at once.
//
// The function is safe for concurrent use. UntilLogout panics if store is nil,
// or if maxDelay is less than one second.
func UntilLogout(store jwtauth.SessionStore, maxDelay time.Duration) func(context.Context, *jwtauth.Claims) (context.Context, context.CancelFunc) {
	switch {
	case faults.IsNil(store):
		panic("jwtauth: stream: UntilLogout: store is nil")
	case maxDelay < time.Second:
		panic(fmt.Sprintf("jwtauth: stream: UntilLogout: maxDelay: %v is less than one second", maxDelay))
	}
	w := &watch{
		live:     jwtauth.Live(verified{}, store, 0),
		maxDelay: maxDelay,
		late:     fmt.Errorf("%w: stream: the session could not be checked for %v", jwtauth.ErrUnavailable, maxDelay),
	}
	return func(ctx context.Context, c *jwtauth.Claims) (context.Context, context.CancelFunc) {
		ctx, cancel := UntilExpiry(ctx, c)
		ctx, end := context.WithCancelCause(ctx)
		if c.SessionID == "" {
			end(errNoSession)
		} else if ctx.Err() == nil {
			go w.run(jwtauth.NewContext(ctx, c), end)
		}
		return ctx, func() {
			end(context.Canceled)
			cancel()
		}
	}
}

// verified is a TokenVerifier whose tokens are verified already. Live only has
// to check their session.
type verified struct{}

func (verified) VerifyToken(ctx context.Context, _ string) (*jwtauth.Claims, error) {
	c, _ := jwtauth.FromContext(ctx) // run sets it
	return c, nil
}

// watch checks sessions.
type watch struct {
	live     jwtauth.TokenVerifier
	maxDelay time.Duration
	late     error // the cause if the store does not respond
}

// run checks the session of the claims in ctx until ctx or the session ends.
// The end does not wait for a call of the store that takes too long.
func (w *watch) run(ctx context.Context, end context.CancelCauseFunc) {
	late := time.AfterFunc(w.maxDelay, func() { end(w.late) })
	for pause(ctx, w.interval()) {
		called := time.Now()
		err := w.check(ctx)
		switch {
		case err == nil:
			late.Reset(w.maxDelay - time.Since(called))
		case errors.Is(err, jwtauth.ErrTokenInvalid):
			end(err)
		}
	}
	late.Stop() // not deferred: it ends ctx if the store ends this goroutine
}

// check checks the session of the claims in ctx. In the goroutine of a request,
// net/http would recover from a panic of the store. Here a panic must not end
// the program either: it is logged, and counts as a failure of the store.
func (w *watch) check(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("jwtauth: stream: panic in the store of sessions: %v\n%s", p, debug.Stack())
			err = jwtauth.ErrUnavailable
		}
	}()
	_, err = w.live.VerifyToken(ctx, "")
	return err
}

// interval returns the time until the next check. It varies, so that streams
// which began at the same time do not call the store together. Two of them fit
// into maxDelay, so one failure ends no stream.
func (w *watch) interval() time.Duration {
	return w.maxDelay/4 + rand.N(w.maxDelay/6)
}

// pause waits, and returns false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
