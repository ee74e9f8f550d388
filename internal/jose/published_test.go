package jose_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

const (
	publishedText   = "HS256 key is a published example or default, so anyone can sign with it; use a random one (openssl rand -base64 32)"
	distinctText    = "HS256 key has fewer than 8 distinct bytes, so it can be guessed; use a random one (openssl rand -base64 32)"
	fingerprintText = "HS256 key is the fingerprint of a key, which is public; use a random one (openssl rand -base64 32)"
)

// Every published secret is refused as text, and as the bytes and in the
// encodings that programs make of it.
func TestPublishedSecrets(t *testing.T) {
	list, err := os.ReadFile("published.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(string(list)) {
		text, source, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || source == "" || len(text) < 32 || seen[text] {
			t.Fatalf("%q is not a secret of 32 bytes with its source, or it is listed twice", line)
		}
		seen[text] = true
		forms := [][]byte{[]byte(text), []byte(text + "\n"), []byte(hex.EncodeToString([]byte(text))),
			[]byte(base64.StdEncoding.EncodeToString([]byte(text))), []byte(base64.RawURLEncoding.EncodeToString([]byte(text)))}
		for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
			if b, err := decode(text); err == nil && len(b) >= 32 {
				forms = append(forms, b)
			}
		}
		for _, form := range forms {
			// The hex of hex has few distinct bytes.
			if key, err := jose.New(jose.HS256, form); err == nil || key != nil || err.Error() != publishedText && err.Error() != distinctText {
				t.Errorf("%s (%s): %v", text, source, err)
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("the list has %d secrets", len(seen))
	}
}

func TestGuessableSecrets(t *testing.T) {
	const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tt := range []struct{ name, secret, want string }{
		{"one byte", strings.Repeat("a", 32), distinctText},
		{"7 bytes", strings.Repeat("abcdefg", 5), distinctText},
		{"8 bytes", strings.Repeat("abcdefgh", 4), ""},
		{"short, one byte", strings.Repeat("a", 31), "HS256 key is 31 bytes; RFC 7518, section 3.2, requires at least 32 (openssl rand -base64 32)"},

		{"ssh-keygen -l", "256 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU ada@host (ED25519)", fingerprintText},
		{"SHA256", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", fingerprintText},
		{"SHA256 in quotes", "\"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"", fingerprintText},
		{"SHA256 with a line break", "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", fingerprintText},
		{"MD5", "MD5:d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e", fingerprintText},
		{"MD5 without a name", "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42:7e", fingerprintText},
		{"SHA-1 in capitals", "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09", fingerprintText},
		{"openssl x509 -fingerprint", "sha256 Fingerprint=DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09", fingerprintText},
		{"15 bytes in hex", "d4:1d:8c:d9:8f:00:b2:04:e9:80:09:98:ec:f8:42", ""},
		{"hex without colons", "d41d8cd98f00b204e9800998ecf8427e", ""},
		{"hash in another text", "my SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", ""},
		{"digits", digits, ""},
	} {
		key, err := jose.New(jose.HS256, []byte(tt.secret))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want || key != nil) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := jose.New(jose.HS512, []byte(strings.Repeat("ab", 32))); err == nil || !strings.HasSuffix(err.Error(), "(openssl rand -base64 64)") {
		t.Errorf("HS512: %v", err)
	}
	for name, tt := range map[string]struct{ secret, want string }{
		"zero bytes": {strings.Repeat("\x00", 32), "member k has fewer than 8 distinct bytes, so it can be guessed"},
		"published":  {"a-string-secret-at-least-256-bits-long", "member k is a published example or default, so anyone can sign with it"},
	} {
		key, err := jose.Parse("", []byte(jwkWith(jwkOf([]byte(tt.secret)), nil)))
		if want := "JWK is refused: " + tt.want + "; use a random one (GenerateKey and MarshalJWK)"; err == nil || err.Error() != want || key != nil {
			t.Errorf("JWK, %s: %v", name, err)
		}
	}
}

// No random secret is refused, in any encoding.
func TestRandomSecretsAreAccepted(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	for range n {
		secret := randomBytes(32)
		for _, form := range [][]byte{secret, []byte(hex.EncodeToString(secret)), []byte(hex.EncodeToString(secret[:16])), []byte(base64.StdEncoding.EncodeToString(secret))} {
			if _, err := jose.New(jose.HS256, form); err != nil {
				t.Fatalf("%x: %v", form, err)
			}
		}
	}
}
