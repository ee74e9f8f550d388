// Package redisstore keeps sessions in Redis, from 6.0 on, or Valkey: one server, one with replicas and
// Sentinel, or a Cluster.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
//	…
//	store, err := redisstore.New(client, redisstore.Options{})
//	…
//	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
//
// All sessions of a subject are fields of one hash, "jwtauth:{TAG}", where TAG is the
// [jwtauth.SubjectTag] that their ids start with. (Subjects whose tags agree by chance share it.) Every operation is
// one script on that one key: atomic, without a look at other keys, and right in a Cluster
// while slots move, where a script that finds further keys by itself would take for ended
// what has just moved away. The key expires 5 minutes after the last of its sessions; each login removes some of those
// that have ended before.
//
// # What it promises
//
// A call that returned without an error was carried out by the primary: loads are scripts, too, and go there even from a client
// that is configured for reads from replicas. (But not from one that knows nothing but a replica, as with
// FailoverOptions.ReplicaOnly.) What is kept after that depends on the server:
//
//   - Without appendonly, a restart loses what came after the last snapshot. With appendonly yes
//     and appendfsync everysec, a crash of the machine loses about a second; of the process alone, at most what Redis was about to write. With
//     appendfsync always, nothing is lost.
//   - Replication is asynchronous: a failover loses the last moments, whatever the settings. Lost rotations
//     log nobody out: the issuer takes over the generation that a client holds. A lost login is a session that does not exist: its
//     client logs in again. A lost logout is a session that stands again, until it is ended once more or
//     its time is over.
//   - maxmemory-policy must be noeviction, else a server short of memory ends sessions. With it, logins and
//     refreshes fail with [jwtauth.ErrUnavailable] then, and logouts do not.
//
// When a session ends is judged by the clock of the service. A server's clock only removes keys, and may be wrong, but has to run
// steadily, and those of a primary and its replicas have to agree: Redis notes for each key the time at which it
// expires, so a clock that is set forward by more than those 5 minutes ends sessions, and so does a failover to a server
// whose clock is that far ahead. One that is set back keeps keys for longer, which ends nothing later.
//
// # Limits, concurrency, errors
//
// Any number of processes may use the same keys. Ids start with the subject's tag and "-", as an issuer makes them; ids have at most
// 255 bytes, subjects 1024, labels 128. An operation on all sessions of a subject takes the server time in proportion to their
// number: some thousands take it milliseconds.
//
// Load returns [jwtauth.ErrSessionEnded] where there is no session. Create refuses, with an error that is neither
// that nor ErrUnavailable, an id that is taken by another session or malformed, and what exceeds the limits. All
// else is [jwtauth.ErrUnavailable] with the client's text but not its error: what happened to the
// session is not known then. When the context is over, its error is wrapped, too.
//
// A call keeps to the deadline of its context, for which the client has to be made with ContextTimeoutEnabled. One that is cancelled
// under way returns when the server answers, or at the deadline, or after the client's ReadTimeout.
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

// Options are the options of a [Store]. The zero Options are ready for use.
type Options struct {
	// Prefix starts every key. It is at most 128 bytes long and holds no braces, which mark
	// what a Cluster places keys by. Default: "jwtauth:".
	Prefix string
}

const maxPrefixBytes = 128

// Store is a [jwtauth.SessionStore] on Redis, for any number of goroutines and processes at
// once. Make one with [New].
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ jwtauth.SessionStore = (*Store)(nil)

// New returns a store. It does not ask the server, and leaves the client open; the store needs no closing.
//
// The error names each fault: of opts, and of a client that was made without ContextTimeoutEnabled, which would not keep to
// the deadlines of its calls. (A client of a type that go-redis does not have is the caller's to check.)
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	var faults []error
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		faults = append(faults, errors.New("jwtauth: redisstore.New: client is nil"))
	} else if !keepsDeadlines(client) {
		faults = append(faults, errors.New("jwtauth: redisstore.New: client does not have ContextTimeoutEnabled: it would not keep to deadlines"))
	}
	if strings.ContainsAny(opts.Prefix, "{}") {
		faults = append(faults, errors.New("jwtauth: redisstore.Options.Prefix: holds a brace"))
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

func keepsDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	case *redis.Ring:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}

// key returns where the sessions with a tag are.
func (s *Store) key(tag string) string { return s.prefix + "{" + tag + "}" }

// run runs a script on the key of a tag.
func (s *Store) run(ctx context.Context, script *redis.Script, tag string, args ...any) (any, error) {
	if err := ctx.Err(); err != nil { // the client alone would look only where it has to wait for a connection
		return nil, err
	}
	return script.Run(ctx, s.client, []string{s.key(tag)}, args...).Result()
}

// unavailable is the one form in which trouble with the server leaves this package.
func unavailable(ctx context.Context, what string, err error) error {
	if over := ctx.Err(); over != nil {
		return fmt.Errorf("%w: redisstore: %s: %w", jwtauth.ErrUnavailable, what, over)
	}
	return fmt.Errorf("%w: redisstore: %s: %v", jwtauth.ErrUnavailable, what, err)
}
