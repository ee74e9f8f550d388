// Package redisstore stores sessions in Redis 6.0 or later, or in Valkey: in a
// single server, in one with replicas and Sentinel, or in a Cluster.
//
//	client := redis.NewClient(&redis.Options{
//		Addr:                  "localhost:6379",
//		ContextTimeoutEnabled: true,
//	})
//	…
//	store, err := redisstore.New(client, redisstore.Options{})
//	…
//	opts := jwtauth.IssuerOptions{Sessions: store}
//	issuer, err := jwtauth.NewIssuer(key, opts)
//
// All sessions of a subject are fields of one hash. Its key is "jwtauth:{TAG}",
// and TAG is the subject's [jwtauth.SubjectTag], which starts the IDs of the
// sessions. Subjects that have the same tag by chance share the hash. Every
// operation is one script on that key, so it is atomic. It is also correct
// while a Cluster moves slots: a script that read several keys could miss one
// that is being moved, and report its session as ended. Only List and
// DeleteSubject of a hash with more than 500 sessions run several scripts
// (see "Limits"). The key expires 5 minutes after its last session. Each login
// also removes a few sessions that expired before.
//
// # Clients
//
// Use [redis.NewClient], [redis.NewFailoverClient] for Sentinel, or
// [redis.NewClusterClient], and set ContextTimeoutEnabled. New refuses a
// [redis.Ring], which distributes keys over independent servers. If one of them
// fails, a Ring uses another server for its keys. That server has no sessions,
// so every session appears to have ended. When the first server returns, its
// old state returns too, without the logouts of the meantime. The same applies
// to proxies that distribute keys, and to a ClusterOptions.ClusterSlots
// function that assigns a slot to another server without its data.
//
// # Several services
//
// Two services with the same prefix in one database share the sessions of equal
// subjects: "42" of one service sees and ends the sessions of "42" of the other
// one. Give each service its own [Options].Prefix, or its own database number.
// The instances of one service use the same prefix.
//
// # Guarantees
//
// If a method returns without an error, the primary has executed it. That
// includes Load, even if the client is configured to read from replicas,
// because Load is a script. It does not hold for a client that knows a replica
// only, as with FailoverOptions.ReplicaOnly. Whether the change survives a
// failure depends on the server:
//
//   - Without appendonly, a restart loses all changes since the last snapshot.
//     With appendonly yes and appendfsync everysec, a crash of the machine
//     loses about a second, and a crash of the process loses the writes in
//     progress. With appendfsync always, no change is lost.
//   - Replication is asynchronous, so a failover loses the last moments with
//     every configuration. A lost rotation logs no user out, because the issuer
//     adopts the generation that the client presents. A lost login means that
//     the user has to log in again. A lost logout means that the session is
//     active again, until it is ended once more or expires.
//   - A restored snapshot revives all sessions that have ended since: delete
//     them before the service starts (see the README).
//   - maxmemory-policy must be noeviction. Otherwise a server that is short of
//     memory removes sessions. With noeviction, logins and refreshes fail with
//     [jwtauth.ErrUnavailable] in that case, and logouts succeed.
//
// The service's clock decides whether a session has expired. The server's clock
// only removes keys. It may be wrong, but it must not jump, and the clocks of a
// primary and its replicas must agree: Redis stores the time at which a key
// expires. If a clock is set forward by more than 5 minutes, or a failover goes
// to a server whose clock is ahead by more than 5 minutes, sessions end early.
// If a clock is set back, keys stay longer, but sessions end as before.
//
// # Limits
//
// Several processes may use the same keys at once. IDs start with the subject's
// tag and "-", as those of an issuer do. IDs have at most 255 bytes, subjects
// 1024, labels 128 and attributes 2048.
//
// The time of DeleteSubject and List is proportional to the number of the
// subject's sessions, which [jwtauth.IssuerOptions].MaxSessions limits. Hashes
// with more than 500 sessions are read in steps of about 250, so that other
// calls do not wait. The steps use one connection and [redis.Client.Watch],
// because the position between two steps is valid only on the same server. If
// the server changes in between, they start again, at most three times. List
// then returns every session that exists during the whole call, and
// DeleteSubject ends every session that was created before the call. Both fail
// with [jwtauth.ErrUnavailable] while a Cluster moves that hash.
//
// # Errors
//
// Load returns [jwtauth.ErrSessionEnded] if the session does not exist or has
// expired. Create returns a permanent error, which is neither that nor
// ErrUnavailable, if another session has the ID, the ID is malformed, or a
// limit is exceeded. Every other error wraps [jwtauth.ErrUnavailable] and
// contains the text of the client's error, but does not wrap it. The change may
// have happened or not. If the context has ended, the error also wraps the
// context's error.
//
// Methods return at the deadline of their context; the client must be created
// with ContextTimeoutEnabled for that. If the context is canceled during a
// call, the method returns when the server responds, or at the deadline, or
// after the client's ReadTimeout.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
)

// Options configures [New]. The zero value is valid.
type Options struct {
	// Prefix is the start of every key. Services that share a database must
	// have different prefixes (see "Several services"). It consists of at most
	// 128 printable ASCII characters without spaces and braces, because braces
	// select the slot of a key in a Cluster. Default "jwtauth:".
	Prefix string
}

const maxPrefixBytes = 128

// Store is a [jwtauth.SessionStore] in Redis. Create one with [New]. It is safe
// for concurrent use, also by several processes.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ jwtauth.SessionStore = (*Store)(nil)

// New returns a store that uses client. It does not connect to the server. The
// caller closes client; the store itself needs no Close.
//
// New returns an error in these cases:
//
//   - client is nil, or Options.Prefix is invalid.
//   - client is a [redis.Ring] or a type that embeds one (see "Clients").
//   - client was created without ContextTimeoutEnabled, because calls would
//     then ignore the deadline of their context. That setting is checked for
//     the client types of go-redis only.
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	var faults []error
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		faults = append(faults, errors.New("jwtauth: redisstore.New: client is nil"))
	} else if isRing(client) {
		faults = append(faults, errors.New("jwtauth: redisstore.New: client is a redis.Ring. "+
			"If one of its servers fails, it uses another one, which reports active sessions as ended and loses logouts. "+
			"Use a redis.Client, with Sentinel or without, or a redis.ClusterClient"))
	} else if !keepsDeadlines(client) {
		faults = append(faults, errors.New("jwtauth: redisstore.New: client was created without ContextTimeoutEnabled and would ignore deadlines"))
	}
	if strings.ContainsAny(opts.Prefix, "{}") {
		faults = append(faults, errors.New("jwtauth: redisstore.Options.Prefix: contains a brace"))
	}
	if strings.ContainsFunc(opts.Prefix, func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, errors.New("jwtauth: redisstore.Options.Prefix: contains a space or a character that is not printable ASCII"))
	}
	if len(opts.Prefix) > maxPrefixBytes {
		faults = append(faults, fmt.Errorf("jwtauth: redisstore.Options.Prefix: %d bytes exceed the maximum of %d", len(opts.Prefix), maxPrefixBytes))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	prefix := opts.Prefix
	if prefix == "" {
		prefix = "jwtauth:"
	}
	return &Store{client: client, prefix: prefix}, nil
}

// keepsDeadlines reports whether the calls of client return at the deadline of
// their context.
func keepsDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}

// isRing reports whether client is a [redis.Ring] or embeds one. No other
// client of go-redis has a method SetAddrs.
func isRing(client redis.UniversalClient) bool {
	_, ok := client.(interface{ SetAddrs(map[string]string) })
	return ok
}

// key returns the key of the sessions with a tag. A Cluster selects the slot of
// the key by the text in braces.
func (s *Store) key(tag string) string { return s.prefix + "{" + tag + "}" }

// run runs a script on the key of a tag.
func (s *Store) run(ctx context.Context, script *redis.Script, tag string, args ...any) (any, error) {
	// The client checks the context only when it waits for a connection.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return script.Run(ctx, s.client, []string{s.key(tag)}, args...).Result()
}

// unavailable returns the error of a method whose script has failed. call is
// the name of the method.
func unavailable(ctx context.Context, call string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: redisstore: %s: %w", jwtauth.ErrUnavailable, call, ended)
	}
	return fmt.Errorf("%w: redisstore: %s: %v", jwtauth.ErrUnavailable, call, err)
}
