package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// growthName names a measurement of the cost at one size of the work.
func growthName(work string, n int) string { return fmt.Sprintf("op=growth/work=%s/n=%d", work, n) }

// growths lists the kinds of work and their sizes.
var growths = []struct {
	work  string
	sizes []int
	setUp func(n int) (func(n int) error, error)
}{
	{"bytes of a token, first use", []int{250, 1024, 4096, 8192}, func(n int) (func(int) error, error) { return growToken(n, -1) }},
	{"bytes of a token, repeated", []int{250, 1024, 4096, 8192}, func(n int) (func(int) error, error) { return growToken(n, 0) }},
	{"keys", []int{1, 10, 100, 1000}, growKeys},
	{"issuers", []int{1, 10, 100, 1000}, growIssuers},
	{"goroutines, repeated token", []int{1, 4, 16, 64}, growGoroutines},
}

func growing() []measurement {
	var list []measurement
	for _, g := range growths {
		for _, n := range g.sizes {
			list = append(list, measurement{growthName(g.work, n), func() (workload, error) {
				f, err := g.setUp(n)
				return once(f), err
			}})
		}
	}
	return list
}

// verifyAll returns a function that verifies n tokens in turn.
func verifyAll(v jwtauth.TokenVerifier, tokens ...string) func(int) error {
	next := 0
	return func(n int) error {
		for range n {
			if _, err := v.VerifyToken(context.Background(), tokens[next%len(tokens)]); err != nil {
				return err
			}
			next++
		}
		return nil
	}
}

func growToken(size, cache int) (func(int) error, error) {
	v, err := impl.OursVerifier("HS256", fixture.KeyOf("HS256"), jwtauth.VerifierOptions{CacheSize: cache})
	if err != nil {
		return nil, err
	}
	fill := max(0, size-260) * 3 / 4
	return verifyAll(v, fixture.With("HS256", `"text":"`+strings.Repeat("x", fill)+`"`)), nil
}

// growKeys verifies tokens with a kid, each signed by another key.
func growKeys(n int) (func(int) error, error) {
	keys := make([]jwtauth.Key, n)
	tokens := make([]string, n)
	for i := range keys {
		key, err := jwtauth.GenerateKey(jwtauth.HS256)
		if err != nil {
			return nil, err
		}
		keys[i] = key.WithID(fmt.Sprint("key-", i))
		if tokens[i], err = sign(keys[i], fixture.Issuer); err != nil {
			return nil, err
		}
	}
	source, err := jwtauth.StaticKeys(keys...)
	if err != nil {
		return nil, err
	}
	v, err := jwtauth.NewVerifier(source, jwtauth.VerifierOptions{
		Issuer: fixture.Issuer, Audience: []string{fixture.Audience}, CacheSize: -1,
	})
	if err != nil {
		return nil, err
	}
	return verifyAll(v, tokens...), nil
}

func sign(key jwtauth.Key, name string) (string, error) {
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: name, Audience: []string{fixture.Audience}})
	if err != nil {
		return "", err
	}
	return issuer.Sign(fixture.Subject(0), nil)
}

// growIssuers verifies tokens of n issuers in turn, through ByIssuer.
func growIssuers(n int) (func(int) error, error) {
	verifiers := make(map[string]jwtauth.TokenVerifier, n)
	tokens := make([]string, n)
	for i := range tokens {
		name := fmt.Sprintf("https://issuer-%d.example", i)
		key, err := jwtauth.GenerateKey(jwtauth.HS256)
		if err != nil {
			return nil, err
		}
		source, err := jwtauth.StaticKeys(key)
		if err != nil {
			return nil, err
		}
		if verifiers[name], err = jwtauth.NewVerifier(source, jwtauth.VerifierOptions{
			Issuer: name, Audience: []string{fixture.Audience}, CacheSize: -1,
		}); err != nil {
			return nil, err
		}
		if tokens[i], err = sign(key, name); err != nil {
			return nil, err
		}
	}
	v, err := jwtauth.ByIssuer(verifiers)
	if err != nil {
		return nil, err
	}
	return verifyAll(v, tokens...), nil
}

// growGoroutines shares the work between goroutines.
func growGoroutines(goroutines int) (func(int) error, error) {
	v, err := impl.OursVerifier("HS256", fixture.KeyOf("HS256"), jwtauth.VerifierOptions{})
	if err != nil {
		return nil, err
	}
	token := pool("HS256", fixture.Small)[0]
	return func(n int) error {
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for g := range goroutines {
			wg.Go(func() {
				for i := g; i < n && errs[g] == nil; i += goroutines {
					_, errs[g] = v.VerifyToken(context.Background(), token)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, nil
}
