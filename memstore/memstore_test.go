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

// DeleteSubject would not find an ID without its subject's tag.
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
	maxBytes = 300 // documented maximum of heap for each of a million sessions
)

// TestMemory creates a sixteenth of a million sessions: maps have sizes of
// powers of two, so they are filled to the same degree. A million takes too
// long with the race detector; BenchmarkFill creates it.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("creates 62,500 sessions")
	}
	const n = million / 16
	store, bytes, pauses := newWorkload(n).fill(t, n)
	t.Logf("%d sessions: %d bytes each; longest Create %v, 99.99th percentile %v", n, bytes/n, pauses.worst, pauses.rare)
	if bytes > n*maxBytes {
		t.Errorf("%d sessions use %d bytes of heap each; the documented maximum is %d", n, bytes/n, maxBytes)
	}
	runtime.KeepAlive(store)
}

// workload creates sessions of a realistic size: an ID of 35 bytes, a subject
// of 16 and a label of 40. Each subject has one session, which uses the most
// memory.
type workload struct {
	now      time.Time
	tags     []string
	sessions []jwtauth.Session // for benchmarks, created beforehand
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
	n := strconv.Itoa(million*10 + i) // at least 8 bytes
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

// pauses holds the longest duration of a call, and the duration that one call
// in 10,000 exceeds. Both include the work of the garbage collector and of the
// rest of the machine, especially the longest.
type pauses struct{ worst, rare time.Duration }

// fill returns a store of n sessions, its use of the heap, and the durations of
// Create.
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
	runtime.KeepAlive(w) // it is part of before as well
	slices.Sort(took)
	return store, bytes, pauses{worst: took[n-1], rare: took[n-1-n/10_000]}
}

// heap returns the number of bytes in use after a garbage collection.
func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
