package jose_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// Keys that the RFCs publish.
const (
	publishedRSA     = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	publishedEd25519 = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

func TestThumbprint(t *testing.T) {
	for _, tt := range []struct{ name, jwk, want string }{
		{"RFC 7638, section 3.1", publishedRSA, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 8037, appendix A.3", publishedEd25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		k := must(jose.Parse("", []byte(tt.jwk)))
		if k.Thumbprint() != tt.want || k.WithID("").ID() != tt.want || k.WithID("a").Thumbprint() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, k.Thumbprint(), tt.want)
		}
	}
	if id := must(jose.Parse("", []byte(publishedRSA))).ID(); id != "2011-04-29" {
		t.Errorf("the ID of a JWK with a kid is %q", id)
	}
	for name, k := range map[string]*jose.Key{"nil": nil, "HMAC": must(jose.Generate(jose.HS256))} {
		if got := k.Thumbprint(); got != "" {
			t.Errorf("%s: thumbprint %q", name, got)
		}
	}
}
