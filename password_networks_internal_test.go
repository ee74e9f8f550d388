package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// floodedLogins returns the share of honest logins that succeed while an
// attacker sends 1,000 wrong passwords a second for 20 s. Each of 20 honest
// users logs in once every 10 s.
func floodedLogins(t *testing.T, honest, attacker func(ctx context.Context, i int) context.Context) (share float64) {
	synctest.Test(t, func(t *testing.T) {
		h := slowHasher(t, HasherOptions{MaxConcurrent: 3})
		hash := someHash(12)
		var mu sync.Mutex
		var wg sync.WaitGroup
		good, all := 0, 0
		for i := range 20_000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				if err := h.CheckPassword(attacker(t.Context(), i), hash, "wrong"); !errors.Is(err, ErrWrongPassword) && !errors.Is(err, ErrBusy) {
					t.Errorf("the flood got %v", err)
				}
			})
		}
		for i := range 40 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 487 * time.Millisecond)
				err := h.CheckPassword(honest(t.Context(), i%20), hash, "right")
				mu.Lock()
				defer mu.Unlock()
				all++
				if err == nil {
					good++
				}
			})
		}
		wg.Wait()
		share = float64(good) / float64(all)
		stats := h.Stats()
		if stats.Running != 0 || stats.Waiting != 0 || stats.Started+stats.Refused != 20_040 || stats.Waited <= 0 {
			t.Errorf("Stats after 20,040 calls: %+v", stats)
		}
	})
	return share
}

// from returns the client of a request from an address.
func from(ctx context.Context, format string, args ...any) context.Context {
	return WithClient(ctx, PeerAddress(&http.Request{RemoteAddr: fmt.Sprintf(format, args...)}))
}

// A network of many clients delays its own logins only.
func TestHasherFloodOfNetworks(t *testing.T) {
	t.Parallel()
	ipv4 := func(ctx context.Context, i int) context.Context { return from(ctx, "198.51.100.%d:1", i) }
	ipv6 := func(ctx context.Context, i int) context.Context { return from(ctx, "[2001:db8:%x::1]:1", i+1) }
	known := func(ctx context.Context, i int) context.Context {
		return WithKnownClient(ipv4(ctx, i), fmt.Sprint("user ", i), fmt.Sprint("device ", i))
	}
	for _, c := range []struct {
		name             string
		honest, attacker func(ctx context.Context, i int) context.Context
		least, most      float64 // the share of successful logins
	}{
		{"one /56", ipv4, func(ctx context.Context, i int) context.Context { return from(ctx, "[2001:db8:0:%x::1]:1", i%256) }, 0.98, 1},
		{"one /48", ipv6, func(ctx context.Context, i int) context.Context { return from(ctx, "[2001:db8:0:%x::1]:1", i%65536) }, 0.98, 1},
		{"500 addresses, known devices", known, func(ctx context.Context, i int) context.Context {
			return from(ctx, "203.0.%d.%d:1", i%500/250, i%250)
		}, 0.98, 1},

		// Shows that the device makes the difference in the case above.
		{"500 addresses", ipv4, func(ctx context.Context, i int) context.Context {
			return from(ctx, "203.0.%d.%d:1", i%500/250, i%250)
		}, 0, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			share := floodedLogins(t, c.honest, c.attacker)
			t.Logf("%.3f of the honest logins succeeded", share)
			if share < c.least || share > c.most {
				t.Errorf("%.3f of the honest logins succeeded, want between %.2f and %.2f", share, c.least, c.most)
			}
		})
	}
}

// The client and the known device of a context do not replace each other, in
// either order, and neither is longer than 64 bytes.
func TestKnownClientKeepsClient(t *testing.T) {
	long := strings.Repeat("x", 65)
	want := fairqueue.Client{Name: "2001:db8::/64", Network: "2001:db8::/48", Account: "ann", Device: bounded(long)}
	a := WithKnownClient(WithClient(t.Context(), want.Name), "ann", long)
	b := WithClient(WithKnownClient(t.Context(), "ann", long), want.Name)
	for _, ctx := range []context.Context{a, b, WithKnownClient(a, "ben", "")} {
		if got := ctx.Value(passwordClientKey{}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if len(want.Device) > 64 || want.Device == long[:64] {
		t.Errorf("a device of %d bytes is kept as %q", len(long), want.Device)
	}
	got := WithKnownClient(t.Context(), long, "device").Value(passwordClientKey{}).(fairqueue.Client)
	if got.Account != bounded(long) {
		t.Errorf("an account of %d bytes is kept as %q", len(long), got.Account)
	}
}
