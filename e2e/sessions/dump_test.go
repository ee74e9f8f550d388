package sessions_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

// A copy of the store, however it was made, is useless: it contains no token
// and no secret part of one.
func TestDump(t *testing.T) {
	const logins = 100
	type dumped struct {
		place
		dump func(t *testing.T) []byte
	}
	for name, open := range map[string]func(t *testing.T) dumped{
		"postgres": func(t *testing.T) dumped {
			p := postgresPlace(t, servers.Shared(t, servers.PostgreSQL))
			return dumped{p, func(t *testing.T) []byte { return pgDump(t, strings.TrimPrefix(p.flag, "postgres:")) }}
		},
		"mariadb": func(t *testing.T) dumped {
			p := mariaPlace(t, servers.Shared(t, servers.MariaDB))
			return dumped{p, func(t *testing.T) []byte { return allRows(t, "mysql", strings.TrimPrefix(p.flag, "mysql:")) }}
		},
		"sqlite": func(t *testing.T) dumped {
			p := sqlitePlace(t)
			return dumped{p, func(t *testing.T) []byte { return files(t, strings.TrimPrefix(p.flag, "sqlite:")+"*") }}
		},
		"redis": func(t *testing.T) dumped { // its own server, because its log contains all databases
			p := redisPlace(t, servers.Start(t, servers.Redis))
			return dumped{p, func(t *testing.T) []byte { return allKeys(t, strings.TrimPrefix(p.flag, "redis:")) }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			s := newSetup()
			i := s.instance(t, p.open(t), 0)
			var issued []jwtauth.Tokens
			for n := range logins {
				tokens := login(t, i.url, fmt.Sprintf("user-%d", n), "secret")
				issued = append(issued, tokens)
				if n%2 == 0 {
					issued = append(issued, refresh(t, i.url, tokens.RefreshToken).tokens)
				}
			}
			dump := p.dump(t)
			for n := range logins { // the dump is complete
				if sid := read(t, issued[n].RefreshToken).SID; !bytes.Contains(dump, []byte(sid)) {
					t.Fatalf("the dump lacks session %s", sid)
				}
			}
			said := readings(dump)
			tried, valid := search(t, i, said)
			found := parts(said, issued)
			t.Logf("%d bytes after %d logins and %d refreshes: %d texts with the form of a token, %d verify; %d signatures or payloads of the %d tokens issued are in it",
				len(dump), logins, logins/2, tried, valid, found, 2*len(issued))
			if valid != 0 || found != 0 {
				t.Error("want none")
			}

			// The search finds a token that is there.
			dump = dump[:min(len(dump), 64<<10)]
			for _, token := range []string{issued[0].AccessToken, issued[0].RefreshToken} {
				for form, planted := range map[string]string{
					"plain": token, "hexadecimal": hex.EncodeToString([]byte(token)), "base64": base64.StdEncoding.EncodeToString([]byte(token)),
				} {
					with := readings(bytes.Join([][]byte{dump[:len(dump)/2], []byte(" " + planted + "\n"), dump[len(dump)/2:]}, nil))
					if _, valid := search(t, i, with); valid == 0 || parts(with, issued) == 0 {
						t.Errorf("a token that was put into the dump, %s, is not found", form)
					}
				}
			}
		})
	}
}

var bytea = regexp.MustCompile(`\\\\x([0-9a-f]+)`)

// pgDump returns the output of pg_dump, followed by its hexadecimal values in
// plain. Without that program it returns the rows.
func pgDump(t *testing.T, dsn string) []byte {
	t.Helper()
	program, err := exec.LookPath("pg_dump")
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump"); len(found) > 0 { // not a wrapper, and not older than the server
		program, err = slices.Max(found), nil
	}
	if err != nil {
		t.Log("there is no pg_dump: the rows in its place")
		return allRows(t, "pgx", dsn)
	}
	cmd := exec.CommandContext(t.Context(), program, "--dbname="+dsn)
	cmd.Stderr = t.Output()
	dump, err := cmd.Output()
	check(t, err)
	t.Logf("%s: %d bytes", program, len(dump))
	for _, value := range bytea.FindAllSubmatch(dump, -1) {
		plain, err := hex.DecodeString(string(value[1]))
		check(t, err)
		dump = fmt.Appendf(dump, "%s\n", plain)
	}
	return dump
}

// allRows returns each value of the table as the driver returns it, one per
// line.
func allRows(t *testing.T, driver, dsn string) []byte {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	check(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM jwtauth_sessions")
	check(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	check(t, err)
	var dump bytes.Buffer
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		check(t, rows.Scan(values...))
		for _, value := range values {
			fmt.Fprintf(&dump, "%s\n", *value.(*sql.RawBytes))
		}
	}
	check(t, rows.Err())
	return dump.Bytes()
}

func files(t *testing.T, pattern string) (all []byte) {
	t.Helper()
	list, err := filepath.Glob(pattern)
	check(t, err)
	for _, name := range list {
		text, err := os.ReadFile(name)
		check(t, err)
		all = append(all, text...)
	}
	return all
}

// allKeys returns the values of all keys in Redis, by DUMP and in plain, and
// the log of all commands.
func allKeys(t *testing.T, url string) (all []byte) {
	t.Helper()
	client := redisClient(t, url)
	for keys := client.Scan(t.Context(), 0, "*", 0).Iterator(); keys.Next(t.Context()); {
		dump, err := client.Dump(t.Context(), keys.Val()).Result()
		check(t, err)
		fields, err := client.HGetAll(t.Context(), keys.Val()).Result()
		check(t, err)
		all = fmt.Appendf(all, "%s\n%s\n", keys.Val(), dump)
		for field, value := range fields {
			all = fmt.Appendf(all, "%s\n%s\n", field, value)
		}
	}
	until(t, "the log is written", func() bool {
		info, err := client.Info(t.Context(), "persistence").Result()
		return err == nil && strings.Contains(info, "aof_buffer_length:0")
	})
	log, err := os.ReadFile(appendOnlyLog(t, client))
	check(t, err)
	return append(all, log...)
}

var (
	dotted  = regexp.MustCompile(`[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2,}`)
	encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}`)
)

// readings returns a dump as it is, and its longer hexadecimal and base64 texts
// decoded.
func readings(dump []byte) [][]byte {
	list := [][]byte{dump}
	for _, text := range encoded.FindAll(dump, -1) {
		if plain, err := hex.DecodeString(string(text)); err == nil {
			list = append(list, plain)
		}
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for from := range min(4, len(text)) { // the value may begin in the middle of the match
				part := text[from:]
				if len(part)%4 == 1 { // no base64 text has this length
					part = part[:len(part)-1]
				}
				if plain, err := e.DecodeString(string(part)); err == nil {
					list = append(list, plain)
				}
			}
		}
	}
	return list
}

// search tries every text of a dump that has the form of a token, in every way
// that the service accepts one.
func search(t *testing.T, i instance, said [][]byte) (tried, valid int) {
	t.Helper()
	ctx := t.Context()
	for _, reading := range said {
		for _, text := range dotted.FindAllString(string(reading), -1) {
			segments := strings.Split(text, ".")
			for n := range len(segments) - 2 {
				tried++
				if verifies(ctx, i, strings.Join(segments[n:n+3], ".")) {
					valid++
				}
			}
		}
	}
	return tried, valid
}

func verifies(ctx context.Context, i instance, token string) bool {
	_, access := i.VerifyToken(ctx, token)
	_, live := i.live.VerifyToken(ctx, token)
	_, refresh := i.Refresh(ctx, token)
	return access == nil || live == nil || refresh == nil
}

// parts counts the payloads and signatures of tokens in a dump. Headers are no
// secret and all alike.
func parts(said [][]byte, issued []jwtauth.Tokens) (n int) {
	const first = 12 // number of bytes to look a part up
	begin := map[[first]byte][][]byte{}
	for _, tokens := range issued {
		for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} {
			for _, segment := range strings.Split(token, ".")[1:] {
				plain, _ := base64.RawURLEncoding.DecodeString(segment)
				for _, part := range [][]byte{[]byte(segment), plain} {
					begin[[first]byte(part)] = append(begin[[first]byte(part)], part)
				}
			}
		}
	}
	for _, reading := range said {
		for at := range max(0, len(reading)-first+1) {
			for _, part := range begin[[first]byte(reading[at:at+first])] {
				if bytes.HasPrefix(reading[at:], part) {
					n++
				}
			}
		}
	}
	return n
}
