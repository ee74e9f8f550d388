package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// bulkStore is a store that can be filled quickly.
type bulkStore struct {
	jwtauth.SessionStore
	fill func(ctx context.Context, n int) error // adds n sessions
}

// liveStores are the stores of BenchmarkLive. start starts a server that ends
// with the benchmark, so that it does not disturb the next one. The function
// that start returns opens an empty store with a name of its own.
var liveStores = []struct {
	name  string
	start func(b *testing.B) (open func(b *testing.B, name int) bulkStore)
}{
	{"memory", func(*testing.B) func(*testing.B, int) bulkStore { return bulkMemory }},
	{"sqlite", startBulkSQL(sqlite)},
	{"postgres", startBulkSQL(postgres)},
	{"mariadb", startBulkSQL(mariadb, "--innodb-buffer-pool-size=512M")},
	{"redis", startBulkRedis},
}

func bulkMemory(*testing.B, int) bulkStore {
	store := memstore.New()
	return bulkStore{store, func(ctx context.Context, n int) error {
		for i := range n {
			if err := store.Create(ctx, session(filler(i))); err != nil {
				return err
			}
		}
		return nil
	}}
}

// filler returns the subject of a session that is not active.
func filler(i int) string { return fmt.Sprint("filler-", i) }

func startBulkRedis(b *testing.B) func(*testing.B, int) bulkStore {
	// A log of the commands would only matter to the filling.
	client := redisClient(b, servers.Start(b, servers.Redis, "--appendonly", "no"))
	return func(b *testing.B, name int) bulkStore {
		prefix := fmt.Sprint(name, ":")
		store, err := redisstore.New(client, redisstore.Options{Prefix: prefix})
		if err != nil {
			b.Fatal(err)
		}
		return bulkStore{store, func(ctx context.Context, n int) error {
			var last jwtauth.Session
			for i := 0; i < n; {
				_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
					for end := min(i+5000, n); i < end; i++ {
						last = session(filler(i))
						key := prefix + "{" + jwtauth.SubjectTag(last.Subject) + "}"
						p.HSet(ctx, key, last.ID, redisRow(last))
						p.PExpireAt(ctx, key, last.ExpiresAt)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			if got, err := store.Load(ctx, last.ID, now()); got != last || err != nil {
				return fmt.Errorf("the store loads %+v, %v; want %+v", got, err, last)
			}
			return nil
		}}
	}
}

func startBulkSQL(d database, args ...string) func(b *testing.B) func(*testing.B, int) bulkStore {
	return func(b *testing.B) func(*testing.B, int) bulkStore {
		var db *sql.DB
		if d.kind == nil {
			db = d.open(b)
		} else {
			server := servers.Start(b, d.kind, args...)
			db = server.Open(b, server.NewDatabase(b))
		}
		return func(b *testing.B, name int) bulkStore {
			table := fmt.Sprint("sessions_", name)
			store, err := sqlstore.New(db, d.dialect, sqlstore.Options{Table: table})
			if err != nil {
				b.Fatal(err)
			}
			if err := store.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			return bulkStore{store, func(ctx context.Context, n int) error {
				return fillSQL(ctx, db, bulkDialects[d.dialect], table, n)
			}}
		}
	}
}

// bulkDialect holds the expressions that the databases do not share.
type bulkDialect struct {
	numbers string // a table of the numbers i up to %d
	text    string // the type of a column, from the text %s
	random  string // a text that is unique
	settle  string // does later work now, for the table %s
}

var bulkDialects = map[sqlstore.Dialect]bulkDialect{
	sqlstore.PostgreSQL: {
		numbers: "generate_series(1, %d) AS numbers(i)",
		text:    "convert_to(%s, 'UTF8')",
		random:  "md5(CAST(i AS TEXT))",
		settle:  "VACUUM ANALYZE %s",
	},
	sqlstore.MySQL: {
		numbers: "(SELECT seq AS i FROM seq_1_to_%d) AS numbers",
		text:    "%s",
		random:  "md5(i)",
		settle:  "ANALYZE TABLE %s",
	},
	sqlstore.SQLite: {
		numbers: "(WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d) SELECT i FROM numbers)",
		text:    "CAST(%s AS BLOB)",
		random:  "lower(hex(randomblob(16)))",
		settle:  "PRAGMA wal_checkpoint(TRUNCATE) /* %s */",
	},
}

// fillSQL adds n copies of a session with random IDs and subjects. They are
// added in the order of their IDs, which is faster.
func fillSQL(ctx context.Context, db *sql.DB, d bulkDialect, table string, n int) error {
	s := session("filler")
	unique := fmt.Sprintf(d.text, d.random)
	_, err := db.ExecContext(ctx, fmt.Sprintf(`
INSERT INTO %s (id, subject, label, generation, created_at, auth_time, rotated_at, expires_at, ends_at)
SELECT %s, %s, %s, %d, %d, %d, %d, %d, %d FROM %s ORDER BY 1`,
		table, unique, unique, fmt.Sprintf(d.text, "'"+s.Label+"'"), s.Generation,
		s.CreatedAt.UnixMilli(), s.AuthTime.UnixMilli(), s.RotatedAt.UnixMilli(), s.ExpiresAt.UnixMilli(), s.EndsAt.UnixMilli(),
		fmt.Sprintf(d.numbers, n)))
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf(d.settle, table)); err != nil {
		return err
	}
	var count int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&count); err != nil || count != n {
		return fmt.Errorf("the table has %d rows, %v; want %d", count, err, n)
	}
	return nil
}
