package redisstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/redisstore"
)

var when = time.UnixMilli(1_800_000_000_000).UTC()

func newSession(subject string) jwtauth.Session {
	return jwtauth.Session{
		ID: jwtauth.SubjectTag(subject) + "-1", Subject: subject, Generation: 1,
		CreatedAt: when, AuthTime: when, RotatedAt: when, ExpiresAt: when.Add(time.Hour), EndsAt: when.Add(2 * time.Hour),
	}
}

// server is a fake Redis server that passes every command to respond. The e2e
// module tests the store with real servers.
type server struct {
	mu      sync.Mutex
	sent    [][]any
	respond func(cmd *redis.Cmd)
}

func (s *server) DialHook(redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("the test uses no network")
	}
}

func (s *server) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		s.mu.Lock()
		s.sent = append(s.sent, cmd.Args())
		s.mu.Unlock()
		s.respond(cmd.(*redis.Cmd))
		return cmd.Err()
	}
}

func (s *server) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (s *server) store(t *testing.T) *redisstore.Store {
	t.Helper()
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(s)
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func calls(store jwtauth.SessionStore, s jwtauth.Session) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"create":         func(ctx context.Context) error { return store.Create(ctx, s) },
		"load":           func(ctx context.Context) error { _, err := store.Load(ctx, s.ID, when); return err },
		"swap":           func(ctx context.Context) error { _, err := store.Swap(ctx, s, s, when); return err },
		"delete":         func(ctx context.Context) error { return store.Delete(ctx, s.ID) },
		"delete subject": func(ctx context.Context) error { return store.DeleteSubject(ctx, s.Subject) },
		"list":           func(ctx context.Context) error { _, err := store.List(ctx, s.Subject, when); return err },
	}
}

func TestNewNamesAllFaults(t *testing.T) {
	_, err := redisstore.New(nil, redisstore.Options{Prefix: strings.Repeat("{", 129)})
	for _, part := range []string{"client is nil", "Prefix: contains a brace", "129 bytes exceed the maximum of 128"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v; want %q", err, part)
		}
	}
}

func TestNewRefusesNilPointers(t *testing.T) {
	for _, client := range []redis.UniversalClient{(*redis.Client)(nil), (*redis.ClusterClient)(nil), (*redis.Ring)(nil), (*redisClient)(nil)} {
		if _, err := redisstore.New(client, redisstore.Options{}); err == nil || !strings.Contains(err.Error(), "client is nil") {
			t.Errorf("%T: %v; want \"client is nil\"", client, err)
		}
	}
}

// redisClient is a client type that is not part of go-redis.
type redisClient struct{ redis.UniversalClient }

func TestNewRequiresContextTimeout(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		for _, client := range []redis.UniversalClient{
			redis.NewClient(&redis.Options{ContextTimeoutEnabled: keeps}),
			redis.NewClusterClient(&redis.ClusterOptions{ContextTimeoutEnabled: keeps}),
			redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: keeps}),
			redis.NewFailoverClient(&redis.FailoverOptions{ContextTimeoutEnabled: keeps}),
		} {
			if _, err := redisstore.New(client, redisstore.Options{}); keeps != (err == nil) {
				t.Errorf("%T with ContextTimeoutEnabled %v: %v", client, keeps, err)
			}
			_ = client.Close()
		}
	}
}

// Each operation is one EVALSHA on one key, which contains the subject's tag in
// braces. A client sends EVALSHA to the primary, even if it reads from
// replicas.
func TestOneScriptOnOneKey(t *testing.T) {
	key := "jwtauth:{" + jwtauth.SubjectTag("ada") + "}"
	for name := range calls(nil, newSession("ada")) {
		srv := &server{respond: func(cmd *redis.Cmd) { cmd.SetVal(int64(1)) }}
		_ = calls(srv.store(t), newSession("ada"))[name](t.Context())
		if len(srv.sent) != 1 {
			t.Errorf("%s: sent %d commands", name, len(srv.sent))
			continue
		}
		if args := srv.sent[0]; args[0] != "evalsha" || args[2] != 1 || args[3] != key {
			t.Errorf("%s: sent %v; want evalsha with the only key %s", name, args[:4], key)
		}
	}
}

// Errors contain the text of the client's error and do not wrap it. They wrap
// the error of the context.
func TestErrors(t *testing.T) {
	broken := errors.New("LOADING bad things")
	store := (&server{respond: func(cmd *redis.Cmd) { cmd.SetErr(broken) }}).store(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(store, newSession("ada")) {
		err := call(t.Context())
		if !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, broken) || !strings.Contains(err.Error(), "redisstore: "+name+": LOADING bad things") {
			t.Errorf("%s: %v; want ErrUnavailable with the client's text, not its error", name, err)
		}
		if err := call(over); !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context: %v; want ErrUnavailable and its error", name, err)
		}
	}
}

// A value that is not a row is reported as ErrUnavailable, not as an ended
// session.
func TestForeignRows(t *testing.T) {
	for _, row := range []any{"", "1 2 3", "1 2 3 4 5 6 9 ada", "1 2 3 4 5 6 -1 ada", "a b c d e f 3 ada", int64(1)} {
		store := (&server{respond: func(cmd *redis.Cmd) { cmd.SetVal(row) }}).store(t)
		if _, err := store.Load(t.Context(), newSession("ada").ID, when); !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, jwtauth.ErrSessionEnded) {
			t.Errorf("%v: %v; want ErrUnavailable", row, err)
		}
	}
}

// IDs come from requests. For an ID that no session can have, no command is
// sent.
func TestForeignIDs(t *testing.T) {
	tag := jwtauth.SubjectTag("ada")
	for _, id := range []string{"", "-", "cursor", tag, "{x}AAAAA-1", strings.ToLower(tag) + "-1", "A" + tag + "-1", tag[1:] + "-1",
		tag + "-" + strings.Repeat("x", 255-9+1)} {
		srv := &server{respond: func(cmd *redis.Cmd) { cmd.SetVal(int64(1)) }}
		store := srv.store(t)
		if _, err := store.Load(t.Context(), id, when); !errors.Is(err, jwtauth.ErrSessionEnded) {
			t.Errorf("Load of %q: %v; want ErrSessionEnded", id, err)
		}
		s := newSession("ada")
		s.ID = id
		if won, err := store.Swap(t.Context(), s, s, when); won || err != nil {
			t.Errorf("Swap of %q: %v, %v", id, won, err)
		}
		if err := store.Delete(t.Context(), id); err != nil {
			t.Errorf("Delete of %q: %v", id, err)
		}
		if err := store.Create(t.Context(), s); err == nil || errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("Create of %q: %v; want a permanent error", id, err)
		}
		if len(srv.sent) != 0 {
			t.Errorf("%q: sent %v", id, srv.sent)
		}
	}
	s := newSession("bob")
	s.ID = newSession("ada").ID
	if err := (&server{}).store(t).Create(t.Context(), s); err == nil {
		t.Error("Create accepts an ID with another subject's tag")
	}
}

func TestTextLimits(t *testing.T) {
	for _, test := range []struct {
		field string
		max   int
		set   func(*jwtauth.Session, string)
	}{
		{"ID", 255 - 9, func(s *jwtauth.Session, text string) { s.ID = jwtauth.SubjectTag("ada") + "-" + text }},
		{"Subject", 1024, func(s *jwtauth.Session, text string) { *s = newSession(text) }},
		{"Label", 128, func(s *jwtauth.Session, text string) { s.Label = text }},
		{"Attributes", 2048, func(s *jwtauth.Session, text string) { s.Attributes = text }},
	} {
		for extra, fits := range map[int]bool{0: true, 1: false} {
			s := newSession("ada")
			test.set(&s, strings.Repeat("x", test.max+extra))
			srv := &server{respond: func(cmd *redis.Cmd) { cmd.SetVal(int64(1)) }}
			err := srv.store(t).Create(t.Context(), s)
			if (err == nil) != fits || errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("%s, %d bytes too long: %v", test.field, extra, err)
			}
			if err != nil && !strings.Contains(err.Error(), "Session."+test.field+": ") {
				t.Errorf("%s: %v; want an error that names the field", test.field, err)
			}
			if len(srv.sent) > 0 != fits {
				t.Errorf("%s, %d bytes too long: sent %v", test.field, extra, srv.sent)
			}
		}
	}
}

func TestPrefixLimit(t *testing.T) {
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	defer client.Close()
	for size, fits := range map[int]bool{128: true, 129: false} {
		if _, err := redisstore.New(client, redisstore.Options{Prefix: strings.Repeat("x", size)}); (err == nil) != fits {
			t.Errorf("a prefix of %d bytes: %v", size, err)
		}
	}
}
