// Package guard limits guesses at the password of one account, without locking
// out its owner. It implements [jwtauth.LoginGuard]:
//
//	g, err := guard.New(guard.Options{Secret: secret})
//	…
//	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
//		Authenticate: authenticate,
//		Guard:        g,
//	})
//
// The queue of package jwtauth keeps a flood of logins from delaying others. It
// does not stop an attacker who guesses the password of one account from many
// addresses. Locking the account would let the attacker lock out its owner. So
// guard counts known and unknown devices separately.
//
// # Rules
//
//   - Unknown devices share a budget for each account: 10 failed attempts in 15
//     minutes. When it is used up, they are refused until a pause is over. The
//     pauses get longer, from 30 minutes to 24 hours, and shorter again
//     some days after an attack.
//   - A browser that has logged in with a name holds a device cookie for it.
//     Attempts with the cookie count for this device, whose budget is as large.
//     A device that has used up its budget pauses only itself.
//   - An attempt is counted before the password is checked, so parallel
//     attempts never exceed the budget. A success, [jwtauth.ErrBusy] and an
//     outage take back their own attempt and no other, so an attacker who logs
//     in to an account of his own gains no guesses. Refused attempts do not
//     count.
//   - Only attempts decide whether an account is paused, and not its existence.
//     The response to a paused account is 429 with Retry-After. It calls no
//     callback and checks no password.
//   - Known devices have precedence in the queue of passwords
//     ([jwtauth.WithKnownClient]).
//
// # Device cookies
//
// The cookie holds entries for up to eight user names. Each has a keyed hash of
// the name, a random ID of the device, an epoch and an expiry. A device is
// known for the name with which it has logged in, letter by letter: if "Ann"
// and "ann" are two users, a login of one buys no guesses at the other.
//
// The cookie is signed and readable by the server only (OWASP, "Slow Down
// Online Guessing Attacks with Device Cookies"). It is no credential: without
// the password it logs in no one. Each successful login stores a new ID in it,
// so the copy of an old cookie does not use up the budget of the device.
//
// [Guard.Reset] makes all devices of an account unknown. Call it after a change
// of the password. [Guard.Trust] makes a device known. Call it after the owner
// has confirmed a link in a mail: an owner on a new device has no other way in
// while the account is under attack.
//
// # Limits
//
// Guard does not stop an attacker who has a list of leaked passwords and makes
// one guess for each account. Refuse passwords from such lists when users
// choose them, and offer a second factor. It does not protect against a thief
// of the device cookie better than the budget of one device.
//
// # Other secrets
//
// [Guard.Allow] and [Guard.Report] enclose any check of a guessable secret,
// such as a one-time code. Make a Guard for each kind of secret, with its own
// CookieName and with accounts that no other Guard has:
//
//	codes, err := guard.New(guard.Options{
//		Secret:     secret,
//		CookieName: "jwtauth-code-device",
//		Account: func(name string) string {
//			return "code of " + guard.Fold(name)
//		},
//	})
//
// A success makes the device known. With one Guard for both secrets, a right
// password would buy guesses at the code. A prefix of the user name does not
// prevent that, because another user may have registered that name.
package guard

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// Guard limits guesses. Make it with [New]. It is safe for concurrent use.
type Guard struct {
	opts    Options
	rule    attempts.Rule
	devices *devices
	store   Store
	outage  *outage
}

var _ jwtauth.LoginGuard = (*Guard)(nil)

// New returns a Guard. The error joins all faults in opts, each naming its
// field.
func New(opts Options) (*Guard, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Guard{
		opts:    o,
		rule:    attempts.NewRule(o.Failures, o.Window, o.MaxPause),
		devices: newDevices(o.CookieName, o.Secret, o.OldSecrets, o.DeviceTTL),
		store:   o.Store,
		outage:  &outage{local: NewMemory(outageEntries)},
	}, nil
}

// storeTimeout is how long one call of the store may take. A store that hangs
// must not hold up the logins.
const storeTimeout = 2 * time.Second

// attempt is an attempt that Allow has allowed.
type attempt struct {
	username string
	account  string // as returned by Options.Account
	tag      string // of the account, for the store
	device   device // the known device; zero for an unknown one
	epoch    int64  // of the account
	round    int64
	left     int
	store    Store // that holds the reservation
	reported atomic.Bool
}

type attemptKey struct{}

// Allow counts an attempt to log in to the account of username. It returns the
// context for the check of the password: pass it to [jwtauth.CheckPassword] and
// in the request to [Guard.Report]. The context also tells the queue of
// passwords that the device is known.
//
// The error refuses the attempt: it wraps [ErrPaused] if the budget is used up,
// or [jwtauth.ErrUnavailable] if the store fails and Options.AdmitInOutage does
// not apply. [jwtauth.WriteError] responds with 429 or 503.
//
// An attempt whose result is never reported counts as a failure. So does one
// that the store has counted, if the response of the store is lost or the
// client has gone: Guard cannot take it back without the response.
func (g *Guard) Allow(r *http.Request, username string) (context.Context, error) {
	account := g.opts.Account(username)
	a := &attempt{username: username, account: account, tag: accountTag(account)}
	known, _ := g.devices.find(g.values(r), username, time.Now())
	if err := g.reserve(r.Context(), a, known); err != nil {
		return nil, err
	}
	ctx := context.WithValue(r.Context(), attemptKey{}, a)
	return jwtauth.WithKnownClient(ctx, a.tag, a.device.key()), nil
}

// Report is called with the result of an attempt that Allow has allowed. The
// request must carry the context that Allow returned:
//
//	ctx, err := g.Allow(r, username)
//	if err != nil {
//		jwtauth.WriteError(w, r, err)
//		return
//	}
//	err = check(ctx, username, password)
//	g.Report(w, r.WithContext(ctx), username, err)
//
// On success (nil), Report takes the attempt back and adds the device cookie to
// the response, so call it before the response is written. [jwtauth.ErrBusy],
// [jwtauth.ErrUnavailable] and the errors of a context take the attempt back.
// Every other error counts as a failure.
//
// Report adds no cookie if a page of another site has sent the request
// (Sec-Fetch-Site), unless the method is GET or HEAD. The browser does not send
// its own cookie then, and would lose it.
//
// Report ignores a second call for the same attempt. If the request carries no
// attempt, Report panics, because the attempts of all users would count as
// failures.
func (g *Guard) Report(w http.ResponseWriter, r *http.Request, _ string, err error) {
	a, _ := r.Context().Value(attemptKey{}).(*attempt)
	switch {
	case a == nil:
		panic("jwtauth: Guard.Report: the request does not carry the context that Guard.Allow returned")
	case a.reported.Swap(true):
		return
	}
	switch {
	case err == nil:
		g.refund(r.Context(), a)
		if a.epoch != unknownEpoch && !g.hidesCookie(r) {
			g.mint(w, r, a.username, a.epoch)
		}
	case !failed(err):
		g.refund(r.Context(), a)
	case a.left == 0:
		g.emitPause(r.Context(), a)
	}
}

// Trust makes the device that sent r known for username, as the user types it.
// It adds the device cookie to the response, so call it before the response is
// written. Call it after the owner has proved another way to be the owner, for
// example by opening a link in a mail on this device. The password is still
// required. A login with another spelling of the name comes from an unknown
// device.
//
// The error wraps [jwtauth.ErrUnavailable] if the store fails. It wraps
// [jwtauth.ErrCrossSite] if a page of another site has sent a form (see
// [Guard.Report]): the new cookie would replace that of the browser. A link in
// a mail is opened with GET, which works.
func (g *Guard) Trust(w http.ResponseWriter, r *http.Request, username string) error {
	if g.hidesCookie(r) {
		return fmt.Errorf("%w: guard.Trust: the browser did not send its device cookie", jwtauth.ErrCrossSite)
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	epoch, err := g.store.Epoch(ctx, accountTag(g.opts.Account(username)))
	if err != nil {
		return unavailable(ctx, err)
	}
	g.mint(w, r, username, epoch)
	return nil
}

// Reset makes all devices of the account of username unknown. Any spelling that
// belongs to the account (Options.Account) has the same effect, also on devices
// that have logged in with another spelling. Call it after the password has
// changed, and then [Guard.Trust] for the device that did it. Call it also when
// a user name gets another owner: each login of the former one may have left a
// device with a budget of its own. The budget of the account stays as it is.
//
// The error wraps [jwtauth.ErrUnavailable] if the store fails.
func (g *Guard) Reset(ctx context.Context, username string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now := time.Now()
	// Devices may have become known when DeviceTTL was longer.
	if err := g.store.Reset(ctx, accountTag(g.opts.Account(username)), now, now.Add(maxDeviceTTL)); err != nil {
		return unavailable(ctx, err)
	}
	return nil
}
