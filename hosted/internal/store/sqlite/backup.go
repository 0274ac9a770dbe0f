package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes the database at path to a new file: as it is at one moment, while others read and write it. Nothing is upgraded.
// The file is there, under its name, only when it is whole, checked and on the disk.
func Backup(ctx context.Context, path, to string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("back up: %w; name the database with --db sqlite:PATH", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	defer db.Close()
	return appear(to, func(part string) error {
		if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
			return fmt.Errorf("back up %s: %w", path, err)
		}
		return check(ctx, part)
	})
}

// Restore makes the database at path of a backup. There must be none yet.
func Restore(ctx context.Context, backup, path string) error {
	for _, there := range []string{path, path + "-wal"} {
		if _, err := os.Stat(there); err == nil {
			return fmt.Errorf("restore: %s is there: stop hosted and move it away first", there)
		}
	}
	from, err := os.Open(backup)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer from.Close()
	return appear(path, func(part string) error {
		to, err := os.OpenFile(part, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		_, err = io.Copy(to, from)
		if err = errors.Join(err, to.Close()); err != nil {
			return fmt.Errorf("restore %s: %w", backup, err)
		}
		return check(ctx, part)
	})
}

// appear makes a file that nobody else may read: fill fills another one, which is empty, beside it.
func appear(path string, fill func(part string) error) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already, or cannot be looked for: choose another name", path)
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: another backup is under way, or was cut off; then remove it", part)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if err := fill(part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// check reads all of a database that nobody writes.
func check(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&immutable=1")
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	if said != "ok" {
		return fmt.Errorf("%s is damaged: %s", path, said)
	}
	var version int64
	if err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&version); err != nil {
		return fmt.Errorf("%s is no database of hosted: %w", path, err)
	}
	return nil
}
