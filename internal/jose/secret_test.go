package jose_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestSecretLikeDER has two bytes strings on each side of every bound of the
// check for DER.
func TestSecretLikeDER(t *testing.T) {
	const size = 48
	// fill returns the bytes with others behind them that are not DER.
	fill := func(size int, start ...byte) []byte {
		return append(start, []byte(strings.Repeat("\xa5\xb6\xc7\xd8\xe9\xfa\x9b\x8c", 8))[:size-len(start)]...)
	}
	for _, tt := range []struct {
		name   string
		secret []byte
		refuse bool
	}{
		{"version 0", fill(size, 0x30, 0x2e, 0x02, 0x01, 0x00), true},
		{"version 1", fill(size, 0x30, 0x2e, 0x02, 0x01, 0x01), true},
		{"version 2", fill(size, 0x30, 0x2e, 0x02, 0x01, 0x02), false},
		{"integer of 0 bytes", fill(size, 0x30, 0x2e, 0x02, 0x00, 0x00), false},
		{"integer of 2 bytes", fill(size, 0x30, 0x2e, 0x02, 0x02, 0x00), false},
		{"another type", fill(size, 0x30, 0x2e, 0x03, 0x01, 0x00), false},
		{"a SET", fill(size, 0x31, 0x2e, 0x02, 0x01, 0x00), false},
		{"algorithm", fill(size, 0x30, 0x2a, 0x30, 0x05, 0x06), true},
		{"a sequence of another type", fill(size, 0x30, 0x2a, 0x30, 0x05, 0x05), false},
		{"a SET with an OID", fill(size, 0x30, 0x2a, 0x31, 0x05, 0x06), false},

		{"40 bytes", fill(40, 0x30, 0x2e, 0x02, 0x01, 0x00), true},
		{"39 bytes", fill(39, 0x30, 0x2e, 0x02, 0x01, 0x00), false},

		{"indefinite length", fill(size, 0x30, 0x80, 0x02, 0x01, 0x00), true},
		{"length in 1 byte", fill(size, 0x30, 0x81, 0x99, 0x02, 0x01, 0x00), true},
		{"length in 2 bytes", fill(size, 0x30, 0x82, 0x01, 0x99, 0x02, 0x01, 0x00), true},
		{"length in 3 bytes", fill(size, 0x30, 0x83, 0x01, 0x99, 0x99, 0x02, 0x01, 0x00), true},
		{"length in 4 bytes", fill(size, 0x30, 0x84, 0x01, 0x99, 0x99, 0x99, 0x02, 0x01, 0x00), false},
		{"algorithm after a length in 2 bytes", fill(size, 0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06), true},

		{"long integer", fill(size, 0x30, 0x81, 0x99, 0x02, 0x81), true},
		{"longer integer", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82), true},
		{"long sequence", fill(size, 0x30, 0x82, 0x03, 0x0a, 0x30, 0x82), true},
		{"sequence in 1 byte", fill(size, 0x30, 0x81, 0x99, 0x30, 0x81), true},
		{"integer of indefinite length", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x80), false},
		{"longest integer", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x83), false},
		{"sequence of indefinite length", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x30, 0x80), false},
		{"longest sequence", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x30, 0x83), false},
		{"long value of another type", fill(size, 0x30, 0x82, 0x01, 0x0a, 0x31, 0x82), false},
		{"long integer in a short sequence", fill(size, 0x30, 0x2e, 0x02, 0x81), false},
		{"long sequence in a short one", fill(size, 0x30, 0x2e, 0x30, 0x81), false},
		{"long integer in an indefinite sequence", fill(size, 0x30, 0x80, 0x02, 0x82), false},
	} {
		_, err := jose.New(jose.HS256, tt.secret)
		if (err != nil) != tt.refuse || err != nil && err.Error() != "HS256 key is the DER of a key or certificate, not a secret; ParseKey reads PEM and JWK" {
			t.Errorf("%s: %v, want refused: %t", tt.name, err, tt.refuse)
		}
		for encoding, text := range map[string]string{
			"hex":              hex.EncodeToString(tt.secret),
			"base64":           base64.StdEncoding.EncodeToString(tt.secret),
			"unpadded base64":  base64.RawURLEncoding.EncodeToString(tt.secret),
			"quoted base64":    `"` + base64.StdEncoding.EncodeToString(tt.secret) + `"`,
			"base64 in lines":  base64.StdEncoding.EncodeToString(tt.secret[:24]) + "\n" + base64.StdEncoding.EncodeToString(tt.secret[24:]),
			"literal newlines": base64.StdEncoding.EncodeToString(tt.secret[:24]) + `\r\n` + base64.StdEncoding.EncodeToString(tt.secret[24:]),
		} {
			_, err := jose.New(jose.HS256, []byte(text))
			if (err != nil) != tt.refuse || err != nil && !strings.HasPrefix(err.Error(), "HS256 key is an encoding of the DER of a key") {
				t.Errorf("%s in %s: %v, want refused: %t", tt.name, encoding, err, tt.refuse)
			}
		}
	}
}

func TestSecretLikeKey(t *testing.T) {
	const filler = "0123456789abcdef0123456789abcdef"
	for _, tt := range []struct{ name, secret, want string }{
		{"zero bytes", strings.Repeat("\x00", 32), "is all zero bytes"},
		{"a zero byte", "\x00", "is all zero bytes"},
		{"zero bytes and others", strings.Repeat("\x00", 31) + "\x01\x02\x03\x04\x05\x06\x07", ""},
		{"zero bytes and another", strings.Repeat("\x00", 31) + "\x01", "has fewer than 8 distinct bytes"},
		{"PEM", filler + "-----BEGIN PUBLIC KEY", "is PEM, not a secret"},
		{"dashes", filler + "----BEGIN PUBLIC KEY", ""},
		{"object", ` {"secret":"` + filler + `"}`, "is JSON, like a JWK"},
		{"not an object", `{"secret":"` + filler + `"`, ""},
		{"JWK in other text", filler + `"kty" :`, "is JSON, like a JWK"},
		{"escaped JWK", filler + `\"kty\":`, "is JSON, like a JWK"},
		{"kty without a colon", filler + `"kty"`, ""},
		{"XML", filler + "<RSAKeyValue>", "is an XML key"},
		{"OpenSSH", "ssh-rsa " + filler, "is an OpenSSH public key"},
		{"OpenSSH", "ecdsa-sha2-nistp256 " + filler, "is an OpenSSH public key"},
		{"OpenSSH behind a byte order mark", "\ufeffssh-rsa " + filler, "is an OpenSSH public key"},
		{"PEM with invisible characters in it", filler + "-\u200b----BEG\u2060IN PUBLIC KEY", "is PEM, not a secret"},
		{"SSH2", "---- BEGIN SSH2 PUBLIC KEY ----\n" + filler, "is an SSH2 public key"},
		{"DER behind a line break", "\n" + string(spkiOf(jose.ES256)), "is the DER of a key"},
		{"OpenSSH within", filler + " ssh-rsa", ""},
		{"base64 of PEM", base64.StdEncoding.EncodeToString([]byte("-----BEGIN PUBLIC KEY-----" + filler)), "is an encoding of PEM"},
	} {
		_, err := jose.New(jose.HS256, []byte(tt.secret))
		if (err != nil) != (tt.want != "") || err != nil && !strings.HasPrefix(err.Error(), "HS256 key "+tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
