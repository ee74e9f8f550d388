package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

const (
	cacheName   = "op=cache"
	cacheTokens = 1_000_000
	cacheChunk  = 10_000

	// RSA signs slowly, so there are only four times as many tokens as the
	// cache holds.
	cacheTokensRSA = 16_384
	cacheChunkRSA  = 1024
)

// cacheReport is the effect of a stream of different tokens on a cache of the
// default size.
type cacheReport struct {
	tokens  int
	on, off series // with and without the cache, one value per chunk
	before  uint64 // bytes of heap in use before, after a garbage collection
	filled  uint64 // the same after two chunks
	after   uint64 // the same at the end
}

// runCache sends the tokens through both handlers in chunks. So both run under
// the same conditions, and the tokens need not be in memory at once.
func runCache(alg string, tokens, chunkSize int, progress io.Writer) (*cacheReport, error) {
	on, err := impl.All[0].Handler(alg, fixture.KeyOf(alg))
	if err != nil {
		return nil, err
	}
	off, err := impl.OursWithoutCache(alg, fixture.KeyOf(alg))
	if err != nil {
		return nil, err
	}
	r := &cacheReport{tokens: tokens, before: heapInUse()}
	for first := 0; first < tokens; first += chunkSize {
		if first%(10*chunkSize) == 0 {
			fmt.Fprintf(progress, "cache, %s: %d of %d tokens\n", alg, first, tokens)
		}
		chunk, err := newRequests(impl.All[0], alg, fixture.Mint(alg, fixture.Small, first, min(chunkSize, tokens-first)), 1)
		if err != nil {
			return nil, err
		}
		sides := []struct {
			handler http.Handler
			into    *series
		}{{on, &r.on}, {off, &r.off}}
		if first/chunkSize%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			chunk.handler, chunk.next = side.handler, 0
			var watch stopwatch
			runtime.GC()
			if err := chunk.run(len(chunk.fields), &watch); err != nil {
				return nil, err
			}
			side.into.ns = append(side.into.ns, float64(watch.elapsed)/float64(len(chunk.fields)))
		}
		if first == chunkSize {
			r.filled = heapInUse()
		}
	}
	r.after = heapInUse()
	runtime.KeepAlive(on)
	return r, nil
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
