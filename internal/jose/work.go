package jose

import "crypto/rsa"

// unitsOf is the cost of one signature check by algorithm, as
// BenchmarkRefuse measures it. The unit is a check with RSA of 2048 bits and
// the exponent 65537. Only the checks with P-256, Ed25519 and RSA of 2048 bits
// have fast implementations in the standard library. RSA is in rsaUnits.
var unitsOf = map[Algorithm]int{
	HS256: 1, HS384: 1, HS512: 1,
	ES256: 2, ES384: 20, ES512: 60,
	EdDSA: 2,
}

// rsaUnits are the costs of RSA by the size of the key.
var rsaUnits = [...]struct{ bits, units int }{{2048, 1}, {3072, 7}, {4096, 12}, {6144, 25}, {maxRSABits, 44}}

// Work returns the cost of verifying a signature with k.
func (k *Key) Work() int {
	if k == nil {
		return 0
	}
	pub, ok := k.pub.(*rsa.PublicKey)
	if !ok {
		return unitsOf[k.alg]
	}
	units := 0
	for _, size := range rsaUnits {
		units = size.units
		if pub.N.BitLen() <= size.bits {
			break
		}
	}
	if pub.E > 1<<17 { // up to 31 squarings and as many products instead of 17
		units *= 4
	}
	return units
}
