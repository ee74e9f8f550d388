package redisstore_test

import (
	"context"
	"errors"
	"net"
	"slices"
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
	respond func(cmd scriptCmd)
}

// scriptCmd is a command that runs a script.
type scriptCmd interface {
	redis.Cmder
	SetVal(any)
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
		if script, ok := cmd.(scriptCmd); ok { // else it is WATCH or UNWATCH
			s.respond(script)
		}
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
			redis.NewFailoverClient(&redis.FailoverOptions{ContextTimeoutEnabled: keeps}),
		} {
			if _, err := redisstore.New(client, redisstore.Options{}); keeps != (err == nil) {
				t.Errorf("%T with ContextTimeoutEnabled %v: %v", client, keeps, err)
			}
			_ = client.Close()
		}
	}
}

// ringWrapper is a client that adds methods to those of a Ring.
type ringWrapper struct{ *redis.Ring }

// A Ring distributes keys over servers that do not know each other. New says
// why that does not work.
func TestNewRefusesRing(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true})
	defer ring.Close()
	for _, client := range []redis.UniversalClient{ring, ringWrapper{ring}} {
		_, err := redisstore.New(client, redisstore.Options{})
		for _, part := range []string{"client is a redis.Ring", "reports active sessions as ended", "Use a redis.Client"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%T: %v; want %q", client, err, part)
			}
		}
	}
}

// Each operation is one EVALSHA on one key, which contains the subject's tag in
// braces. A client sends EVALSHA to the primary, even if it reads from
// replicas.
func TestOneScriptOnOneKey(t *testing.T) {
	key := "jwtauth:{" + jwtauth.SubjectTag("ada") + "}"
	for name := range calls(nil, newSession("ada")) {
		srv := &server{respond: func(cmd scriptCmd) { cmd.SetVal(int64(1)) }}
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
	store := (&server{respond: func(cmd scriptCmd) { cmd.SetErr(broken) }}).store(t)
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
		store := (&server{respond: func(cmd scriptCmd) { cmd.SetVal(row) }}).store(t)
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
		srv := &server{respond: func(cmd scriptCmd) { cmd.SetVal(int64(1)) }}
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
			srv := &server{respond: func(cmd scriptCmd) { cmd.SetVal(int64(1)) }}
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

func TestPrefix(t *testing.T) {
	client := redis.NewClient(&redis.Options{ContextTimeoutEnabled: true})
	defer client.Close()
	for prefix, fits := range map[string]bool{
		strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		"shop:sessions:": true, "!~": true, "a b": false, "a\n": false, "a\x7f": false, "é": false, "{a}": false, "a}": false,
	} {
		if _, err := redisstore.New(client, redisstore.Options{Prefix: prefix}); (err == nil) != fits {
			t.Errorf("the prefix %q: %v", prefix, err)
		}
	}
}

// For a hash that is too large to be read at once, List and DeleteSubject read
// pages on one connection that watches the key.
func TestPages(t *testing.T) {
	s, other := newSession("ada"), newSession("ada")
	other.ID += "2"
	row := "1 1 1800000000000 1800003600000 1800000000000 1800000000000 1800007200000 3 0 ada"
	replies := []any{
		"too large",
		[]any{"17", []any{s.ID, row, "cursor", "5"}},
		[]any{"3", []any{}},
		[]any{"0", []any{other.ID, row, s.ID, row}}, // the first one again
	}
	srv := &server{}
	var positions []any
	srv.respond = func(cmd scriptCmd) {
		if len(cmd.Args()) > 4 {
			positions = append(positions, cmd.Args()[4])
		}
		cmd.SetVal(replies[0])
		replies = replies[1:]
	}
	list, err := srv.store(t).List(t.Context(), "ada", when)
	if err != nil || len(list) != 2 || list[0].ID != s.ID || list[1].ID != other.ID {
		t.Errorf("List: %v, %v; want both sessions once", list, err)
	}
	if want := []any{"0", "17", "3"}; !slices.Equal(positions, want) {
		t.Errorf("positions %v, want %v", positions, want)
	}
	if name := srv.sent[1][0]; name != "watch" {
		t.Errorf("the command before the first page is %v, want watch", name)
	}
}

// If the connection is lost between two pages, the next one starts at the first
// page, at most three times.
func TestPagesStartAgain(t *testing.T) {
	for lost, fails := range map[int]bool{0: false, 2: false, 3: true} {
		left := lost
		var positions []any
		srv := &server{respond: func(cmd scriptCmd) {
			switch args := cmd.Args(); {
			case len(args) < 6:
				cmd.SetVal("too large")
			case args[4] == "0":
				positions = append(positions, "0")
				cmd.SetVal("9")
			case left > 0:
				left--
				cmd.SetErr(errors.New("MOVED 1 127.0.0.1:1"))
			default:
				cmd.SetVal("0")
			}
		}}
		err := srv.store(t).DeleteSubject(t.Context(), "ada")
		if errors.Is(err, jwtauth.ErrUnavailable) != fails || (err != nil) != fails {
			t.Errorf("lost %d times: %v; want an error: %v", lost, err, fails)
		}
		if want := min(lost+1, 3); len(positions) != want {
			t.Errorf("lost %d times: started %d times, want %d", lost, len(positions), want)
		}
	}
}

// A reply that is not a page is an error, not an end of the list.
func TestForeignPages(t *testing.T) {
	for _, reply := range []any{[]any{}, []any{"0"}, []any{int64(0), []any{}}, []any{"0", "x"}, "0"} {
		srv := &server{respond: func(cmd scriptCmd) {
			cmd.SetVal(reply)
			if len(cmd.Args()) < 5 {
				cmd.SetVal("too large")
			}
		}}
		if list, err := srv.store(t).List(t.Context(), "ada", when); len(list) > 0 || !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%v: %v, %v; want ErrUnavailable", reply, list, err)
		}
	}
}
