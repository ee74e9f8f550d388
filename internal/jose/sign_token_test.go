package jose_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestSignToken(t *testing.T) {
	for _, tt := range []struct {
		key          *jose.Key
		typ, payload string
		header       string
	}{
		{must(jose.New(jose.HS256, randomBytes(32))), "JWT", `{"sub":"a"}`, `{"alg":"HS256","typ":"JWT"}`},
		{must(jose.New(jose.HS512, randomBytes(64))).WithID("k"), "rt+jwt", "", `{"alg":"HS512","typ":"rt+jwt","kid":"k"}`},
		{must(jose.New(jose.RS256, rsaKey())).WithID(`"é`), "JWT", strings.Repeat("a", 1000), `{"alg":"RS256","typ":"JWT","kid":"\"é"}`},
		{must(jose.Parse("", []byte(publishedEd25519))), "JWT", "{}", `{"alg":"EdDSA","typ":"JWT","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}`},
	} {
		token, err := jose.SignToken(tt.key, tt.key.Header(tt.typ), []byte(tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(token, ".")
		text := base64.RawURLEncoding.EncodeToString
		if len(segments) != 3 || segments[0] != text([]byte(tt.header)) || segments[1] != text([]byte(tt.payload)) || !verifies(tt.key, token) {
			t.Errorf("%v: %s", tt.key, token)
		}
	}
	public := must(jose.New(jose.RS256, rsaKey())).Public()
	if token, err := jose.SignToken(public, public.Header("JWT"), nil); token != "" || err == nil {
		t.Errorf("signed with a public key: %q, %v", token, err)
	}
}
