package jwtauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A small model checker: it runs an Issuer's own code on a store of its own, in which
// every operation waits to be scheduled, and tries all schedules, one after the other. Time stands still but where a
// schedule moves it. A schedule is the list of choices made in it.

type schedule struct {
	given []int // to be made again
	made  []choice
}

type choice struct{ of, taken int }

// choose returns one of 0 … n-1.
func (s *schedule) choose(n int) int {
	taken := 0
	if i := len(s.made); i < len(s.given) {
		taken = s.given[i]
	}
	s.made = append(s.made, choice{n, taken})
	return taken
}

// next returns the choices of the schedule that comes after s, nil where s is the last.
func (s *schedule) next() []int {
	for i := len(s.made) - 1; i >= 0; i-- {
		if s.made[i].taken+1 < s.made[i].of {
			given := make([]int, i+1)
			for j := range given {
				given[j] = s.made[j].taken
			}
			given[i]++
			return given
		}
	}
	return nil
}

// explore runs scenario under every schedule and stops at the first fault.
func explore(t *testing.T, scenario func(w *world)) {
	t.Helper()
	count := 0
	for given := []int{}; given != nil; count++ {
		w := newWorld(&schedule{given: given})
		scenario(w)
		w.checkEnd()
		if len(w.faults) > 0 {
			t.Fatalf("after %d schedules:\n%s\nhistory:\n%s", count, strings.Join(w.faults, "\n"), strings.Join(w.history, "\n"))
		}
		given = w.schedule.next()
	}
	t.Logf("%d schedules", count)
}

const (
	modelWindow = 30 * time.Second
	modelIdle   = time.Hour
	modelLife   = 2 * time.Hour
)

var modelStart = time.Unix(1_900_000_000, 0)

var modelKey = func() jwtauth.Key {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		panic(err)
	}
	return key
}()

// world is one run: a store, a clock, some actors.
type world struct {
	schedule *schedule
	now      time.Time
	rows     map[string]jwtauth.Session
	ended    map[string]bool // ids that were deleted
	rotated  map[int64]time.Time
	issued   map[string]int64 // refresh token → its generation
	actors   []*actor
	history  []string
	faults   []string

	jumps   []time.Duration // by which a schedule may move the clock, once
	outages int             // how many swaps may be carried out and not answered
	down    bool            // from then on, until a scenario ends it
	wasDown bool
}

func newWorld(s *schedule) *world {
	return &world{
		schedule: s, now: modelStart,
		rows: map[string]jwtauth.Session{}, ended: map[string]bool{},
		rotated: map[int64]time.Time{}, issued: map[string]int64{},
	}
}

// actor is a goroutine that runs only when it is its turn.
type actor struct {
	name   string
	resume chan struct{}
	parked chan struct{}
	done   bool
}

type actorKey struct{}

func (w *world) act(name string, f func(ctx context.Context)) {
	a := &actor{name: name, resume: make(chan struct{}), parked: make(chan struct{})}
	w.actors = append(w.actors, a)
	go func() {
		<-a.resume
		f(context.WithValue(context.Background(), actorKey{}, a))
		a.done = true
		a.parked <- struct{}{}
	}()
}

// run schedules the actors until all are done.
func (w *world) run() {
	for {
		var ready []*actor
		for _, a := range w.actors {
			if !a.done {
				ready = append(ready, a)
			}
		}
		if len(ready) == 0 {
			w.actors = nil
			return
		}
		turn := w.schedule.choose(len(ready) + len(w.jumps))
		if turn >= len(ready) {
			jump := w.jumps[turn-len(ready)]
			w.jumps = nil
			w.now = w.now.Add(jump)
			w.note("the clock moves by %v", jump)
			continue
		}
		ready[turn].resume <- struct{}{}
		<-ready[turn].parked
	}
}

// step waits for the actor's turn.
func (w *world) step(ctx context.Context, format string, args ...any) {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return
	}
	a.parked <- struct{}{}
	<-a.resume
	w.note("%s: "+format, append([]any{a.name}, args...)...)
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

var errDown = errors.New("the store is down")

func (w *world) Create(ctx context.Context, s jwtauth.Session) error {
	w.step(ctx, "create")
	w.rows[s.ID] = s
	return nil
}

func (w *world) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	w.step(ctx, "load")
	if w.down {
		return jwtauth.Session{}, errDown
	}
	row, ok := w.rows[id]
	if !ok || !now.Before(row.ExpiresAt) {
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return row, nil
}

func (w *world) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (bool, error) {
	w.step(ctx, "swap %d to %d", from, next.Generation)
	if w.down {
		return false, errDown
	}
	row, ok := w.rows[next.ID]
	if !ok || row.Generation != from || !now.Before(row.ExpiresAt) {
		return false, nil
	}
	if next.ExpiresAt.After(row.EndsAt) || next.EndsAt != row.EndsAt {
		w.fault("a swap stretches the session beyond its end")
	}
	w.rows[next.ID] = next
	w.rotated[next.Generation] = next.RotatedAt
	if w.outages > 0 && w.schedule.choose(2) == 1 {
		w.outages--
		w.down, w.wasDown = true, true
		w.note("the swap is carried out, and the store goes down before it answers")
		return false, errDown
	}
	return true, nil
}

func (w *world) Delete(ctx context.Context, id string) error {
	w.step(ctx, "delete")
	if w.down {
		return errDown
	}
	delete(w.rows, id)
	w.ended[id] = true
	return nil
}

func (w *world) DeleteSubject(ctx context.Context, subject string) error {
	w.step(ctx, "delete subject")
	for id, row := range w.rows {
		if row.Subject == subject {
			delete(w.rows, id)
			w.ended[id] = true
		}
	}
	return nil
}

func (w *world) List(context.Context, string, time.Time) ([]jwtauth.Session, error) {
	return slices.Collect(maps.Values(w.rows)), nil
}

// issuer returns an instance whose clock is off by skew.
func (w *world) issuer(skew time.Duration) *jwtauth.Issuer {
	return w.issuerWith(jwtauth.IssuerOptions{}, skew)
}

func (w *world) issuerWith(opts jwtauth.IssuerOptions, skew time.Duration) *jwtauth.Issuer {
	opts.AccessTTL = time.Minute
	opts.Sessions = w
	opts.IdleTTL = modelIdle
	opts.SessionTTL = modelLife
	opts.Now = func() time.Time { return w.now.Add(skew) }
	issuer, err := jwtauth.NewIssuer(modelKey, opts)
	if err != nil {
		panic(err)
	}
	return issuer
}

// login begins the session that a scenario is about; it stands at generation 1.
func (w *world) login(issuer *jwtauth.Issuer) (token, id string) {
	tokens, err := issuer.Login(context.Background(), "subject")
	if err != nil {
		panic(err)
	}
	for id = range w.rows {
	}
	w.issued[tokens.RefreshToken] = 1
	return tokens.RefreshToken, id
}

// refresh has issuer refresh, and checks what must hold of every answer.
func (w *world) refresh(ctx context.Context, issuer *jwtauth.Issuer, token string) (string, error) {
	arrived := w.now
	presented := w.issued[token]
	var standing int64
	for _, row := range w.rows {
		standing = row.Generation
	}
	tokens, err := issuer.Refresh(ctx, token)
	if a, ok := ctx.Value(actorKey{}).(*actor); ok {
		w.note("%s: presented %d, answer: %v", a.name, presented, err)
	}
	if err != nil {
		return "", err
	}
	if presented < standing-1 {
		w.fault("generation %d was accepted while %d stood", presented, standing)
	}
	claims := refreshClaims(tokens.RefreshToken)
	w.issued[tokens.RefreshToken] = claims.Generation
	if rotated, ok := w.rotated[claims.Generation]; ok && presented < claims.Generation &&
		rotated.Before(arrived) && !arrived.Before(rotated.Add(modelWindow+20*time.Second)) && !w.wasDown {
		w.fault("the window slid: generation %d was accepted %v after %d had begun", presented, arrived.Sub(rotated), claims.Generation)
	}
	return tokens.RefreshToken, nil
}

// refreshClaims reads what a refresh token says, without verifying it.
func refreshClaims(token string) (claims struct {
	Generation int64  `json:"gen"`
	SessionID  string `json:"sid"`
	Subject    string `json:"sub"`
	Expires    int64  `json:"exp"`
}) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		panic(err)
	}
	return claims
}

// checkEnd asks what must hold whenever everything has come to rest.
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
			if _, err := issuer.Refresh(context.Background(), token); err == nil {
				w.fault("a session that was ended answers tokens")
			}
		}
	}
}

// mustGoOn is for honest clients: nothing but a logout may end their session.
func (w *world) mustGoOn(who string, err error) {
	if errors.Is(err, jwtauth.ErrTokenReused) || errors.Is(err, jwtauth.ErrSessionEnded) {
		w.fault("%s is logged out: %v", who, err)
	}
}

// Three tabs hold one token and refresh it at once: all of them go on, in one step of the generation.
func TestModelThreeTabs(t *testing.T) {
	explore(t, func(w *world) {
		issuer := w.issuer(0)
		token, id := w.login(issuer)
		answers := map[string]bool{}
		for _, name := range []string{"tab 1", "tab 2", "tab 3"} {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token)
				if err != nil {
					w.fault("%s: %v", name, err)
				}
				answers[answer] = true
			})
		}
		w.run()
		if len(answers) != 1 || w.rows[id].Generation != 2 {
			w.fault("%d different answers, generation %d", len(answers), w.rows[id].Generation)
		}
	})
}

// Two refreshes and a logout: whatever the order, the session is over afterwards, and nobody who asks
// the store after the logout is answered.
func TestModelLogoutWins(t *testing.T) {
	for _, generation := range []int{1, 2} {
		t.Run(fmt.Sprintf("generation %d", generation), func(t *testing.T) {
			explore(t, func(w *world) {
				issuer := w.issuer(0)
				token, id := w.login(issuer)
				old := token
				if generation == 2 { // so that one refresh coalesces and one recovers
					token, _ = w.refresh(context.Background(), issuer, old)
				}
				w.act("tab 1", func(ctx context.Context) { w.refreshAgainstLogout(ctx, issuer, token, id) })
				w.act("tab 2", func(ctx context.Context) { w.refreshAgainstLogout(ctx, issuer, old, id) })
				w.act("logout", func(ctx context.Context) {
					if err := issuer.Logout(ctx, token); err != nil {
						w.fault("logout: %v", err)
					}
				})
				w.run()
				if !w.ended[id] {
					w.fault("the session was not ended")
				}
			})
		})
	}
}

// refreshAgainstLogout checks that the last thing a successful refresh saw was a session that stood.
func (w *world) refreshAgainstLogout(ctx context.Context, issuer *jwtauth.Issuer, token, id string) {
	if _, err := w.refresh(ctx, issuer, token); err == nil && w.ended[id] {
		// Between its last operation and its answer nothing else runs.
		w.fault("a refresh was answered after the logout")
	}
}

// A client whose answers are lost, and another tab of it, while the clock moves on by what is still in the window.
func TestModelLostAnswers(t *testing.T) {
	for _, jump := range []time.Duration{modelWindow / 2, modelWindow - time.Second} {
		t.Run(jump.String(), func(t *testing.T) {
			explore(t, func(w *world) {
				issuers := []*jwtauth.Issuer{w.issuer(-4 * time.Second), w.issuer(4 * time.Second)}
				token, _ := w.login(issuers[0])
				w.jumps = []time.Duration{jump}
				honest := func(name string, issuer *jwtauth.Issuer) {
					w.act(name, func(ctx context.Context) {
						sent := w.now
						mine, err := w.refresh(ctx, issuer, token)
						w.mustGoOn(name, err)
						if err != nil {
							w.fault("%s: %v", name, err)
							return
						}
						if w.schedule.choose(2) == 1 && w.now.Sub(sent) < modelWindow {
							w.note("%s: the answer is lost", name)
							if mine, err = w.refresh(ctx, issuer, token); err != nil && w.now.Sub(sent) < modelWindow {
								w.fault("%s, retrying: %v", name, err)
							}
						}
						_ = mine
					})
				}
				honest("tab 1", issuers[0])
				honest("tab 2", issuers[1])
				w.run()
			})
		})
	}
}

// A swap is carried out, and the store goes down before it says so, for longer than the window. The
// client that kept retrying goes on.
func TestModelOutage(t *testing.T) {
	explore(t, func(w *world) {
		issuer := w.issuer(0)
		token, id := w.login(issuer)
		w.outages = 1
		lost := false
		for _, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				_, err := w.refresh(ctx, issuer, token)
				w.mustGoOn(name, err)
				if err != nil {
					if !errors.Is(err, jwtauth.ErrUnavailable) {
						w.fault("%s: %v", name, err)
					}
					lost = true
				}
			})
		}
		w.run()
		if !lost {
			return
		}
		for _, later := range []time.Duration{time.Second, 10 * modelWindow, time.Minute / 2} {
			w.now = w.now.Add(later)
			if later == time.Minute/2 {
				w.down = false
			}
			_, err := w.refresh(context.Background(), issuer, token)
			w.mustGoOn("the client", err)
			if w.down == (err == nil) {
				w.fault("down is %v, answer %v", w.down, err)
			}
		}
		if w.rows[id].Generation > 3 {
			w.fault("generation %d", w.rows[id].Generation)
		}
	})
}

// Tabs share a cookie jar, and an answer that is on its way for long replaces what is in it. Coalescing
// outlasts recovery, so that this is never something older.
func TestModelLateAnswer(t *testing.T) {
	explore(t, func(w *world) {
		issuers := []*jwtauth.Issuer{w.issuer(-4 * time.Second), w.issuer(4 * time.Second)}
		old, _ := w.login(issuers[0])
		jar, err := w.refresh(context.Background(), issuers[0], old)
		if err != nil {
			w.fault("%v", err)
		}
		w.now = w.now.Add(modelWindow + 5*time.Second) // recovery is about to end
		w.jumps = []time.Duration{time.Second, 15 * time.Second}
		tab := func(name string, issuer *jwtauth.Issuer, token func() string) {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token())
				if err == nil {
					w.step(ctx, "the answer arrives")
					jar = answer
				}
			})
		}
		tab("late tab", issuers[0], func() string { return old })
		tab("tab", issuers[1], func() string { return jar })
		w.run()
		if w.ended[refreshClaims(jar).SessionID] {
			return // the old token came after its window, as no honest tab's does
		}
		w.now = w.now.Add(10 * time.Minute)
		_, err = w.refresh(context.Background(), issuers[0], jar)
		w.mustGoOn("the browser", err)
	})
}

// A thief has a copy. Whoever comes second, and late, ends the session for both.
func TestModelTheft(t *testing.T) {
	explore(t, func(w *world) {
		var events []jwtauth.EventKind
		issuer := w.issuerWith(jwtauth.IssuerOptions{OnEvent: func(_ context.Context, e jwtauth.Event) { events = append(events, e.Kind) }}, 0)
		token, id := w.login(issuer)
		for _, name := range []string{"victim", "thief"} {
			w.act(name, func(ctx context.Context) {
				mine := token
				for range 2 {
					answer, err := w.refresh(ctx, issuer, mine)
					if err != nil {
						return
					}
					mine = answer
				}
			})
		}
		w.run()
		// Long after, each refreshes what it has, the victim something old: the alarm goes off.
		w.now = w.now.Add(10 * time.Minute)
		latest := ""
		for issued, generation := range w.issued {
			if generation == w.rows[id].Generation {
				latest = issued
			}
		}
		if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
			w.fault("the newest token is refused")
		}
		w.now = w.now.Add(10 * time.Minute)
		if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
			w.fault("the newest token is refused")
		}
		if _, err := w.refresh(context.Background(), issuer, token); !errors.Is(err, jwtauth.ErrTokenReused) {
			w.fault("the stolen token: %v", err)
		}
		if _, err := w.refresh(context.Background(), issuer, latest); !errors.Is(err, jwtauth.ErrSessionEnded) {
			w.fault("the other one after the alarm: %v", err)
		}
		if !slices.Contains(events, jwtauth.EventReuse) {
			w.fault("no event names the reuse: %v", events)
		}
	})
}

// The subject is disabled and logged out everywhere while it logs in: no session is left.
func TestModelLoginAgainstLogoutAll(t *testing.T) {
	explore(t, func(w *world) {
		disabled := false
		var issuer *jwtauth.Issuer
		issuer = w.issuerWith(jwtauth.IssuerOptions{Claims: func(ctx context.Context, _ string) (any, error) {
			w.step(ctx, "asks for claims")
			if disabled {
				return nil, jwtauth.ErrSubjectDisabled
			}
			return nil, nil
		}}, 0)
		for _, name := range []string{"login 1", "login 2"} {
			w.act(name, func(ctx context.Context) { _, _ = issuer.Login(ctx, "subject") })
		}
		w.act("administrator", func(ctx context.Context) {
			w.step(ctx, "disables the subject")
			disabled = true
			if err := issuer.LogoutAll(ctx, "subject"); err != nil {
				w.fault("LogoutAll: %v", err)
			}
		})
		w.run()
		if len(w.rows) > 0 {
			w.fault("%d sessions are left of a disabled subject", len(w.rows))
		}
	})
}
