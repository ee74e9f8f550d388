package stores_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// Two services share a database. With a table or a prefix of its own, neither
// sees or ends the sessions of the other one, even if subjects and IDs are
// equal.
func TestServicesShareDatabase(t *testing.T) {
	type pair struct{ shop, forum jwtauth.SessionStore }
	pairs := make(map[string]func(t *testing.T) pair)
	for _, d := range databases {
		pairs[d.name] = func(t *testing.T) pair {
			db := d.open(t)
			open := func(table string) jwtauth.SessionStore {
				store, err := sqlstore.New(db, d.dialect, sqlstore.Options{Table: table})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if err := store.Migrate(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				return store
			}
			return pair{open("shop"), open("order")} // the latter is a word of SQL
		}
	}
	pairs["redis"] = func(t *testing.T) pair {
		client := redisClient(t, servers.Shared(t, servers.Redis))
		open := func(prefix string) jwtauth.SessionStore {
			store, err := redisstore.New(client, redisstore.Options{Prefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
		return pair{open("services-shop:"), open("services-forum:")}
	}
	for name, open := range pairs {
		t.Run(name, func(t *testing.T) {
			p := open(t)
			s := session("42")
			create(t, p.shop, s)
			if list, err := p.forum.List(t.Context(), "42", now()); len(list) != 0 || err != nil {
				t.Errorf("the other service lists %v, %v", list, err)
			}
			create(t, p.forum, s)
			if won, err := p.forum.Swap(t.Context(), s, rotated(s), now()); !won || err != nil {
				t.Errorf("Swap: %v, %v", won, err)
			}
			if err := p.forum.Delete(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			if err := p.forum.DeleteSubject(t.Context(), "42"); err != nil {
				t.Fatal(err)
			}
			if got, err := p.shop.Load(t.Context(), s.ID, now()); err != nil || got != s {
				t.Errorf("after changes by the other service: %v, %v; want %v", got, err, s)
			}
			if err := p.shop.DeleteSubject(t.Context(), "42"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A subject has more sessions than a page of List or a step of DeleteSubject.
func TestManySessions(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t)
			create(t, store, session("bob"))
			created := createMany(t, store, "ada", 2100)
			wantAll(t, store, "ada", created)
			if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			wantAll(t, store, "ada", nil)
			if list, err := store.List(t.Context(), "bob", now()); len(list) != 1 || err != nil {
				t.Errorf("another subject: %v, %v", list, err)
			}
		})
	}
}
