package jwtauthtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func ExampleRunSessionStore() {
	// In a test file of the store's package:
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		jwtauthtest.RunSessionStore(t, func(t *testing.T) jwtauth.SessionStore {
			return memstore.New()
		})
	}
}

func TestRunSessionStore(t *testing.T) {
	t.Run("one for each rule", func(t *testing.T) {
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return newMapStore("") })
	})
	t.Run("one for all", func(t *testing.T) {
		store := newMapStore("")
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
	})
	t.Run("unavailable at times", func(t *testing.T) {
		// Only the rules with concurrent callers repeat such calls.
		if out, err := runFault(t, unavailable, "/(race-|against|concurrent)"); err != nil {
			t.Errorf("a store that is unavailable at times failed:\n%s", out)
		}
		out, err := runFault(t, unavailable, "/list")
		if err == nil {
			t.Errorf("a store that is unavailable without contention passed:\n%s", out)
		}
	})
}

const unavailable = "is unavailable at times"

// flaky is a store that is unavailable for some calls. Of every six writes, one
// is not executed, and one is executed but reported as ErrUnavailable.
type flaky struct {
	jwtauth.SessionStore
	calls atomic.Int64
}

func (f *flaky) write(do func() error) error {
	switch f.calls.Add(1) % 6 {
	case 0:
		return fmt.Errorf("%w: no connection", jwtauth.ErrUnavailable)
	case 3:
		_ = do()
		return fmt.Errorf("%w: no response", jwtauth.ErrUnavailable)
	}
	return do()
}

func (f *flaky) Create(ctx context.Context, s jwtauth.Session) error {
	return f.write(func() error { return f.SessionStore.Create(ctx, s) })
}

func (f *flaky) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	err = f.write(func() error { won, err = f.SessionStore.Swap(ctx, old, next, now); return err })
	return won && err == nil, err
}

func (f *flaky) Delete(ctx context.Context, id string) error {
	return f.write(func() error { return f.SessionStore.Delete(ctx, id) })
}

func (f *flaky) DeleteSubject(ctx context.Context, subject string) error {
	return f.write(func() error { return f.SessionStore.DeleteSubject(ctx, subject) })
}

const faultVariable = "JWTAUTHTEST_FAULT"

// TestFaultyStore runs in another process, started by [runFault].
func TestFaultyStore(t *testing.T) {
	fault, ok := os.LookupEnv(faultVariable)
	if !ok {
		t.Skip("runs as a part of TestRunSessionStoreCatches")
	}
	jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore {
		if fault == unavailable {
			return &flaky{SessionStore: newMapStore("")}
		}
		return newMapStore(fault)
	})
}

func runFault(t *testing.T, fault, rules string) (output string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFaultyStore$"+rules, "-test.v", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), faultVariable+"="+fault)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	brokenRule   = regexp.MustCompile(`(?m)^    --- FAIL: TestFaultyStore/(\S+)`)
	keptRule     = regexp.MustCompile(`(?m)^    --- PASS: TestFaultyStore/(\S+)`)
	firstMessage = regexp.MustCompile(`broken rule: .*\n.*\n.*`)
)

func names(pattern *regexp.Regexp, output string) (list []string) {
	for _, match := range pattern.FindAllStringSubmatch(output, -1) {
		list = append(list, match[1])
	}
	return list
}

// Each faulty store fails with messages that name the rules it breaks. Each
// rule fails for at least one faulty store.
func TestRunSessionStoreCatches(t *testing.T) {
	passed, err := runFault(t, "", "")
	if err != nil {
		t.Fatalf("the store without a fault failed:\n%s", passed)
	}
	rules := names(keptRule, passed)
	if len(rules) == 0 {
		t.Fatalf("no rules in:\n%s", passed)
	}

	caught := make(map[string]bool)
	var mu sync.Mutex
	t.Run("fault", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.fault, func(t *testing.T) {
				t.Parallel()
				out, err := runFault(t, f.fault, "")
				var exit *exec.ExitError
				if !errors.As(err, &exit) {
					t.Fatalf("a store that %s passed (%v)", f.fault, err)
				}
				broken := names(brokenRule, out)
				for _, rule := range f.rules {
					if !slices.Contains(broken, rule) {
						t.Errorf("rule %s did not fail for a store that %s; these rules failed: %s", rule, f.fault, cmp.Or(strings.Join(broken, ", "), "none"))
					}
				}
				if slices.Contains(alone, f.fault) && !slices.Equal(broken, f.rules) {
					t.Errorf("a store that %s broke the rules %s; only %s was expected", f.fault, strings.Join(broken, ", "), strings.Join(f.rules, ", "))
				}
				stated := regexp.MustCompile(`broken rule: \S.*\n\s+reason: \S.*\n\s+found: \S`).FindAllString(out, -1)
				if n := len(stated); n < len(broken) {
					t.Errorf("%d rules failed, but only %d messages state a rule:\n%s", len(broken), n, out)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, rule := range broken {
					caught[rule] = true
				}
				t.Logf("broken: %s; the first message:\n%s", strings.Join(broken, ", "), firstMessage.FindString(out))
			})
		}
	})
	for _, rule := range rules {
		if !caught[rule] {
			t.Errorf("rule %s failed for none of these stores", rule)
		}
	}
}
