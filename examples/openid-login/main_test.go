package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRefusesBadOptions(t *testing.T) {
	p := newProvider(t)
	good := config{addr: "127.0.0.1:0", issuer: p.url, clientID: clientID, accessTTL: time.Minute}
	for name, test := range map[string]struct {
		change func(*config)
		secret string
		want   string
	}{
		"no issuer":               {func(c *config) { c.issuer = "" }, "", "-issuer"},
		"no client":               {func(c *config) { c.clientID = "" }, "", "-client-id"},
		"a plain provider":        {func(c *config) { c.issuer = "http://provider.example.com" }, "", "-issuer"},
		"a provider of that name": {func(c *config) { c.issuer = p.url + "/" }, "", "OpenID provider"},
		"a path":                  {func(c *config) { c.baseURL = "https://app.example.com/" }, "", "-base-url"},
		"no scheme":               {func(c *config) { c.baseURL = "app.example.com" }, "", "-base-url"},
		"plain HTTP":              {func(c *config) { c.baseURL = "http://app.example.com" }, "", "plain HTTP"},
		"a short secret":          {func(*config) {}, "hunter2", "TOKEN_SECRET"},
		"a lifetime":              {func(c *config) { c.accessTTL = -1 }, "", "AccessTTL"},
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
