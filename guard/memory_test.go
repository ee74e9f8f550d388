package guard_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/internal/attempts/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return guard.NewMemory(0) })
}

var names = flag.Int("names", 100_000, "user names that TestManyNames tries; the memory holds a tenth of them")

// An attacker tries ever new user names within an hour, so that the memory
// forgets the account under attack. It forgets the names instead.
//
// go test ./guard -run TestManyNames -names 10000000 -v is the full size.
func TestManyNames(t *testing.T) {
	ctx := t.Context()
	m := guard.NewMemory(*names / 10)
	start := time.UnixMilli(1_800_000_000_000)
	reserve := func(account string, now time.Time) time.Duration {
		_, _, _, _, wait, err := m.Reserve(ctx, account, "", 0, now, 10, 15*time.Minute, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for range 10 {
		reserve("under attack", start)
	}
	if err := m.Reset(ctx, "was reset", start, start.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := heapInUse()
	for i := range *names {
		reserve(fmt.Sprintf("%022d", i), start.Add(time.Hour*time.Duration(i)/time.Duration(*names)))
	}
	perEntry := float64(heapInUse()-before) / float64(m.Len())
	t.Logf("%d names: %d entries of %.0f bytes", *names, m.Len(), perEntry)
	if m.Len() > *names/10 {
		t.Errorf("%d entries, want at most %d", m.Len(), *names/10)
	}
	if perEntry > 300 {
		t.Errorf("%.0f bytes per entry, want at most 300", perEntry)
	}
	now := start.Add(time.Hour)
	for range 10 { // the second round of the attack
		if wait := reserve("under attack", now); wait > 0 {
			t.Errorf("paused for %v in the second round", wait)
		}
	}
	if wait := reserve("under attack", now); wait != time.Hour {
		t.Errorf("after the second round: a pause of %v, want 1h", wait)
	}
	if epoch, err := m.Epoch(ctx, "was reset"); epoch != start.UnixMilli() || err != nil {
		t.Errorf("epoch %d, %v", epoch, err)
	}
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Attempts that are taken back do not make a name look active, so they do not
// make the memory forget an account that has reached its limit.
func TestRefundsForgetNoAccount(t *testing.T) {
	ctx := t.Context()
	const size = 100
	m := guard.NewMemory(size)
	now := time.UnixMilli(1_800_000_000_000)
	reserve := func(account string) (round int64, wait time.Duration) {
		_, _, round, _, wait, err := m.Reserve(ctx, account, "", 0, now, 10, 15*time.Minute, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return round, wait
	}
	for range 10 {
		reserve("under attack")
	}
	for i := range size {
		name := fmt.Sprint(i)
		reserve(name) // fails
		round, _ := reserve(name)
		if err := m.Refund(ctx, name, "", round, 10, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, wait := reserve("under attack"); wait != 30*time.Minute {
		t.Errorf("a pause of %v, want 30m", wait)
	}
}

// Entries that say no more than no entry are removed.
func TestMemoryForgets(t *testing.T) {
	ctx := t.Context()
	m := guard.NewMemory(0)
	now := time.UnixMilli(1_800_000_000_000)
	reserve := func(account string) (round int64) {
		_, _, round, _, _, err := m.Reserve(ctx, account, "", 0, now, 10, 15*time.Minute, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return round
	}
	round := reserve("success")
	if err := m.Refund(ctx, "success", "", round, 10, 24*time.Hour); err != nil || m.Len() != 0 {
		t.Errorf("after a success: %d entries, %v", m.Len(), err)
	}
	for i := range 100 {
		reserve(fmt.Sprint("failure ", i))
	}
	if err := m.Reset(ctx, "reset", now, now.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(4 * time.Hour)
	for i := range 60 {
		reserve(fmt.Sprint("later ", i))
	}
	if m.Len() != 61 {
		t.Errorf("%d entries, want the 60 new ones and the epoch", m.Len())
	}
}

func TestMemoryErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range storetest.Calls(ctx, guard.NewMemory(1)) {
		if err == nil {
			t.Errorf("%s ignores that the context has ended", name)
		}
	}
	defer func() {
		if got := fmt.Sprint(recover()); got != "jwtauth: guard.NewMemory: max is negative" {
			t.Errorf("panic %q", got)
		}
	}()
	guard.NewMemory(-1)
}
