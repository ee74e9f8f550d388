package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

// ruleFlags are the flags that say which rules a token must meet.
type ruleFlags struct {
	issuer     string
	audience   list
	types      list
	anySubject bool
	leeway     time.Duration
	maxAge     time.Duration
	at         string
}

func (r *ruleFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&r.issuer, "iss", "", "`issuer` that the token must have (VerifierOptions.Issuer; default: that of -issuer-url)")
	flags.Var(&r.audience, "aud", "`audience` that the token must contain (VerifierOptions.Audience); may be given several times")
	flags.Var(&r.types, "typ", "`type` that the token must have (VerifierOptions.Types); may be given several times")
	flags.BoolVar(&r.anySubject, "any-sub", false, "accept a token without a subject (VerifierOptions.AnySubject)")
	flags.DurationVar(&r.leeway, "leeway", 0, "clock skew that is tolerated (VerifierOptions.Leeway; default 30s, negative for none)")
	flags.DurationVar(&r.maxAge, "max-age", 0, "greatest age of a token (VerifierOptions.MaxAge)")
	flags.StringVar(&r.at, "at", "", "`time` of the check in RFC 3339 (default: now)")
}

// options returns the options of a service with these rules.
func (c *call) options() (jwtauth.VerifierOptions, error) {
	r := c.rule
	if r.issuer == "" {
		r.issuer = c.key.issuerURL
	}
	opts := jwtauth.VerifierOptions{
		Issuer: r.issuer, AnyIssuer: r.issuer == "",
		Audience: r.audience, AnyAudience: len(r.audience) == 0,
		AnySubject: r.anySubject, Types: r.types, Leeway: r.leeway, MaxAge: r.maxAge, CacheSize: -1,
		Check: func(context.Context, *jwtauth.Claims) error { return nil },
	}
	if r.at != "" {
		at, err := time.Parse(time.RFC3339, r.at)
		if err != nil {
			return opts, usage("-at: %v", err)
		}
		opts.Now = func() time.Time { return at }
	}
	return opts, nil
}

// verifier returns the verifier of a service with these keys and rules.
func (c *call) verifier(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	verifier, err := jwtauth.NewVerifier(keys, opts)
	if err != nil {
		return nil, usageError{err}
	}
	return verifier, nil
}

func verify(c *call) error {
	keys, err := c.source()
	switch {
	case err != nil:
		return err
	case keys == nil:
		return usage("name the keys: -key, -secret, -jwks or -issuer-url")
	}
	verifier, err := c.verifier(keys)
	if err != nil {
		return err
	}
	token, err := c.token()
	if err != nil {
		return err
	}
	if _, err := verifier.VerifyToken(context.Background(), token); err != nil {
		return fmt.Errorf("%w\n\"jwtauth explain\" with the same flags says how to fix it", err)
	}
	return c.writeJSON(inspect(token).payloadJSON) // Claims.Decode refuses names that differ in case
}

func sign(c *call) error {
	keys, err := c.keys()
	switch {
	case err != nil:
		return err
	case len(keys) != 1:
		return usage("name one key: -key or -secret")
	case *c.text["sub"] == "":
		return usage("-sub is required: the subject of the token")
	}
	ttl, err := time.ParseDuration(*c.text["ttl"])
	if err != nil {
		return usage("-ttl: %v", err)
	}
	issuer, err := jwtauth.NewIssuer(keys[0], jwtauth.IssuerOptions{Issuer: *c.text["iss"], Audience: c.rule.audience})
	if err != nil {
		return usageError{err}
	}
	var claims any
	if name := *c.text["claims"]; name != "" {
		if claims, err = c.privateClaims(name); err != nil {
			return err
		}
	}
	token, err := issuer.Sign(*c.text["sub"], claims, jwtauth.ExpiresIn(ttl))
	if err != nil {
		return usageError{err}
	}
	return c.write(token + "\n")
}

// privateClaims reads the file of -claims.
func (c *call) privateClaims(name string) (json.RawMessage, error) {
	data, err := c.read(name)
	if err != nil {
		return nil, err
	}
	if fault := objectFault(string(data)); fault != nil {
		return nil, usage("-claims: %w", fault)
	}
	flags := map[string]string{"sub": "-sub", "iss": "-iss", "aud": "-aud", "exp": "-ttl"}
	for s := jsonscan.New(string(data)); s.Next(); {
		if flag := flags[s.Name()]; flag != "" {
			return nil, usage("-claims: %q is a registered claim; use %s", s.Name(), flag)
		}
	}
	return data, nil
}

// objectFault returns the reason why text is not a strict JSON object, or nil.
func objectFault(text string) error {
	s := jsonscan.New(text)
	for s.Next() {
	}
	switch {
	case s.Valid():
		return nil
	case s.Fault() == nil:
		return errors.New("a member is repeated")
	}
	return s.Fault()
}

func secret(c *call) error {
	n, err := strconv.Atoi(*c.text["bytes"])
	if err != nil || n < 32 || n > 1024 {
		return usage("-bytes: not a number from 32 to 1024")
	}
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails
	return c.write(base64.RawURLEncoding.EncodeToString(data) + "\n")
}

func hash(c *call) error {
	cost, err := strconv.Atoi(*c.text["cost"])
	if err != nil {
		return usage("-cost: not a number")
	}
	password, err := c.line()
	if err != nil {
		return err
	}
	if password == "" {
		return usage("no password in the standard input")
	}
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: cost})
	if err != nil {
		return usageError{err}
	}
	text, err := hasher.HashPassword(context.Background(), password)
	if err != nil {
		return usageError{err}
	}
	return c.write(text + "\n")
}

func checkHash(c *call) error {
	if len(c.args) != 1 {
		return usage("pass the hash, in quotes")
	}
	if _, ok := passwords.Cost(c.args[0]); !ok {
		return usage("the hash is not one of bcrypt; put it into single quotes, because the shell replaces a $")
	}
	password, err := c.line()
	if err != nil {
		return err
	}
	err = jwtauth.CheckPassword(context.Background(), c.args[0], password)
	if err != nil && !errors.Is(err, jwtauth.ErrWrongPassword) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return c.write("the password matches\n")
}
