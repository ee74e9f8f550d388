// Command bench compares jwtauth with its peers and with the cost of the
// cryptography. It checks the bars of the project and writes BENCHMARKS.md:
//
//	go run -C bench .
//
// It exits with status 1 if a bar is missed. The same measurements exist as Go
// benchmarks, for benchstat:
//
//	go test -C bench -run '^$' -bench '/op=verify/.*/alg=RS256'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

func main() {
	if err := run(os.Args[1:], measure); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	rounds int
	each   time.Duration
	only   *regexp.Regexp
	out    string
}

// run executes the command line. A missed bar is an error.
func run(args []string, measure func(settings) (figures, error)) error {
	if len(args) == 1 && (args[0] == flood.BoundedCommand || args[0] == flood.UnboundedCommand) {
		return flood.Serve(os.Stdin, os.Stdout, args[0] == flood.BoundedCommand)
	}
	s, err := parse(args)
	if err != nil {
		return err
	}
	start := time.Now()
	f, err := measure(s)
	if err != nil {
		return err
	}
	r := newReport(s, f, time.Since(start))
	os.Stdout.WriteString(r.text())
	if s.out != "" {
		if err := os.WriteFile(s.out, []byte(r.markdown()), 0o644); err != nil {
			return err
		}
	}
	return r.err()
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&s.rounds, "rounds", 11, "number of times that each measurement runs")
	flags.DurationVar(&s.each, "time", 30*time.Millisecond, "duration of each run")
	only := flags.String("only", "", "run only the measurements whose names match this regular expression, and write a file only with -out")
	flags.StringVar(&s.out, "out", "", "the file to write (default BENCHMARKS.md)")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 || s.rounds < 1 || s.each <= 0 {
		return s, errors.New("only flags are accepted, and -rounds and -time must be positive")
	}
	if *only == "" && s.out == "" {
		s.out = "BENCHMARKS.md"
	}
	var err error
	s.only, err = regexp.Compile(*only)
	return s, err
}

// measure runs all measurements. Those that need a small heap come first.
func measure(s settings) (figures, error) {
	f := figures{results: make(results)}
	var err error
	if s.only.MatchString(floodName) {
		if f.floods, err = runFlood(context.Background(), os.Stderr); err != nil {
			return f, err
		}
	}
	if s.only.MatchString(cacheName) {
		if f.cache, err = runCache("EdDSA", cacheTokens, cacheChunk, os.Stderr); err != nil { // cheapest to mint
			return f, err
		}
		if f.cacheRSA, err = runCache("RS256", cacheTokensRSA, cacheChunkRSA, os.Stderr); err != nil {
			return f, err
		}
	}
	for _, g := range plan() {
		var chosen []measurement
		for _, m := range g.members {
			if s.only.MatchString(m.name) {
				chosen = append(chosen, m)
			}
		}
		if len(chosen) == 0 {
			continue
		}
		fmt.Fprintln(os.Stderr, g.title)
		if err := interleave(chosen, s.rounds, max(1, time.Duration(g.longer))*s.each, os.Stderr, f.results); err != nil {
			return f, err
		}
	}
	return f, nil
}
