package docs_test

import (
	"bytes"
	"log/slog"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
)

// The service of the guide accepts a token of a provider, and its log says why
// it refuses others.
func TestGuideService(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })

	p := auth0Provider()
	for url, document := range p.documents {
		internet.publish(t, url, document)
	}
	service := newService(p.verifier(t))
	for _, c := range []struct {
		name   string
		change change
		status int
		want   string // in the response, or in the log of a refusal
	}{
		{"the documented token", func(*draft) {}, 200, "orders of auth0|507f1f77bcf86cd799439020"},
		{"another client", set("azp", "other-client"), 401, "azp or client_id is not our client"},
		{"without the scope", set("permissions", []string{"read:users"}), 403, "scope missing: read:orders"},
	} {
		log.Reset()
		d := draft{p.token.key, p.token.header, maps.Clone(p.token.claims)}
		c.change(&d)
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+d.sign(t))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		got := w.Body.String()
		if c.status != 200 {
			got = log.String()
		}
		if w.Code != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.name, w.Code, got, c.status, c.want)
		}
	}
}
