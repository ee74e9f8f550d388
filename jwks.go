package jwtauth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// jwksMaxAge is how long others may keep our keys: long enough that caches in between take the load, short
// enough that a rotation need not wait long after the next key is published, nor a leaked one go on verifying. It
// is the shortest time that RemoteKeys keeps keys for, too.
const jwksMaxAge = "public, max-age=300"

// JWKS returns a handler that publishes the issuer's public keys as a JWK Set (RFC 7517 §5): the signing key
// first, then those that are accepted, as [Issuer.SetKeys] left them at the time of the request. Mount
// it at the "jwks_uri" that other services are told, often /.well-known/jwks.json; it needs no token:
//
//	mux.Handle("GET /.well-known/jwks.json", issuer.JWKS())
//
// It never holds a private or a symmetric key: the set of an issuer that signs with HS… is empty, since whoever could verify
// its tokens could sign them. Each key has its "kid", "alg" and "use".
//
// A discovery document (RFC 8414), by which [NewRemoteKeysFromIssuer] finds the set, is the service's own to write:
// examples/issuer-and-api shows one.
//
// The answer (application/jwk-set+json) may be kept for 5 minutes by anyone, so a key that signs must have been published for at least
// as long, and for 10 where shared caches stand between. It has an ETag, HEAD and conditional requests (304) are answered, other methods get 405.
func (i *Issuer) JWKS() http.Handler { return &jwksHandler{issuer: i} }

type jwksHandler struct {
	issuer *Issuer
	latest atomic.Pointer[jwksDocument]
}

// jwksDocument is the set of some keys.
type jwksDocument struct {
	of   *issuerKeys
	text []byte
	etag string
}

func (h *jwksHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		WriteError(w, r, errMethod)
		return
	}
	document, err := h.document()
	if err != nil {
		WriteError(w, r, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/jwk-set+json")
	header.Set("Cache-Control", jwksMaxAge)
	header.Set("Etag", document.etag)
	// Of all conditions only If-None-Match means something here: a part of the set, or a 412 that a cache keeps, is of use to nobody.
	r = r.Clone(r.Context())
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-Modified-Since", "Range", "If-Range"} {
		r.Header.Del(name)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document.text))
}

// document makes the set once for each SetKeys; of two requests at once, either's is good.
func (h *jwksHandler) document() (*jwksDocument, error) {
	keys := h.issuer.keys.Load()
	if d := h.latest.Load(); d != nil && d.of == keys {
		return d, nil
	}
	text, err := keys.appendJWKS(nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	d := &jwksDocument{of: keys, text: text, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	h.latest.Store(d)
	return d, nil
}

// appendJWKS appends the set of those of k that are public.
func (k *issuerKeys) appendJWKS(dst []byte) ([]byte, error) {
	dst = append(dst, `{"keys":[`...)
	empty := true
	add := func(key *jose.Key) (err error) {
		if key.Symmetric() {
			return nil
		}
		if !empty {
			dst = append(dst, ',')
		}
		empty = false
		dst, err = key.AppendPublicJWK(dst)
		return err
	}
	if err := add(k.signing); err != nil {
		return nil, err
	}
	for key := range k.accepted.Keys() {
		if key.ID() == k.signing.ID() {
			continue // ids are unique here
		}
		if err := add(key); err != nil {
			return nil, err
		}
	}
	return append(dst, "]}"...), nil
}
