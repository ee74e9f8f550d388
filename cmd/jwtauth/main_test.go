package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

var program string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "jwtauth-cmd-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "jwtauth")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

type result struct {
	out, err string
	code     int
}

// jwtauthCommand runs the program with an input.
func jwtauthCommand(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must returns the output of a command that succeeds.
func must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	r := jwtauthCommand(t, stdin, args...)
	if r.code != 0 || r.err != "" {
		t.Fatalf("%q: exit code %d: %s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestKeys makes a key for each algorithm, and signs and verifies with it.
func TestKeys(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{"HS256", "HS384", "HS512", "RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"} {
		private := must(t, "", "key", "new", "-alg", string(alg), "-id", "k1", "-jwk")
		name := file(t, private)
		var shown struct{ Alg, Kid, Kind string }
		if err := json.Unmarshal([]byte(must(t, private, "key", "show", "-json")), &shown); err != nil || shown.Alg != string(alg) || shown.Kid != "k1" {
			t.Errorf("%s: shown as %+v, %v", alg, shown, err)
		}
		token := must(t, "", "sign", "-key", name, "-sub", "ann", "-iss", "https://i.example", "-aud", "a", "-aud", "b", "-ttl", "5m")
		verifying := name
		if alg[0] != 'H' {
			public := must(t, private, "key", "public", "-jwk")
			if strings.Contains(public, `"d"`) {
				t.Errorf("%s: the public key contains the private part", alg)
			}
			verifying = file(t, public)
			if pem := must(t, "", "key", "public", name); !strings.HasPrefix(pem, "-----BEGIN PUBLIC KEY-----") {
				t.Errorf("%s: %s", alg, pem)
			}
		}
		var claims struct {
			Sub, Iss string
			Aud      []string
			Iat, Exp int64
		}
		out := must(t, token, "verify", "-key", verifying, "-iss", "https://i.example", "-aud", "b")
		if err := json.Unmarshal([]byte(out), &claims); err != nil || claims.Sub != "ann" || len(claims.Aud) != 2 || claims.Exp-claims.Iat != 300 {
			t.Errorf("%s: %+v, %v", alg, claims, err)
		}
		if r := jwtauthCommand(t, token, "verify", "-key", verifying, "-aud", "c"); r.code != 1 || !strings.Contains(r.err, "aud does not contain") {
			t.Errorf("%s: another audience: %+v", alg, r)
		}
	}
}

func TestKeyNewPEM(t *testing.T) {
	pem := must(t, "", "key", "new")
	if key, err := jwtauth.ParseKey("", []byte(pem)); err != nil || key.Algorithm() != "ES256" {
		t.Errorf("%v, %v", key, err)
	}
	if shown := must(t, pem, "key", "show"); !strings.Contains(shown, "private") || strings.Contains(shown, "BEGIN") {
		t.Error(shown)
	}
	public := must(t, pem, "key", "public")
	if shown := must(t, public, "key", "show"); !strings.Contains(shown, "kind       public") {
		t.Error(shown)
	}
}

// Names that differ only in case are no reason to refuse a token.
func TestVerifyNames(t *testing.T) {
	s := newSigner(t, jose.ES256)
	if out := must(t, s.with(map[string]any{"Role": "a", "role": "b"}), "verify", "-key", s.file()); !strings.Contains(out, `"Role": "a"`) || !strings.Contains(out, `"role": "b"`) {
		t.Error(out)
	}
}

func TestSecret(t *testing.T) {
	secret := must(t, "", "secret")
	name := file(t, secret) // with the line break
	token := must(t, `{"role":"admin"}`, "sign", "-secret", name, "-sub", "ann", "-claims", "-")
	if out := must(t, "", "verify", "-secret", name, strings.TrimSpace(token)); !strings.Contains(out, `"role": "admin"`) {
		t.Error(out)
	}
	if other := must(t, "", "secret", "-bytes", "64"); len(other) != 87 || must(t, "", "secret") == secret {
		t.Errorf("%d characters", len(other))
	}
}

func TestHash(t *testing.T) {
	hash := strings.TrimSpace(must(t, "correct horse\n", "hash", "-cost", "10"))
	if !strings.HasPrefix(hash, "$2") {
		t.Fatal(hash)
	}
	must(t, "correct horse\r\n", "check-hash", hash)
	if r := jwtauthCommand(t, "wrong horse", "check-hash", hash); r.code != 1 {
		t.Errorf("%+v", r)
	}
}

// TestJWKS verifies with a key set in a file, at a URL and by discovery.
func TestJWKS(t *testing.T) {
	a, b := must(t, "", "key", "new"), must(t, "", "key", "new", "-alg", "EdDSA")
	signing := file(t, b)
	set := must(t, "", "jwks", file(t, a), signing)
	if strings.Contains(set, `"d"`) || strings.Count(set, `"kid"`) != 2 {
		t.Fatal(set)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) })
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + server.URL + `","jwks_uri":"` + server.URL + `/jwks"}`))
	})
	token := must(t, "", "sign", "-key", signing, "-sub", "ann", "-iss", server.URL)
	must(t, token, "verify", "-jwks", file(t, set))
	must(t, token, "verify", "-jwks", server.URL+"/jwks")
	must(t, token, "verify", "-issuer-url", server.URL)
	must(t, token, "explain", "-issuer-url", server.URL)
	other := must(t, "", "sign", "-key", signing, "-sub", "ann", "-iss", "https://other.example")
	if r := jwtauthCommand(t, other, "verify", "-issuer-url", server.URL); r.code != 1 || !strings.Contains(r.err, "another issuer") {
		t.Errorf("%+v", r)
	}
	if r := jwtauthCommand(t, token, "explain", "-jwks", "http://127.0.0.1:1/jwks"); r.code != 3 || !strings.HasPrefix(r.err, "jwtauth explain: keys of http://127.0.0.1:1/jwks: ") {
		t.Errorf("no server: %+v", r)
	}
}

// TestUsage calls the commands with wrong arguments and input.
func TestUsage(t *testing.T) {
	key := file(t, must(t, "", "key", "new"))
	secretKey := file(t, must(t, "", "key", "new", "-alg", "HS256"))
	for _, test := range []struct {
		want  string
		stdin string
		args  []string
	}{
		{`unknown command "bake"`, "", []string{"bake"}},
		{`unknown command "key"`, "", []string{"key"}},
		{"flag provided but not defined", "", []string{"secret", "-color"}},
		{"algorithm", "", []string{"key", "new", "-alg", "none"}},
		{"JWK", "{}", []string{"key", "show"}},
		{"no such file", "", []string{"key", "show", "/no/such/file"}},
		{"has no public part", "", []string{"key", "public", secretKey}},
		{"has no place in a key set", "", []string{"jwks", secretKey}},
		{"name the files", "", []string{"jwks"}},
		{"name one key", "", []string{"sign", "-sub", "ann"}},
		{"-sub is required", "", []string{"sign", "-key", key}},
		{"-ttl", "", []string{"sign", "-key", key, "-sub", "ann", "-ttl", "soon"}},
		{"not a JSON object", "[]", []string{"sign", "-key", key, "-sub", "ann", "-claims", "-"}},
		{"use -ttl", `{"exp":1}`, []string{"sign", "-key", key, "-sub", "ann", "-claims", "-"}},
		{"not a JSON object", "null", []string{"sign", "-key", key, "-sub", "ann", "-claims", "-"}},
		{"a member is repeated", `{"a":1,"a":2}`, []string{"sign", "-key", key, "-sub", "ann", "-claims", "-"}},
		{"surrogate", `{"a":"\ud800"}`, []string{"sign", "-key", key, "-sub", "ann", "-claims", "-"}},
		{": key text is neither PEM", "a.b.c", []string{"explain", "-key", "-"}},
		{"two inputs", must(t, "", "key", "new"), []string{"explain", "-key", "-"}},
		{"not one of bcrypt", "password", []string{"check-hash", "$2b$12$abc"}},
		{"name the keys", "a.b.c", []string{"verify"}},
		{"use one of", "a.b.c", []string{"verify", "-key", key, "-jwks", key}},
		{"no token", "", []string{"verify", "-key", key}},
		{"several arguments", "", []string{"explain", "Bearer", "a.b.c"}},
		{"-ttl", "", []string{"sign", "-key", key, "-sub", "ann", "-ttl", "-5m"}},
		{"(-leeway): 10m0s exceeds", "a.b.c", []string{"explain", "-leeway", "10m"}},
		{"(-max-age)", "a.b.c", []string{"explain", "-max-age", "-1s"}},
		{"(-issuer-url)", "a.b.c", []string{"explain", "-issuer-url", "login.example"}},
		{"(-issuer-url)", `{"issuer":"https://i.example","jwks_uri":"https://i.example/keys"}`, []string{"verify", "-jwks", "-"}},
		{"(-jwks)", "a.b.c", []string{"explain", "-jwks", "https://"}},
		{"-at", "a.b.c", []string{"explain", "-at", "noon"}},
		{"-bytes", "", []string{"secret", "-bytes", "16"}},
		{"bytes", "", []string{"sign", "-sub", "ann", "-secret", file(t, "short")}},
		{"(-cost)", "password", []string{"hash", "-cost", "40"}},
		{"no password", "", []string{"hash"}},
		{"only flags may follow", "", []string{"hash", "password"}},
		{"only flags may follow", "", []string{"secret", "64"}},
		{"only flags may follow", "", []string{"key", "new", "key.pem", "-jwk"}},
		{"only flags may follow", "", []string{"sign", "-key", key, "-sub", "ann", "admin"}},
		{"-iss is empty", "a.b.c", []string{"verify", "-key", key, "-iss", ""}},
		{"-iss is empty", "a.b.c", []string{"explain", "a.b.c", "-iss="}},
		{"-at is empty", "a.b.c", []string{"verify", "-key", key, "-at", ""}},
		{"-aud: is empty", "a.b.c", []string{"verify", "-key", key, "-aud", ""}},
		{"-claims is empty", "", []string{"sign", "-key", key, "-sub", "ann", "-claims", ""}},
		{"use -key", "a.b.c", []string{"verify", "-jwks", key}},
		{"use -jwks", `{"keys":[]}`, []string{"verify", "-key", "-", "a.b.c"}},
		{"pass one of its keys", `{"keys":[]}`, []string{"sign", "-key", "-", "-sub", "ann"}},
		{"use -secret", "", []string{"sign", "-key", file(t, must(t, "", "secret")), "-sub", "ann"}},
		{"; -key reads PEM", "a.b.c", []string{"explain", "-secret", key}},
		{"pass the hash", "password", []string{"check-hash"}},
		{"name a shell", "", []string{"completion", "csh"}},
		{`unknown command "bake"`, "", []string{"help", "bake"}},
	} {
		r := jwtauthCommand(t, test.stdin, test.args...)
		if r.code != 2 || !strings.Contains(r.err, test.want) || r.out != "" || strings.Contains(r.err, "jwtauth: ") && !strings.HasPrefix(r.err, "jwtauth: ") {
			t.Errorf("%q: exit code %d, %q, want 2 and %q", test.args, r.code, r.err, test.want)
		}
	}
}

func TestHelp(t *testing.T) {
	list := must(t, "")
	for line := range strings.Lines(list) {
		if !strings.HasPrefix(line, "  ") {
			continue
		}
		name := strings.TrimSpace(line[2:14])
		if text := must(t, "", append([]string{"help"}, strings.Fields(name)...)...); !strings.HasPrefix(text, "jwtauth "+name) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text := must(t, "", "help", "key"); strings.Count(text, "  key ") != 3 || strings.Contains(text, "sign") {
		t.Errorf("help key: %s", text)
	}
	if text := must(t, "", "--help"); text != list || must(t, "", "help") != list {
		t.Errorf("--help: %s", text)
	}
	if text := must(t, "", "explain", "-h"); text != must(t, "", "help", "explain") {
		t.Errorf("explain -h: %s", text)
	}
}
