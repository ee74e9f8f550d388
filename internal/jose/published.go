package jose

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
)

// publishedList has a line for each published secret of at least 32 bytes: the
// secret, a tab, and the place where it is published. These are examples of
// tutorials, documentation and RFCs, and default configurations of products.
// The secret is everything before the tab, white space included.
//
// The texts are no secrets of anyone who follows the advice beside them. They
// are plain, and not hashed, so that a reader can check the list.
//
//go:embed published.txt
var publishedList string

// published returns the forms in which programs use the published secrets: the
// text, and the bytes that it encodes in base64 or hex.
var published = sync.OnceValue(func() map[string]bool {
	forms := make(map[string]bool)
	for line := range strings.Lines(publishedList) {
		text, _, _ := strings.Cut(line, "\t")
		forms[text] = true
		for _, b := range decodings(text) {
			forms[string(b)] = true
		}
	}
	return forms
})

// isPublished reports whether secret is a form of a published secret, or its
// encoding in base64 or hex.
func isPublished(secret []byte) bool {
	forms := published()
	text := strings.TrimSpace(string(secret))
	if forms[string(secret)] || forms[text] {
		return true
	}
	for _, b := range decodings(text) {
		if forms[string(b)] {
			return true
		}
	}
	return false
}

// minDecoded is the size of the shortest HMAC key. Shorter decodings of a
// published secret cannot be keys.
const minDecoded = 32

// decodings returns the keys that programs read from text: its bytes in hex and
// in base64. Some decoders ignore equals signs in front.
func decodings(text string) (all [][]byte) {
	if b, err := hex.DecodeString(text); err == nil && len(b) >= minDecoded {
		all = append(all, b)
	}
	plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)
	if b, err := base64.RawStdEncoding.DecodeString(plain); err == nil && len(b) >= minDecoded {
		all = append(all, b)
	}
	return all
}
