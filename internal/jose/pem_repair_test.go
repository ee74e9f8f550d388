package jose_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func utf16Text(text string, bigEndian, mark bool) string {
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	var b []byte
	for _, u := range units {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

// The damage that env files, consoles, editors and YAML do to PEM does not
// change the key.
func TestParseRepairs(t *testing.T) {
	body := func(text string) string {
		block, _ := pem.Decode([]byte(text))
		return base64.StdEncoding.EncodeToString(block.Bytes)
	}
	damages := map[string]func(string) string{
		"none":                    func(s string) string { return s },
		"no line breaks":          func(s string) string { return strings.ReplaceAll(s, "\n", "") },
		"blanks for line breaks":  func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", " ") },
		"carriage returns":        func(s string) string { return strings.ReplaceAll(s, "\n", "\r") },
		"CRLF":                    func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"empty lines":             func(s string) string { return strings.ReplaceAll(s, "\n", "\n\n") },
		"indented":                func(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n\t  ") },
		"escaped \\n":             func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) },
		"escaped \\r":             func(s string) string { return strings.ReplaceAll(s, "\n", `\r`) },
		"escaped \\r\\n":          func(s string) string { return strings.ReplaceAll(s, "\n", `\r\n`) },
		"escaped twice":           func(s string) string { return strings.ReplaceAll(s, "\n", `\\n`) },
		"double quotes":           func(s string) string { return `"` + s + `"` },
		"single quotes":           func(s string) string { return ` '` + strings.ReplaceAll(s, "\n", `\n`) + "'\n" },
		"curly quotes":            func(s string) string { return "“" + s + "”" },
		"byte order mark":         func(s string) string { return "\uFEFF" + s },
		"mark and quotes":         func(s string) string { return "\uFEFF\"" + s + "\"" },
		"zero-width spaces":       func(s string) string { return "\u200b" + strings.ReplaceAll(s, "\n", "\u200b\n") },
		"no-break spaces":         func(s string) string { return strings.ReplaceAll(s, "\n", "\u00a0\n") },
		"UTF-16 LE":               func(s string) string { return utf16Text(s, false, true) },
		"UTF-16 BE":               func(s string) string { return utf16Text(s, true, true) },
		"UTF-16 LE without mark":  func(s string) string { return utf16Text(s, false, false) },
		"UTF-16 BE without mark":  func(s string) string { return utf16Text(s, true, false) },
		"base64":                  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64url":               func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"base64 in lines":         func(s string) string { return body(s)[:40] + "\n" + body(s)[40:] + "\n" },
		"first and last line cut": body,
		"padding lost":            func(s string) string { return strings.ReplaceAll(s, "=", "") },
	}
	for _, alg := range []jose.Algorithm{jose.RS256, jose.ES256, jose.ES512, jose.EdDSA} {
		key := must(jose.New(alg, materialFor(alg)))
		for name, text := range map[string]string{"private": string(must(key.MarshalPEM())), "public": string(must(key.Public().MarshalPEM()))} {
			for damage, do := range damages {
				got, err := jose.Parse("", []byte(do(text)))
				if err != nil || got.ID() != key.ID() || got.CanSign() != (name == "private") {
					t.Errorf("%s, %s, %s: %v, %v", alg, name, damage, got, err)
				}
			}
		}
	}
}

// Some programs write a label that does not fit. The content decides, unless a
// private key has the label of a public one.
func TestParseOtherLabels(t *testing.T) {
	rsaID, ecID := must(jose.New("RS256", rsaKey())).ID(), must(jose.New("ES256", p256Key())).ID()
	pkcs1, sec1 := x509.MarshalPKCS1PrivateKey(rsaKey()), must(x509.MarshalECPrivateKey(p256Key()))
	for name, tt := range map[string]struct{ text, id string }{
		"PKCS #8 as PKCS #1":        {pemOf("RSA PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey()))), rsaID},
		"PKCS #1 as PKCS #8":        {pemOf("PRIVATE KEY", pkcs1), rsaID},
		"SEC 1 as PKCS #8":          {pemOf("PRIVATE KEY", sec1), ecID},
		"PKCS #8 as SEC 1":          {pemOf("EC PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(p256Key()))), ecID},
		"SPKI as PKCS #1 public":    {pemOf("RSA PUBLIC KEY", spkiOf("RS256")), rsaID},
		"PKCS #1 public as SPKI":    {pemOf("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), rsaID},
		"PKCS #1 without its lines": {base64.StdEncoding.EncodeToString(pkcs1), rsaID},
		"SEC 1 without its lines":   {base64.StdEncoding.EncodeToString(sec1), ecID},
	} {
		if k, err := jose.Parse("", []byte(tt.text)); err != nil || k.ID() != tt.id {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// TestParseInputs reads the files of shared/inputs/keys.sh.
func TestParseInputs(t *testing.T) {
	script, err := filepath.Abs("../../../shared/inputs/keys.sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil {
		t.Skipf("without the inputs: %v", err)
	}
	dir := t.TempDir()
	cmd := exec.Command("bash", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("keys.sh: %v\n%s", err, out)
	}
	for name, want := range map[string]string{ // the kind of key, or a part of the error
		"ec.pem": "private", "ec.pub.pem": "public", "rsa.pem": "private", "rsa.pub.pem": "public", "rsa.pkcs1.pub.pem": "public",
		"pss.pem": "private", "pss.pub.pem": "public", "oneline.pem": "private", "spaces.pem": "private", "escaped_n.txt": "private",
		"escaped_r.txt": "private", "quoted_escaped.txt": "private", "base64_of_pem.txt": "private", "bare_base64_public.txt": "public",
		"crlf.pem": "private", "bom.pem": "private", "indented.pem": "private", "pkcs1_labelled_public_key.pem": "public",
		"spki_labelled_rsa_public_key.pem": "public",
		"cert.pem":                         "openssl x509 -in cert.pem", "key_and_cert.pem": "openssl pkey -in bundle.pem", "encrypted.pem": "decrypt it first",
		"ssh_ed25519": "ssh-keygen cannot convert", "ssh_rsa": "ssh-keygen -p", "ssh_rsa.pub": "ssh-keygen -e", "ssh_ed25519.pub": "ssh-keygen cannot convert",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if k, err := jose.Parse("", text); err != nil {
			got = err.Error()
		} else {
			got = k.String()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", name, got, want)
		}
	}
}

// An RSA-PSS key is for PS… only, and its parameters can restrict it to one of
// them.
func TestParsePSS(t *testing.T) {
	needOpenSSL(t)
	pss := func(options ...string) string {
		args := append([]string{"genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"}, options...)
		return run(t, t.TempDir(), "openssl", args...)
	}
	restricted := func(hash, mgf, salt string) string {
		return pss("-pkeyopt", "rsa_pss_keygen_md:"+hash, "-pkeyopt", "rsa_pss_keygen_mgf1_md:"+mgf, "-pkeyopt", "rsa_pss_keygen_saltlen:"+salt)
	}
	free, ps384 := pss(), restricted("sha384", "sha384", "48")
	const only = "PEM key is for RSA-PSS with parameters that no JOSE algorithm has; create one without parameters (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem)"
	for _, tt := range []struct {
		name, text string
		alg        jose.Algorithm
		want       string // the algorithm, or the error
	}{
		{"free", free, "", "PS256"},
		{"free", free, "PS512", "PS512"},
		{"free for RS256", free, "RS256", "RS256 key is an RSA-PSS key, which is only for PS256, PS384 and PS512 (RFC 4055, section 1.2)"},
		{"free for ES256", free, "ES256", "ES256 key is an RSA-PSS key, which is only for PS256, PS384 and PS512 (RFC 4055, section 1.2)"},
		{"PS384", ps384, "", "PS384"},
		{"PS384", ps384, "PS384", "PS384"},
		{"PS384 for PS256", ps384, "PS256", "PS256 key is an RSA-PSS key whose parameters restrict it to PS384"},
		{"salt of 20 bytes", restricted("sha256", "sha256", "20"), "", "PS256"},
		{"salt of 33 bytes", restricted("sha256", "sha256", "33"), "", only},
		{"another hash for the mask", restricted("sha256", "sha512", "32"), "", only},
		{"SHA-1", restricted("sha1", "sha1", "20"), "", only},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for kind, text := range map[string]string{"private": tt.text, "public": run(t, dir, "openssl", "pkey", "-in", "key.pem", "-pubout")} {
			k, err := jose.Parse(tt.alg, []byte(text))
			if err != nil && err.Error() != tt.want || err == nil && (string(k.Algorithm()) != tt.want || k.CanSign() != (kind == "private")) {
				t.Errorf("%s, %s: %v, %v; want %s", tt.name, kind, k, err, tt.want)
			}
			if err == nil && k.CanSign() && !verifies(k, signed(t, k, input)) {
				t.Errorf("%s: the key does not verify its own token", tt.name)
			}
		}
	}
}
