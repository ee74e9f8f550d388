package guard

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A cookie holds the last eight accounts, the newest first, and one entry for
// each.
func TestDevicesHoldEightAccounts(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	d := newDevices("name", bytes.Repeat([]byte("s"), 32), nil, time.Hour)
	value := ""
	for i := range 10 {
		_, others := d.find([]string{value}, "", now)
		value = d.add(others, fmt.Sprint("user ", i), int64(i), now)
	}
	if len(value) != maxCookieBytes {
		t.Errorf("a full cookie has %d bytes, want the maximum of %d", len(value), maxCookieBytes)
	}
	for i := range 10 {
		found, all := d.find([]string{value}, fmt.Sprint("user ", i), now)
		if known := found != (device{}); known != (i >= 2) || len(all) != 8 || known && found.epoch != int64(i) {
			t.Errorf("user %d: %+v of %d", i, found, len(all))
		}
	}
	before, others := d.find([]string{value}, "user 5", now)
	value = d.add(others, "user 5", 7, now)
	after, all := d.find([]string{value}, "user 5", now)
	if len(all) != 8 || all[0] != after || after.id == before.id || after.epoch != 7 || after.expires != now.Add(time.Hour).Unix() {
		t.Errorf("a new login: %+v, then %+v, of %d", before, after, len(all))
	}
	if user2, _ := d.find([]string{value}, "user 2", now); user2 == (device{}) {
		t.Error("a new login of a known account drops another one")
	}
}

// Cookies that were forged, swapped, cut or replayed too late are no device.
func TestForgedDevices(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	own := newDevices("name", bytes.Repeat([]byte("s"), 32), [][]byte{bytes.Repeat([]byte("o"), 32)}, time.Hour)
	other := newDevices("name", bytes.Repeat([]byte("x"), 32), nil, time.Hour)
	old := newDevices("name", bytes.Repeat([]byte("o"), 32), nil, time.Hour)

	good := own.add(nil, "ann", 3, now)
	for !strings.ContainsAny(good, "-_") { // differs in the standard alphabet
		good = own.add(nil, "ann", 3, now)
	}
	_, annOnly := own.find([]string{good}, "ann", now)
	two := own.add(annOnly, "ben", 4, now)
	raw := func(value string) []byte {
		data, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	text := base64.RawURLEncoding.EncodeToString
	edit := func(value string, change func(data []byte) []byte) string { return text(change(raw(value))) }
	flip := func(at int) string {
		return edit(good, func(data []byte) []byte { data[at] ^= 1; return data })
	}
	// signed ends with a valid signature of the owner of the key.
	signed := func(data []byte) string { return text(append(data, mac(own.secrets[0].cookie, string(data))...)) }
	entry := raw(good)[1 : 1+entryBytes]
	annTag := own.secrets[0].tag("ann")

	cases := map[string]string{
		"empty":                         "",
		"text":                          "ann",
		"another secret":                other.add(nil, "ann", 3, now),
		"another secret, ann's tag":     signCookie(other.secrets[0], []device{{username: annTag, epoch: 3, expires: now.Unix() + 3600}}),
		"signed with the key for tags":  signCookie(deviceSecret{cookie: own.secrets[0].username}, []device{{username: annTag, expires: now.Unix() + 3600}}),
		"signed with the secret itself": signCookie(deviceSecret{cookie: bytes.Repeat([]byte("s"), 32)}, []device{{username: annTag, expires: now.Unix() + 3600}}),
		"signed with no key":            signCookie(deviceSecret{}, []device{{username: annTag, expires: now.Unix() + 3600}}),
		"another account":               own.add(nil, "ben", 3, now),
		"spelled differently":           own.add(nil, "Ann", 3, now),
		"expired":                       own.add(nil, "ann", 3, now.Add(-time.Hour)),
		"expired long ago":              own.add(nil, "ann", 3, time.Unix(0, 0)),
		"expiry raised":                 flip(1 + entryBytes - 3),
		"expiry lowered":                flip(1 + entryBytes - 1),
		"epoch changed":                 flip(1 + 2*tagBytes + 7),
		"epoch of the far future":       flip(1 + 2*tagBytes),
		"device changed":                flip(1 + tagBytes),
		"account changed":               flip(1),
		"signature changed":             flip(len(raw(good)) - 1),
		"signature of zeros":            edit(good, func(d []byte) []byte { return append(d[:len(d)-macBytes], make([]byte, macBytes)...) }),
		"signature cut":                 edit(good, func(d []byte) []byte { return d[:len(d)-1] }),
		"signature missing":             edit(good, func(d []byte) []byte { return d[:len(d)-macBytes] }),
		"signature of another cookie":   edit(good, func(d []byte) []byte { return append(d[:len(d)-macBytes], raw(two)[len(raw(two))-macBytes:]...) }),
		"another version":               flip(0),
		"another version, signed":       signed(append([]byte{2}, entry...)),
		"no entry, signed":              signed([]byte{cookieVersion}),
		"half an entry, signed":         signed(append([]byte{cookieVersion}, entry[:entryBytes/2]...)),
		"entry and a half, signed":      signed(append(append([]byte{cookieVersion}, entry...), entry[:entryBytes/2]...)),
		"nine entries, signed":          signed(append([]byte{cookieVersion}, bytes.Repeat(entry, 9)...)),
		"entry added to another's":      edit(own.add(nil, "ben", 0, now), func(d []byte) []byte { return append(append([]byte{1}, entry...), d[1:]...) }),
		"entry swapped into another's":  edit(own.add(nil, "ben", 0, now), func(d []byte) []byte { return append(append([]byte{1}, entry...), d[1+entryBytes:]...) }),
		"entry removed":                 edit(two, func(d []byte) []byte { return append([]byte{1}, d[1+entryBytes:]...) }),
		"entries exchanged": edit(two, func(d []byte) []byte {
			return bytes.Join([][]byte{d[:1], d[1+entryBytes : 1+2*entryBytes], d[1 : 1+entryBytes], d[1+2*entryBytes:]}, nil)
		}),
		"two cookies joined":             good + good,
		"standard alphabet":              strings.NewReplacer("-", "+", "_", "/").Replace(base64.StdEncoding.EncodeToString(raw(good))),
		"padded":                         good + "=",
		"line break":                     good[:20] + "\n" + good[20:],
		"space before":                   " " + good,
		"quotes":                         `"` + good + `"`,
		"cut in the middle":              good[:len(good)/2],
		"trailing bits":                  trailing(good),
		"longer than a cookie":           strings.Repeat("A", maxCookieBytes+1),
		"a megabyte":                     strings.Repeat("A", 1<<20),
		"zeros of the right length":      text(make([]byte, len(raw(good)))),
		"ones of the right length":       text(bytes.Repeat([]byte{0xff}, len(raw(good)))),
		"another language of the secret": newDevices("name", bytes.Repeat([]byte("S"), 32), nil, time.Hour).add(nil, "ann", 3, now),
	}
	if len(cases) < 40 {
		t.Errorf("only %d cases", len(cases))
	}
	for name, value := range cases {
		if found, _ := own.find([]string{value}, "ann", now); found != (device{}) {
			t.Errorf("%s: a known device %+v", name, found)
		}
		// A bad value beside a good one changes nothing.
		if found, _ := own.find([]string{value, good}, "ann", now); found == (device{}) {
			t.Errorf("%s: hides a good cookie", name)
		}
	}
	for name, value := range map[string]string{"own": good, "second entry": two, "old secret": old.add(nil, "ann", 3, now)} {
		if found, _ := own.find([]string{value}, "ann", now.Add(time.Hour-time.Second)); found.epoch != 3 {
			t.Errorf("%s: not known", name)
		}
	}
}

// trailing changes the unused bits of the last character.
func trailing(value string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, value[len(value)-1])
	return value[:len(value)-1] + string(alphabet[last^1])
}

// Different purposes have different keys, and the store's name of an account
// does not depend on the secret.
func TestTags(t *testing.T) {
	a := newDevices("name", bytes.Repeat([]byte("s"), 32), nil, time.Hour).secrets[0]
	b := newDevices("name", bytes.Repeat([]byte("t"), 32), nil, time.Hour).secrets[0]
	if bytes.Equal(a.cookie, a.username) || a.tag("ann") == b.tag("ann") || a.tag("ann") == a.tag("ben") {
		t.Error("the keys or tags are the same")
	}
	if tag := accountTag("ann"); len(tag) != 22 || tag == accountTag("ben") || strings.Contains(tag, "ann") {
		t.Errorf("tag %q", tag)
	}
	if key := (device{}).key(); key != "" {
		t.Errorf("the key of no device is %q", key)
	}
}
