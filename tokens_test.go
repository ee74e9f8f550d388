package jwtauth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

var secretTokens = jwtauth.Tokens{AccessToken: "access.secret.one", TokenType: "Bearer", ExpiresIn: 900, RefreshToken: "refresh.secret.two"}

func TestTokensRedacted(t *testing.T) {
	printed := map[string]string{
		"String": secretTokens.String(),
		"Print":  fmt.Sprint(secretTokens),
		"slice":  fmt.Sprintf("%v %+v %#v", []jwtauth.Tokens{secretTokens}, []jwtauth.Tokens{secretTokens}, []jwtauth.Tokens{secretTokens}),
		"map":    fmt.Sprintf("%v", map[string]jwtauth.Tokens{"a": secretTokens}),
		"struct": fmt.Sprintf("%+v", struct{ T jwtauth.Tokens }{secretTokens}),
		"error":  fmt.Errorf("login: %v", secretTokens).Error(),
	}
	for _, verb := range "vsqxXdtTbcoOUeEfFgG" { // not %p, for which fmt calls no Formatter, and which vet refuses
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "20", ".3"} {
			format := "%" + flags + string(verb)
			printed[format] = fmt.Sprintf(format, secretTokens)
			printed[format+" of a pointer"] = fmt.Sprintf(format, &secretTokens)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("login", "tokens", secretTokens, "pointer", &secretTokens, slog.Group("g", "tokens", secretTokens))
	printed["slog text"] = log.String()
	log.Reset()
	slog.New(slog.NewJSONHandler(&log, nil)).Info("login", "tokens", secretTokens, "pointer", &secretTokens, slog.Group("g", "tokens", secretTokens))
	printed["slog JSON"] = log.String()

	for how, text := range printed {
		if strings.Contains(text, "secret") || strings.Contains(text, fmt.Sprintf("%x", "secret")) || strings.Contains(text, fmt.Sprintf("%X", "secret")) {
			t.Errorf("%s shows a token: %s", how, text)
		}
	}
	if want := `Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}`; printed["%+v"] != want || printed["String"] != want {
		t.Errorf("printed as %s, want %s", printed["%+v"], want)
	}
	if !strings.Contains(printed["slog text"], "redacted") {
		t.Errorf("logged as %s", printed["slog text"])
	}
}

func TestTokensJSON(t *testing.T) {
	for _, c := range []struct {
		tokens jwtauth.Tokens
		want   string
	}{
		{secretTokens, `{"access_token":"access.secret.one","token_type":"Bearer","expires_in":900,"refresh_token":"refresh.secret.two"}`},
		{jwtauth.Tokens{AccessToken: "a", TokenType: "Bearer", ExpiresIn: 1}, `{"access_token":"a","token_type":"Bearer","expires_in":1}`},
	} {
		text, err := json.Marshal(c.tokens)
		if err != nil || string(text) != c.want {
			t.Errorf("%s, %v; want %s", text, err, c.want)
		}
		w := httptest.NewRecorder()
		jwtauth.WriteTokens(w, c.tokens)
		if w.Code != 200 || w.Body.String() != c.want+"\n" {
			t.Errorf("response %d, %s", w.Code, w.Body)
		}
		for field, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"} {
			if got := w.Header().Get(field); got != want {
				t.Errorf("%s: %q, want %q", field, got, want)
			}
		}
		var back jwtauth.Tokens
		if err := json.Unmarshal(w.Body.Bytes(), &back); err != nil || back != c.tokens {
			t.Errorf("read back as %v, %v", back, err)
		}
	}
}
