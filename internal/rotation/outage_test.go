package rotation_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

const (
	window = 30 * time.Second
	opens  = window + rotation.ClockSkew // for so long a rotation's window is open
)

func failure(called, returned time.Time) rotation.Call {
	return rotation.Call{Called: called, Returned: returned, Failed: true}
}

func success(returned time.Time) rotation.Call {
	return rotation.Call{Called: returned, Returned: returned}
}

// after returns the state after the calls.
func after(calls ...rotation.Call) (o rotation.Outage) {
	for _, c := range calls {
		o = o.After(c, window)
	}
	return o
}

// at returns a time in seconds since the tests' start.
func at(seconds int) time.Time {
	return time.UnixMilli(rotated).Add(time.Duration(seconds) * time.Second)
}

// failed and succeeded are calls that return at once.
func failed(seconds int) rotation.Call    { return failure(at(seconds), at(seconds)) }
func succeeded(seconds int) rotation.Call { return success(at(seconds)) }

// outageStates are the states that an outage can be in, each reached by calls.
// The last call is at 0 s, unless now says otherwise.
var outageStates = []struct {
	name  string
	calls []rotation.Call
	now   int // seconds
	down  bool

	// Of the outage so far, in seconds: when its first call failed, when it
	// ended first and last, and for how long the store has responded between
	// failures.
	began, returned, ended, up int
}{
	{name: "no call"},
	{name: "no failure", calls: []rotation.Call{succeeded(-5), succeeded(0)}},
	{name: "down", calls: []rotation.Call{failed(0)}, down: true, began: 0},
	{name: "down for an hour", calls: []rotation.Call{failed(-3600), failed(-1800), failed(0)}, down: true, began: -3600},
	{name: "up", calls: []rotation.Call{failed(-100), succeeded(0)}, began: -100},
	{name: "up for 20 s", calls: []rotation.Call{failed(-100), succeeded(0), succeeded(20)}, now: 20, began: -100},
	{name: "down again", calls: []rotation.Call{failed(-140), succeeded(-30), failed(0)}, down: true, began: -140},
	{name: "up again", calls: []rotation.Call{failed(-140), succeeded(-30), failed(-10), succeeded(0)}, began: -140, returned: -30, up: 20},
	{name: "up again, by a clock that was set back", calls: []rotation.Call{failed(-140), succeeded(-30), failed(-35), succeeded(0)}, began: -140, returned: -30},
	{name: "up again after 890 s", calls: []rotation.Call{failed(-990), succeeded(-890), failed(-880), failed(-300), succeeded(0)},
		began: -990, returned: -890, up: 10},
	{name: "ended by silence", calls: []rotation.Call{failed(-700), succeeded(0)}, began: -700, returned: -400, ended: -400},
	{name: "down in another outage", calls: []rotation.Call{failed(-300), succeeded(-190), failed(-100), failed(0)}, down: true, began: -100},
	{name: "up after another outage", calls: []rotation.Call{failed(-300), succeeded(-290), failed(-100), succeeded(0)}, began: -100},
}

// outageCalls are the kinds of calls that can follow.
var outageCalls = []struct {
	name   string
	failed bool
	client error
	waited time.Duration
	counts bool // as a failure of the store
}{
	{"success", false, nil, 0, false},
	{"success without a client", false, context.Canceled, 0, false},
	{"failure", true, nil, 0, true},
	{"slow failure", true, nil, time.Hour, true},
	{"failure without a client", true, context.Canceled, time.Hour, false},
	{"failure without a client, wrapped", true, fmt.Errorf("reset: %w", context.Canceled), time.Hour, false},
	{"failure with too little time", true, context.DeadlineExceeded, time.Second - 1, false},
	{"failure with enough time", true, context.DeadlineExceeded, time.Second, true},
}

// Every state meets every kind of call, sooner and later.
func TestOutageAfter(t *testing.T) {
	effects := map[string]int{}
	for _, s := range outageStates {
		before := after(s.calls...)
		hasFailed := before != (rotation.Outage{})
		for _, k := range outageCalls {
			for _, later := range []int{-21, -11, -10, -9, -1, 1, 9, 10, 11, 19, 20, 21, 39, 40, 41, 299, 301, 869, 879, 880, 899, 900, 86400} {
				now := s.now + later
				up := s.up + max(0, now-s.ended)
				since := now - s.returned
				var want string
				switch {
				case k.failed && !k.counts, !k.failed && !s.down:
					want = "nothing"
				case !k.failed:
					want = "ends"
				case s.down, hasFailed && up < 40 && since < 900 && since > -10:
					want = "goes on"
				default:
					want = "begins"
				}
				effects[want]++
				call := rotation.Call{Called: at(now).Add(-k.waited), Returned: at(now), Failed: k.failed, ClientErr: k.client}
				if k.waited > time.Minute && want == "begins" {
					call.Called = call.Returned // otherwise it began before everything else
				}
				if got := effect(before, call, s.began); got != want {
					t.Errorf("%s, then %s after %d s: the outage %s, want %s", s.name, k.name, later, got, want)
				}
			}
		}
	}
	for _, effect := range []string{"nothing", "ends", "goes on", "begins"} {
		if effects[effect] == 0 {
			t.Errorf("no case has the effect %q", effect)
		}
	}
}

// effect describes the change that a call makes to a state whose outage began
// at that second: the windows that count from its end show it.
func effect(before rotation.Outage, call rotation.Call, began int) string {
	next := before.After(call, window)
	if next == before {
		return "nothing"
	}
	back := call.Returned.Add(time.Minute)
	ended := next.After(success(back), window)
	if ended == next {
		return "ends"
	}
	earliest := at(began).Add(-opens + 1) // rotation that the outage affected
	if ended.WindowStart(earliest, back, window).Equal(back) && before != (rotation.Outage{}) {
		return "goes on"
	}
	return "begins"
}

// An outage ends with the first success, but at most five minutes after the
// last failure.
func TestOutageEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		calls []rotation.Call
		end   int
	}{
		{"success", []rotation.Call{failed(0), succeeded(100)}, 100},
		{"later successes", []rotation.Call{failed(0), succeeded(100), succeeded(101), succeeded(1000)}, 100},
		{"success after five minutes", []rotation.Call{failed(0), succeeded(300)}, 300},
		{"success after more", []rotation.Call{failed(0), succeeded(301)}, 300},
		{"success after days", []rotation.Call{failed(0), succeeded(1e6)}, 300},
		{"failures for an hour", []rotation.Call{failed(0), failed(1800), failed(3600), succeeded(3700)}, 3700},
		{"a success before the failure, by the clock", []rotation.Call{failed(0), succeeded(-1)}, -1},
		{"a relapse", []rotation.Call{failed(0), succeeded(100), failed(110), succeeded(120)}, 120},
		{"another outage", []rotation.Call{failed(0), succeeded(100), failed(200), succeeded(220)}, 220},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := after(c.calls...)
			if got := o.WindowStart(at(c.end).Add(-1), at(1e7), window); !got.Equal(at(c.end)) {
				t.Errorf("it ends after %v, want %d s", got.Sub(at(0)), c.end)
			}
		})
	}
}

// A window counts from the end of the outage if that affected its rotation.
func TestOutageWindowStart(t *testing.T) {
	over := after(failure(at(0), at(2)), succeeded(100))
	for _, c := range []struct {
		name    string
		outage  rotation.Outage
		rotated time.Time
		now     time.Time
		shifted bool
	}{
		{"no outage", rotation.Outage{}, at(50), at(110), false},
		{"still down", after(failed(0)), at(50), at(110), false},
		{"rotated during the outage", over, at(50), at(110), true},
		{"rotated when the first call was made", over, at(0), at(110), true},
		{"its window was open", over, at(0).Add(-opens + 1), at(110), true},
		{"its window was over", over, at(0).Add(-opens), at(110), false},
		{"rotated just before the end", over, at(100).Add(-1), at(110), true},
		{"rotated at the end", over, at(100), at(110), false},
		{"the end is ahead by clock skew", over, at(50), at(90), true},
		{"the end is further ahead", over, at(50), at(90).Add(-1), false},
		{"a relapse that lasts keeps the earlier end", over.After(failed(110), window), at(50), at(120), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.rotated
			if c.shifted {
				want = at(100)
			}
			if got := c.outage.WindowStart(c.rotated, c.now, window); !got.Equal(want) {
				t.Errorf("the window counts from %v, want %v", got.Sub(at(0)), want.Sub(at(0)))
			}
		})
	}
}

// An outage begins with its earliest call, in whatever order calls return.
func TestOutageBegins(t *testing.T) {
	early, late := failure(at(0), at(5)), failure(at(3), at(4))
	for _, calls := range [][]rotation.Call{{early, late}, {late, early}} {
		o := after(append(calls, succeeded(100))...)
		if got := o.WindowStart(at(0).Add(-opens+1), at(110), window); !got.Equal(at(100)) {
			t.Errorf("the window counts from %v", got.Sub(at(0)))
		}
		if got := o.WindowStart(at(0).Add(-opens), at(110), window); got.Equal(at(100)) {
			t.Error("the outage began before its first call")
		}
	}
}
