package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// BenchmarkRotate measures a rotation through each store, and the same
// statement or script with only the driver, prepared if that is faster. "both"
// alternates between them, so that other load on the machine slows both. It
// prints the store's rate in percent of the raw rate and fails below 80.
func BenchmarkRotate(b *testing.B) {
	for _, d := range databases {
		b.Run("store="+d.name+"/op=rotate", func(b *testing.B) {
			db := d.open(b)
			store := d.on(b, db)
			first, second := session("ada"), session("ada")
			create(b, store, first, second)
			benchmarkRotate(b, throughStore(store, first), rawSQL(b, db, d.dialect, second))
		})
	}
	b.Run("store=redis/op=rotate", func(b *testing.B) {
		client := redisClient(b, servers.Shared(b, servers.Redis))
		spy := &swapSpy{}
		client.AddHook(spy)
		store := redisStore(b, client)
		first, second := session("ada"), session("ada")
		create(b, store, first, second)
		benchmarkRotate(b, throughStore(store, first), rawRedis(b, client, spy, store, second))
	})
}

const (
	leastPercent = 80
	fewestRounds = 10 // of which the median says something
)

// rotation rotates a session once more. Its context has a deadline, like those
// of an issuer.
type rotation func(ctx context.Context) error

func benchmarkRotate(b *testing.B, store, raw rotation) {
	run := func(b *testing.B, rotate rotation) {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		defer cancel()
		if err := rotate(ctx); err != nil {
			b.Fatal(err)
		}
	}
	for _, impl := range []struct {
		name   string
		rotate rotation
	}{{"store", store}, {"raw", raw}} {
		b.Run("impl="+impl.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run(b, impl.rotate)
			}
		})
	}
	b.Run("impl=both", func(b *testing.B) {
		var percents []float64 // one of each round
		for b.Loop() {
			var took [2]time.Duration
			for i, rotate := range []rotation{store, raw} {
				begin := time.Now()
				for range 20 {
					run(b, rotate)
				}
				took[i] = time.Since(begin)
			}
			percents = append(percents, 100*float64(took[1])/float64(took[0]))
		}
		// The median: other load or a checkpoint slows a few rounds.
		slices.Sort(percents)
		percent := percents[len(percents)/2]
		b.ReportMetric(percent, "%raw")
		if len(percents) >= fewestRounds && percent < leastPercent {
			b.Errorf("%.0f %% of the driver's own rate, the median of %d rounds; at least %d are wanted", percent, len(percents), leastPercent)
		}
	})
}

func throughStore(store jwtauth.SessionStore, s jwtauth.Session) rotation {
	return func(ctx context.Context) error {
		next := rotated(s)
		won, err := store.Swap(ctx, s, next, next.RotatedAt)
		if err == nil && !won {
			err = fmt.Errorf("generation %d: lost", s.Generation)
		}
		s = next
		return err
	}
}

func rawSQL(b *testing.B, db *sql.DB, dialect sqlstore.Dialect, s jwtauth.Session) rotation {
	var text strings.Builder
	text.WriteString("UPDATE jwtauth_sessions SET ")
	columns := []string{"revision", "generation", "auth_time", "rotated_at", "expires_at", "label", "attributes"}
	n := 0
	list := func(separator string, names ...string) {
		for i, name := range names {
			n++
			if i > 0 {
				text.WriteString(separator)
			}
			if text.WriteString(name); dialect == sqlstore.PostgreSQL {
				fmt.Fprintf(&text, "$%d", n)
			} else {
				text.WriteString("?")
			}
		}
	}
	equal := func(columns []string) []string {
		var names []string
		for _, column := range columns {
			names = append(names, column+" = ")
		}
		return names
	}
	list(", ", equal(columns)...)
	text.WriteString(" WHERE ")
	list(" AND ", append([]string{"id = ", "expires_at > "}, equal(columns)...)...)
	exec := func(ctx context.Context, args ...any) (sql.Result, error) {
		return db.ExecContext(ctx, text.String(), args...)
	}
	if dialect != sqlstore.PostgreSQL {
		prepared, err := db.PrepareContext(b.Context(), text.String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = prepared.Close() })
		exec = prepared.ExecContext
	}
	id := []byte(s.ID)
	mutable := func(s jwtauth.Session) []any {
		return []any{s.Revision, s.Generation, s.AuthTime.UnixMilli(), s.RotatedAt.UnixMilli(), s.ExpiresAt.UnixMilli(),
			[]byte(s.Label), []byte(s.Attributes)}
	}
	return func(ctx context.Context) error {
		next := rotated(s)
		result, err := exec(ctx, slices.Concat(mutable(next), []any{id, next.RotatedAt.UnixMilli()}, mutable(s))...)
		if err != nil {
			return err
		}
		s = next
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%d rows, %w", n, err)
		}
		return nil
	}
}

// rawRedis calls the script of the store. It learns the script from a call of
// the store.
func rawRedis(b *testing.B, client *redis.Client, spy *swapSpy, store jwtauth.SessionStore, s jwtauth.Session) rotation {
	spy.on = true
	next := rotated(s)
	if won, err := store.Swap(b.Context(), s, next, next.RotatedAt); !won || err != nil {
		b.Fatal(won, err)
	}
	spy.on = false // no further cost for the store
	s = next
	sha, key := spy.args[1].(string), spy.args[3].(string) // evalsha SHA 1 KEY id row …
	return func(ctx context.Context) error {
		next := rotated(s)
		won, err := client.EvalSha(ctx, sha, []string{key}, s.ID, redisRow(s), redisRow(next),
			next.RotatedAt.UnixMilli(), next.ExpiresAt.Sub(next.RotatedAt).Milliseconds()).Int()
		if err == nil && won != 1 {
			err = fmt.Errorf("generation %d: lost", s.Generation)
		}
		s = next
		return err
	}
}

// redisRow returns a session in the form of redisstore.
func redisRow(s jwtauth.Session) string {
	return fmt.Sprint(s.Revision, " ", s.Generation, " ", s.RotatedAt.UnixMilli(), " ", s.ExpiresAt.UnixMilli(), " ",
		s.AuthTime.UnixMilli(), " ", s.CreatedAt.UnixMilli(), " ", s.EndsAt.UnixMilli(), " ",
		len(s.Subject), " ", len(s.Label), " ", s.Subject, s.Label, s.Attributes)
}

// swapSpy records the arguments of the last script call.
type swapSpy struct {
	on   bool
	args []any
}

func (s *swapSpy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *swapSpy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s.on && cmd.Name() == "evalsha" {
			s.args = cmd.Args()
		}
		return next(ctx, cmd)
	}
}

func (s *swapSpy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
