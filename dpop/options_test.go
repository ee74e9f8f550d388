package dpop_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
)

func TestNewVerifierFaults(t *testing.T) {
	_, err := dpop.NewVerifier(dpop.Options{
		Algorithms: []jwtauth.Algorithm{"HS256", "none"},
		Window:     time.Hour,
		Replay:     (*dpop.Memory)(nil),
		NonceKey:   []byte("short"),
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"dpop.Options.URL: is required",
		"dpop.Options.Algorithms: HS256 is symmetric",
		"dpop.Options.Algorithms: ",
		"dpop.Options.Window: ",
		"dpop.Options.Replay: ",
		"dpop.Options.NonceKey: has 5 bytes; at least 32 are needed",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Errorf("the error contains the secret: %v", err)
	}
}

func TestURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://api.example.com":       true,
		"https://api.example.com/":      true,
		"https://api.example.com/v1/":   true,
		"https://API.example.com:443":   true,
		"http://localhost:8080":         true,
		"http://127.0.0.1:8080":         true,
		"https://[::1]:8443":            true,
		"http://api.example.com":        false,
		"api.example.com":               false,
		"https://":                      false,
		"https://ann@api.example.com":   false,
		"https://api.example.com?a":     false,
		"https://api.example.com#a":     false,
		"https://api.example.com/%zz":   false,
		"ftp://api.example.com":         false,
		"//api.example.com":             false,
		"https://api.example.com/a?b=c": false,
	} {
		if _, err := dpop.NewVerifier(dpop.Options{URL: url}); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestNoncesNeedsHandler(t *testing.T) {
	v, err := dpop.NewVerifier(dpop.Options{URL: origin})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil handler does not panic")
		}
	}()
	v.Nonces(http.Handler(nil))
}
