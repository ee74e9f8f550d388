package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func TestRefusesBadOptions(t *testing.T) {
	good := config{addr: "127.0.0.1:0", accessTTL: time.Minute, fresh: time.Minute}
	for name, test := range map[string]struct {
		change func(*config)
		secret string
		want   string
	}{
		"an IP address":  {func(c *config) { c.baseURL = "https://127.0.0.1:8080" }, "", "-base-url"},
		"an IPv6 one":    {func(c *config) { c.baseURL = "https://[::1]:8080" }, "", "-base-url"},
		"a path":         {func(c *config) { c.baseURL = "https://app.example.com/" }, "", "-base-url"},
		"no scheme":      {func(c *config) { c.baseURL = "app.example.com" }, "", "-base-url"},
		"plain HTTP":     {func(c *config) { c.baseURL = "http://app.example.com" }, "", "plain HTTP"},
		"no freshness":   {func(c *config) { c.fresh = 0 }, "", "-fresh"},
		"a short secret": {func(*config) {}, "hunter2", "TOKEN_SECRET"},
		"a token's life": {func(c *config) { c.accessTTL = -1 }, "", "AccessTTL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TOKEN_SECRET", test.secret)
			c := good
			test.change(&c)
			err := run(t.Context(), slog.New(slog.DiscardHandler), c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run returns %v, want an error that names %s", err, test.want)
			}
		})
	}
}

func TestDemoPassword(t *testing.T) {
	check := newUsers().authenticate(checkPassword)
	if subject, opts, err := check(t.Context(), "Ann", "password"); subject != "user-7f3a" || len(opts) == 0 || err != nil {
		t.Errorf("%q, %d options, %v", subject, len(opts), err)
	}
	for _, name := range []string{"ann", "eve"} {
		if _, _, err := check(t.Context(), name, "Password"); err != jwtauth.ErrWrongPassword {
			t.Errorf("a wrong password of %s: %v", name, err)
		}
	}
}
