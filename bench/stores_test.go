package main

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// liveNames returns the names of all measurements of Live.
func liveNames() []string {
	var names []string
	for _, s := range liveStores {
		for _, delay := range liveDelays {
			for _, n := range liveSizes {
				names = append(names, liveName(s.name, delay, n))
			}
		}
	}
	return names
}

func all(string) bool { return true }

const liveOutput = `goos: linux
BenchmarkLive
BenchmarkLive/store=redis
    live_bench_test.go:38: filled with 1000 sessions in 6ms
BenchmarkLive/store=redis/sessions=1000/delay=0s/round=1
BenchmarkLive/store=redis/sessions=1000/delay=0s/round=1-2         	     714	     29099 ns/op	    3312 B/op	      80 allocs/op
BenchmarkLive/store=redis/sessions=1000/delay=5s/round=1-2         	   26233	       837.9 ns/op	     288 B/op	       1 allocs/op
BenchmarkLive/store=redis/sessions=1000/delay=0s/round=2           	     801	     33246 ns/op	    3313 B/op	      81 allocs/op
BenchmarkLive/store=postgres
    live_bench_test.go:32: needs the program postgres, which this machine lacks; ` + "`make deps`" + ` installs it
--- SKIP: BenchmarkLive/store=postgres
PASS
`

func TestReadLive(t *testing.T) {
	got := make(results)
	var progress strings.Builder
	if err := readLive(strings.NewReader(liveOutput), []string{"redis", "postgres"}, all, &progress, got); err != nil {
		t.Fatal(err)
	}
	want := results{
		"op=growth/work=live/store=redis/delay=0s/n=1000": {ns: []float64{29099, 33246}, allocs: []float64{80, 81}, bytes: []float64{3312, 3313}},
		"op=growth/work=live/store=redis/delay=5s/n=1000": {ns: []float64{837.9}, allocs: []float64{1}, bytes: []float64{288}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v", got)
	}
	if text := progress.String(); !strings.Contains(text, "needs the program postgres") || strings.Contains(text, "ns/op") {
		t.Errorf("the user sees %q", text)
	}

	// A measurement that is not chosen adds nothing.
	got = make(results)
	name := liveName("redis", "5s", 1000)
	err := readLive(strings.NewReader(liveOutput), []string{"redis"}, func(n string) bool { return n == name }, io.Discard, got)
	if err != nil || len(got) != 1 || got[name] == nil {
		t.Errorf("only %s: %v, %v", name, got, err)
	}
}

func TestReadLiveErrors(t *testing.T) {
	const line = "BenchmarkLive/store=redis/sessions=1000/delay=0s/round=1-2\t714\t"
	for _, test := range []struct{ name, output, want string }{
		{"no result", "PASS\n", "no result of store=redis"},
		{"another store", "--- SKIP: BenchmarkLive/store=mariadb\n", "no result of store=redis"},
		{"no bytes", line + "29099 ns/op\t80 allocs/op\n", "no B/op"},
		{"no number", line + "fast ns/op\t3312 B/op\t80 allocs/op\n", `"fast"`},
	} {
		err := readLive(strings.NewReader(test.output), []string{"redis"}, all, io.Discard, make(results))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", test.name, err, test.want)
		}
	}
}

func TestLiveCommand(t *testing.T) {
	cmd := liveCommand([]string{"memory", "redis"})
	if !slices.Contains(cmd.Args, "-bench=^BenchmarkLive$/^store=(memory|redis)$") {
		t.Errorf("arguments %q", cmd.Args)
	}
	if !slices.Contains(cmd.Env, "JWTAUTH_TEST_SESSIONS=1000000") {
		t.Error("the command does not measure a million sessions")
	}
	none := func(string) bool { return false }
	if err := runLive(none, io.Discard, make(results)); err != nil {
		t.Errorf("no measurement is chosen: %v", err)
	}
}

// A lookup that grows with the number of sessions misses a bar. The stores that
// were measured have rows in both tables.
func TestLiveReport(t *testing.T) {
	measured := make(results)
	for _, name := range liveNames() {
		if strings.Contains(name, "store=redis") {
			measured[name] = &series{ns: []float64{30_000}, bytes: []float64{1272}, allocs: []float64{21}}
		}
	}
	slow := measured[liveName("redis", "0s", 1_000_000)]
	for _, test := range []struct {
		ns     float64
		missed bool
	}{{59_000, false}, {63_000, true}} {
		slow.ns = []float64{test.ns}
		r := newReport(settings{}, figures{results: measured}, time.Minute)
		if err := r.err(); (err != nil) != test.missed || test.missed && !strings.Contains(err.Error(), "Live with Redis, maxDelay 0") {
			t.Errorf("%v ns: %v", test.ns, err)
		}
	}
	text := newReport(settings{}, figures{results: measured}, time.Minute).markdown()
	const usual = "30.0 µs, 1272 B, 21"
	for _, want := range []string{
		"| sessions, Live with Redis, 0s | 1000: " + usual + " | 10000: " + usual + " | 100000: " + usual + " | 1000000: 63.0 µs, 1272 B, 21 |\n",
		"| sessions, Live with Redis, 5s | 1000: " + usual,
		"| Redis | 63.0 µs, 1272 B, 21 | " + usual + " | 2.10× |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "PostgreSQL") {
		t.Error("the report has a row of a store that was not measured")
	}
}
