package keyfetch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	testPolicy = policy{cooldown: 30 * time.Second, maxStale: 24 * time.Hour}
	testNow    = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
)

// rules are all decisions. Exactly one rule applies to each state and event:
// the one of that event whose conditions all hold (see conditions).
var rules = []struct {
	event      eventKind
	conditions string
	want       decision
	effects    string // changes of the state (see effect); the rest stays as it is
}{
	// Keys in use are used. Fetches start behind the request, if they are due.
	{lookupFound, "fresh !wanted", decision{false, proceed}, ""},
	{lookupFound, "fresh wanted idle", decision{true, proceed}, "start"},
	{lookupFound, "fresh wanted !idle", decision{false, proceed}, ""},
	{lookupFound, "due idle", decision{true, proceed}, "start"},
	{lookupFound, "due !idle", decision{false, proceed}, ""},
	// Old keys are fetched again before they are used, but not in an outage.
	{lookupFound, "old !failed idle", decision{true, waitOrUse}, "start"},
	{lookupFound, "old !failed fetching", decision{false, waitOrUse}, ""},
	{lookupFound, "old !failed !idle !fetching", decision{false, proceed}, ""},
	{lookupFound, "old failed idle", decision{true, proceed}, "start"},
	{lookupFound, "old failed !idle", decision{false, proceed}, ""},
	// Expired keys are no keys.
	{lookupFound, "!usable idle", decision{true, wait}, "start wait"},
	{lookupFound, "!usable fetching !crowded", decision{false, wait}, "wait"},
	{lookupFound, "!usable fetching crowded", decision{false, tooManyWaiting}, ""},
	{lookupFound, "!usable !idle !fetching", decision{false, unavailable}, "want"},

	// An unknown key is fetched, at most once per cooldown.
	{lookupMissed, "idle", decision{true, wait}, "start wait"},
	{lookupMissed, "fetching !crowded", decision{false, wait}, "wait"},
	{lookupMissed, "fetching crowded", decision{false, tooManyWaiting}, ""},
	{lookupMissed, "!idle !fetching failed", decision{false, unavailable}, "want"},
	{lookupMissed, "!idle !fetching !failed usable", decision{false, refuse}, "want"},
	{lookupMissed, "!idle !fetching !failed !usable", decision{false, unavailable}, "want"},

	{readyChecked, "usable", decision{false, proceed}, ""},
	{readyChecked, "!usable idle", decision{true, wait}, "start"},
	{readyChecked, "!usable fetching", decision{false, wait}, ""},
	{readyChecked, "!usable !idle !fetching", decision{false, unavailable}, ""},

	{waitCanceled, "waiting", decision{}, "leave"},
	{joinMissed, "", decision{}, "want"},

	// Before the first set, failed fetches are repeated sooner.
	{fetchFailed, "fetching none", decision{}, "end fail retry"},
	{fetchFailed, "fetching !none", decision{}, "end fail"},
	{fetchSucceeded, "fetching", decision{}, "end succeed"},
}

var eventNames = map[eventKind]string{
	lookupFound: "lookupFound", lookupMissed: "lookupMissed", readyChecked: "readyChecked", waitCanceled: "waitCanceled",
	joinMissed: "joinMissed", fetchFailed: "fetchFailed", fetchSucceeded: "fetchSucceeded",
}

// impossible are the events that cannot happen in some states.
func impossible(kind eventKind, s state) bool {
	switch kind {
	case fetchFailed, fetchSucceeded:
		return !s.fetching
	case waitCanceled:
		return s.waiting == 0
	}
	return false
}

// conditions are those of the rules.
var conditions = map[string]func(state) bool{
	"none":     func(s state) bool { return s.expires.IsZero() },
	"usable":   func(s state) bool { return s.expires.After(testNow) },
	"fresh":    func(s state) bool { return s.due.After(testNow) },
	"due":      func(s state) bool { return !s.due.After(testNow) && s.old.After(testNow) },
	"old":      func(s state) bool { return !s.old.After(testNow) && s.expires.After(testNow) },
	"fetching": func(s state) bool { return s.fetching },
	"idle":     func(s state) bool { return !s.fetching && !s.nextStart.After(testNow) },
	"waiting":  func(s state) bool { return s.waiting > 0 },
	"crowded":  func(s state) bool { return s.waiting == 1000 },
	"wanted":   func(s state) bool { return s.wanted },
	"failed":   func(s state) bool { return s.failed },
}

func holds(s state, list string) bool {
	for name := range strings.FieldsSeq(list) {
		name, negated := strings.CutPrefix(name, "!")
		if conditions[name](s) == negated {
			return false
		}
	}
	return true
}

const testLifetime = time.Hour

// effect returns s after a named effect of a rule.
func effect(s state, name string) state {
	switch name {
	case "start":
		s.fetching, s.wanted = true, false
		s.started, s.nextStart = testNow, testNow.Add(30*time.Second)
	case "wait":
		s.waiting++
	case "leave":
		s.waiting--
	case "want":
		s.wanted = true
	case "end":
		s.fetching, s.waiting = false, 0
	case "fail":
		s.failed, s.wanted, s.failures = true, true, s.failures+1
	case "retry": // follows "fail", which counts this failure
		after := []time.Duration{1: 1, 2: 2, 4: 8, 5: 16, 6: 30, 40: 30}[s.failures] * time.Second
		s.nextStart = s.started.Add(after)
	case "succeed":
		s.failed, s.failures = false, 0
		s.due, s.old, s.expires = s.started.Add(45*time.Minute), s.started.Add(time.Hour), s.started.Add(24*time.Hour)
	}
	return s
}

// eachState calls test with a state of every kind that decisions distinguish,
// on both sides of each limit.
func eachState(test func(name string, s state)) {
	start := func(age time.Duration) time.Time { return testNow.Add(-age) }
	for _, age := range []time.Duration{-1, 0, 45*time.Minute - 1, 45 * time.Minute, time.Hour - 1, time.Hour, 24*time.Hour - 1, 24 * time.Hour} {
		for flags := range 8 {
			for _, next := range []time.Duration{-time.Minute, 0, 1} {
				for _, waiting := range []int{0, 1, 999, 1000} {
					for _, failures := range []int{0, 1, 3, 4, 5, 39} {
						s := state{fetching: flags&1 != 0, wanted: flags&2 != 0, failed: flags&4 != 0, waiting: waiting, failures: failures}
						s.started = testNow.Add(-time.Minute)
						s.nextStart = testNow.Add(next)
						if age >= 0 {
							s.due, s.old, s.expires = start(age-45*time.Minute), start(age-time.Hour), start(age-24*time.Hour)
						}
						if !s.fetching && waiting > 0 || s.failed != (failures > 0) {
							continue
						}
						test(fmt.Sprintf("set of age %v, next start in %v, %+v", age, next, s), s)
					}
				}
			}
		}
	}
}

func TestStepRules(t *testing.T) {
	applied := make([]int, len(rules))
	states := 0
	eachState(func(name string, s state) {
		states++
		for kind, event := range eventNames {
			if impossible(kind, s) {
				continue
			}
			rule := -1
			for i, r := range rules {
				if r.event != kind || !holds(s, r.conditions) {
					continue
				}
				if rule >= 0 {
					t.Fatalf("rules %d and %d apply to %s in %s", rule, i, event, name)
				}
				rule = i
			}
			if rule < 0 {
				t.Fatalf("no rule applies to %s in %s", event, name)
			}
			applied[rule]++
			want := s
			for name := range strings.FieldsSeq(rules[rule].effects) {
				want = effect(want, name)
			}
			next, d := testPolicy.step(s, eventAt(kind))
			if d != rules[rule].want {
				t.Errorf("%s in %s: decided %+v, want %+v", event, name, d, rules[rule].want)
			}
			if next != want {
				t.Errorf("%s in %s: next state %+v, want %+v", event, name, next, want)
			}
		}
	})
	for i, n := range applied {
		if n == 0 {
			t.Errorf("rule %d (%s %q) applies to no state", i, eventNames[rules[i].event], rules[i].conditions)
		}
	}
	if states < 1000 {
		t.Errorf("only %d states", states)
	}
}

func eventAt(kind eventKind) event {
	return event{kind: kind, now: testNow, lifetime: testLifetime}
}

// Without MaxStale, a set is used until it is old. A set that lives longer than
// MaxStale is used for its lifetime.
func TestStepStale(t *testing.T) {
	for _, c := range []struct{ maxStale, lifetime, want time.Duration }{
		{0, time.Hour, time.Hour},
		{time.Hour, time.Hour, time.Hour},
		{2 * time.Hour, time.Hour, 2 * time.Hour},
	} {
		p := policy{cooldown: time.Second, maxStale: c.maxStale}
		s, _ := p.step(state{}, event{kind: lookupMissed, now: testNow})
		s, _ = p.step(s, event{kind: fetchSucceeded, now: testNow.Add(time.Second), lifetime: c.lifetime})
		if got := s.expires.Sub(testNow); got != c.want {
			t.Errorf("%+v: expires after %v", c, got)
		}
	}
}

// In any order of events, a fetch never starts beside another one or within the
// cooldown, and expired keys are not used.
func TestStepSequences(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var actions [tooManyWaiting + 1]int
	for range 200 {
		var s state
		var lastStart time.Time
		now := testNow
		for range 300 {
			now = now.Add(time.Duration(random.Int64N(int64([]time.Duration{time.Second, time.Minute, 10 * time.Hour}[random.IntN(3)]))))
			e := event{kind: eventKind(random.IntN(len(eventNames))), now: now, lifetime: 5*time.Minute + time.Duration(random.Int64N(int64(time.Hour)))}
			if impossible(e.kind, s) {
				continue
			}
			next, d := testPolicy.step(s, e)
			loaded := !s.expires.IsZero()
			switch {
			case d.start && (s.fetching || !next.fetching):
				t.Fatalf("%s in %+v starts a second fetch", eventNames[e.kind], s)
			case d.start && loaded && now.Sub(lastStart) < testPolicy.cooldown:
				t.Fatalf("%s in %+v starts a fetch %v after the last", eventNames[e.kind], s, now.Sub(lastStart))
			case (d.action == wait || d.action == waitOrUse) && !next.fetching:
				t.Fatalf("%s in %+v waits without a fetch", eventNames[e.kind], s)
			case e.kind <= readyChecked && (d.action == proceed || d.action == waitOrUse) && !now.Before(s.expires):
				t.Fatalf("%s in %+v uses expired keys", eventNames[e.kind], s)
			case next.due.After(next.old) || next.old.After(next.expires) || next.waiting < 0 || next.waiting > maxWaiting || next.waiting > 0 && !next.fetching:
				t.Fatalf("%s in %+v leads to %+v", eventNames[e.kind], s, next)
			}
			if d.start {
				lastStart = now
			}
			if e.kind <= readyChecked {
				actions[d.action]++
			}
			s = next
		}
	}
	for a, n := range actions[:tooManyWaiting] {
		if n < 20 {
			t.Errorf("action %d was decided %d times: this proves little", a, n)
		}
	}
}

// Between two decisions, look-ups do not call step. So for as long as
// quietUntil says, step must have no effect on a found key, and at its end it
// must have one.
func TestQuietUntil(t *testing.T) {
	at := func(minute int) time.Time {
		if minute < 0 {
			return time.Time{}
		}
		return testNow.Add(time.Duration(minute) * time.Minute)
	}
	const end = 8
	moments, quiet := 0, 0
	for next := -1; next < end; next++ {
		for _, ages := range [][3]int{{-1, -1, -1}, {1, 3, 3}, {1, 3, 6}, {2, 3, 4}, {4, 5, 6}} {
			for flags := range 8 {
				s := state{fetching: flags&1 != 0, failed: flags&2 != 0, wanted: flags&4 != 0}
				s.nextStart, s.due, s.old, s.expires = at(next), at(ages[0]), at(ages[1]), at(ages[2])
				if !s.failed && s.nextStart.After(s.old) {
					continue // the cooldown after a success ends before the set is old
				}
				for i := range end {
					until := s.quietUntil(at(i))
					for j := i; j <= end; j++ {
						moments++
						after, d := testPolicy.step(s, event{kind: lookupFound, now: at(j)})
						idle := d == decision{false, proceed} && after == s
						switch {
						case at(j).Before(until) && !idle:
							t.Fatalf("%+v at minute %d: quiet until %v, but decides %+v at minute %d", s, i, until, d, j)
						case at(j).Equal(until) && idle:
							t.Fatalf("%+v at minute %d: quiet only until %v, but decides nothing then", s, i, until)
						case idle:
							quiet++
						}
					}
				}
			}
		}
	}
	if quiet < moments/10 {
		t.Errorf("only %d of %d moments are quiet: this proves little", quiet, moments)
	}
}
