package jwtauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
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
		rotated: map[int64]time.Time{}, issued: map[string]int64{},
	}
	return m.world
}

var errDown = errors.New("the store is down")

func (m *model) Create(ctx context.Context, s jwtauth.Session) error {
	w := m.world
	w.step(ctx, changes, "create")
	w.rows[s.ID] = s
	w.logins.created(ctx, s)
	return nil
}

func (m *model) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	w := m.world
	w.step(ctx, reads, "load")
	if w.down {
		return jwtauth.Session{}, errDown
	}
	row, ok := w.rows[id]
	if !ok || !now.Before(row.ExpiresAt) {
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return row, nil
}

func (m *model) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	w := m.world
	w.step(ctx, changes, "swap generation %d, revision %d to %d, %d", old.Generation, old.Revision, next.Generation, next.Revision)
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
	m.world.step(ctx, reads, "list")
	return slices.Collect(maps.Values(m.rows)), nil
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
			return m.world.updates.claims(s), m.world.claims(ctx)
		},
		CredentialVersion: func(ctx context.Context, _ string) (string, error) { return m.world.version(ctx) },
		MaxSessions:       m.limit,
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

// claimsTakeTime makes the call of IssuerOptions.Claims a step.
func (w *world) claimsTakeTime() {
	w.claims = func(ctx context.Context) error {
		w.step(ctx, reads, "get the claims")
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

// request is a call of Refresh.
type request struct {
	presented int64
	arrived   time.Time
	decided   bool   // on a row of the store, since the last swap
	label     string // of an update; "" for a refresh
}

type requestKey struct{}

// refresh calls Refresh and checks the rules that hold for every response. The
// error is errCrashed if the instance does not respond.
func (w *world) refresh(ctx context.Context, issuer *instance, token string) (next string, err error) {
	return w.send(ctx, issuer, token, "")
}

// send is refresh, or an update if label is not empty.
func (w *world) send(ctx context.Context, issuer *instance, token, label string) (next string, err error) {
	r := &request{presented: w.issued[token], arrived: w.now, label: label}
	var opts []jwtauth.RefreshOption
	if label != "" {
		opts = append(opts, jwtauth.Relabel(label))
	}
	if key, ok := ctx.Value(possessionKey{}).(string); ok {
		opts = append(opts, jwtauth.ConfirmedBy("jkt", key))
	}
	current, ended := w.generation(), len(w.ended) > 0
	a, isActor := ctx.Value(actorKey{}).(*actor)
	if isActor {
		a.crashed = false
	}
	defer func() {
		switch r := recover(); {
		case r == errCrashed:
			next, err = "", errCrashed
		case r != nil:
			panic(r)
		}
		if isActor && !w.abandoned {
			w.note(a, "presented %d, response: %v", r.presented, err)
		}
	}()
	used := issuer.Issuer
	if w.model.removed.forgets {
		used = w.model.newIssuer(issuer.skew)
	}
	tokens, err := used.Refresh(context.WithValue(ctx, requestKey{}, r), token, opts...)
	if err != nil {
		return "", err
	}
	w.checkResponse(r, tokens, current, ended)
	w.updates.checkResponse(w, r, tokens)
	if isActor {
		w.mayCrash(a, "the response")
	}
	return tokens.RefreshToken, nil
}

// checkResponse checks tokens that were issued for a request. When the request
// arrived, current was the generation of the session, which may have ended.
func (w *world) checkResponse(r *request, tokens jwtauth.Tokens, current int64, ended bool) {
	arrived := r.arrived
	if w.now.Before(arrived) { // the clock was set back
		arrived = w.now
	}
	var row jwtauth.Session
	for _, row = range w.rows {
	}
	generation, known := w.issued[tokens.RefreshToken]
	if !known {
		generation = generationOf(tokens.RefreshToken)
		for _, other := range w.issued {
			if other == generation && !w.failedOver { // an adopted generation expires at another time
				w.fault("generation %d has two tokens", generation)
			}
		}
		w.issued[tokens.RefreshToken] = generation
	}
	rotated, isRotated := w.rotated[generation]
	switch {
	case ended:
		w.fault("tokens are issued for a session that has ended")
	case r.presented < current-1 && !w.failedOver:
		w.fault("generation %d was accepted when %d was current", r.presented, current)
	case isRotated && r.presented < generation && rotated.Before(arrived) && !w.wasDown && !w.failedOver &&
		!arrived.Before(rotated.Add(modelWindow+2*modelSkew)):
		w.fault("the window slid: generation %d was accepted %v after %d had begun", r.presented, arrived.Sub(rotated), generation)
	case len(w.rows) == 1 && !arrived.Before(row.EndsAt.Add(modelSkew)):
		w.fault("a session lives on after its end")
	case len(w.rows) == 1 && arrived.Add(-modelSkew).Add(time.Duration(tokens.ExpiresIn)*time.Second).After(row.EndsAt):
		w.fault("an access token lives %ds, longer than its session", tokens.ExpiresIn)
	}
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

// generationOf returns the generation of a refresh token. It is faster than
// refreshPayload.
func generationOf(token string) int64 {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(payload), `"gen":`)
	number, _, _ := strings.Cut(after, ",")
	generation, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return generation
}
