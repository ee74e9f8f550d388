// Package document serves public JSON documents that change rarely, such as key
// sets and metadata.
package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// Document is a text that clients and caches may keep for a while.
type Document struct {
	text         []byte
	contentType  string
	cacheControl string
	etag         string
}

// New returns a document. Its ETag depends on the text only.
func New(text []byte, contentType, cacheControl string) *Document {
	sum := sha256.Sum256(text)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return &Document{text, contentType, cacheControl, etag}
}

// ServeHTTP responds with the document, or with 304 if If-None-Match matches.
// The method must be GET or HEAD.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", d.contentType)
	header.Set("Cache-Control", d.cacheControl)
	header.Set("Etag", d.etag)
	// If-None-Match is the only useful condition. The others could lead to a
	// part of the document, or to a 412 that a cache keeps.
	r = r.Clone(r.Context())
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-Modified-Since", "Range", "If-Range"} {
		r.Header.Del(name)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.text))
}
