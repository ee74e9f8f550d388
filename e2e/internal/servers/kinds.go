package servers

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Kind is a kind of server: [PostgreSQL], [MariaDB] or [Redis].
type Kind struct {
	name      string
	program   string
	folders   []string // searched after PATH
	user      string   // its user if the tests run as root; "" for root
	interrupt os.Signal

	setup func(program, dir string) []string // creates its data; may be nil
	args  func(dir, port string) []string
	ping  func(ctx context.Context, addr string) error

	driver   string // of database/sql
	database string // exists from the start
	dsn      func(addr, database string) string
}

// The servers do not wait for the disk, because a killed process does not lose
// the data in the caches of the system. Tests of durability change that on the
// command line.

// PostgreSQL has a superuser "postgres" without a password.
var PostgreSQL = &Kind{
	name:      "postgres",
	program:   "postgres",
	folders:   []string{"/usr/lib/postgresql/*/bin"},
	user:      "postgres",
	interrupt: os.Interrupt, // a fast shutdown: does not wait for clients
	setup: func(program, dir string) []string {
		return []string{filepath.Join(filepath.Dir(resolved(program)), "initdb"), "--pgdata", filepath.Join(dir, "data"),
			"--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"}
	},
	args: func(dir, port string) []string {
		return []string{"-D", filepath.Join(dir, "data"), "-p", port, "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=200"}
	},
	ping:     pingSQL("pgx", postgresDSN, "postgres"),
	driver:   "pgx",
	database: "postgres",
	dsn:      postgresDSN,
}

func postgresDSN(addr, database string) string {
	return "postgres://postgres@" + addr + "/" + database + "?sslmode=disable"
}

// MariaDB has a user "root" without a password.
var MariaDB = &Kind{
	name:      "mariadb",
	program:   "mariadbd",
	folders:   []string{"/usr/sbin", "/usr/local/sbin"},
	user:      "mysql",
	interrupt: syscall.SIGTERM,
	setup: func(_, dir string) []string {
		return []string{"mariadb-install-db", "--no-defaults", "--datadir=" + filepath.Join(dir, "data"),
			"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
			"--innodb-log-file-size=16M", "--innodb-flush-method=nosync"}
	},
	args: func(dir, port string) []string {
		return []string{"--no-defaults", "--datadir=" + filepath.Join(dir, "data"), "--port=" + port, "--bind-address=127.0.0.1",
			"--socket=" + filepath.Join(dir, "socket"), "--pid-file=" + filepath.Join(dir, "pid"), "--skip-name-resolve",
			"--innodb-log-file-size=16M", "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=64M", "--max-connections=200"}
	},
	ping:     pingSQL("mysql", mariaDSN, "mysql"),
	driver:   "mysql",
	database: "mysql",
	dsn:      mariaDSN,
}

func mariaDSN(addr, database string) string { return "root@tcp(" + addr + ")/" + database }

// Redis has no password. It writes a log of its commands (appendonly) and no
// snapshots.
var Redis = &Kind{
	name:      "redis",
	program:   "redis-server",
	interrupt: syscall.SIGTERM,
	args: func(dir, port string) []string {
		return []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes",
			"--appendfsync", "everysec", "--maxmemory-policy", "noeviction"}
	},
	ping: pingRedis,
	dsn:  func(addr, database string) string { return "redis://" + addr + "/" + database },
}

// find returns the path of a program on PATH or in the folders, or "". If
// several folders match, it returns the last one, which has the newest version.
func find(program string, folders []string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, program))
		if len(found) > 0 {
			return slices.Max(found)
		}
	}
	return ""
}

// resolved follows the links to a program. Its companions are in that folder.
func resolved(program string) string {
	if path, err := filepath.EvalSymlinks(program); err == nil {
		return path
	}
	return program
}

func pingSQL(driver string, dsn func(addr, database string) string, database string) func(context.Context, string) error {
	return func(ctx context.Context, addr string) error {
		db, err := sql.Open(driver, dsn(addr, database))
		if err != nil {
			return err
		}
		defer db.Close()
		return db.PingContext(ctx)
	}
}

// pingRedis also fails on the reply "LOADING" of a server that is reading its
// log.
func pingRedis(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(startTimeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("the reply to PING is %q", line)
	}
	return err
}
