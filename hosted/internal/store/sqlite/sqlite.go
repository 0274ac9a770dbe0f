// Package sqlite is the store in one SQLite file: no set-up, no server. The calls of each UTC day are in a table of their
// own, so that retention drops days whole. One writer at a time, readers beside it (WAL). `hosted serve --db sqlite:PATH`
// opens it; store/postgres is the other one.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"voiptop/hosted/internal/store/sqlstore"
)

//go:embed migrations
var migrations embed.FS

// readers is how many connections read beside the writer.
const readers = 8

// Store is a store.Store. Open makes it.
type Store struct{ sqlstore.DB }

// Open opens the database at path and brings it to the current schema; it makes the file, not its folder.
func Open(ctx context.Context, path string, o sqlstore.Options) (*Store, error) {
	if err := writable(path); err != nil {
		return nil, err
	}
	s := &Store{}
	s.Options, s.IsConflict = o.Defaults(), isConflict
	var err error
	// A writing transaction locks at once (immediate), so that it cannot fail halfway for another process's sake.
	if s.Write, err = sql.Open("sqlite", dsn(path)+"&_txlock=immediate"); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if s.Read, err = sql.Open("sqlite", dsn(path)+"&_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Write.Close())
	}
	s.Write.SetMaxOpenConns(1)
	s.Read.SetMaxOpenConns(readers)
	s.Read.SetMaxIdleConns(readers)
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Close())
	}
	return s, nil
}

// dsn names the file to the driver. FULL makes a commit survive a power cut, on which the acknowledgement of a batch
// relies.
func dsn(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)"
}

// writable says early, and better than SQLite does, that the file cannot be used. The file holds password hashes and the
// key of the sensors' CA: nobody else may read it.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("database %s: folder %s does not exist; create it or choose another with --db sqlite:PATH", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("database is not writable: %w; choose another file with --db sqlite:PATH", err)
	}
	return f.Close()
}

func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.Write, dir, goose.WithGoMigrations(rollups))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := s.Migrate(ctx, p); err != nil {
		return err
	}
	return s.Tx(ctx, func(tx *sql.Tx) error { return addLater(ctx, tx) })
}

// addLater gives the tables of days that are older than a column or an index that column or index.
func addLater(ctx context.Context, tx *sql.Tx) error {
	days, err := listDays(ctx, tx)
	if err != nil {
		return err
	}
	for _, d := range days {
		for _, column := range sqlstore.Later {
			var has bool
			if err := tx.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pragma_table_info($1) WHERE name = $2`, table(d), column[0]).Scan(&has); err != nil {
				return fmt.Errorf("columns of day %s: %w", d, err)
			}
			if has {
				continue
			}
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE %s ADD COLUMN %s %s`, table(d), column[0], column[1])); err != nil {
				return fmt.Errorf("add column %s to day %s: %w", column[0], d, err)
			}
		}
		if _, err := tx.ExecContext(ctx, indexLong(d)); err != nil {
			return fmt.Errorf("index the long calls of day %s: %w", d, err)
		}
	}
	return nil
}

func isConflict(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
