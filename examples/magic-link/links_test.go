package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const email = "ann@example.com"

// clock is a time that a test sets.
type clock struct{ at time.Time }

func newClock() *clock               { return &clock{time.Unix(1_800_000_000, 0)} }
func (c *clock) now() time.Time      { return c.at }
func (c *clock) add(d time.Duration) { c.at = c.at.Add(d) }

func TestLinkWorksOnce(t *testing.T) {
	l := newLinks(time.Minute, time.Now)
	secret, err := l.add(email, "browser", "client")
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			switch got, err := l.take(secret, "browser"); {
			case err == nil && got == email:
				won.Add(1)
			case !errors.Is(err, errLinkUnknown):
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 100 took the link, want 1", won.Load())
	}
}

func TestLinkIsBoundAndExpires(t *testing.T) {
	c := newClock()
	l := newLinks(time.Minute, c.now)
	secret, _ := l.add(email, "browser", "client")
	for name, test := range map[string]struct {
		secret, browser string
		want            error
	}{
		"another browser": {secret, "another", errOtherBrowser},
		"no cookie":       {secret, "", errOtherBrowser},
		"another secret":  {secret + "x", "browser", errLinkUnknown},
		"no secret":       {"", "browser", errLinkUnknown},
		"the right one":   {secret, "browser", nil},
	} {
		if got, err := l.look(test.secret, test.browser); !errors.Is(err, test.want) || (err == nil) != (got == email) {
			t.Errorf("%s: look: %q, %v, want %v", name, got, err, test.want)
		}
		if test.want == nil {
			continue
		}
		if got, err := l.take(test.secret, test.browser); !errors.Is(err, test.want) || got != "" {
			t.Errorf("%s: take: %q, %v, want %v", name, got, err, test.want)
		}
	}
	c.add(time.Minute - 1)
	if _, err := l.look(secret, "browser"); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	c.add(1)
	if _, err := l.take(secret, "browser"); !errors.Is(err, errLinkUnknown) {
		t.Errorf("at its end: %v", err)
	}
}

func TestLinksAreLimited(t *testing.T) {
	c := newClock()
	l := newLinks(time.Minute, c.now)
	add := func(email, client string) error {
		_, err := l.add(email, "browser", client)
		return err
	}
	for i := range maxLinksPerClient {
		if err := add(fmt.Sprintf("user%d@example.com", i), "client"); err != nil {
			t.Fatal(err)
		}
	}
	if err := add("other@example.com", "client"); !errors.Is(err, errTooManyLinks) {
		t.Errorf("one client: %v", err)
	}
	for i := len(l.byHash); i < maxLinks; i++ {
		l.byHash[hashOf(fmt.Sprint("another secret", i))] = link{expires: c.at.Add(time.Minute)}
	}
	if err := add("last@example.com", "last client"); !errors.Is(err, errTooManyLinks) {
		t.Errorf("all: %v", err)
	}
	c.add(time.Minute)
	if err := add(email, "client"); err != nil || len(l.byHash) != 1 {
		t.Errorf("after their end: %v, %d links are kept", err, len(l.byHash))
	}
}

func TestLinksHoldNoSecrets(t *testing.T) {
	l := newLinks(time.Minute, time.Now)
	secret, _ := l.add(email, "cookie-of-the-browser", "client")
	if text := fmt.Sprintf("%+v", l.byHash); strings.Contains(text, secret) || strings.Contains(text, "cookie-of-the-browser") {
		t.Error("links holds a secret")
	}
}

func TestNormalEmail(t *testing.T) {
	for text, want := range map[string]string{
		email:                               email,
		"  Ann@Example.COM ":                email,
		"a.n+n@mail.example.com":            "a.n+n@mail.example.com",
		"":                                  "",
		"ann":                               "",
		"ann@":                              "",
		"Ann <ann@example.com>":             "",
		"<ann@example.com>":                 "",
		"ann@example.com, b@c.com":          "",
		"ann@example.com\r\nBcc: b@c":       "",
		"\"ann b\"@example.com":             "",
		"ann@exämple.com":                   "",
		"ann@example.com\u212a":             "", // lower case of the Kelvin sign is k
		strings.Repeat("a", 250) + "@b.com": "",
	} {
		if got, err := normalEmail(text); got != want || (err == nil) != (want != "") {
			t.Errorf("normalEmail(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}
