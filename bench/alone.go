package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
	"github.com/seed-0a072700/jwtauth/bench/internal/node"
)

// A verification without HTTP: only the token is verified. This is the only
// way to compare libraries of two languages.
type alone struct {
	name string
	// prepare returns a function that verifies token n times. It returns a nil
	// function if the implementation does not support alg.
	prepare func(alg, token string) (func(n int) error, error)
}

var verifyAlone = []alone{
	{"ours", oursAlone(false)},
	{"ours-decoded", oursAlone(true)},
	{"golang-jwt", golangJWTAlone},
	{"fast-jwt, cache", nodeAlone("fast-jwt", true)},
	{"fast-jwt", nodeAlone("fast-jwt", false)},
	{"jsonwebtoken", nodeAlone("jsonwebtoken", false)},
	{"jose", nodeAlone("jose", false)},
}

func aloneName(impl, alg string) string {
	return fmt.Sprintf("op=token/impl=%s/alg=%s/token=repeat", impl, alg)
}

// verifyingAlone measures all that support alg. Those for Node are missing if
// Node is.
func verifyingAlone(alg string) []measurement {
	var list []measurement
	for _, a := range verifyAlone {
		if a.name == "jsonwebtoken" && alg == "EdDSA" {
			continue // it does not support that
		}
		list = append(list, measurement{aloneName(a.name, alg), func() (workload, error) {
			verify, err := a.prepare(alg, pool(alg, fixture.Small)[0])
			return once(verify), err
		}})
	}
	return list
}

// once is a workload whose n operations are one call.
type once func(n int) error

func (f once) run(n int, t timer) error {
	t.StartTimer()
	defer t.StopTimer()
	return f(n)
}

func (once) close() {}

func oursAlone(decode bool) func(alg, token string) (func(int) error, error) {
	return func(alg, token string) (func(int) error, error) {
		v, err := impl.OursVerifier(alg, fixture.KeyOf(alg), jwtauth.VerifierOptions{})
		if err != nil {
			return nil, err
		}
		ctx := context.Background()
		return func(n int) error {
			for range n {
				claims, err := v.VerifyToken(ctx, token)
				if err != nil {
					return err
				}
				if decode {
					var private fixture.Private
					if err := claims.Decode(&private); err != nil || private.Role == "" {
						return errors.New("no private claims")
					}
				}
			}
			return nil
		}, nil
	}
}

func golangJWTAlone(alg, token string) (func(int) error, error) {
	key := fixture.KeyOf(alg).Public
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(fixture.Issuer),
		jwt.WithAudience(fixture.Audience), jwt.WithExpirationRequired())
	return func(n int) error {
		for range n {
			var claims struct {
				jwt.RegisteredClaims
				fixture.Private
			}
			if _, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func nodeAlone(library string, cache bool) func(alg, token string) (func(int) error, error) {
	return func(alg, token string) (func(int) error, error) {
		v, err := node.NewVerifier(library, alg, token, cache)
		if err != nil {
			return nil, err
		}
		return v.Verify, nil
	}
}
