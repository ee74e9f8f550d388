package jwtauth

import (
	"net/http"
	"sync/atomic"

	"github.com/seed-0a072700/jwtauth/internal/document"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// jwksCacheControl lets others keep a response for 5 minutes. That is long
// enough for caches to take the load, and short enough for a rotation. It is
// also the shortest time for which RemoteKeys keeps keys.
const jwksCacheControl = "public, max-age=300"

// JWKS returns a handler that publishes the public keys of the issuer as a JWK
// Set (RFC 7517, section 5). Services that verify the issuer's tokens fetch the
// set, for example with [NewRemoteKeys]. The handler needs no token:
//
//	mux.Handle("GET /.well-known/jwks.json", issuer.JWKS())
//
// The set contains the signing key first and then the accepted keys, in the
// state of the last [Issuer.SetKeys]. Each key has the members "kid", "alg" and
// "use". Private parts and symmetric keys are never published. The set of an
// issuer that only has HS… keys is empty: everyone who could verify its tokens
// could also sign them.
//
// Clients and caches may keep a response for 5 minutes. Publish a new key at
// least that long before it signs, or 10 minutes if there are shared caches.
// See [Issuer.SetKeys] for the steps.
//
// Responses have an ETag, and a request whose If-None-Match matches gets 304.
// Methods other than GET and HEAD get 405.
//
// [NewRemoteKeysFromIssuer] needs a discovery document (RFC 8414) in addition,
// which the service publishes itself. See examples/issuer-and-api.
func (i *Issuer) JWKS() http.Handler { return &jwksHandler{issuer: i} }

type jwksHandler struct {
	issuer *Issuer
	latest atomic.Pointer[jwksDocument]
}

// jwksDocument is the set of an issuer's keys at one time.
type jwksDocument struct {
	*document.Document
	keys *issuerKeys
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
	document.ServeHTTP(w, r)
}

// document returns the set of the current keys. It makes the set once for each
// SetKeys, or more often if requests coincide.
func (h *jwksHandler) document() (*jwksDocument, error) {
	keys := h.issuer.keys.Load()
	if d := h.latest.Load(); d != nil && d.keys == keys {
		return d, nil
	}
	text, err := keys.appendJWKS(nil)
	if err != nil {
		return nil, err
	}
	d := &jwksDocument{document.New(text, "application/jwk-set+json", jwksCacheControl), keys}
	h.latest.Store(d)
	return d, nil
}

// appendJWKS appends the set of the public keys.
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
			continue // the signing key, which is in the set already
		}
		if err := add(key); err != nil {
			return nil, err
		}
	}
	return append(dst, "]}"...), nil
}
