package main_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// The content of a token cannot control the terminal, and JSON remains JSON.
func TestHostileContent(t *testing.T) {
	const hostile = "\u009b31m\u202eevil\u007f\u00a0\U000e0041\n\t"
	s := newSigner(t, jose.ES256)
	signed := s.with(map[string]any{"name": hostile, "list": []string{hostile}, "aud": hostile})
	raw := strings.Replace(hostile, "\n\t", "", 1) // not escaped as JSON
	for _, test := range []struct {
		name, token, member string
		args                []string
		want                string // the member of the output after decoding
	}{
		{"verify", signed, "name", []string{"verify", "-key", s.file()}, hostile},
		{"explain", signed, "name", []string{"explain", "-key", s.file(), "-aud", "x"}, hostile},
		{"explain without -aud", signed, "name", []string{"explain"}, hostile},
		{"in the header", s.sign(s.header(`,"kid":"`+raw+`"`), `{}`), "kid", []string{"explain"}, raw},
		{"header not UTF-8", s.sign(s.header(",\"kid\":\"a\xff\x9b31m\""), `{}`), "kid", []string{"explain"}, "a\ufffd31m"},
		{"lines between members", s.sign(s.header(""), "{\n\r\"name\"\r:\n\"\u202e\"}"), "name", []string{"explain"}, "\u202e"},
	} {
		text := jwtauthCommand(t, test.token, test.args...)
		assertVisible(t, test.name, text.out+text.err)
		for line := range strings.Lines(text.out) {
			if strings.HasPrefix(line, `"`) {
				t.Errorf("%s: content of the token at the beginning of a line: %q", test.name, line)
			}
		}
		if test.args[0] == "explain" {
			test.args = append(test.args, "-json")
		}
		out := jwtauthCommand(t, test.token, test.args...).out
		assertVisible(t, test.name, out)
		var report struct{ Header, Claims map[string]any }
		if test.args[0] == "verify" {
			out = `{"claims":` + out + `}`
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := report.Header[test.member]; got != test.want && report.Claims[test.member] != test.want {
			t.Errorf("%s: %q, %q, want %q", test.name, got, report.Claims[test.member], test.want)
		}
	}
}

func assertVisible(t *testing.T, name, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: the output is not UTF-8: %q", name, out)
	}
	for _, r := range out {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Errorf("%s: the output contains %q: %q", name, r, out)
			return
		}
	}
}

// A key ID comes from a stranger as well.
func TestHostileKeyID(t *testing.T) {
	jwk := `{"kty":"oct","alg":"HS256","kid":"a\u202eb","k":"` + base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuvwxyz")) + `"}`
	for _, args := range [][]string{{"key", "show"}, {"key", "show", "-json"}} {
		assertVisible(t, args[1], must(t, jwk, args...))
	}
}

// A script can pass on an argument of a stranger.
func TestHostileArgument(t *testing.T) {
	const hostile = "\x1b[31m\u202e"
	for _, args := range [][]string{
		{hostile}, {"verify", "-" + hostile}, {"verify", "-=" + hostile}, {"verify", "-leeway", hostile}, {"verify", "-any-sub=" + hostile},
		{"verify", "-key", hostile}, {"verify", "-jwks", hostile}, {"verify", "-jwks", "https://" + hostile}, {"verify", "-issuer-url", hostile},
		{"verify", "-at", hostile}, {"explain", "-typ", hostile}, {"key", "show", hostile}, {"key", "new", "-alg", hostile}, {"jwks", hostile},
		{"help", hostile}, {"completion", hostile}, {"check-hash", hostile},
	} {
		r := jwtauthCommand(t, "a.b.c", args...)
		if assertVisible(t, args[0], r.out+r.err); r.code != 2 || r.err == "" {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// Exit code 1 means that a token is refused, and nothing else.
func TestOutputFails(t *testing.T) {
	s := newSigner(t, jose.ES256)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(must(t, "", "key", "new")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"key", "new"}, {"key", "new", "-jwk"}, {"key", "show", key}, {"secret"}, {"sign", "-key", key, "-sub", "ann"},
		{"verify", "-key", s.file()}, {"explain"}, {"explain", "-json"}, {"jwks", key}, {"completion", "bash"},
		{}, {"help"}, {"help", "key"}, {"help", "explain"}, {"explain", "-h"},
	} {
		stdout, err := os.Open(key) // cannot be written to
		if err != nil {
			t.Fatal(err)
		}
		defer stdout.Close()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Stdin, cmd.Stdout = strings.NewReader(s.with(nil)), stdout
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%q: %v", args, err)
		}
	}
}
