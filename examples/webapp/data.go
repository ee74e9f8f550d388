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
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// tokenKey returns the key in TOKEN_SECRET or, if that is empty, the key in the
// data folder. It creates that key if necessary.
func tokenKey(folder string) (jwtauth.Key, error) {
	if os.Getenv("TOKEN_SECRET") != "" {
		return jwtauth.KeyFromEnv("TOKEN_SECRET")
	}
	secret, err := secretIn(folder, "token.key")
	if err != nil {
		return jwtauth.Key{}, err
	}
	key, err := jwtauth.NewKey(jwtauth.HS256, secret)
	if err != nil {
		return jwtauth.Key{}, fmt.Errorf("token.key: %w", err)
	}
	return key, nil
}

// secretIn returns the secret in a file of a folder. It creates both if
// necessary.
func secretIn(folder, name string) ([]byte, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecret(path)
	}
	return secret, err
}

// newSecret creates a file that only its owner can read. The file gets its name
// when it is complete, so a crash leaves no partial key, and two processes that
// start at once use the same key.
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

// newGuard limits the guesses at the password of one account. Browsers in which
// the user has signed in before are not affected.
func newGuard(folder string, store guard.Store, c config, log *slog.Logger) (*guard.Guard, error) {
	secret, err := secretIn(folder, "device.key")
	if err != nil {
		return nil, err
	}
	return guard.New(guard.Options{
		Secret:       secret,
		Store:        store,
		CookieName:   "webapp-device",
		InsecureHTTP: c.insecureHTTP,
		OnEvent: func(_ context.Context, e guard.Event) {
			log.Warn("guard", "event", e.Kind, "account", e.Account, "err", e.Err)
		},
	})
}

const maxConnections = 4

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
	// The default pool has no upper limit and keeps only two idle connections.
	// SQLite has one writer at a time, so a few connections are enough.
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
	if err == nil {
		err = errors.Join(store.Migrate(ctx), store.Attempts().Migrate(ctx))
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, store, nil
}

// cleanUp removes expired sessions and old attempts every ten minutes.
func cleanUp(ctx context.Context, log *slog.Logger, store *sqlstore.Store, attempts *sqlstore.Attempts) {
	ticker := time.NewTicker(10 * time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := store.Cleanup(ctx, time.Now(), 10_000); err != nil {
			log.Warn("removing expired sessions failed", "err", err)
		}
		if _, err := attempts.Cleanup(ctx, time.Now(), 10_000); err != nil {
			log.Warn("removing old attempts failed", "err", err)
		}
	}
}
