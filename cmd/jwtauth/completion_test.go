package main_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := must(t, "", "completion", shell)
		for _, want := range []string{"check-hash", "new public show", "-issuer-url", "-ttl"} {
			if !strings.Contains(script, want) {
				t.Errorf("%s: no %q in %s", shell, want, script)
			}
		}
	}
}

// Bash completes commands, flags and files.
func TestCompletionBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs the program bash, which this machine lacks")
	}
	script := must(t, "", "completion", "bash")
	for words, want := range map[string]string{
		"ex":               "explain",
		"key ''":           "new public show",
		"key new -":        "-alg -id -jwk",
		"explain -i":       "-iss -issuer-url",
		"jwks -":           "",
		"sign -key inp":    "input.go input_test.go",
		"key show fixes_t": "fixes_test.go fixes_text.go",
	} {
		cmd := exec.CommandContext(t.Context(), bash, "-c", script+"\nCOMP_WORDS=(jwtauth "+words+"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _jwtauth; printf '%s\\n' \"${COMPREPLY[@]}\" | sort")
		out, err := cmd.CombinedOutput()
		if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != want {
			t.Errorf("%s completes to %q, %v, want %q", words, got, err, want)
		}
	}
}
