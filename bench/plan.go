package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// poolSizes are the numbers of different tokens before a measurement of first
// use needs a new handler. For small tokens it is twice the default size of the
// cache.
var poolSizes = map[int]int{fixture.Small: 8192, fixture.Large: 2048}

// pool returns the tokens of an algorithm and size. The first call makes them.
func pool(alg string, size int) []string {
	key := fmt.Sprint(alg, size)
	mint, _ := pools.LoadOrStore(key, sync.OnceValue(func() []string {
		return fixture.Mint(alg, size, 0, poolSizes[size])
	}))
	return mint.(func() []string)()
}

var pools sync.Map

// A group is a set of interleaved measurements. Only members of one group are
// compared.
type group struct {
	title   string
	members []measurement
	longer  int // factor of the duration; 0 counts as 1
	gc      int // GOGC; 0 for the default of 100
}

// plan returns the groups that are measured in interleaved rounds.
func plan() []group {
	var groups []group
	for _, size := range []int{fixture.Small, fixture.Large} {
		for _, alg := range fixture.Algorithms {
			g := group{title: fmt.Sprintf("one request, %s, %d bytes", alg, size)}
			for _, token := range []string{"first", "repeat"} {
				g.members = append(g.members, verifying(alg, token, size)...)
			}
			if size == fixture.Small {
				if alg == "HS256" {
					g.members = append(g.members, refusals(alg)...)
				}
			}
			groups = append(groups, g)
		}
	}
	sign := group{title: "signing"}
	for _, alg := range fixture.Algorithms {
		sign.members = append(sign.members, signings(alg)...)
	}
	for _, alg := range fixture.Algorithms {
		groups = append(groups,
			group{title: "two goroutines, " + alg, members: parallel(alg), gc: 400},
			group{title: "verification alone, " + alg, members: verifyingAlone(alg)})
	}
	groups = append(groups, group{title: "private claims", members: decoding()}, group{title: "growth", members: growing()})
	// The many goroutines of a server need longer to reach a steady state.
	return append(groups, sign, group{title: "http.Server over loopback", members: serving(), longer: 5})
}

// verifyName names one kind of request in the form that benchstat filters by.
func verifyName(impl, alg, token string, size int) string {
	return fmt.Sprintf("op=verify/impl=%s/alg=%s/token=%s/size=%d", impl, alg, token, size)
}

func parallelName(impl, alg string) string { return goroutinesName(impl, alg, 2) }

func goroutinesName(impl, alg string, n int) string {
	return fmt.Sprintf("op=parallel/impl=%s/alg=%s/goroutines=%d", impl, alg, n)
}

func refuseName(impl, alg, token string) string {
	return fmt.Sprintf("op=refuse/impl=%s/alg=%s/token=%s", impl, alg, token)
}

func signName(impl, alg string) string { return fmt.Sprintf("op=sign/impl=%s/alg=%s", impl, alg) }

func serveName(impl string) string { return fmt.Sprintf("op=serve/impl=%s/alg=HS256", impl) }

func tokensOf(alg, token string, size int) []string {
	if token == "repeat" {
		return pool(alg, size)[:1]
	}
	return pool(alg, size)
}

func verifying(alg, token string, size int) []measurement {
	list := []measurement{
		{verifyName("crypto", alg, token, size), func() (workload, error) {
			return newCryptography(alg, tokensOf(alg, token, size), 1), nil
		}},
	}
	if alg == "HS256" {
		list = append(list, measurement{verifyName("context", alg, token, size), func() (workload, error) {
			return newContextOnly(nil, nil), nil
		}})
	}
	if token == "first" && size == fixture.Small {
		list = append(list, measurement{verifyName("ours-nocache", alg, token, size), func() (workload, error) {
			return newRequests(impl.Impl{Handler: impl.OursWithoutCache}, alg, tokensOf(alg, token, size), 1)
		}})
		if alg == "HS256" {
			list = append(list, measurement{verifyName("crypto+context", alg, token, size), func() (workload, error) {
				return newContextOnly(fixture.Check(alg), tokensOf(alg, token, size)), nil
			}})
		}
	}
	for _, im := range impl.All {
		list = append(list, measurement{verifyName(im.Name, alg, token, size), func() (workload, error) {
			return newRequests(im, alg, tokensOf(alg, token, size), 1)
		}})
	}
	return list
}

// parallel measures two goroutines at once, and one for comparison. GOGC is
// 400, as for a service with a live heap of 20 MiB: a process with a tiny heap
// collects every few milliseconds, on the CPU of the second goroutine.
func parallel(alg string) []measurement {
	var list []measurement
	for n := 1; n <= 2; n++ {
		list = append(list, measurement{goroutinesName("crypto", alg, n), func() (workload, error) {
			return newCryptography(alg, tokensOf(alg, "repeat", fixture.Small), n), nil
		}})
	}
	list = append(list, measurement{goroutinesName("ours", alg, 1), func() (workload, error) {
		return newRequests(impl.All[0], alg, tokensOf(alg, "repeat", fixture.Small), 1)
	}})
	for _, im := range impl.All {
		list = append(list, measurement{parallelName(im.Name, alg), func() (workload, error) {
			return newRequests(im, alg, tokensOf(alg, "repeat", fixture.Small), 2)
		}})
	}
	return list
}

func refusals(alg string) []measurement {
	var list []measurement
	for _, kind := range []string{"bad-signature", "expired", "malformed"} {
		for _, im := range impl.All {
			list = append(list, measurement{refuseName(im.Name, alg, kind), func() (workload, error) {
				good := pool(alg, fixture.Small)[0]
				bad := map[string]string{
					"bad-signature": fixture.BadSignature(good),
					"expired":       fixture.Expired(alg),
					"malformed":     fixture.Malformed,
				}
				return refusing(im, alg, good, bad[kind])
			}})
		}
	}
	return list
}

func signings(alg string) []measurement {
	list := []measurement{{signName("crypto", alg), func() (workload, error) {
		token := fixture.Mint(alg, fixture.Small, 0, 1)[0]
		input := []byte(token[:strings.LastIndexByte(token, '.')])
		return signing{func(string) (string, error) { return string(fixture.Sign(alg, input)), nil }}, nil
	}}}
	for _, im := range impl.All {
		if im.Signer == nil {
			continue
		}
		sign, err := im.Signer(alg, fixture.KeyOf(alg))
		if err == nil && sign == nil {
			continue // it does not support the algorithm
		}
		list = append(list, measurement{signName(im.Name, alg), func() (workload, error) {
			return signing{sign}, err
		}})
	}
	return list
}
