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
	"runtime/debug"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
	"github.com/seed-0a072700/jwtauth/bench/internal/servers"
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
	add    string
}

// run executes the command line. A missed bar is an error.
func run(args []string, measure func(settings) (figures, error)) error {
	if len(args) == 1 && (args[0] == flood.BoundedCommand || args[0] == flood.UnboundedCommand) {
		return flood.Serve(os.Stdin, os.Stdout, args[0] == flood.BoundedCommand)
	}
	if len(args) == 1 && args[0] == flood.NetworksCommand {
		return flood.ServeNetworks(os.Stdin, os.Stdout)
	}
	if len(args) == 1 && strings.HasPrefix(args[0], servers.Prefix) {
		return servers.Serve(strings.TrimPrefix(args[0], servers.Prefix), os.Stdin, os.Stdout)
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
	if s.add != "" {
		if f, err = f.addTo(s.add); err != nil {
			return err
		}
	}
	r := newReport(s, f, time.Since(start))
	if r.text() == "" {
		return errors.New("nothing was measured: -only matches no measurement, or the messages above say what is missing")
	}
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
	flags.IntVar(&s.rounds, "rounds", 41, "number of times that each measurement runs")
	flags.DurationVar(&s.each, "time", 12*time.Millisecond, "duration of each run")
	only := flags.String("only", "", "run only the measurements whose names match this regular expression, and write a file only with -out")
	flags.StringVar(&s.out, "out", "", "the file to write (default BENCHMARKS.md)")
	flags.StringVar(&s.add, "add", "", "add the results to those in this file, and report all of them")
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
	if s.only.MatchString(networksName) {
		fmt.Fprintln(os.Stderr, "floods from many networks")
		if f.networks, err = flood.RunNetworks(context.Background(), flood.Origins, networkPlan); err != nil {
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
	if s.only.MatchString(hitName) {
		for _, uses := range []int{100, 1000} {
			fmt.Fprintf(os.Stderr, "hit rate, %d uses\n", uses)
			h, err := runHits(1000, 1_000_000, uses)
			if err != nil {
				return f, err
			}
			f.hits = append(f.hits, h)
		}
	}
	if s.only.MatchString(serversName) {
		if err := runServers(serverRounds, serverTime, os.Stderr, f.results); err != nil {
			return f, err
		}
	}
	if err := runLive(s.only.MatchString, os.Stderr, f.results); err != nil {
		return f, err
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
		if g.gc != 0 {
			debug.SetGCPercent(g.gc)
		}
		err := interleave(chosen, s.rounds, max(1, time.Duration(g.longer))*s.each, os.Stderr, f.results)
		debug.SetGCPercent(100)
		if err != nil {
			return f, err
		}
	}
	return f, nil
}
