package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// Flags may follow the other arguments, up to "--".
func TestFlagsLast(t *testing.T) {
	s := newSigner(t, jose.ES256)
	token := s.with(nil)
	must(t, "", "verify", token, "-key", s.file(), "-aud", api)
	if r := jwtauthCommand(t, "", "verify", token, "-key", s.file(), "-aud", "x"); r.code != 1 {
		t.Errorf("a flag after the token has no effect: %+v", r)
	}
	if r := jwtauthCommand(t, "", "key", "show", "--", "-alg"); r.code != 2 || !strings.Contains(r.err, "open -alg") {
		t.Errorf("a file after --: %+v", r)
	}
	if r := jwtauthCommand(t, "", "jwks", "--", "-alg", "-jwk"); r.code != 2 || !strings.Contains(r.err, "open -alg") {
		t.Errorf("files after --: %+v", r)
	}
}

// A key set in a file is read by the code for URLs. The name of the file is no
// part of a URL.
func TestKeySetFile(t *testing.T) {
	key := must(t, "", "key", "new")
	token := must(t, "", "sign", "-key", file(t, key), "-sub", "ann")
	set := must(t, "", "jwks", file(t, key))
	for _, name := range []string{"my keys 100%.json", "#keys", "%zz"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(set), 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, token, "verify", "-jwks", path)
	}
	must(t, set, "verify", "-jwks", "-", strings.TrimSpace(token))
	for text, want := range map[string]string{"{": "the file is no key set", `{"keys":[]}`: "the key set is empty"} {
		name := file(t, text)
		if r := jwtauthCommand(t, token, "verify", "-jwks", name); r.code != 2 || !strings.HasPrefix(r.err, "jwtauth verify: "+name+": "+want) {
			t.Errorf("%s: %+v", text, r)
		}
	}
	if r := jwtauthCommand(t, token, "verify", "-jwks", "HTTP://127.0.0.1:1/keys"); r.code != 3 {
		t.Errorf("a scheme in capital letters: %+v", r)
	}
}

// The hint about a secret does not depend on where the secret comes from.
func TestSecretFromStdin(t *testing.T) {
	const secret = "0123456789abcdefghijklmnopqrstuvwxyz"
	token := must(t, "", "sign", "-secret", file(t, secret+"\n"), "-sub", "ann")
	for _, text := range []string{`"` + secret + `"`, secret + " "} {
		r := jwtauthCommand(t, text, "explain", "-secret", "-", strings.TrimSpace(token))
		if r.code != 1 || !strings.Contains(r.out, "fix: The token is signed with the secret without the ") {
			t.Errorf("%+v", r)
		}
	}
}
