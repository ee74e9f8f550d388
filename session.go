package jwtauth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// Session is one login. It lasts until it ends, however often its tokens are
// refreshed. Times are in whole milliseconds and in any time zone.
type Session struct {
	// ID is SubjectTag(Subject), "-", and 130 random bits in letters and
	// digits. A store may rely on the tag.
	ID string

	Subject    string
	Label      string    // set by the option [Label]; at most 128 bytes
	Attributes string    // data of the Issuer; at most 2 KiB, opaque to stores
	Revision   int64     // rises with every Swap: 1 at login
	Generation int64     // of the current refresh token: 1 at login, at most 2^53-1 (exact in a Lua number)
	CreatedAt  time.Time // the login
	AuthTime   time.Time // when the subject last authenticated; zero if unknown
	RotatedAt  time.Time // when Generation began: CreatedAt before the first refresh

	// ExpiresAt is when the session ends if it is not refreshed. It moves with
	// each rotation, but never beyond EndsAt. A store may drop the session from
	// then on.
	ExpiresAt time.Time

	EndsAt time.Time // when the session ends in any case; fixed at login
}

// SessionStore stores sessions. The packages memstore, sqlstore and redisstore
// contain implementations. The test suite for an implementation is
// jwtauthtest.RunSessionStore.
//
// Implementations must be safe for concurrent use by many processes and must
// return when the context is done. The Issuer limits each call to 5 seconds.
// Stores have no clock: now is the caller's time. Load and List see every write
// that was acknowledged before they were called, so they must read from the
// primary and not from a replica.
//
// Only Load may return an error that wraps [ErrSessionEnded]. After any other
// error the result of the call is unknown. Such an error wraps [ErrUnavailable]
// if a retry may succeed. The [Issuer] treats every other error, even a
// permanent one, as an outage and logs nobody out.
type SessionStore interface {
	// Create stores a new session. The caller's time is s.CreatedAt. It returns
	// an error if the ID is taken, unless the stored session equals s: clients
	// of databases may repeat a command.
	Create(ctx context.Context, s Session) error

	// Load returns the session with this ID. It returns an error that wraps
	// [ErrSessionEnded] if the session does not exist, or if now is not before
	// its ExpiresAt.
	Load(ctx context.Context, id string, now time.Time) (Session, error)

	// Swap replaces the mutable fields of the session next.ID with those of
	// next, and returns true, if the stored ones all equal those of old and now
	// is before the stored ExpiresAt. The mutable fields are Revision,
	// Generation, RotatedAt, ExpiresAt, AuthTime, Label and Attributes. The
	// other fields are the same in old and next, and Swap does not change them.
	// Of several callers with the same old and a different next, exactly one
	// wins.
	//
	// Swap also returns true if the mutable fields of next are already stored,
	// because clients of databases may repeat a command. In any case, it
	// returns false and no error if the session does not exist or has expired.
	// It never creates a session.
	Swap(ctx context.Context, old, next Session, now time.Time) (won bool, err error)

	// Delete ends a session. It returns no error if the session does not exist.
	Delete(ctx context.Context, id string) error

	// DeleteSubject ends all sessions of a subject that were created before the
	// call.
	DeleteSubject(ctx context.Context, subject string) error

	// List returns the sessions of a subject whose ExpiresAt is after now, in
	// any order.
	List(ctx context.Context, subject string, now time.Time) ([]Session, error)
}

// Data decodes the data that [SessionData] or [SetSessionData] has set into
// dst, like [json.Unmarshal]. Without data, dst is unchanged. The error
// contains no data.
func (s Session) Data(dst any) error {
	a, err := attributes.Decode(s.Attributes)
	if err != nil {
		return fmt.Errorf("jwtauth: Session.Data: %w", err)
	}
	if len(a.Data) == 0 {
		return nil
	}
	if json.Unmarshal(a.Data, dst) != nil {
		return fmt.Errorf("jwtauth: Session.Data: the data does not fit %T", dst)
	}
	return nil
}

// AuthContext returns the "acr" of the last authentication, or "" (see
// [AuthenticatedBy]).
func (s Session) AuthContext() string { return s.attributes().ACR }

// AuthMethods returns the "amr" of the last authentication, or nil (see
// [AuthenticatedBy]).
func (s Session) AuthMethods() []string { return s.attributes().AMR }

// equal reports whether two sessions are the same row of a store, whatever the
// time zones of their times.
func (s Session) equal(other Session) bool {
	for _, x := range []*Session{&s, &other} {
		for _, t := range []*time.Time{&x.CreatedAt, &x.AuthTime, &x.RotatedAt, &x.ExpiresAt, &x.EndsAt} {
			*t = time.UnixMilli(t.UnixMilli())
		}
	}
	return s == other
}

// attributes returns the attributes of a session, which are empty if they are
// malformed.
func (s Session) attributes() attributes.Attributes {
	a, _ := attributes.Decode(s.Attributes)
	return a
}

// maxGeneration is the largest integer up to which a float64 holds every
// integer.
const maxGeneration = 1<<53 - 1

// SubjectTag returns the prefix of the IDs of a subject's sessions: 8
// characters of A-Z and 2-7, from a hash of the subject. Several subjects may
// share a tag. A clustered store can keep all sessions with the same tag on one
// node, and then find and delete the sessions of a subject in one step. The tag
// does not hide the subject.
func SubjectTag(subject string) string {
	sum := sha256.Sum256([]byte("jwtauth subject tag\x00" + subject))
	return base32.StdEncoding.EncodeToString(sum[:5])
}

// Sessions returns the active sessions of a subject, the latest login first,
// such as for a page that lists signed-in devices. Claims.SessionID is the ID
// of the current one. Do not send Attributes to clients: it is internal data.
//
// It returns [ErrUnavailable] if the store fails, and an error that names
// IssuerOptions.Sessions if that is not set.
func (i *Issuer) Sessions(ctx context.Context, subject string) ([]Session, error) {
	if i.store == nil {
		return nil, errNoSessions
	}
	list, err := i.sessions.list(ctx, subject)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Session) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// EndSession ends one session of a subject, such as for the logout button in a
// list of signed-in devices. The ID may come from the request, but the subject
// must be authenticated: the sessions of other subjects are left alone. Access
// tokens of the session stay valid as described at [Issuer.Logout].
//
// It returns [ErrSessionEnded] if the subject has no such session,
// [ErrUnavailable] if it is unknown whether the session has ended, and an error
// that names IssuerOptions.Sessions if that is not set.
func (i *Issuer) EndSession(ctx context.Context, subject, sessionID string) error {
	if i.store == nil {
		return errNoSessions
	}
	// Keep IDs that cannot belong to the subject away from the store.
	if !strings.HasPrefix(sessionID, SubjectTag(subject)+"-") || strings.ContainsFunc(sessionID, notInID) {
		return ErrSessionEnded
	}
	row, err := i.sessions.load(ctx, sessionID, subject)
	if err != nil {
		return err
	}
	return i.end(ctx, Event{Kind: EventLogout, Subject: row.Subject, SessionID: row.ID})
}

// end ends the session that e names, and reports e.
func (i *Issuer) end(ctx context.Context, e Event) error {
	if err := i.sessions.delete(ctx, e.Subject, e.SessionID); err != nil {
		return err
	}
	i.emit(ctx, e)
	return nil
}

// limitSessions ends the sessions of a subject that exceed
// IssuerOptions.MaxSessions after the login that created own. The login has
// succeeded, so errors only mean that the excess stays until the next login.
//
// Simultaneous logins share one list. Otherwise each ends the same sessions.
func (i *Issuer) limitSessions(ctx context.Context, own Session) {
	if i.maxSessions == 0 || own.ID == "" {
		return
	}
	i.endOnPanic(ctx, own, func() {
		var ended []Session
		// After Do, as OnEvent may log the subject in. A panic hides no event.
		defer func() {
			for _, s := range slices.Backward(ended) {
				defer i.emit(ctx, Event{Kind: EventLogout, Reason: ReasonLimit, Subject: s.Subject, SessionID: s.ID})
			}
		}()
		i.limits.Do(own.Subject, own, func(logins []Session) {
			i.endExcess(context.WithoutCancel(ctx), slices.MaxFunc(logins, createdOrder), &ended)
		})
	})
}

// endExcess ends the sessions that exceed the limit after the login that
// created own, and adds them to ended. It never ends own or a later session, so
// that simultaneous logins do not end each other.
func (i *Issuer) endExcess(ctx context.Context, own Session, ended *[]Session) {
	list, err := i.sessions.list(ctx, own.Subject)
	if err != nil {
		return
	}
	for _, s := range i.excess(list, own) {
		if i.sessions.delete(ctx, s.Subject, s.ID) != nil {
			return
		}
		*ended = append(*ended, s)
	}
}

// excess returns the sessions to end: at most as many as exceed the limit, only
// ones older than own, first those that were never refreshed and whose access
// token has expired, then those whose last rotation is the longest ago.
func (i *Issuer) excess(list []Session, own Session) []Session {
	exceeding := len(list) - i.maxSessions
	if exceeding <= 0 {
		return nil
	}
	now := i.rules.now()
	unused := func(s Session) bool {
		return s.Generation == 1 && !now.Before(s.CreatedAt.Add(i.ttl+i.rules.leeway))
	}
	older := slices.DeleteFunc(list, func(s Session) bool { return createdOrder(s, own) >= 0 })
	slices.SortFunc(older, func(a, b Session) int {
		switch {
		case unused(a) && !unused(b):
			return -1
		case unused(b) && !unused(a):
			return 1
		}
		return cmp.Or(a.RotatedAt.Compare(b.RotatedAt), createdOrder(a, b))
	})
	return older[:min(exceeding, len(older))]
}

// createdOrder compares sessions by the time of the login, and then by ID.
func createdOrder(a, b Session) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

func notInID(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

var errNoSessions = errors.New("jwtauth: IssuerOptions.Sessions is not set")

// storeTimeout limits each call of a store.
const storeTimeout = 5 * time.Second

// storeClient calls a SessionStore and remembers its outages.
type storeClient struct {
	store  SessionStore
	now    func() time.Time
	window time.Duration
	outage atomic.Pointer[rotation.Outage] // nil until a call fails
}

// call runs do, which calls the store, with a time limit. Every error is an
// outage and becomes ErrUnavailable: the outcome is unknown then, and any other
// error could log users out.
//
// A write that must not stop halfway if the client hangs up needs a context
// without cancellation.
func (c *storeClient) call(ctx context.Context, do func(ctx context.Context, now time.Time) error) error {
	limited, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	called := c.now()
	err := do(limited, called)
	if err != nil && (!errors.Is(err, ErrUnavailable) || errors.Is(err, ErrSessionEnded)) {
		err = fmt.Errorf("%w: session store: %v", ErrUnavailable, faults.Detail(err))
	}
	c.note(rotation.Call{Called: called, Returned: c.now(), Failed: err != nil, ClientErr: ctx.Err()})
	return err
}

// note updates the outage after a call.
func (c *storeClient) note(call rotation.Call) {
	for {
		old := c.outage.Load()
		var before rotation.Outage
		if old != nil {
			before = *old
		}
		after := before.After(call, c.window)
		if after == before {
			return
		}
		stored := after
		if c.outage.CompareAndSwap(old, &stored) {
			return
		}
	}
}

// lastOutage returns the state after the last call.
func (c *storeClient) lastOutage() rotation.Outage {
	if known := c.outage.Load(); known != nil {
		return *known
	}
	return rotation.Outage{}
}

func (c *storeClient) create(ctx context.Context, s Session) error {
	return c.call(ctx, func(ctx context.Context, _ time.Time) error {
		return c.store.Create(ctx, s)
	})
}

// load returns a session of the subject. The error wraps ErrSessionEnded if
// there is no such session. That is a response of the store, and not an outage.
func (c *storeClient) load(ctx context.Context, id, subject string) (Session, error) {
	var row Session
	var ended error
	err := c.call(ctx, func(ctx context.Context, now time.Time) (err error) {
		row, err = c.store.Load(ctx, id, now)
		if errors.Is(err, ErrSessionEnded) && !errors.Is(err, ErrUnavailable) {
			ended, err = err, nil
		}
		return err
	})
	switch {
	case err != nil:
		return Session{}, err
	case ended != nil:
		return Session{}, ended
	case row.Subject != subject:
		return Session{}, ErrSessionEnded
	}
	return row, nil
}

func (c *storeClient) swap(ctx context.Context, old, next Session) (won bool, err error) {
	defer liveCaches.Changed(next.Subject, next.ID)
	err = c.call(context.WithoutCancel(ctx), func(ctx context.Context, now time.Time) (err error) {
		if next.RotatedAt.After(old.RotatedAt) {
			now = next.RotatedAt // a rotation happens at one time
		}
		won, err = c.store.Swap(ctx, old, next, now)
		return err
	})
	return won && err == nil, err
}

func (c *storeClient) delete(ctx context.Context, subject, id string) error {
	defer liveCaches.Changed(subject, id)
	return c.call(context.WithoutCancel(ctx), func(ctx context.Context, _ time.Time) error {
		return c.store.Delete(ctx, id)
	})
}

func (c *storeClient) deleteSubject(ctx context.Context, subject string) error {
	defer liveCaches.Changed(subject, "")
	return c.call(context.WithoutCancel(ctx), func(ctx context.Context, _ time.Time) error {
		return c.store.DeleteSubject(ctx, subject)
	})
}

func (c *storeClient) list(ctx context.Context, subject string) (rows []Session, err error) {
	err = c.call(ctx, func(ctx context.Context, now time.Time) (err error) {
		rows, err = c.store.List(ctx, subject, now)
		return err
	})
	return rows, err
}
