package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// e2e/observed runs the program with every kind of event.

func serverWith(t *testing.T, c config) *server {
	t.Helper()
	t.Setenv("TOKEN_SECRET", "")
	s, err := newServer(slog.New(slog.DiscardHandler), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(t *testing.T, h http.Handler, path, token string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(text)
}

func TestMetrics(t *testing.T) {
	s := serverWith(t, config{})
	routes := s.routes()
	tokens, err := s.issuer.Login(t.Context(), admin.id)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, routes, "/dashboard", tokens.AccessToken); status != 200 || body != "Hello user-1" {
		t.Errorf("the dashboard responds %d %q", status, body)
	}
	if status, _ := get(t, routes, "/dashboard", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	status, text := get(t, routes, "/metrics", "")
	for _, want := range []string{
		`jwtauth_session_events_total{jwtauth_session_event="login"} 1`,
		`jwtauth_verification_duration_seconds_count{jwtauth_algorithm="HS256",jwtauth_cached="false"} 1`,
		`jwtauth_refusals_total{error_type="token_missing"} 1`,
		`jwtauth_password_started_total 0`,
	} {
		if status != 200 || !strings.Contains(text, want+"\n") {
			t.Errorf("%d, the metrics lack %s:\n%s", status, want, text)
		}
	}
	if status, _ := get(t, routes, "/reports", tokens.AccessToken); status != 404 {
		t.Errorf("a page for another issuer, without one: %d", status)
	}
}

func TestAttack(t *testing.T) {
	s := serverWith(t, config{})
	tokens, err := s.issuer.Login(t.Context(), admin.id)
	if err != nil {
		t.Fatal(err)
	}
	jwtauthtest.Attack(t, s.protect, func() *http.Request {
		r := httptest.NewRequest("GET", "/dashboard", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		return r
	})
}

func TestProviderOptions(t *testing.T) {
	for _, c := range []config{{issuer: "https://login.example"}, {audience: "https://api.example"}, {keys: "https://login.example/keys"}, {issuer: "http://login.example", audience: "https://api.example"}} {
		if _, err := newServer(slog.New(slog.DiscardHandler), c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	s := serverWith(t, config{issuer: "https://login.example", audience: "https://api.example"})
	if status, _ := get(t, s.routes(), "/reports", ""); status != 401 {
		t.Errorf("status %d", status)
	}
}

// Grafana imports the dashboard. e2e/observed compares its queries with a
// scrape.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		UID    string
		Panels []struct {
			ID    int
			Title string
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := make(map[int]bool)
	for _, panel := range dashboard.Panels {
		if panel.ID == 0 || ids[panel.ID] || panel.Title == "" {
			t.Errorf("the panel %+v has no ID or title of its own", panel)
		}
		ids[panel.ID] = true
	}
	if dashboard.Title == "" || dashboard.UID == "" || len(ids) < 15 {
		t.Errorf("%+v", dashboard)
	}
}
