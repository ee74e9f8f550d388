package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// StartPgBouncer starts a PgBouncer in transaction mode in front of a
// PostgreSQL server. It gives each database four connections of the server and
// uses them in turn, so that clients change connections often.
func StartPgBouncer(t testing.TB, server *Server) *Server {
	t.Helper()
	return Start(t, &Kind{
		name:      "pgbouncer",
		program:   "pgbouncer",
		folders:   []string{"/usr/sbin", "/usr/local/sbin"},
		user:      "postgres",
		interrupt: syscall.SIGTERM,
		args: func(dir, port string) []string {
			file := filepath.Join(dir, "pgbouncer.ini")
			text := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%s user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
server_round_robin = 1
ignore_startup_parameters = extra_float_digits
`, server.Port(), port)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Error(err)
			}
			return []string{file}
		},
		ping:   pingSQL("pgx", postgresDSN, "postgres"),
		driver: "pgx",
		dsn:    postgresDSN,
	})
}
