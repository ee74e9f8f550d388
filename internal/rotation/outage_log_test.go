package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// spell is a run of failures without a success between them.
type spell struct {
	began time.Time // the earliest call
	first time.Time // failure
	last  time.Time // failure
	end   time.Time // zero while it lasts
}

// spells divides a log of calls.
func spells(log []rotation.Call) (list []spell) {
	for _, c := range log {
		open := len(list) > 0 && list[len(list)-1].end.IsZero()
		switch {
		case c.Failed && c.ClientErr != nil:
		case c.Failed && open:
			s := &list[len(list)-1]
			s.last = c.Returned
			if c.Called.Before(s.began) {
				s.began = c.Called
			}
		case c.Failed:
			list = append(list, spell{began: c.Called, first: c.Returned, last: c.Returned})
		case open:
			s := &list[len(list)-1]
			s.end = s.last.Add(5 * time.Minute)
			if c.Returned.Before(s.end) {
				s.end = c.Returned
			}
		}
	}
	return list
}

// latestOutage returns when the last outage in a log began, and the last end of
// any outage.
func latestOutage(log []rotation.Call) (began, end time.Time) {
	var current []spell
	for _, s := range spells(log) {
		same := len(current) > 0
		up := time.Duration(0)
		for n := range current {
			next := s.first
			if n+1 < len(current) {
				next = current[n+1].first
			}
			up += max(0, next.Sub(current[n].end))
		}
		if same {
			since := s.first.Sub(current[0].end)
			same = up < opens && since < 15*time.Minute && since > -rotation.ClockSkew
		}
		if !same {
			current = nil
		}
		current = append(current, s)
		if !s.end.IsZero() {
			end = s.end
		}
	}
	for n, s := range current {
		if n == 0 || s.began.Before(began) {
			began = s.began
		}
	}
	return began, end
}

// All sequences of six calls of some kinds, at some distances in time, lead to
// the state that the whole log of calls gives.
func TestOutageOfLog(t *testing.T) {
	steps := []struct {
		name  string
		call  rotation.Call
		after time.Duration
	}{
		{"fail", rotation.Call{Failed: true}, time.Second},
		{"fail after 25 s", rotation.Call{Failed: true}, 25 * time.Second},
		{"fail after 8 minutes", rotation.Call{Failed: true}, 8 * time.Minute},
		{"succeed", rotation.Call{}, time.Second},
		{"succeed after 8 minutes", rotation.Call{}, 8 * time.Minute},
		{"fail a minute ago", rotation.Call{Failed: true}, -time.Minute},
	}
	const depth = 6
	sequences := 0
	var names []string
	var try func(o rotation.Outage, log []rotation.Call, now time.Time)
	try = func(o rotation.Outage, log []rotation.Call, now time.Time) {
		sequences++
		began, end := latestOutage(log)
		for _, rotated := range []time.Time{began.Add(-opens), began.Add(-opens + 1), end.Add(-1), end, now.Add(-window)} {
			want := rotated
			if !began.IsZero() && began.Before(rotated.Add(opens)) && rotated.Before(end) && !end.After(now.Add(rotation.ClockSkew)) {
				want = end
			}
			if got := o.WindowStart(rotated, now, window); !got.Equal(want) {
				t.Fatalf("%s: a window counts from %v, want %v", strings.Join(names, ", "), got, want)
			}
		}
		if len(log) == depth {
			return
		}
		for _, s := range steps {
			later := now.Add(s.after)
			call := s.call
			call.Called, call.Returned = later.Add(-time.Millisecond), later
			names = append(names, s.name)
			try(o.After(call, window), append(log, call), later)
			names = names[:len(names)-1]
		}
	}
	try(rotation.Outage{}, nil, at(0))
	t.Logf("%d sequences", sequences)
}
