package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRefusesBadOptions(t *testing.T) {
	good := config{addr: "127.0.0.1:0", accessTTL: time.Minute, linkTTL: time.Minute}
	for name, test := range map[string]struct {
		change func(*config)
		secret string
		want   string
	}{
		"a path":         {func(c *config) { c.baseURL = "https://app.example.com/" }, "", "-base-url"},
		"no scheme":      {func(c *config) { c.baseURL = "app.example.com" }, "", "-base-url"},
		"plain HTTP":     {func(c *config) { c.baseURL = "http://app.example.com" }, "", "plain HTTP"},
		"a link's life":  {func(c *config) { c.linkTTL = 0 }, "", "-link-ttl"},
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

func TestLogMail(t *testing.T) {
	var out bytes.Buffer
	if err := logMail(slog.New(slog.NewTextHandler(&out, nil)))(t.Context(), email, "https://app.example.com/link?secret=x"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `msg=mail to=ann@example.com link="https://app.example.com/link?secret=x"`) {
		t.Errorf("log: %s", &out)
	}
}
