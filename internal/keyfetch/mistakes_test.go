package keyfetch_test

import (
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// The URL or the document of discovery in place of a key set is recognized.
func TestDiscoveryInsteadOfASet(t *testing.T) {
	const document = "https://idp.example/.well-known/openid-configuration"
	if _, err := keyfetch.ParseURL(document, false); err == nil || err.Error() != "is the URL of a discovery document, not of a key set; pass the issuer to NewRemoteKeysFromIssuer" {
		t.Errorf("URL: %v", err)
	}
	if _, err := keyfetch.ParseIssuer(document, false); err == nil || err.Error() != `is the URL of a discovery document; pass the issuer, which is the "issuer" in that document` {
		t.Errorf("issuer: %v", err)
	}
	for text, want := range map[string]string{
		`{"issuer":"https://idp.example","jwks_uri":"https://idp.example/keys"}`:  "it is a discovery document: use its jwks_uri",
		`{"k1":"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}`: "it is a map of certificates",
		`{"a":1}`: `not a JSON object with an array "keys"`,
	} {
		if _, report := fetch(t, text); report.Err == nil || !strings.Contains(report.Err.Error(), want) {
			t.Errorf("%s: %v", text, report.Err)
		}
	}
}
