//go:build cgo

package hsm

import (
	"github.com/ThalesGroup/crypto11"

	"github.com/seed-0a072700/jwtauth"
)

// openModule logs in to a PKCS#11 token. library is the path of the vendor's
// library. Close the result when the service stops.
func openModule(library, token, pin string) (*crypto11.Context, error) {
	return crypto11.Configure(&crypto11.Config{Path: library, TokenLabel: token, Pin: pin})
}

// moduleKey returns the key pair with a label. The private key stays in the
// module.
func moduleKey(module *crypto11.Context, alg jwtauth.Algorithm, label string) (jwtauth.Key, error) {
	pair, err := module.FindKeyPair(nil, []byte(label))
	if err != nil {
		return jwtauth.Key{}, err
	}
	return jwtauth.NewKey(alg, pair)
}
