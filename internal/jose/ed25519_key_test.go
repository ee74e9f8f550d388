package jose_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// TestEd25519Refuses uses all encodings of the points whose order divides 8,
// and others that are not the canonical encoding of a point.
func TestEd25519Refuses(t *testing.T) {
	zeros, ones := strings.Repeat("00", 30), strings.Repeat("ff", 30)
	for encoded, want := range map[string]string{
		"01" + zeros + "00": "small order", // order 1
		"ec" + ones + "7f":  "small order", // order 2
		"00" + zeros + "00": "small order", // order 4
		"00" + zeros + "80": "small order",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05": "small order", // order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85": "small order",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a": "small order",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa": "small order",
		"01" + zeros + "80": "not canonically", // x = -0
		"ec" + ones + "ff":  "not canonically",
		"ed" + ones + "7f":  "not canonically", // y = p
		"ed" + ones + "ff":  "not canonically",
		"ee" + ones + "7f":  "not canonically", // y = p+1
		"ee" + ones + "ff":  "not canonically",
		"f0" + ones + "7f":  "not canonically", // y = p+3, a point of large order
		"ff" + ones + "7f":  "not canonically",
		"02" + zeros + "00": "not a point",
		"02" + zeros + "80": "not a point",
	} {
		_, err := jose.New(jose.EdDSA, ed25519.PublicKey(must(hex.DecodeString(encoded))))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", encoded, err, want)
		}
	}
}

// TestEd25519Points compares with crypto/ed25519, which notices only when it
// verifies that an encoding is not a point.
func TestEd25519Points(t *testing.T) {
	signature := make([]byte, ed25519.SignatureSize)
	isPoint := func(encoded []byte) bool {
		err := ed25519.VerifyWithOptions(encoded, nil, signature, &ed25519.Options{})
		return err != nil && !strings.Contains(err.Error(), "bad public key")
	}
	points := 0
	for i := range 500 {
		var encoded [32]byte
		rand.Read(encoded[:])
		if i < 64 { // small y; of those only 0 and 1 have small order
			encoded = [32]byte{0: byte(2 + i/2), 31: byte(i%2) << 7}
		}
		_, err := jose.New(jose.EdDSA, ed25519.PublicKey(encoded[:]))
		if want := isPoint(encoded[:]); want != (err == nil) {
			t.Errorf("%x: %v, want a point: %t", encoded, err, want)
		} else if want {
			points++
		}
	}
	if points < 150 || points > 350 {
		t.Errorf("%d of 500 are points, want about half", points)
	}
	for range 200 {
		pub, _, _ := ed25519.GenerateKey(rand.Reader)
		if _, err := jose.New(jose.EdDSA, pub); err != nil {
			t.Errorf("%x: %v", pub, err)
		}
	}
}
