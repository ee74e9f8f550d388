package sessioncache

import (
	"fmt"
	"math"
	"testing"
	"time"
)

const maxAge = 5 * time.Second

var wall = time.Unix(1_900_000_000, 0)

// at returns a moment that is later by both clocks.
func at(mono, later time.Duration) Moment {
	return Moment{Mono: time.Hour + mono, Wall: wall.Add(later)}
}

// A result is used only while its age by both clocks is at least 0 and below
// maxAge, and before the session expires.
func TestUsable(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name       string
		mono, wall time.Duration // since the call of the store
		expires    time.Duration // after the call of the store
		want       bool
	}{
		{"at once", 0, 0, time.Hour, true},
		{"just before the limit", maxAge - 1, maxAge - 1, time.Hour, true},
		{"at the limit", maxAge, maxAge, time.Hour, false},
		{"too old by the monotonic clock only", maxAge, 0, time.Hour, false},
		{"too old by the wall clock only, after a sleep", 0, maxAge, time.Hour, false},
		{"the wall clock was set back", s, -1, time.Hour, false},
		{"the wall clock was set back far", s, -time.Hour, time.Hour, false},
		{"the wall clock was set forward far", s, 1000 * time.Hour, 1e6 * time.Hour, false},
		{"the monotonic clock is before the call", -1, s, time.Hour, false},
		{"just before the session expires", s, s, s + 1, true},
		{"when the session expires", s, s, s, false},
		{"after the session has expired", s, 2 * s, s, false},
	} {
		r := Result{ExpiresAt: wall.Add(c.expires), Called: at(0, 0)}
		if got := r.usable(at(c.mono, c.wall), maxAge); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	r := Result{ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}
	if r.usable(at(0, 0), 0) {
		t.Error("a result is used without a limit")
	}
	if !r.usable(at(time.Minute, time.Minute), math.MaxInt64) {
		t.Error("the longest limit is too short")
	}
}

// At separates the clocks: Sub would compare the monotonic ones.
func TestAt(t *testing.T) {
	now := time.Now()
	if m := At(now); m.Wall != now.Round(0) || m.Mono < 0 {
		t.Errorf("%+v", m)
	}
	if a, b := At(now), At(now); b.Mono < a.Mono {
		t.Errorf("%v comes before %v", b.Mono, a.Mono)
	}
}

func TestCache(t *testing.T) {
	result := Result{Updates: 3, ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}
	for _, c := range []struct {
		name        string
		between     func(r *Registry) // Get and Put
		after       func(r *Registry)
		subject, id string
		when        Moment
		want        bool
	}{
		{name: "remembered", want: true},
		{name: "later", when: at(maxAge, maxAge)},
		{name: "another ID", id: "other"},
		{name: "another subject", subject: "other"},
		{name: "ended afterwards", after: func(r *Registry) { r.Changed("ada", "id") }},
		{name: "all ended afterwards", after: func(r *Registry) { r.Changed("ada", "") }},
		{name: "another session ended afterwards", after: func(r *Registry) { r.Changed("ada", "other") }, want: true},
		{name: "ended while the store was called", between: func(r *Registry) { r.Changed("ada", "id") }},
		{name: "all ended while the store was called", between: func(r *Registry) { r.Changed("ada", "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var registry Registry
			cache := New(maxAge)
			registry.Add(cache)
			_, epoch, ok := cache.Get("ada", "id", at(0, 0))
			if ok {
				t.Fatal("an empty cache has a result")
			}
			if c.between != nil {
				c.between(&registry)
			}
			cache.Put("ada", "id", result, epoch)
			if c.after != nil {
				c.after(&registry)
			}
			subject, id, when := "ada", "id", at(time.Second, time.Second)
			if c.subject != "" {
				subject = c.subject
			}
			if c.id != "" {
				id = c.id
			}
			if c.when != (Moment{}) {
				when = c.when
			}
			got, _, ok := cache.Get(subject, id, when)
			if ok != c.want || ok && got != result {
				t.Errorf("%+v, %v", got, ok)
			}
		})
	}
}

// After a change, the next result is remembered again.
func TestCacheAfterChange(t *testing.T) {
	var registry Registry
	cache := New(maxAge)
	registry.Add(cache)
	registry.Changed("ada", "id")
	_, epoch, _ := cache.Get("ada", "id", at(0, 0))
	cache.Put("ada", "id", Result{ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}, epoch)
	if _, _, ok := cache.Get("ada", "id", at(0, 0)); !ok {
		t.Error("no result")
	}
}

// Of two simultaneous calls of the store, the result of the later one stays,
// whichever returns first.
func TestCacheLaterCall(t *testing.T) {
	for _, order := range [][]int64{{1, 2}, {2, 1}} {
		cache := New(maxAge)
		_, epoch, _ := cache.Get("ada", "id", at(0, 0))
		for _, n := range order {
			r := Result{Updates: n, ExpiresAt: wall.Add(time.Hour), Called: at(time.Duration(n), 0)}
			cache.Put("ada", "id", r, epoch)
		}
		if r, _, ok := cache.Get("ada", "id", at(time.Second, 0)); !ok || r.Updates != 2 {
			t.Errorf("calls return in the order %v: %+v, %v", order, r, ok)
		}
	}
}

// A result that comes too late removes the one before it, which can be older
// still. Other sessions stay.
func TestCacheForgetsBefore(t *testing.T) {
	var registry Registry
	cache := New(maxAge)
	registry.Add(cache)
	_, epoch, _ := cache.Get("ada", "id", at(0, 0))
	for _, id := range []string{"id", "second"} {
		cache.Put("ada", id, Result{ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}, epoch)
	}
	registry.Changed("ada", "other")
	cache.Put("ada", "id", Result{Updates: 1, ExpiresAt: wall.Add(time.Hour), Called: at(1, 1)}, epoch)
	_, _, first := cache.Get("ada", "id", at(2, 2))
	_, _, second := cache.Get("ada", "second", at(2, 2))
	if first || !second {
		t.Errorf("first %v, second %v", first, second)
	}
}

// LogoutAll leaves the sessions of other subjects alone, also those in the same
// shard.
func TestCacheSubject(t *testing.T) {
	var registry Registry
	cache := New(maxAge)
	registry.Add(cache)
	put := func(subject, id string) {
		_, epoch, _ := cache.Get(subject, id, at(0, 0))
		cache.Put(subject, id, Result{ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}, epoch)
	}
	for n := range 1000 {
		put(fmt.Sprint("subject ", n), "id")
	}
	put("subject 7", "second")
	registry.Changed("subject 7", "")
	for n := range 1000 {
		if _, _, ok := cache.Get(fmt.Sprint("subject ", n), "id", at(0, 0)); ok == (n == 7) {
			t.Errorf("subject %d: %v", n, ok)
		}
	}
	if _, _, ok := cache.Get("subject 7", "second", at(0, 0)); ok {
		t.Error("the second session is left")
	}
}

// Many sessions, of one subject or of many, do not exceed the limit.
func TestCacheIsBounded(t *testing.T) {
	for name, subjects := range map[string]int{"one subject": 1, "many subjects": 200_000} {
		t.Run(name, func(t *testing.T) {
			cache := New(maxAge)
			for n := range 200_000 {
				subject, id := fmt.Sprint("subject ", n%subjects), fmt.Sprint("id ", n)
				_, epoch, _ := cache.Get(subject, id, at(0, 0))
				cache.Put(subject, id, Result{ExpiresAt: wall.Add(time.Hour), Called: at(0, 0)}, epoch)
				if _, _, ok := cache.Get(subject, id, at(0, 0)); !ok {
					t.Fatalf("session %d is not remembered", n)
				}
			}
			if n := cache.Len(); n > MaxSessions || subjects > 1 && n < MaxSessions/2 {
				t.Errorf("%d sessions are remembered", n)
			}
		})
	}
}
