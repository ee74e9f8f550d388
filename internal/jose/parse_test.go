package jose_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestParseRefuses(t *testing.T) {
	spki := pemOf("PUBLIC KEY", spkiOf("EdDSA"))
	for _, tt := range []struct {
		name, text string
		alg        jose.Algorithm
		want       string
	}{
		{"unknown algorithm", spki, "none", `algorithm "none" is not one of`},
		{"empty", "", "", "key text is empty"},
		{"white space", " \n", "", "key text is empty"},
		{"secret", "correct horse battery staple, and then some", "", "neither PEM (-----BEGIN …) nor a JWK ({…}); use NewKey for a secret"},
		{"DER", string(spkiOf("ES256")), "", "the DER of a key"},
		{"bare base64, cut", base64.StdEncoding.EncodeToString(spkiOf("ES256"))[:100], "", "an encoding of the DER of a key"},
		{"base64 of PEM, cut", base64.StdEncoding.EncodeToString([]byte(spki[:60])), "", "base64 of PEM block is damaged or cut short: it has no END line"},
		{"dashes replaced", strings.ReplaceAll(spki, "-----", "—–"), "", "the first and the last line of PEM have five hyphens"},
		{"BEGIN line lost", spki[strings.Index(spki, "\n")+1:], "", "PEM block has no BEGIN line"},
		{"data URL", "data:;base64," + base64.StdEncoding.EncodeToString([]byte(spki)), "", "key text is a data: URL"},
		{"OpenSSH public", "ssh-ed25519 AAAA", "", "an OpenSSH public key"},
		{"too long", strings.Repeat(" ", 64<<10) + spki, "", "the maximum is 65536"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse(tt.alg, []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != nil {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
	if _, err := jose.Parse("", []byte(strings.Repeat(" ", 64<<10-len(spki))+spki)); err != nil {
		t.Errorf("64 KiB: %v", err)
	}
}

func TestParseRefusesSeeds(t *testing.T) {
	for _, text := range refusedTexts {
		if k, err := jose.Parse("", []byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, k)
		}
	}
}
