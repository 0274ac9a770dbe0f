// Package postgres is the store in PostgreSQL 14 or later, for production: many writers, many hosted nodes on one
// database. Calls are in partitions, one for each UTC day, made ahead and dropped whole; batches come in by COPY.
// `hosted serve --db postgres://...` opens it; store/sqlite is the other one.
//
// What is read for a tenant is read below row-level security (role.go): every one of a tenant's tables has the column tenant
// and a policy, and searches use only comparisons that PostgreSQL may push below one. The link, log-in and retention, which
// begin without a tenant, read as the tables' owner.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"voiptop/hosted/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

const (
	maxConns = 20
	connIdle = 5 * time.Minute

	codeUniqueViolation = "23505"
	codeCheckViolation  = "23514" // also: no partition for a row
)

// Store is a store.Store. Open makes it.
type Store struct {
	sqlstore.DB
	mu   sync.Mutex
	days map[sqlstore.Day]bool // partitions that were seen

	citus    bool
	noReader error // why reads are not bound to their tenant; nil: they are
}

// Open connects to the database that a URL or a connection string names, and brings it to the current schema.
func Open(ctx context.Context, dsn string, o sqlstore.Options) (*Store, error) {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		var e *url.Error // names the whole URL, password included
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, fmt.Errorf("database %s: %w; want postgres://USER:PASSWORD@HOST:PORT/NAME", Redact(dsn), err)
	}
	return open(ctx, c, dsn, o)
}

// open opens the database that a connector reaches; dsn names it in errors.
func open(ctx context.Context, c driver.Connector, dsn string, o sqlstore.Options) (*Store, error) {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(connIdle)
	s := &Store{days: map[sqlstore.Day]bool{}}
	s.Options, s.IsConflict, s.ForUpdate = o.Defaults(), hasCode(codeUniqueViolation), " FOR UPDATE"
	s.Read, s.Write, s.AsTenant = db, db, s.asTenant
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", Redact(dsn), err), db.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return fmt.Errorf("cannot be reached: %w", err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // several nodes may start at once: ask each second, for 5 min
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, s.Write, dir, goose.WithSessionLocker(locker), goose.WithGoMigrations(rollups))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := s.Migrate(ctx, p); err != nil {
		return err
	}
	if s.citus, err = s.isCitus(ctx); err != nil {
		return err
	}
	if s.citus {
		s.noReader = ErrCitus
		err = s.divide(ctx)
	} else {
		err = s.setUpReader(ctx)
	}
	if err != nil {
		return err
	}
	return s.makeDaysAhead(ctx, s.Now())
}

// Redact takes the password out of a connection string, for messages.
func Redact(dsn string) string {
	if strings.Contains(dsn, "://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return "in --db"
		}
		q := u.Query()
		if q.Has("password") {
			q.Set("password", "xxxxx")
			u.RawQuery = q.Encode()
		}
		return u.Redacted()
	}
	fields := strings.Fields(dsn)
	for i, f := range fields {
		if strings.HasPrefix(f, "password=") {
			fields[i] = "password=xxxxx"
		}
	}
	return strings.Join(fields, " ")
}

func hasCode(code pqerror.Code) func(error) bool {
	return func(err error) bool {
		var e *pq.Error
		return errors.As(err, &e) && e.Code == code
	}
}
