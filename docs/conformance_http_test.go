package docs_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func signRS256(input string) ([]byte, error) {
	digest := sha256.Sum256([]byte(input))
	return rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, digest[:])
}

// challengeForm is a challenge with at least one parameter: RFC 6750, section 3,
// and RFC 9110, section 11.2.
var (
	challengeForm = regexp.MustCompile(`^Bearer [a-z_]+="[^"\\]*"(, [a-z_]+="[^"\\]*")*$`)
	parameter     = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

	scopeChars = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$`)
	textChars  = regexp.MustCompile(`^[\x20\x21\x23-\x5b\x5d-\x7e]+$`)
	digits     = regexp.MustCompile(`^[0-9]+$`)
)

// Each challenge has the scheme Bearer and parameters, none of them twice, and
// only the characters that RFC 6750, section 3, and RFC 9470, section 3, allow.
func TestChallengeForm(t *testing.T) {
	key := newKey(t, jwtauth.RS256, rsaKey)
	metadata := jwtauth.ResourceMetadata{Resource: "https://api.example/mcp"}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("u1", nil)
	if err != nil {
		t.Fatal(err)
	}
	expired := draft{rsaKey, object{"kid": key.ID()}, object{"sub": "u1", "exp": now - 3600}}.sign(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	challenges := 0
	for _, handler := range []http.Handler{
		ok, jwtauth.RequireScope("read", "admin!#[]~")(ok), jwtauth.RequireFresh(time.Minute, "gold", "urn:x:silver")(ok),
	} {
		for _, opts := range [][]jwtauth.VerifyOption{
			nil,
			{jwtauth.Realm("api"), jwtauth.ResourceMetadataURL(metadata.URL())},
		} {
			h := jwtauth.Verify(issuer, opts...)(handler)
			for _, header := range []string{"", "Bearer " + token, "Bearer " + expired, "Bearer " + token[:len(token)-4] + "AAAA", "Bearer a b", "Basic YTpi"} {
				r := httptest.NewRequest("GET", "/", nil)
				if header != "" {
					r.Header.Set("Authorization", header)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				lines := w.Header().Values("WWW-Authenticate")
				if (len(lines) == 1) != (w.Code >= 400) {
					t.Errorf("%.12q: %d with %d challenges", header, w.Code, len(lines))
				}
				for _, line := range lines {
					challenges++
					checkChallenge(t, line)
					if named := strings.Contains(line, `resource_metadata="`+metadata.URL()+`"`); named != (opts != nil) {
						t.Errorf("the metadata is not as configured: %s", line)
					}
				}
			}
		}
	}
	if challenges < 30 {
		t.Errorf("only %d challenges", challenges)
	}
}

func checkChallenge(t *testing.T, line string) {
	t.Helper()
	if !challengeForm.MatchString(line) {
		t.Errorf("not a challenge: %s", line)
	}
	seen := make(map[string]bool)
	for _, p := range parameter.FindAllStringSubmatch(line, -1) {
		if seen[p[1]] {
			t.Errorf("%s twice: %s", p[1], line)
		}
		seen[p[1]] = true
		form := textChars
		switch p[1] {
		case "scope", "acr_values":
			form = scopeChars
		case "max_age":
			form = digits
		}
		if !form.MatchString(p[2]) {
			t.Errorf("%s has other characters: %s", p[1], line)
		}
	}
}

// A request without a token reaches no handler, whatever its method, and the
// handler does not run after the refusal.
func TestEveryMethod(t *testing.T) {
	issuer, err := jwtauth.NewIssuer(newKey(t, jwtauth.ES256, ecKey), jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	protect := jwtauth.Verify(issuer)
	reached := 0
	mux := http.NewServeMux()
	mux.Handle("GET /items", protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })))
	mux.Handle("/all", protect(jwtauth.RequireScope("read")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))))
	for _, path := range []string{"/items", "/all"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"} {
			for _, token := range []string{"", "Bearer x.y.z"} {
				r := httptest.NewRequest("GET", path, nil)
				r.Method = method
				r.Header.Set("Authorization", token)
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				if w.Code != 401 && (path == "/all" || w.Code != 405) {
					t.Errorf("%s %s %s responds %d", method, path, token, w.Code)
				}
			}
		}
	}
	if reached > 0 {
		t.Errorf("%d requests reached the handler", reached)
	}
}
