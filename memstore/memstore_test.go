package memstore_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func ExampleNew() {
	ctx := context.Background()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := issuer.Login(ctx, "ada", jwtauth.Label("Firefox on Linux")); err != nil {
		fmt.Println(err)
		return
	}
	sessions, err := issuer.Sessions(ctx, "ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sessions {
		fmt.Println(s.Subject, "on", s.Label)
	}
	// Output:
	// ada on Firefox on Linux
}

func TestStore(t *testing.T) {
	jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return memstore.New() })
}

func TestSharedStore(t *testing.T) {
	store := memstore.New()
	jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
}

// An id without its subject's tag would be out of reach of DeleteSubject.
func TestCreateRefusesForeignTag(t *testing.T) {
	store := memstore.New()
	now := time.Now()
	for _, id := range []string{"", "x", jwtauth.SubjectTag("ada"), jwtauth.SubjectTag("ada") + "x", jwtauth.SubjectTag("bob") + "-x", "-x"} {
		s := jwtauth.Session{ID: id, Subject: "ada", ExpiresAt: now.Add(time.Hour)}
		if err := store.Create(t.Context(), s); err == nil {
			t.Errorf("Create of a session with id %q returned no error", id)
		}
		if _, err := store.Load(t.Context(), id, now); err == nil {
			t.Errorf("Load of id %q, which Create refused, returned a session", id)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	store := memstore.New()
	s := newWorkload(1).session(0)
	if err := store.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got, err := store.Load(t.Context(), s.ID, s.CreatedAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{got.CreatedAt, got.AuthTime, got.RotatedAt, got.ExpiresAt, got.EndsAt} {
		if at.Location() != time.UTC {
			t.Errorf("Load returned a time in %v", at.Location())
		}
	}
}

func TestLoadDoesNotAllocate(t *testing.T) {
	store := memstore.New()
	w := newWorkload(1)
	s := w.session(0)
	if err := store.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = store.Load(ctx, s.ID, w.now) }); n != 0 {
		t.Errorf("Load allocates %v times", n)
	}
}

const (
	million  = 1_000_000
	maxBytes = 300 // of heap for each of a million sessions, as the package promises
)

// A sixteenth of a million sessions fill maps of powers of two as a million does. The million itself
// takes too long with the race detector: BenchmarkFill has it.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("creates 62,500 sessions")
	}
	const n = million / 16
	store, bytes, pauses := newWorkload(n).fill(t, n)
	t.Logf("%d sessions: %d bytes each; a Create took %v at worst, %v at the 99.99th percentile", n, bytes/n, pauses.worst, pauses.rare)
	if bytes > n*maxBytes {
		t.Errorf("%d sessions take %d bytes of heap each; at most %d are promised", n, bytes/n, maxBytes)
	}
	runtime.KeepAlive(store)
}

// workload makes sessions of a realistic size: an id of 35 bytes, a subject of 16 and a label of
// 40; each subject has one, which costs the most.
type workload struct {
	now      time.Time
	tags     []string
	sessions []jwtauth.Session // of benchmarks, made beforehand
}

func newWorkload(subjects int) *workload {
	w := &workload{now: time.Now().Truncate(time.Millisecond), tags: make([]string, subjects)}
	for i := range w.tags {
		w.tags[i] = jwtauth.SubjectTag(w.subject(i))
	}
	return w
}

func (w *workload) subject(i int) string { return fmt.Sprintf("user-%011d", i) }

func (w *workload) session(i int) jwtauth.Session {
	n := strconv.Itoa(million*10 + i) // 8 bytes at least
	return jwtauth.Session{
		ID:         w.tags[i%len(w.tags)] + "-ABCDEFGHIJKLMNOPQR"[:27-len(n)] + n,
		Subject:    w.subject(i % len(w.tags)),
		Label:      "Mozilla/5.0 (X11; Linux x86_64) Firefox/"[:40],
		Generation: 1,
		CreatedAt:  w.now,
		AuthTime:   w.now,
		RotatedAt:  w.now,
		ExpiresAt:  w.now.Add(24 * time.Hour),
		EndsAt:     w.now.Add(240 * time.Hour),
	}
}

// pauses are how long a call took at worst and once in 10,000. What else the machine and the
// collector did meanwhile is in them, in the worst above all.
type pauses struct{ worst, rare time.Duration }

// fill returns a store of n sessions, what it takes of the heap, and how long Create took.
func (w *workload) fill(tb testing.TB, n int) (store *memstore.Store, bytes int64, p pauses) {
	tb.Helper()
	took := make([]time.Duration, n)
	before := heap()
	store = memstore.New()
	for i := range n {
		s := w.session(i)
		start := time.Now()
		err := store.Create(tb.Context(), s)
		took[i] = time.Since(start)
		if err != nil {
			tb.Fatal(err)
		}
	}
	bytes = heap() - before
	runtime.KeepAlive(w) // was there before, too
	slices.Sort(took)
	return store, bytes, pauses{worst: took[n-1], rare: took[n-1-n/10_000]}
}

// heap returns the bytes in use, after a collection.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
