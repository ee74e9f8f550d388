package jose

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"
)

// The ASN.1 form of a signature is that of encoding/asn1, for numbers of every
// length.
func TestAppendDER(t *testing.T) {
	for _, size := range []int{32, 48, 66} {
		for bits := 1; bits <= 8*size; bits++ {
			highest := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
			for _, r := range []*big.Int{highest, new(big.Int).Sub(new(big.Int).Lsh(highest, 1), big.NewInt(1))} {
				for _, s := range []*big.Int{big.NewInt(0), big.NewInt(1), r} {
					signature := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
					want, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
					if err != nil {
						t.Fatal(err)
					}
					got := appendDER(make([]byte, 0, maxDER), signature)
					if !bytes.Equal(got, want) {
						t.Fatalf("%d bytes, r %x, s %x: %x, want %x", size, r, s, got, want)
					}
				}
			}
		}
	}
}
