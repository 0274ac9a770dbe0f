// Package pgtest starts a private PostgreSQL for tests from the binaries that the machine has: a unix socket in a
// temporary folder, no port, no password, no fsync. The tests of store/postgres and of hosted call it.
package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// binaries are where distributions install the server.
var binaries = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin"}

// Server is a running server.
type Server struct {
	socket    string
	databases atomic.Int32
}

// Tool is the path of a program that comes with the server, "" if it is not installed.
func (s *Server) Tool(name string) string {
	path := filepath.Join(find(), name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// URL names a database of the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@/%s?host=%s&sslmode=disable", database, s.socket)
}

// Run starts a server, calls fn with it and stops it. fn gets nil where PostgreSQL is not installed.
func Run(fn func(*Server) int) int {
	bin := find()
	if bin == "" {
		return fn(nil)
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	cred, err := owner(dir)
	if err != nil {
		return failed(err)
	}
	command := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
		c.Dir, c.SysProcAttr = dir, &syscall.SysProcAttr{Credential: cred, Pdeathsig: syscall.SIGKILL}
		c.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		return c
	}
	data := filepath.Join(dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := command(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		return failed(fmt.Errorf("initdb: %w\n%s", err, out))
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return failed(err)
	}
	defer log.Close()
	server := command(context.Background(), "postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "autovacuum=off")
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		return failed(err)
	}
	defer func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // at once; the data is thrown away
		_ = server.Wait()
	}()
	for command(ctx, "pg_isready", "-q", "-h", dir).Run() != nil {
		if ctx.Err() != nil {
			text, _ := os.ReadFile(log.Name())
			return failed(fmt.Errorf("server does not start:\n%s", text))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fn(&Server{socket: dir})
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "pgtest:", err)
	return 1
}

func find() string {
	for _, pattern := range binaries {
		found, _ := filepath.Glob(filepath.Join(pattern, "initdb"))
		if len(found) > 0 {
			return filepath.Dir(slices.Max(found))
		}
	}
	return ""
}

// owner gives the folder to a user that PostgreSQL may run as: it refuses to run as root.
func owner(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("root cannot run PostgreSQL, and there is no user postgres or nobody")
}

// Database makes an empty database and answers its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return s.database(t, "template1")
}

// Copy makes a copy of a database that nobody is connected to, and answers its URL.
func (s *Server) Copy(t testing.TB, of string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, strings.TrimPrefix(u.Path, "/"))
}

func (s *Server) database(t testing.TB, template string) string {
	t.Helper()
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	return s.URL(name)
}

// Skip skips a test where there is no server.
func (s *Server) Skip(t testing.TB) {
	if s == nil {
		t.Skip("PostgreSQL is not installed")
	}
}
