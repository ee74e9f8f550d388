package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// Proofs remembers the proofs of possession that a service has accepted (RFC
// 9449, section 11.1). It is the ReplayStore of package dpop for a service of
// several instances. Get it with [Store.Proofs]. It is safe for concurrent use,
// also by several processes.
//
// Replication is asynchronous, so a failover can forget the proofs of the last
// moments. Such a proof could then be used a second time until it expires.
type Proofs struct{ store *Store }

// Proofs returns a memory for proofs with the client and the prefix of the
// store.
func (s *Store) Proofs() *Proofs { return &Proofs{s} }

// Add remembers id from now until expiresAt. It returns true if the server did
// not hold the id, and false if it did. Its errors wrap
// [jwtauth.ErrUnavailable].
func (p *Proofs) Add(ctx context.Context, id string, now, expiresAt time.Time) (added bool, err error) {
	life := max(expiresAt.Sub(now), 0) + time.Second // Redis rounds to milliseconds
	args := redis.SetArgs{Mode: "NX", TTL: life}
	err = p.store.client.SetArgs(ctx, p.store.prefix+"proof:"+id, "", args).Err()
	switch {
	case errors.Is(err, redis.Nil):
		return false, nil
	case err != nil:
		return false, unavailable(ctx, "Proofs.Add", err)
	}
	return true, nil
}
