package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// nonceHeader is "DPoP-Nonce" in the form that net/http writes.
const nonceHeader = "Dpop-Nonce"

// nonces makes and checks nonces without state: a nonce is the number of a
// period of time and a MAC of it, so all instances with the same key agree. A
// nonce is good in its period and in the next one.
type nonces struct {
	key    [sha256.Size]byte
	period time.Duration
}

func newNonces(key []byte, period time.Duration) *nonces {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("jwtauth dpop nonce"))
	n := &nonces{period: period}
	mac.Sum(n.key[:0])
	return n
}

// current returns the nonce of the current period.
func (n *nonces) current(now time.Time) string { return n.of(n.number(now)) }

// check reports whether a nonce is good now, and until when.
func (n *nonces) check(nonce string, now time.Time) (until time.Time, ok bool) {
	number := n.number(now)
	for _, candidate := range []int64{number, number - 1} {
		if hmac.Equal([]byte(nonce), []byte(n.of(candidate))) {
			return time.Unix(0, (candidate+2)*int64(n.period)), true
		}
	}
	return time.Time{}, false
}

func (n *nonces) number(now time.Time) int64 { return now.UnixNano() / int64(n.period) }

func (n *nonces) of(number int64) string {
	var text [8 + 16]byte
	binary.BigEndian.PutUint64(text[:], uint64(number))
	mac := hmac.New(sha256.New, n.key[:])
	mac.Write(text[:8])
	copy(text[8:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(text[:])
}
