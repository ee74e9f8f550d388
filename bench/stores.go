package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-0a072700/jwtauth/bench/internal/node"
)

// liveStores are the stores that BenchmarkLive of e2e/stores fills and
// measures, and their titles in the report.
var liveStores = []struct{ name, title string }{
	{"memory", "memstore"},
	{"sqlite", "SQLite"},
	{"postgres", "PostgreSQL"},
	{"mariadb", "MariaDB"},
	{"redis", "Redis"},
}

// liveDelays are the values of maxDelay.
var liveDelays = []string{"0s", "5s"}

// liveSizes are the numbers of sessions in a store.
var liveSizes = []int{1000, 10_000, 100_000, 1_000_000}

// liveWork is the kind of work in the name of a measurement.
func liveWork(store, delay string) string { return "live/store=" + store + "/delay=" + delay }

func liveName(store, delay string, n int) string { return growthName(liveWork(store, delay), n) }

// runLive measures Live with the chosen stores. It runs a benchmark of e2e,
// which starts their servers.
func runLive(chosen func(name string) bool, progress io.Writer, into results) error {
	var stores []string
	for _, s := range liveStores {
		for _, delay := range liveDelays {
			if slices.ContainsFunc(liveSizes, func(n int) bool { return chosen(liveName(s.name, delay, n)) }) {
				stores = append(stores, s.name)
				break
			}
		}
	}
	if len(stores) == 0 {
		return nil
	}
	fmt.Fprintf(progress, "Live with %s\n", strings.Join(stores, ", "))
	cmd := liveCommand(stores)
	cmd.Stderr = progress
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = readLive(out, stores, chosen, progress, into)
	if ended := cmd.Wait(); ended != nil {
		return fmt.Errorf("BenchmarkLive in e2e/stores: %w", ended) // its output says more
	}
	return err
}

// liveCommand returns the command that measures the stores. The stores of a
// missing server are skipped, or fail with JWTAUTH_TEST_REQUIRE=1.
func liveCommand(stores []string) *exec.Cmd {
	cmd := exec.Command("go", "test", "-C", filepath.Join(node.Dir(), "..", "e2e"), "./stores", "-v", "-count=1", "-run=^$",
		"-bench=^BenchmarkLive$/^store=("+strings.Join(stores, "|")+")$", "-benchmem", "-benchtime=50ms")
	cmd.Env = append(os.Environ(), fmt.Sprint("JWTAUTH_TEST_SESSIONS=", liveSizes[len(liveSizes)-1]))
	return cmd
}

var (
	liveLine    = regexp.MustCompile(`^BenchmarkLive/store=(\w+)/sessions=(\d+)/delay=(\w+)/round=\d+(?:-\d+)?\s+\d+\s(.*)$`)
	liveSkipped = regexp.MustCompile(`^\s*--- SKIP: BenchmarkLive/store=(\w+)`)
)

// readLive reads the output of the command. Each round adds one value to the
// series of a chosen measurement. Every store needs a result or a message that
// it was skipped.
func readLive(out io.Reader, stores []string, chosen func(name string) bool, progress io.Writer, into results) error {
	seen := make(map[string]bool)
	var errs []error
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "Benchmark") {
			fmt.Fprintf(progress, "  %s\n", line)
		}
		if m := liveSkipped.FindStringSubmatch(line); m != nil {
			seen[m[1]] = true
		}
		m := liveLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		seen[m[1]] = true
		n, err := strconv.Atoi(m[2])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		name := liveName(m[1], m[3], n)
		if !chosen(name) {
			continue
		}
		if into[name] == nil {
			into[name] = new(series)
		}
		if err := into[name].addLine(m[4]); err != nil {
			errs = append(errs, fmt.Errorf("%w: %q", err, line))
		}
	}
	errs = append(errs, lines.Err())
	for _, store := range stores {
		if !seen[store] {
			errs = append(errs, fmt.Errorf("BenchmarkLive in e2e/stores: no result of store=%s", store))
		}
	}
	return errors.Join(errs...)
}

// addLine adds the figures of one round, such as
// "1569 ns/op   688 B/op   6 allocs/op".
func (s *series) addLine(figures string) error {
	of := make(map[string]float64)
	fields := strings.Fields(figures)
	for i := 0; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		of[fields[i+1]] = value
	}
	for _, unit := range []string{"ns/op", "B/op", "allocs/op"} {
		if _, found := of[unit]; !found {
			return fmt.Errorf("no %s", unit)
		}
	}
	s.ns = append(s.ns, of["ns/op"])
	s.bytes = append(s.bytes, of["B/op"])
	s.allocs = append(s.allocs, of["allocs/op"])
	return nil
}

// liveBars state that a lookup by key does not grow with the number of
// sessions.
func liveBars() []bar {
	var list []bar
	for _, s := range liveStores {
		smallest, largest := liveSizes[0], liveSizes[len(liveSizes)-1]
		list = append(list, bar{"Live with " + s.title + ", maxDelay 0: 1,000,000 sessions / 1,000", atMost, 2,
			quotient(liveName(s.name, "0s", largest), liveName(s.name, "0s", smallest))})
	}
	return list
}

// liveTable compares the stores at the largest number of sessions.
func (r *report) liveTable(b *strings.Builder) {
	smallest, largest := liveSizes[0], liveSizes[len(liveSizes)-1]
	var body strings.Builder
	for _, s := range liveStores {
		few, every := r.figures.results[liveName(s.name, "0s", smallest)], r.figures.results[liveName(s.name, "0s", largest)]
		remembered := r.figures.results[liveName(s.name, "5s", largest)]
		if few == nil || every == nil || remembered == nil {
			continue
		}
		fmt.Fprintf(&body, "| %s | %s | %s | %s |\n", s.title, cost(every), cost(remembered), times(ratio(every, few)))
	}
	if body.Len() == 0 {
		return
	}
	fmt.Fprintf(b, `## Live per store

One verification behind `+"`Live`"+`, without HTTP, with %d sessions in the store. A hundred of them are
used in turn. With a maxDelay of 0 each verification calls the store; with 5 s nearly all find the
session in memory. Time, bytes, allocations of the service. The servers listen on loopback and share
the CPUs. The last column compares the times with a maxDelay of 0.

| store | maxDelay 0 | maxDelay 5 s | %d / %d sessions |
| --- | --- | --- | --- |
%s
`, largest, largest, smallest, body.String())
}

// cost formats the time, bytes and allocations of an operation.
func cost(s *series) string {
	return fmt.Sprintf("%s, %.0f B, %.3g", microseconds(typical(s.ns)), median(s.bytes), median(s.allocs))
}
