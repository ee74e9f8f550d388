package main

import (
	"errors"
	"go/version"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
	"github.com/seed-0a072700/jwtauth/bench/internal/servers"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

// If the machine is slow for most rounds of one side, the ratio does not change.
func TestRatioIsThatOfUndisturbedRounds(t *testing.T) {
	a := &series{ns: []float64{3000, 2000, 22, 24, 1000, 20, 300, 200}}
	b := &series{ns: []float64{10, 1000, 11, 12, 12, 12, 13, 14}}
	if got := ratio(a, b); got != 2 {
		t.Errorf("ratio = %v, want 2", got)
	}
	if got := typical(nil); got != 0 {
		t.Errorf("typical(nil) = %v", got)
	}
}

// slot counts its runs.
type slot struct {
	name string
	log  *[]string
	err  error
}

func (s slot) run(n int, t timer) error {
	t.StartTimer()
	time.Sleep(time.Duration(n) * 10 * time.Microsecond)
	t.StopTimer()
	*s.log = append(*s.log, s.name)
	return s.err
}

func (s slot) close() { *s.log = append(*s.log, "close "+s.name) }

func TestInterleave(t *testing.T) {
	var log []string
	member := func(name string) measurement {
		return measurement{name, func() (workload, error) { return slot{name: name, log: &log}, nil }}
	}
	got := make(results)
	if err := interleave([]measurement{member("a"), member("b")}, 2, time.Millisecond, io.Discard, got); err != nil {
		t.Fatal(err)
	}
	rounds := log[len(log)-6:] // behind the calibration
	if want := []string{"a", "b", "b", "a", "close a", "close b"}; !slices.Equal(rounds, want) {
		t.Errorf("ran %v, want %v", rounds, want)
	}
	for _, name := range []string{"a", "b"} {
		if s := got[name]; len(s.ns) != 2 || s.ns[0] < 10_000 || len(s.allocs) != 2 {
			t.Errorf("series of %s: %+v", name, s)
		}
	}

	// Each round begins with another member, also if there are seven.
	log = nil
	var seven []measurement
	for i := range 7 {
		seven = append(seven, member(string(rune('a'+i))))
	}
	if err := interleave(seven, 3, time.Millisecond, io.Discard, got); err != nil {
		t.Fatal(err)
	}
	rounds = log[len(log)-7-21 : len(log)-7]
	if first := []string{rounds[0], rounds[7], rounds[14]}; !slices.Equal(first, []string{"a", "b", "c"}) {
		t.Errorf("three rounds of seven begin with %v", first)
	}

	broken := errors.New("broken")
	err := interleave([]measurement{{"c", func() (workload, error) { return slot{name: "c", log: &log, err: broken}, nil }}}, 1, time.Millisecond, io.Discard, got)
	if !errors.Is(err, broken) || log[len(log)-1] != "close c" {
		t.Errorf("a workload that fails: %v, then %q", err, log[len(log)-1])
	}
}

// In the measurements of first use, no handler may see a token twice.
func TestFirstSight(t *testing.T) {
	tokens := fixture.Mint("HS256", fixture.Small, 0, 5)
	if distinct := slices.Compact(slices.Sorted(slices.Values(tokens))); len(distinct) != len(tokens) {
		t.Fatalf("%d different tokens of %d", len(distinct), len(tokens))
	}
	handlers, calls := 0, 0
	watching := impl.Impl{Handler: func(string, fixture.Key) (http.Handler, error) {
		handlers++
		seen := make(map[string]bool)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			if field := r.Header.Get("Authorization"); seen[field] {
				t.Errorf("a handler sees %q again", field)
			} else {
				seen[field] = true
			}
			w.WriteHeader(http.StatusNoContent)
		}), nil
	}}
	r, err := newRequests(watching, "HS256", tokens, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 4, 12} {
		if err := r.run(n, new(stopwatch)); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 19 || handlers != 4 {
		t.Errorf("%d calls of %d handlers, want 19 of 4", calls, handlers)
	}
}

func TestRequestsCountAllGoroutines(t *testing.T) {
	for _, goroutines := range []int{1, 2, 3} {
		r, err := newRequests(impl.All[0], "EdDSA", fixture.Mint("EdDSA", fixture.Small, 0, 1), goroutines)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.run(10, new(stopwatch)); err != nil {
			t.Error(err)
		}
		r.want = http.StatusUnauthorized
		if err := r.run(10, new(stopwatch)); err == nil || !strings.HasPrefix(err.Error(), "10 requests") {
			t.Errorf("%d goroutines, all answers wrong: %v", goroutines, err)
		}
	}
}

func TestServer(t *testing.T) {
	for _, m := range serving() {
		t.Run(m.name, func(t *testing.T) {
			w, err := m.setUp()
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			if err := w.run(20, new(stopwatch)); err != nil {
				t.Error(err)
			}
		})
	}
	refusing, err := newServer(http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	defer refusing.close()
	if err := refusing.run(connections, new(stopwatch)); err == nil {
		t.Error("a server that answers 404 is taken for one that lets requests pass")
	}
}

func TestCache(t *testing.T) {
	r, err := runCache("EdDSA", 300, 100, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.on.ns) != 3 || len(r.off.ns) != 3 || r.on.ns[0] <= 0 || r.off.ns[0] <= 0 {
		t.Errorf("on %v, off %v", r.on.ns, r.off.ns)
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for _, g := range plan() {
		for _, m := range g.members {
			if seen[m.name] {
				t.Errorf("%s twice", m.name)
			}
			seen[m.name] = true
		}
	}
}

// The figures of every bar are measured, and a figure on the wrong side misses
// the bar.
func TestBars(t *testing.T) {
	measured := make(results)
	for _, g := range plan() {
		for _, m := range g.members {
			measured[m.name] = &series{ns: []float64{1}, allocs: []float64{1}}
		}
	}
	for _, name := range servers.Names {
		measured[serverCPU(name)] = &series{ns: []float64{1}}
	}
	for _, name := range liveNames() {
		measured[name] = &series{ns: []float64{1}}
	}
	for _, b := range bars() {
		_, inPlan := b.value(figures{results: measured})
		one := &cacheReport{on: series{ns: []float64{1}}, off: series{ns: []float64{1}}}
		_, inCache := b.value(figures{cache: one, cacheRSA: one})
		_, inFlood := b.value(figures{floods: someFloods()})
		_, inHits := b.value(figures{hits: make([]hitRate, 2)})
		_, inNetworks := b.value(figures{networks: someNetworks()})
		if !inPlan && !inCache && !inFlood && !inHits && !inNetworks {
			t.Errorf("%s: is not measured", b.figure)
		}
		above, below := b.met(b.limit*1.01), b.met(b.limit*0.99)
		if above != b.atLeast || below == b.atLeast || !b.met(b.limit) {
			t.Errorf("%s %s: met above %v, below %v", b.figure, b.promise(), above, below)
		}
	}

	s := func(ns ...float64) *series { return &series{ns: ns} }
	f := figures{results: results{"o1": s(10), "o2": s(6), "c1": s(100), "c2": s(50)}}
	if got, _ := scaling("o1", "o2", "c1", "c2")(f); math.Abs(got-(10.0/6)/2) > 1e-9 {
		t.Errorf("scaling = %v", got)
	}
}

// The bars are fixed. They do not follow the results.
func TestLimits(t *testing.T) {
	first, loopback := "≥ 5.3", "≥ 0.95"
	if version.Compare(version.Lang(runtime.Version()), "go1.27") >= 0 {
		first = "≥ 4.8"
	}
	if !hasSHA() {
		first, loopback = "≥ 4.2", "≥ 0.93"
	}
	want := []string{
		first, "≥ 20", "≤ 2.5", "≤ 1.1", "≤ 1.02", "≤ 6", "≤ 1.06", "≤ 1.05", "≤ 1.05", // first use
		"≥ 12", "≥ 50", "≥ 100", "≥ 60", "≤ 3", "≤ 4", "≤ 3", "≤ 4", "≤ 3", "≤ 4", "≤ 3", "≤ 4", // repeated
		"≥ 0.9", "≥ 0.9", "≥ 0.9", "≥ 0.9", // two goroutines
		"≥ 9", "≤ 1.2", "≤ 1.5", "≤ 0.1", "≤ 0.2", "≤ 0.25", "≥ 0.96", "≥ 0.99", "≤ 4", // private claims, hits
		"≥ 5", "≥ 5", "≥ 5", "≥ 5", "≤ 1.1", "≥ 1.3", "≥ 1.4", "≥ 12", // Node, servers
		"≤ 2", "≤ 2", "≤ 2", "≤ 2", "≤ 2", // sessions in a store
		"≤ 1.05", "≤ 1.05", "≤ 4", // the cache
		"≤ 1", "≥ 2", loopback, "≤ 5", "≥ 4", "≥ 0.9", "≥ 0.98",
		"≥ 0.98", "≥ 0.98", "≥ 0.98", "≤ 5", // floods from many networks
	}
	var got []string
	for _, b := range bars() {
		got = append(got, b.promise())
	}
	if !slices.Equal(got, want) {
		t.Errorf("limits %v, want %v", got, want)
	}
}

// The program fails only if a figure is on the wrong side of a bar. It writes
// the report in both cases.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		golangJWT float64
		missed    bool
	}{{4100, true}, {5400, false}} {
		out := filepath.Join(t.TempDir(), "out.md")
		err := run([]string{"-out", out}, func(s settings) (figures, error) {
			return figures{results: results{
				verifyName("ours", "HS256", "first", fixture.Small):       {ns: []float64{1000}, allocs: []float64{4}},
				verifyName("golang-jwt", "HS256", "first", fixture.Small): {ns: []float64{test.golangJWT}, allocs: []float64{60}},
			}}, nil
		})
		if (err != nil) != test.missed {
			t.Errorf("golang-jwt %v ns: %v", test.golangJWT, err)
		}
		if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), "golang-jwt by hand / ours") {
			t.Errorf("golang-jwt %v ns: the report is %q, %v", test.golangJWT, text, err)
		}
	}
	broken := errors.New("broken")
	if err := run(nil, func(settings) (figures, error) { return figures{}, broken }); !errors.Is(err, broken) {
		t.Errorf("a measurement that fails: %v", err)
	}
}

// An allocation at every second operation counts as half an allocation.
func TestAllocationsAreCountedInParts(t *testing.T) {
	got := make(results)
	every := measurement{"every other", func() (workload, error) { return new(everyOther), nil }}
	if err := interleave([]measurement{every}, 3, time.Millisecond, io.Discard, got); err != nil {
		t.Fatal(err)
	}
	if allocs := median(got["every other"].allocs); allocs < 0.4 || allocs > 0.6 {
		t.Errorf("%v allocations an operation, want 0.5", allocs)
	}
}

// everyOther allocates at every second operation.
type everyOther struct{ kept *[64]byte }

func (e *everyOther) run(n int, t timer) error {
	t.StartTimer()
	defer t.StopTimer()
	for i := range n {
		if i%2 == 0 {
			e.kept = new([64]byte)
		}
	}
	return nil
}

func (*everyOther) close() {}

func TestReport(t *testing.T) {
	f := figures{
		results: results{
			verifyName("ours", "HS256", "first", fixture.Small):       {ns: []float64{1000}, allocs: []float64{4}},
			verifyName("golang-jwt", "HS256", "first", fixture.Small): {ns: []float64{4100}, allocs: []float64{60}},
		},
		floods: someFloods(),
		cache:  &cacheReport{tokens: 1000, on: series{ns: []float64{1}}, off: series{ns: []float64{1}}},
	}
	r := newReport(settings{rounds: 1}, f, time.Minute)
	if err := r.err(); err == nil || !strings.Contains(err.Error(), "golang-jwt by hand / ours: 4.1, not ≥ ") {
		t.Errorf("a missed bar: %v", err)
	}
	text := r.markdown()
	for _, want := range []string{
		"| golang-jwt | 4.10 µs (4.10×), 60 |",
		" | 4.1 | **missed** |",
		"| honest logins served under the flood | 9 of 10 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	delete(f.results, verifyName("golang-jwt", "HS256", "first", fixture.Small))
	f.floods = nil
	if err := newReport(settings{}, f, 0).err(); err != nil {
		t.Errorf("a bar without a measurement counts as missed: %v", err)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		args, out string
		bad       bool
	}{
		{args: "", out: "BENCHMARKS.md"},
		{args: "-only=sign"},
		{args: "-only=sign -out=x.md", out: "x.md"},
		{args: "-rounds=0", bad: true},
		{args: "-only=(", bad: true},
		{args: "more", bad: true},
	} {
		s, err := parse(strings.Fields(test.args))
		if (err != nil) != test.bad || err == nil && s.out != test.out {
			t.Errorf("parse(%q) = out %q, %v", test.args, s.out, err)
		}
	}
}

func someFloods() *floods {
	latencies := flood.Latencies{time.Millisecond}
	r := &flood.Report{
		Rounds: []flood.Round{{Idle: latencies, Saturated: latencies}}, Bcrypt: time.Second, MaxConcurrent: 1,
		Checked: 1, Elapsed: time.Second, Honest: 10, Served: 9,
	}
	return &floods{r, r}
}

// Tokens that come back are found, and those used once are not.
func TestHits(t *testing.T) {
	h, err := runHits(10, 100, 20)
	if err != nil || h.Rate != 0.9 { // from the third use on
		t.Errorf("%v, %v", h, err)
	}
}
