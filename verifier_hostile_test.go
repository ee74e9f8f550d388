package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// hostileCase is a request of testdata/hostile.json, such as attackers and
// broken clients send.
type hostileCase struct {
	Name          string            `json:"name"`
	Category      string            `json:"category"`
	Authorization []string          `json:"authorization"`
	Expand        *expansion        `json:"expand"`
	Target        string            `json:"target"`
	KeyAlg        jwtauth.Algorithm `json:"key_alg"`
	Keys          []json.RawMessage `json:"keys"`
	Config        struct {
		Issuer   string `json:"issuer"`
		Audience string `json:"audience"`
		Leeway   int    `json:"leeway_seconds"`
		Now      int64  `json:"now"`
		Type     string `json:"typ"`
	} `json:"config"`
	ExpectStatus int    `json:"expect_status"`
	ExpectSub    string `json:"expect_sub"`
	AltStatus    []int  `json:"alt_status"`
	Description  string `json:"description"`
}

type expansion struct {
	Prefix string `json:"prefix"`
	Unit   string `json:"unit"`
	Count  int    `json:"count"`
	Suffix string `json:"suffix"`
}

func hostileCases(t testing.TB) []hostileCase {
	t.Helper()
	text, err := os.ReadFile("testdata/hostile.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []hostileCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 421 {
		t.Fatalf("testdata/hostile.json has %d cases, want 421", len(cases))
	}
	return cases
}

// verifier returns the verifier of the case, or the error of a constructor.
func (c *hostileCase) verifier(cacheSize int) (*jwtauth.Verifier, error) {
	keys := make([]jwtauth.Key, len(c.Keys))
	for i, text := range c.Keys {
		alg := c.KeyAlg
		if len(c.Keys) > 1 {
			alg = "" // each key of a set names its algorithm
		}
		key, err := jwtauth.ParseKey(alg, text)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	source, err := jwtauth.StaticKeys(keys...)
	if err != nil {
		return nil, err
	}
	opts := jwtauth.VerifierOptions{
		Issuer:    c.Config.Issuer,
		Audience:  []string{c.Config.Audience},
		Leeway:    time.Duration(c.Config.Leeway) * time.Second,
		CacheSize: cacheSize,
	}
	if c.Config.Leeway == 0 {
		opts.Leeway = -1
	}
	if c.Config.Type != "" {
		opts.Types = []string{c.Config.Type}
	}
	if c.Config.Now != 0 {
		opts.Now = func() time.Time { return time.Unix(c.Config.Now, 0) }
	}
	return jwtauth.NewVerifier(source, opts)
}

func (c *hostileCase) request() *http.Request {
	target := c.Target
	if target == "" {
		target = "/"
	}
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if e := c.Expand; e != nil {
		r.Header["Authorization"] = []string{e.Prefix + strings.Repeat(e.Unit, e.Count) + e.Suffix}
	} else if len(c.Authorization) > 0 {
		r.Header["Authorization"] = c.Authorization
	}
	return r
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	for _, c := range hostileCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			allowed := append([]int{c.ExpectStatus}, c.AltStatus...)
			var responses []string
			for _, cacheSize := range []int{0, -1} {
				verifier, err := c.verifier(cacheSize)
				if err != nil {
					if c.Category != "weak-key" && c.Name != "jose-header/jwks-alg-mismatch" {
						t.Fatalf("constructing the verifier: %v", err)
					}
					return // the configuration is refused
				}
				var subject string
				handler := jwtauth.Verify(verifier)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					claims, ok := jwtauth.FromContext(r.Context())
					if !ok {
						t.Error("the handler was called without claims")
						return
					}
					subject = claims.Subject
				}))
				for range 4 { // the third use is the first of a remembered token
					subject = "no call"
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, c.request())
					if !slices.Contains(allowed, w.Code) {
						t.Errorf("%s: status %d, want %v", c.Description, w.Code, allowed)
					}
					if w.Code == http.StatusOK && c.ExpectStatus == http.StatusOK && subject != c.ExpectSub {
						t.Errorf("subject %q, want %q", subject, c.ExpectSub)
					}
					if w.Code != http.StatusOK && subject != "no call" {
						t.Error("the handler was called for a rejected request")
					}
					responses = append(responses, w.Result().Status+w.Body.String()+w.Header().Get("WWW-Authenticate"))
				}
			}
			// First and repeated requests have the same response, with the
			// cache and without.
			for _, response := range responses {
				if response != responses[0] {
					t.Errorf("responses differ: %q and %q", responses[0], response)
				}
			}
		})
	}
}

// A request may allocate 64 KiB and eight times its length.
func TestHostileRequestsMemory(t *testing.T) {
	for _, c := range hostileCases(t) {
		verifier, err := c.verifier(-1)
		if err != nil {
			continue
		}
		handler := jwtauth.Verify(verifier)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := c.request()
		length := len(r.RequestURI)
		for _, field := range r.Header["Authorization"] {
			length += len(field)
		}
		handler.ServeHTTP(httptest.NewRecorder(), r) // fills pools and tables
		var before, after runtime.MemStats
		w := httptest.NewRecorder()
		runtime.ReadMemStats(&before)
		handler.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+8*length); used > limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", c.Name, used, limit)
		}
	}
}
