package jose_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestFromText(t *testing.T) {
	private := string(must(must(jose.New("ES256", p256Key())).MarshalPEM()))
	jwk := string(must(json.Marshal(jwkOf(edKey()))))
	for _, tt := range []struct{ name, value, want string }{
		{"PEM", private, "ES256"},
		{"PEM with \\n", strings.ReplaceAll(private, "\n", `\n`), "ES256"},
		{"PEM with \\r\\n", strings.ReplaceAll(private, "\n", `\r\n`), "ES256"},
		{"PEM with white space", "\n" + private + "\n", "ES256"},
		{"JWK", jwk + "\n", "EdDSA"},
		{"JWK with alg", `{"kty":"oct","alg":"HS512","k":"` + base64.RawURLEncoding.EncodeToString(randomBytes(64)) + `"}`, "HS512"},
		{"PEM without lines", strings.ReplaceAll(private, "\n", ""), "ES256"},
		{"PEM in quotes", `"` + private + `"`, "ES256"},
		{"PEM in quotes with \\n", `'` + strings.ReplaceAll(private, "\n", `\n`) + `'`, "ES256"},
		{"base64 of PEM", base64.StdEncoding.EncodeToString([]byte(private)), "ES256"},
		{"JWK in quotes", `'` + jwk + `'`, "EdDSA"},
		{"JWK behind a mark", "\uFEFF" + jwk, "EdDSA"},
		{"DER", base64.StdEncoding.EncodeToString(spkiOf("RS256")), "RS256"},
		{"DER of another key", base64.StdEncoding.EncodeToString(spkiOf("EdDSA")), "EdDSA"},
		{"private DER", base64.RawURLEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(rsaKey())), "RS256"},
		{"DER in lines of \\n", regexp.MustCompile(".{64}").ReplaceAllString(base64.StdEncoding.EncodeToString(spkiOf("RS256")), `$0\n`), "RS256"},
		{"32 bytes", "0123456789abcdef0123456789abcde!", "HS256"},
		{"base64", base64.StdEncoding.EncodeToString(randomBytes(32)), "HS256"},
		{"spaces within", "correct horse battery staple, and then some", "HS256"},
		{"literal \\n", `a secret with a backslash-n \n in it`, "HS256"},
	} {
		if key, err := jose.FromText(tt.value); err != nil || string(key.Algorithm()) != tt.want {
			t.Errorf("%s: %v, %v", tt.name, key, err)
		}
	}
}

func TestFromTextRefuses(t *testing.T) {
	private := string(must(must(jose.New("ES256", p256Key())).MarshalPEM()))
	jwk := string(must(json.Marshal(jwkOf(edKey()))))
	for _, tt := range []struct{ name, value, want string }{
		{"empty", "", "not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32)"},
		{"white space", " \n", "not set or empty"},
		{"short", "0123456789abcdef0123456789abcde", "HS256 key is 31 bytes"},
		{"line break at the end", "0123456789abcdef0123456789abcdef\n", "begins or ends with white space"},
		{"mark before", "\uFEFF0123456789abcdefghijklmnopqrstuv", "begins or ends with white space or a byte order mark"},
		{"data URL", "data:application/x-pem-file;base64,LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0=", "refers to something else"},
		{"space before", " 0123456789abcdef0123456789abcdef", "begins or ends with white space"},
		{"cut PEM", private[:100], "damaged or cut short"},
		{"PEM's first line lost", private[strings.Index(private, "\n")+1:], "PEM block has no BEGIN line"},
		{"PEM's dashes lost", "BEGIN PRIVATE KEY MC4CAQAwBQYDK2VwBCIEIAAA", "neither PEM"},
		{"encrypted", pemOf("ENCRYPTED PRIVATE KEY", randomBytes(100)), "decrypt it first"},
		{"cut JWK", jwk[:len(jwk)-1], "JWK is JSON that was cut short"},
		{"JSON", `{"secret":"0123456789abcdef0123456789abcdef"}`, "JWK has no member kty"},
		{"cut DER", base64.StdEncoding.EncodeToString(spkiOf("RS256"))[:100], "an encoding of the DER of a key"},
		{"public JWK in a list", `[` + jwk + `]`, "in quotes or brackets"},
		{"public JWK behind a word", "export KEY=" + jwk, "JSON, like a JWK"},
		{"public JWK escaped", strings.Trim(strconv.Quote(jwk), `"`), "JWK has \\\" instead of quotes: it was encoded twice"},
		{"two JWKs", jwk + "\n" + jwk, "JWK"},
		{"XML", "<RSAKeyValue><Modulus>0123456789abcdef0123456789abcdef</Modulus></RSAKeyValue>", "in quotes or brackets"},
		{"reference", "${SECRET_THAT_NOBODY_REPLACED}", "refers to something else"},
		{"URL", "https://login.example.com/.well-known/jwks.json", "refers to something else"},
		{"base64 of JWK", base64.StdEncoding.EncodeToString([]byte(jwk)), "an encoding of JSON, like a JWK"},
		{"OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA me@host", "an OpenSSH public key"},
	} {
		key, err := jose.FromText(tt.value)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Fatalf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		if key != nil {
			t.Errorf("%s: key %v beside the error", tt.name, key)
		}
		value := strings.TrimSpace(tt.value)
		for i := 0; i+12 <= len(value); i++ {
			if piece := value[i : i+12]; strings.Contains(err.Error(), piece) && !strings.Contains("-----BEGIN -----END JWK PRIVATE KEY", piece) {
				t.Errorf("%s: the error shows %q: %v", tt.name, piece, err)
			}
		}
	}
}
