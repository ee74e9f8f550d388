// Package passwords hashes and checks passwords with bcrypt, so that the work
// of a refusal does not depend on the user or the password.
//
// The format of the hashes is in bcrypt.go. Support for another format begins
// there, and in [Hasher.Matches].
package passwords

// Hasher hashes passwords at one cost. It is safe for concurrent use if its
// Bcrypt is.
type Hasher struct {
	bcrypt Bcrypt
	cost   int
}

// New returns a Hasher. The cost is from MinCost to MaxCost.
func New(bcrypt Bcrypt, cost int) *Hasher { return &Hasher{bcrypt, cost} }

// Hash returns the hash of a password that CheckHashable accepts.
func (h *Hasher) Hash(password string) (string, error) {
	hash, err := h.bcrypt.Generate([]byte(password), h.cost)
	if err != nil {
		return "", err
	}
	return string(hash), nil
}

// Matches reports whether hash was made of password. It does the same work for
// every refusal: one comparison, whatever hash and password are, and then the
// rest of 2^cost rounds. If the hash has a higher cost, the work is that of the
// hash.
//
// It does not stop early when a context ends: the time at which a deadline
// shows would depend on the stored cost.
func (h *Hasher) Matches(hash, password string) bool {
	cost, possible := Cost(hash)
	if !possible {
		hash = decoys[h.cost]
		cost, _ = Cost(hash) // as long as it takes for a user
	}
	if CheckHashable(password) != nil {
		possible, password = false, ""
	}
	if h.bcrypt.Compare([]byte(hash), []byte(password)) == nil && possible {
		return true
	}
	// 2^cost rounds are done. Together with 2^cost + 2^(cost+1) + … +
	// 2^(h.cost-1) more they are 2^h.cost.
	for c := cost; c < h.cost; c++ {
		_ = h.bcrypt.Compare([]byte(decoys[c]), []byte(password))
	}
	return false
}

// NeedsRehash reports whether hash has a lower cost than new hashes, or never
// matches.
func (h *Hasher) NeedsRehash(hash string) bool {
	cost, ok := Cost(hash)
	return !ok || cost < h.cost
}
