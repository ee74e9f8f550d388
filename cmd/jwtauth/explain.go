package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

// finding is the result of one rule.
type finding struct {
	Rule   string `json:"rule"`
	Result string `json:"result"` // "pass", "fail" or "skip"
	Detail string `json:"detail,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

const (
	pass = "pass"
	fail = "fail"
	skip = "skip"
)

// report is the output of explain.
type report struct {
	Accepted bool            `json:"accepted"`
	First    string          `json:"first,omitempty"` // the first rule that fails
	Header   json.RawMessage `json:"header,omitempty"`
	Claims   json.RawMessage `json:"claims,omitempty"`
	Rules    []finding       `json:"rules"`
}

// explain checks each rule by itself, so that one fault does not hide another.
func explain(c *call) error {
	keys, err := c.source()
	if err != nil {
		return err
	}
	opts, err := c.options()
	if err != nil {
		return err
	}
	text, err := c.token()
	if err != nil {
		return err
	}
	t := inspect(text)
	findings, refusal, err := c.checkSignature(t, keys, opts)
	if err != nil {
		return err
	}
	findings = append(findings, checkClaims(t, opts)...)
	failed := func(f finding) bool { return f.Result == fail }
	if keys != nil && refusal != nil && !slices.ContainsFunc(findings, failed) {
		findings = append(findings, finding{Rule: "other", Result: fail, Detail: plain(refusal)})
	}
	r := report{Accepted: true, Header: t.headerJSON, Claims: t.payloadJSON, Rules: findings}
	if i := slices.IndexFunc(findings, failed); i >= 0 {
		r.Accepted, r.First = false, findings[i].Rule
	}
	if err := c.writeReport(r, keys == nil); err != nil {
		return err
	}
	if !r.Accepted {
		return errRefused
	}
	return nil
}

// checkSignature checks the rules that do not depend on the claims, by the real
// verifier, and returns the error of that. The first error ends them.
func (c *call) checkSignature(t *token, keys jwtauth.KeySource, opts jwtauth.VerifierOptions) (findings []finding, refusal, err error) {
	hasKeys := keys != nil
	if !hasKeys {
		by, err := newThrowaway()
		if err != nil {
			return nil, nil, err
		}
		keys = by.keys
	}
	verifier, err := jwtauth.NewVerifier(keys, opts)
	if err != nil {
		return nil, nil, usageError{err}
	}
	_, refusal = verifier.VerifyToken(context.Background(), t.text)
	rules := []struct {
		name  string
		fails bool
		fix   func() string
	}{
		{"form", errors.Is(refusal, jwtauth.ErrTokenMalformed) && !t.hasForm, func() string { return fixForm(t) }},
		{"header", errors.Is(refusal, jwtauth.ErrTokenMalformed) && t.hasForm, func() string { return fixHeader(t) }},
		{"type", errors.Is(refusal, jwtauth.ErrTokenType), func() string { return fixType(t) }},
		{"key", errors.Is(refusal, jwtauth.ErrKeyUnknown), func() string { return fixKey(t, &c.key, keys) }},
		{"signature", errors.Is(refusal, jwtauth.ErrSignatureInvalid), func() string { return c.fixSignature(t, refusal) }},
	}
	if errors.Is(refusal, jwtauth.ErrUnavailable) {
		return nil, nil, refusal
	}
	failed := false
	for _, rule := range rules {
		f := finding{Rule: rule.name, Result: pass}
		switch {
		case failed:
			f.Result, f.Detail = skip, "not reached"
		case !hasKeys && (rule.name == "key" || rule.name == "signature"):
			f.Result, f.Detail = skip, "no key is given: -key, -secret, -jwks or -issuer-url"
		case rule.fails:
			f.Result, f.Detail, f.Fix = fail, plain(refusal), rule.fix()
			failed = true
		}
		findings = append(findings, f)
	}
	return findings, refusal, nil
}

// plain returns the text of an error without the prefix.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "jwtauth: ") }

// writeReport writes the report as text or JSON.
func (c *call) writeReport(r report, noKeys bool) error {
	if c.json {
		return c.writeJSON(r)
	}
	out := &strings.Builder{}
	if r.Header != nil {
		fmt.Fprintf(out, "header  %s\n", oneLine(r.Header))
	}
	if r.Claims != nil {
		fmt.Fprintf(out, "claims  %s\n", oneLine(r.Claims))
	}
	out.WriteString("\n")
	for _, f := range r.Rules {
		line := fmt.Sprintf("%s  %-10s  %s", map[string]string{pass: "pass", fail: "FAIL", skip: " -  "}[f.Result], f.Rule, f.Detail)
		out.WriteString(strings.TrimRight(line, " ") + "\n")
		for line := range strings.Lines(f.Fix) {
			fmt.Fprintf(out, "                  fix: %s\n", strings.TrimSpace(line))
		}
	}
	switch {
	case !r.Accepted:
		fmt.Fprintf(out, "\nrefused: the first rule that fails is %q\n", r.First)
	case noKeys:
		out.WriteString("\nno rule fails, but the signature was not checked\n")
	case slices.ContainsFunc(r.Rules, func(f finding) bool { return f.Result == skip }):
		out.WriteString("\naccepted, as far as it was checked\n")
	default:
		out.WriteString("\naccepted\n")
	}
	return c.write(out.String())
}

// oneLine returns JSON without line breaks.
func oneLine(text json.RawMessage) string {
	line := &bytes.Buffer{}
	_ = json.Compact(line, text) // it is JSON
	return line.String()
}
