package jwtauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWycheproofRemoteKeys has the vectors about keys pass through a key set from the network: symmetric keys are refused
// there, of keys with one id each is tried, and the ROCA weakness is not looked for.
func TestWycheproofRemoteKeys(t *testing.T) {
	const name = "../shared/wycheproof/json_web_key_test.json"
	data, err := os.ReadFile(name)
	if err != nil {
		if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
			t.Fatalf("the Wycheproof vectors are required: %v", err)
		}
		t.Skipf("without the Wycheproof vectors: %v", err)
	}
	// All that verify: 5 is a good key, 7 has the weakness. 1 and 4 are sets of symmetric keys, as are 2 and 13 to 15.
	want := map[int]bool{5: true, 7: true}
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
		text := group.Public
		if text == nil {
			text = group.Private
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		if members["keys"] == nil {
			text = json.RawMessage(`{"keys":[` + string(text) + `]}`)
		}
		keys, err := NewRemoteKeys("https://idp.example/", RemoteKeysOptions{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(string(text)))}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range group.Tests {
			ran++
			if got := remoteVerifies(t, keys, test.JWS); got != want[test.TcID] {
				t.Errorf("%d (%s, labelled %s): verifies is %t, want %t", test.TcID, test.Comment, test.Result, got, want[test.TcID])
			}
		}
	}
	if ran != file.NumberOfTests || ran != 26 {
		t.Errorf("ran %d vectors of %d, want 26", ran, file.NumberOfTests)
	}
}

func remoteVerifies(t *testing.T, keys *RemoteKeys, jws json.RawMessage) bool {
	t.Helper()
	var token string
	if json.Unmarshal(jws, &token) != nil {
		return false
	}
	dot := strings.LastIndexByte(token, '.')
	header, _, _ := strings.Cut(token, ".")
	var h struct {
		Alg Algorithm
		Kid string
	}
	text, err := base64.RawURLEncoding.DecodeString(header)
	if dot < 0 || err != nil || json.Unmarshal(text, &h) != nil {
		return false
	}
	found, err := keys.VerificationKeys(context.Background(), h.Alg, h.Kid)
	if err != nil {
		return false
	}
	for _, key := range found {
		if key.k.Symmetric() {
			t.Errorf("%v comes from the network", key)
		}
	}
	_, err = signer(found, h.Alg, token, dot)
	return err == nil
}
