package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"

	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

// saved is the form of figures in a file, so that several runs can measure one
// part each.
type saved struct {
	Results            map[string]savedSeries
	Cache, CacheRSA    *savedCache
	Hits               []hitRate
	Bounded, Unbounded *flood.Report
	Networks           []*flood.NetworkReport
}

type savedSeries struct{ NS, Allocs, Bytes []float64 }

type savedCache struct {
	Tokens                int
	On, Off               []float64
	Before, Filled, After uint64
}

// addTo adds f to the figures in a file, which need not exist, and returns all
// of them.
func (f figures) addTo(file string) (figures, error) {
	var s saved
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	all := s.figures()
	maps.Copy(all.results, f.results)
	if f.cache != nil {
		all.cache, all.cacheRSA = f.cache, f.cacheRSA
	}
	if f.hits != nil {
		all.hits = f.hits
	}
	if f.floods != nil {
		all.floods = f.floods
	}
	if f.networks != nil {
		all.networks = f.networks
	}
	text, err = json.Marshal(all.saved())
	if err != nil {
		return f, err
	}
	return all, os.WriteFile(file, text, 0o644)
}

func (s saved) figures() figures {
	f := figures{results: make(results), hits: s.Hits, networks: s.Networks, cache: s.Cache.report(), cacheRSA: s.CacheRSA.report()}
	for name, r := range s.Results {
		f.results[name] = &series{r.NS, r.Allocs, r.Bytes}
	}
	if s.Bounded != nil && s.Unbounded != nil {
		f.floods = &floods{s.Bounded, s.Unbounded}
	}
	return f
}

func (f figures) saved() saved {
	s := saved{Results: make(map[string]savedSeries), Hits: f.hits, Networks: f.networks, Cache: f.cache.saved(), CacheRSA: f.cacheRSA.saved()}
	for name, r := range f.results {
		s.Results[name] = savedSeries{r.ns, r.allocs, r.bytes}
	}
	if f.floods != nil {
		s.Bounded, s.Unbounded = f.floods.bounded, f.floods.unbounded
	}
	return s
}

func (c *savedCache) report() *cacheReport {
	if c == nil {
		return nil
	}
	return &cacheReport{tokens: c.Tokens, on: series{ns: c.On}, off: series{ns: c.Off}, before: c.Before, filled: c.Filled, after: c.After}
}

func (c *cacheReport) saved() *savedCache {
	if c == nil {
		return nil
	}
	return &savedCache{c.tokens, c.on.ns, c.off.ns, c.before, c.filled, c.after}
}
