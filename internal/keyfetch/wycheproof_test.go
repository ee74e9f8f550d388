package keyfetch_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestWycheproof uses the keys of the Wycheproof vectors about JWKs as key
// sets, and verifies their tokens. Symmetric keys of a set are refused. Of
// several keys with one ID, each is tried. Keys with the ROCA weakness are not
// recognized.
func TestWycheproof(t *testing.T) {
	data, err := os.ReadFile("../../../shared/wycheproof/json_web_key_test.json")
	if err != nil {
		if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
			t.Fatalf("the Wycheproof vectors are required: %v", err)
		}
		t.Skipf("without the Wycheproof vectors: %v", err)
	}
	// These vectors verify: 5 has a good key, and 7 one with the ROCA weakness.
	// 1, 2, 4 and 13 to 15 have symmetric keys.
	valid := map[int]bool{5: true, 7: true}
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Private, Public json.RawMessage
			Tests           []struct {
				TcID            int
				Comment, Result string
				JWS             json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, group := range file.TestGroups {
		set := group.Public
		if set == nil {
			set = group.Private
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(set, &members); err != nil {
			t.Fatal(err)
		}
		if members["keys"] == nil {
			set = json.RawMessage(`{"keys":[` + string(set) + `]}`)
		}
		s, _ := fetch(t, string(set))
		for _, test := range group.Tests {
			ran++
			if got := verifies(t, s, test.JWS); got != valid[test.TcID] {
				t.Errorf("%d (%s, labelled %s): verifies is %t, want %t", test.TcID, test.Comment, test.Result, got, valid[test.TcID])
			}
		}
	}
	if ran != file.NumberOfTests || ran != 26 {
		t.Errorf("ran %d vectors of %d, want 26", ran, file.NumberOfTests)
	}
}

// verifies reports whether a key of s made the signature of a token.
func verifies(t *testing.T, s *source, jws json.RawMessage) bool {
	t.Helper()
	var token string
	if json.Unmarshal(jws, &token) != nil {
		return false // a vector in the JSON serialization
	}
	dot := strings.LastIndexByte(token, '.')
	encoded, _, _ := strings.Cut(token, ".")
	var header struct {
		Alg jose.Algorithm
		Kid string
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if dot < 0 || err != nil || json.Unmarshal(text, &header) != nil {
		return false
	}
	keys, err := s.Lookup(t.Context(), header.Alg, header.Kid)
	if err != nil {
		return false
	}
	for _, key := range keys {
		if key.Symmetric() {
			t.Errorf("%v comes from a key set", key)
		}
		if key.Verify(token, dot) {
			return true
		}
	}
	return false
}
