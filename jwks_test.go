package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func issuerWith(t testing.TB, key jwtauth.Key, opts jwtauth.IssuerOptions) *jwtauth.Issuer {
	t.Helper()
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func getJWKS(t testing.TB, h http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "/.well-known/jwks.json", nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// setIDs returns the IDs of the keys in a set.
func setIDs(t testing.TB, text string) string {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal([]byte(text), &set); err != nil || set.Keys == nil {
		t.Fatalf("%s: %v", text, err)
	}
	ids := make([]string, len(set.Keys))
	for i, key := range set.Keys {
		ids[i] = key.Kid
	}
	return strings.Join(ids, " ")
}

func TestJWKS(t *testing.T) {
	secret := generate(t, jwtauth.HS256).WithID("secret")
	ed, ed2 := generate(t, jwtauth.EdDSA).WithID("ed"), generate(t, jwtauth.EdDSA).WithID("ed2")
	ec, ec521 := generate(t, jwtauth.ES256).WithID("ec"), generate(t, jwtauth.ES512).WithID("ec521")
	rs := newKey(t, jwtauth.PS256, rsaKey()).WithID("rs")
	for _, c := range []struct {
		name     string
		signing  jwtauth.Key
		accepted []jwtauth.Key
		want     string
	}{
		{"one", ed, nil, "ed"},
		{"several, the signing key first", ed, []jwtauth.Key{ed2, ec521, ec.Public(), rs}, "ed rs ec ec521 ed2"},
		{"symmetric", secret, nil, ""},
		{"symmetric, several", secret, []jwtauth.Key{generate(t, jwtauth.HS256), generate(t, jwtauth.HS512)}, ""},
		{"symmetric among others", ec, []jwtauth.Key{secret, ed}, "ec ed"},
		{"public keys beside a symmetric one", secret, []jwtauth.Key{ed, ec}, "ec ed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := issuerWith(t, c.signing, jwtauth.IssuerOptions{AcceptKeys: c.accepted})
			w := getJWKS(t, issuer.JWKS(), "GET", nil)
			if got := setIDs(t, w.Body.String()); w.Code != 200 || got != c.want {
				t.Errorf("%d %s, want %q", w.Code, w.Body, c.want)
			}
			var set struct{ Keys []jwk }
			if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
				t.Fatal(err)
			}
			for _, key := range set.Keys {
				for name := range key {
					if !strings.Contains(" kty alg use kid crv x y n e ", " "+name+" ") {
						t.Errorf("a key has a member %s", name)
					}
				}
				if key["use"] != "sig" || key["alg"] == "" {
					t.Errorf("a key is published as %v", key)
				}
				text, _ := json.Marshal(key)
				back, err := jwtauth.ParseKey("", text)
				if err != nil || string(back.Algorithm()) != key["alg"] || strings.Contains(back.String(), "private") {
					t.Errorf("%s is read as %v, %v", text, back, err)
				}
			}
		})
	}
	if w := getJWKS(t, issuerWith(t, secret, jwtauth.IssuerOptions{}).JWKS(), "GET", nil); w.Body.String() != `{"keys":[]}` {
		t.Errorf("the empty set is %s", w.Body)
	}
}

func TestJWKSOverHTTP(t *testing.T) {
	key, next := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
	issuer := issuerWith(t, key, jwtauth.IssuerOptions{})
	h := issuer.JWKS()
	first := getJWKS(t, h, "GET", nil)
	etag := first.Header().Get("Etag")
	if len(etag) < 20 || etag[0] != '"' {
		t.Errorf("ETag: %s", etag)
	}
	if err := issuer.SetKeys(key, next); err != nil {
		t.Fatal(err)
	}
	second := getJWKS(t, h, "GET", nil)
	newTag := second.Header().Get("Etag")
	if newTag == etag || setIDs(t, second.Body.String()) != key.ID()+" "+next.ID() {
		t.Errorf("after SetKeys: %s %s", newTag, second.Body)
	}
	// An instance with the same keys responds with the same ETag.
	twin := issuerWith(t, key, jwtauth.IssuerOptions{AcceptKeys: []jwtauth.Key{next}})
	if w := getJWKS(t, twin.JWKS(), "GET", nil); w.Header().Get("Etag") != newTag {
		t.Error("two instances with the same keys respond with different ETags")
	}

	for _, c := range []struct {
		name, method string
		header       http.Header
		status       int
		body         bool
	}{
		{"GET", "GET", nil, 200, true},
		{"HEAD", "HEAD", nil, 200, false},
		{"GET, known", "GET", http.Header{"If-None-Match": {newTag}}, 304, false},
		{"GET, known among others", "GET", http.Header{"If-None-Match": {`"x", W/` + newTag}}, 304, false},
		{"GET, any", "GET", http.Header{"If-None-Match": {"*"}}, 304, false},
		{"HEAD, known", "HEAD", http.Header{"If-None-Match": {newTag}}, 304, false},
		{"GET, outdated", "GET", http.Header{"If-None-Match": {etag}}, 200, true},
		{"POST", "POST", nil, 405, false},
		{"OPTIONS", "OPTIONS", nil, 405, false},
		{"DELETE, known", "DELETE", http.Header{"If-None-Match": {newTag}}, 405, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := getJWKS(t, h, c.method, c.header)
			if w.Code != c.status || (w.Body.String() == second.Body.String()) != c.body {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			header := w.Header()
			if c.status == 405 {
				if header.Get("Allow") != "GET, HEAD" || header.Get("Cache-Control") != "no-store" || header.Get("Etag") != "" {
					t.Errorf("header %v", header)
				}
				return
			}
			if header.Get("Etag") != newTag || header.Get("Cache-Control") != "public, max-age=300" {
				t.Errorf("header %v", header)
			}
			if c.status == 200 && header.Get("Content-Type") != "application/jwk-set+json" {
				t.Errorf("header %v", header)
			}
		})
	}
}

// While keys are exchanged, each response is a complete set with its own ETag.
func TestJWKSWhileKeysChange(t *testing.T) {
	keys := []jwtauth.Key{generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)}
	issuer := issuerWith(t, keys[0], jwtauth.IssuerOptions{})
	h := issuer.JWKS()
	var tags sync.Map // by text
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				w := getJWKS(t, h, "GET", nil)
				tag := w.Header().Get("Etag")
				if before, _ := tags.LoadOrStore(w.Body.String(), tag); before != tag {
					t.Errorf("one text has the ETags %v and %v", before, tag)
				}
			}
		})
	}
	for i := range 300 {
		if err := issuer.SetKeys(keys[i%3], keys[(i+1)%3]); err != nil {
			t.Fatal(err)
		}
		if w := getJWKS(t, h, "GET", nil); setIDs(t, w.Body.String()) != keys[i%3].ID()+" "+keys[(i+1)%3].ID() {
			t.Fatalf("round %d: a response with the keys of before SetKeys", i)
		}
	}
	wg.Wait()
}

// Conditions other than If-None-Match are ignored: the response is the complete
// set.
func TestJWKSIgnoresOtherConditions(t *testing.T) {
	issuer := keyMust(jwtauth.NewIssuer(keyMust(jwtauth.GenerateKey(jwtauth.ES256)), jwtauth.IssuerOptions{}))
	for name, value := range map[string]string{"If-Match": `"x"`, "Range": "bytes=0-9", "If-Unmodified-Since": "Mon, 02 Jan 2006 15:04:05 GMT"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		issuer.JWKS().ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.HasSuffix(strings.TrimSpace(w.Body.String()), "]}") {
			t.Errorf("%s: %s gets %d %q", name, value, w.Code, w.Body)
		}
	}
}
