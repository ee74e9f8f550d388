package jwtauth_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	modelWindow = 30 * time.Second
	modelIdle   = time.Hour
	modelLife   = 2 * time.Hour
	modelSkew   = 10 * time.Second // between two clocks, at most
)

var modelStart = time.Unix(1_900_000_000, 0)

var modelKey = func() jwtauth.Key {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		panic(err)
	}
	return key
}()

// world is one run of a scenario: a store, a clock and some actors.
type world struct {
	model    *model
	schedule *schedule
	now      time.Time
	rows     map[string]jwtauth.Session
	ended    map[string]bool // IDs that were deleted
	rotated  map[int64]time.Time
	issued   map[string]int64 // refresh token → its generation
	events   []jwtauth.EventKind
	actors   []*actor
	history  []entry
	faults   []string

	updates updates // of the session in place
	logins  logins  // of a subject

	variant  digest            // of the scenario, which its first choices determine
	names    map[string]digest // of sessions that actors have created
	failures digest            // of calls while the store is down
	hidden   bool              // there is state that [world.state] does not know

	// shared returns what actors leave behind for the checks and for others,
	// besides the state of the store. If it is nil, that is everything that an
	// actor has observed.
	shared func() string

	claims     func(ctx context.Context) error // the part of IssuerOptions.Claims that matters
	version    func(ctx context.Context) (string, error)
	incidents  []incident // one of which may happen once
	crashes    int        // how many instances may die between two steps
	repeats    int        // how many swaps may be repeated by the client of the database
	outages    int        // how many swaps may succeed without a response
	down       bool       // from then on, until a scenario ends it
	wasDown    bool
	failedOver bool
	abandoned  bool // this schedule equals an earlier one
}

func newWorld(m *model, s *schedule) *world {
	m.world = &world{
		model: m, schedule: s, now: modelStart,
		rows: map[string]jwtauth.Session{}, ended: map[string]bool{},
		rotated: map[int64]time.Time{}, issued: map[string]int64{}, names: map[string]digest{},
	}
	return m.world
}

var errDown = errors.New("the store is down")

func (m *model) Create(ctx context.Context, s jwtauth.Session) error {
	w := m.world
	w.step(ctx, changes, "create")
	w.rows[s.ID] = s
	w.named(ctx, s.ID)
	w.logins.created(ctx, s)
	return nil
}

func (m *model) Load(ctx context.Context, id string, now time.Time) (row jwtauth.Session, err error) {
	w := m.world
	w.step(ctx, reads, "load")
	row, found := w.rows[id]
	switch {
	case w.down:
		row, err = jwtauth.Session{}, errDown
	case !found || !now.Before(row.ExpiresAt):
		row, err = jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	observe(ctx, uint64(w.row(row)))
	w.observeErr(ctx, err)
	return row, err
}

func (m *model) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	w := m.world
	w.step(ctx, changes, "swap generation %d, revision %d to %d, %d", old.Generation, old.Revision, next.Generation, next.Revision)
	defer func() {
		if won {
			observe(ctx, 1)
		}
		w.observeErr(ctx, err)
	}()
	if w.down {
		return false, errDown
	}
	if !w.swap(ctx, old, next, now) {
		return false, nil
	}
	if w.repeats > 0 && w.schedule.choose(2) == 1 {
		w.repeats--
		w.step(ctx, changes, "the swap was carried out, and the client of the database repeats it")
		before := w.rows[next.ID]
		if w.swap(ctx, old, next, now) {
			w.fault("a command takes effect twice")
		}
		return before == next, nil
	}
	if w.outages > 0 && w.schedule.choose(2) == 1 {
		w.outages--
		w.down, w.wasDown = true, true
		w.note(nil, "the swap succeeds, and the store goes down before it responds")
		return false, errDown
	}
	return true, nil
}

// swap is the atomic step of Swap.
func (w *world) swap(ctx context.Context, old, next jwtauth.Session, now time.Time) bool {
	row, ok := w.rows[next.ID]
	if !ok || row != old || !now.Before(row.ExpiresAt) {
		return false
	}
	if next.EndsAt != row.EndsAt || next.ExpiresAt.After(row.EndsAt) ||
		next.ExpiresAt != row.ExpiresAt && next.ExpiresAt.After(now.Add(modelIdle)) {
		w.fault("a swap stretches the session beyond its end")
	}
	w.rows[next.ID] = next
	if next.Generation != row.Generation {
		w.rotated[next.Generation] = next.RotatedAt
	}
	w.updates.swapped(ctx, row, next)
	return true
}

func (m *model) Delete(ctx context.Context, id string) error {
	w := m.world
	w.step(ctx, changes, "delete")
	if w.down {
		w.observeErr(ctx, errDown)
		return errDown
	}
	delete(w.rows, id)
	w.ended[id] = true
	w.logins.deleted(ctx, id)
	return nil
}

func (m *model) DeleteSubject(ctx context.Context, subject string) error {
	w := m.world
	w.step(ctx, changes, "delete subject")
	for id, row := range w.rows {
		if row.Subject == subject {
			delete(w.rows, id)
			w.ended[id] = true
		}
	}
	return nil
}

func (m *model) List(ctx context.Context, _ string, _ time.Time) ([]jwtauth.Session, error) {
	w := m.world
	w.step(ctx, reads, "list")
	rows := slices.Collect(maps.Values(w.rows))
	w.observeRows(ctx, rows)
	return rows, nil
}

// store returns the store of the instances.
func (m *model) store() jwtauth.SessionStore {
	if m.removed.store != nil {
		return m.removed.store(m)
	}
	return m
}

// instance is an Issuer and the error of its clock.
type instance struct {
	*jwtauth.Issuer
	skew time.Duration
}

// leaveNothing is for scenarios whose actors leave nothing behind.
func leaveNothing() string { return "" }

// issuer returns the instance whose clock is off by skew.
func (w *world) issuer(skew time.Duration) *instance {
	m := w.model
	if m.instances[skew] == nil {
		m.instances[skew] = &instance{m.newIssuer(skew), skew}
	}
	return m.instances[skew]
}

func (m *model) newIssuer(skew time.Duration) *jwtauth.Issuer {
	opts := jwtauth.IssuerOptions{
		AccessTTL:  time.Minute,
		Sessions:   m.store(),
		IdleTTL:    modelIdle,
		SessionTTL: modelLife,
		Now:        func() time.Time { return m.world.now.Add(skew) },
		OnEvent:    func(_ context.Context, e jwtauth.Event) { m.world.events = append(m.world.events, e.Kind) },
		Claims: func(ctx context.Context, s jwtauth.Session) (any, error) {
			if m.world.claims == nil {
				return nil, nil
			}
			err := m.world.claims(ctx)
			m.world.observeErr(ctx, err)
			return m.world.updates.claims(s), err
		},
		CredentialVersion: func(ctx context.Context, _ string) (string, error) {
			version, err := m.world.version(ctx)
			observeText(ctx, version)
			return version, err
		},
		MaxSessions: m.limit,
	}
	if m.removed.options != nil {
		m.removed.options(m, &opts)
	}
	issuer, err := jwtauth.NewIssuer(modelKey, opts)
	if err != nil {
		panic(err)
	}
	return issuer
}

// twoIssuers returns two instances whose clocks are as far apart as they may
// be.
func (w *world) twoIssuers() []*instance {
	return []*instance{w.issuer(-modelSkew / 2), w.issuer(modelSkew / 2)}
}

// claimsTakeTime makes the call of IssuerOptions.Claims a step. It can be local
// in a scenario in which every response comes after another step.
func (w *world) claimsTakeTime(does effect) {
	w.claims = func(ctx context.Context) error {
		w.step(ctx, does, "get the claims")
		return nil
	}
}

// login creates the session of a scenario. It begins with generation 1.
func (w *world) login(issuer *instance) (token string) {
	tokens, err := issuer.Login(context.Background(), "subject")
	if err != nil {
		panic(err)
	}
	w.issued[tokens.RefreshToken] = 1
	return tokens.RefreshToken
}

// checkEnd checks the rules that hold when all actors are done.
func (w *world) checkEnd() {
	w.down = false
	for id := range w.ended {
		if _, ok := w.rows[id]; ok {
			w.fault("a session that was ended is back")
		}
	}
	if len(w.ended) > 0 {
		issuer := w.issuer(0)
		for token := range w.issued {
			if _, err := issuer.Refresh(context.Background(), token); err == nil && w.ended[refreshPayload(token).SessionID] {
				w.fault("tokens are issued for a session that was ended")
			}
		}
	}
}

// mustGoOn is for honest clients, whose session only a logout may end.
func (w *world) mustGoOn(who string, err error) {
	if errors.Is(err, jwtauth.ErrTokenReused) || errors.Is(err, jwtauth.ErrSessionEnded) {
		w.fault("%s is logged out: %v", who, err)
	}
}

// generation returns that of the only session, or 0 without a session.
func (w *world) generation() int64 {
	for _, row := range w.rows {
		return row.Generation
	}
	return 0
}

// hasEnded reports whether the only session was deleted.
func (w *world) hasEnded() bool { return len(w.ended) > 0 }
