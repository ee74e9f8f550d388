package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// tokenKey returns the key in TOKEN_SECRET, else the one in the data folder, where it makes one if there is none.
func tokenKey(folder string) (jwtauth.Key, error) {
	if os.Getenv("TOKEN_SECRET") != "" {
		return jwtauth.KeyFromEnv("TOKEN_SECRET")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return jwtauth.Key{}, err
	}
	path := filepath.Join(folder, "token.key")
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret, err = newSecret(path)
	}
	if err != nil {
		return jwtauth.Key{}, err
	}
	key, err := jwtauth.NewKey(jwtauth.HS256, secret)
	if err != nil {
		return jwtauth.Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// newSecret makes a file that its owner alone can read. It appears under its name when it is complete: a
// crash leaves no half of a key, and of two processes that start at once, both use the same one.
func newSecret(path string) ([]byte, error) {
	secret := []byte(rand.Text() + rand.Text())                   // 260 bits
	file, err := os.CreateTemp(filepath.Dir(path), "token.key.*") // 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(secret)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

func openSessions(ctx context.Context, folder string) (*sql.DB, *sqlstore.Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, err
	}
	name := url.URL{Scheme: "file", Opaque: url.PathEscape(filepath.ToSlash(filepath.Join(folder, "sessions.db")))}
	name.RawQuery = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.New(db, sqlstore.SQLite)
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, store, nil
}

// cleanUp removes sessions that have ended by themselves, now and then.
func cleanUp(ctx context.Context, log *slog.Logger, store *sqlstore.Store) {
	ticker := time.NewTicker(10 * time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := store.Cleanup(ctx, time.Now(), 10_000); err != nil {
			log.Warn("sessions are not cleaned up", "err", err)
		}
	}
}
