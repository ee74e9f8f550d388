package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// A device cookie is the base64url encoding of a version byte, one to eight
// entries and an HMAC-SHA256 of all that. The newest entry is the first.
const (
	cookieVersion = 1
	tagBytes      = 16 // 128 bits, as the IDs of devices
	entryBytes    = 2*tagBytes + 8 + 8
	macBytes      = sha256.Size
	maxEntries    = 8

	// maxCookieBytes is the length of the longest cookie.
	maxCookieBytes = ((1+maxEntries*entryBytes+macBytes)*8 + 5) / 6
)

// device is an entry of a device cookie: a device that has logged in with a
// user name.
type device struct {
	username [tagBytes]byte // HMAC
	id       [tagBytes]byte // random
	epoch    int64          // of the account when the entry was made
	expires  int64          // in seconds since 1970
}

// key identifies the device in the store. It is empty for the zero device.
func (d device) key() string {
	if d == (device{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(d.id[:])
}

// devices reads and makes device cookies.
type devices struct {
	secrets []deviceSecret // the current one first
	ttl     time.Duration
}

// deviceSecret holds the keys that are derived from a secret. One key for both
// purposes would let a signature be used as the hash of a name.
type deviceSecret struct{ cookie, username []byte }

// newDevices returns the devices of the cookie with a name. The name is part of
// the keys: a cookie of another guard with the same secret is not accepted.
func newDevices(name string, secret []byte, old [][]byte, ttl time.Duration) *devices {
	d := &devices{ttl: ttl}
	for _, s := range append([][]byte{secret}, old...) {
		d.secrets = append(d.secrets, deviceSecret{
			cookie:   mac(s, "jwtauth guard cookie "+name),
			username: mac(s, "jwtauth guard username "+name),
		})
	}
	return d
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// tag returns the HMAC of a user name.
func (s deviceSecret) tag(username string) (tag [tagBytes]byte) {
	copy(tag[:], mac(s.username, username))
	return tag
}

// tags returns the HMACs of a user name with all secrets. A cookie with the
// current secret may hold entries of other names from the time of an old
// one.
func (d *devices) tags(username string) (tags [][tagBytes]byte) {
	for _, secret := range d.secrets {
		tags = append(tags, secret.tag(username))
	}
	return tags
}

// isOf reports whether a device is one of the name with these tags.
func (d device) isOf(tags [][tagBytes]byte) (same bool) {
	for _, tag := range tags {
		if subtle.ConstantTimeCompare(d.username[:], tag[:]) == 1 {
			same = true
		}
	}
	return same
}

// find returns the device of a user name from the first value that has one, and
// all devices of that value. An unknown device is zero.
func (d *devices) find(values []string, username string, now time.Time) (found device, all []device) {
	for _, value := range values {
		list := d.open(value, now)
		if all == nil {
			all = list
		}
		if list == nil {
			continue
		}
		tags := d.tags(username)
		for _, one := range list {
			if one.isOf(tags) {
				return one, list
			}
		}
	}
	return device{}, all
}

// open returns the devices in a value that have not expired. It returns nil for
// a value that is not a device cookie.
func (d *devices) open(value string, now time.Time) []device {
	// The decoder of package base64 ignores line breaks.
	if value == "" || len(value) > maxCookieBytes || strings.ContainsAny(value, "\r\n") {
		return nil
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(value)
	signed := len(data) - macBytes
	if err != nil || signed < 1+entryBytes || (signed-1)%entryBytes != 0 || data[0] != cookieVersion {
		return nil
	}
	for _, secret := range d.secrets {
		if hmac.Equal(data[signed:], mac(secret.cookie, string(data[:signed]))) {
			return decode(data[1:signed], now)
		}
	}
	return nil
}

// decode returns the entries that have not expired.
func decode(data []byte, now time.Time) (list []device) {
	for entry := range slices.Chunk(data, entryBytes) {
		var d device
		copy(d.username[:], entry)
		copy(d.id[:], entry[tagBytes:])
		d.epoch = int64(binary.BigEndian.Uint64(entry[2*tagBytes:]))
		d.expires = int64(binary.BigEndian.Uint64(entry[2*tagBytes+8:]))
		if now.Unix() < d.expires {
			list = append(list, d)
		}
	}
	return list
}

// add returns a cookie in which a new device of a user name is the first entry,
// and other entries follow.
func (d *devices) add(others []device, username string, epoch int64, now time.Time) string {
	secret := d.secrets[0]
	added := device{username: secret.tag(username), epoch: epoch, expires: now.Add(d.ttl).Unix()}
	_, _ = rand.Read(added.id[:]) // never fails
	list := []device{added}
	tags := d.tags(username)
	for _, other := range others {
		if !other.isOf(tags) && len(list) < maxEntries {
			list = append(list, other)
		}
	}
	return signCookie(secret, list)
}

// signCookie returns the cookie with these entries.
func signCookie(secret deviceSecret, list []device) string {
	data := []byte{cookieVersion}
	for _, one := range list {
		data = append(data, one.username[:]...)
		data = append(data, one.id[:]...)
		data = binary.BigEndian.AppendUint64(data, uint64(one.epoch))
		data = binary.BigEndian.AppendUint64(data, uint64(one.expires))
	}
	data = append(data, mac(secret.cookie, string(data))...)
	return base64.RawURLEncoding.EncodeToString(data)
}

// accountTag returns the name of an account in the store. It is not keyed, so
// that the counters survive a new secret.
func accountTag(account string) string {
	sum := sha256.Sum256([]byte("jwtauth guard account\x00" + account))
	return base64.RawURLEncoding.EncodeToString(sum[:tagBytes])
}
