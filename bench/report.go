package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// report presents figures as text.
type report struct {
	settings settings
	figures  figures
	took     time.Duration
	rows     []barRow
}

type barRow struct {
	bar
	got      float64
	measured bool
}

// whole reports whether the report is to have all figures.
func (s settings) whole() bool { return s.add != "" || s.only != nil && s.only.String() == "" }

func newReport(s settings, f figures, took time.Duration) *report {
	r := &report{settings: s, figures: f, took: took}
	for _, b := range bars() {
		if got, measured := b.value(f); measured || s.whole() {
			r.rows = append(r.rows, barRow{b, got, measured})
		}
	}
	return r
}

// err returns an error for each missed bar.
func (r *report) err() error {
	var errs []error
	for _, row := range r.rows {
		if row.measured && !row.met(row.got) {
			errs = append(errs, fmt.Errorf("missed: %s: %.3g, not %s", row.figure, row.got, row.promise()))
		}
	}
	return errors.Join(errs...)
}

// text returns the tables without the prose, for a terminal.
func (r *report) text() string {
	var b strings.Builder
	r.tables(&b)
	return b.String()
}

// markdown returns the text of BENCHMARKS.md.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`; do not edit.\n\n")
	r.method(&b)
	r.tables(&b)
	return b.String()
}

func (r *report) method(b *strings.Builder) {
	fmt.Fprintf(b, `## Method

Each implementation does the same work: one request passes a middleware, which puts the claims into
the context. The middleware checks the signature, issuer, audience and expiry. All get the same
tokens, which were made without any of them, and every response is checked. A token has iss, sub,
aud, iat, exp and three private claims. With HS256 it has %d bytes; tokens with longer signatures
are larger. Tokens of %d bytes hold a long list of permissions. Request and response are reused,
so they add no cost.

- **first**: every token is new to the handler. After %d tokens a new handler takes over.
- **repeat**: one token at every request.
- **crypto**: only the signature check, hash included, of tokens that are already decoded. For
  signing: only the signature.
- **context**: only `+"`r.WithContext`"+` and `+"`context.WithValue`"+`.
- **http.Server over loopback**: rounds are five times as long. The %d clients are those of
  net/http, in the same process, and a response has no body. "none" has no middleware and gets the
  same requests.

The implementations take turns in %d rounds of about %v each, after a warm-up. Each round begins
with another one. Times are lower quartiles over the rounds: a shared machine has slow phases, which
hit code that allocates and spare the cryptography. Ratios are those of lower quartiles. Other
machines have other times. Ratios differ less, but depend on the speed of the hash.

`, fixture.Small, fixture.Large, poolSizes[fixture.Small], connections, r.settings.rounds, r.settings.each)

	took := r.took.Round(time.Second).String()
	if r.settings.add != "" {
		took = "several runs"
	}
	fmt.Fprintf(b, "Measured in %s with %s on %s/%s, %d CPUs\n(%s), GOMAXPROCS %d. The speed of encoding/json,\nwhich every peer uses, depends on the Go release.\n\n",
		took, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpuModel(), runtime.GOMAXPROCS(0))

	b.WriteString("| implementation | version | use |\n| --- | --- | --- |\n")
	versions := moduleVersions()
	for _, im := range impl.All {
		fmt.Fprintf(b, "| %s | %s | %s |\n", im.Name, versions[im.Module], im.About)
	}
	b.WriteString("\n")
}

// moduleVersions returns the versions of the modules in this program.
func moduleVersions() map[string]string {
	versions := make(map[string]string)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, m := range info.Deps {
		versions[m.Path] = m.Version
		if m.Replace != nil {
			versions[m.Path] = "this tree"
		}
	}
	return versions
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return "model unknown"
}

func (r *report) tables(b *strings.Builder) {
	r.barTable(b)
	for _, size := range []int{fixture.Small, fixture.Large} {
		for _, token := range []string{"first", "repeat"} {
			r.table(b, fmt.Sprintf("One request, %d bytes, %s", size, token), fixture.Algorithms,
				func(impl, alg string) string { return verifyName(impl, alg, token, size) })
		}
	}
	r.table(b, "Two goroutines, repeated token, GOGC=400: time from one request to the next", fixture.Algorithms, parallelName)
	r.table(b, "Refused token, HS256", []string{"bad-signature", "expired", "malformed"},
		func(impl, kind string) string { return refuseName(impl, "HS256", kind) })
	r.table(b, "Signing, three private claims", fixture.Algorithms, signName)
	r.table(b, fmt.Sprintf("http.Server over loopback, %d connections: time from one request to the next", connections), []string{"HS256"},
		func(impl, _ string) string { return serveName(impl) })
	r.aloneTable(b)
	r.serverTable(b)
	r.decodeTable(b)
	r.growthTable(b)
	r.liveTable(b)
	r.cacheTable(b)
	r.floodTable(b)
	r.networksTable(b)
}

func (r *report) barTable(b *strings.Builder) {
	if len(r.rows) == 0 {
		return
	}
	b.WriteString("## Bars\n\n| figure | bar | measured | |\n| --- | --- | --- | --- |\n")
	for _, row := range r.rows {
		verdict := fmt.Sprintf("%.3g | met", row.got)
		switch {
		case !row.measured:
			verdict = "| not measured"
		case !row.met(row.got):
			verdict = fmt.Sprintf("%.3g | **missed**", row.got)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", row.figure, row.promise(), verdict)
	}
	b.WriteString("\n")
}

// table writes a line for each implementation. Each column holds its time, the
// ratio to ours, and its allocations.
func (r *report) table(b *strings.Builder, title string, columns []string, name func(impl, column string) string) {
	names := []string{"none", "crypto", "context", "crypto+context", "ours-nocache"}
	for _, im := range impl.All {
		names = append(names, im.Name)
	}
	var body strings.Builder
	for _, impl := range names {
		line := "| " + impl
		found := false
		for _, column := range columns {
			s, ours := r.figures.results[name(impl, column)], r.figures.results[name("ours", column)]
			if s == nil {
				line += " | "
				continue
			}
			found = true
			line += " | " + microseconds(typical(s.ns))
			if ours != nil && s != ours {
				line += fmt.Sprintf(" (%s)", times(ratio(s, ours)))
			}
			line += fmt.Sprintf(", %.3g", median(s.allocs))
		}
		if found {
			body.WriteString(line + " |\n")
		}
	}
	if body.Len() == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\nTime, ratio to ours, allocations.\n\n| | %s |\n|%s\n%s\n",
		title, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+1), body.String())
}

func microseconds(ns float64) string {
	if ns < 10_000 {
		return fmt.Sprintf("%.2f µs", ns/1000)
	}
	return fmt.Sprintf("%.1f µs", ns/1000)
}

func times(ratio float64) string {
	if ratio < 10 {
		return fmt.Sprintf("%.2f×", ratio)
	}
	return fmt.Sprintf("%.0f×", ratio)
}
