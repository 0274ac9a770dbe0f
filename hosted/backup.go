package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/store/sqlite"
)

func newBackup(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the SQLite database to a new file, while hosted runs",
		Long: `Copy the SQLite database to a new file, while hosted runs. The copy is the
database as it is at one moment. It holds password hashes and the key of the
sensors' CA: keep it where only you can read it. PostgreSQL is backed up with
pg_dump (docs/hosted.md).`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := db.sqlite("pg_dump --format=custom --file=" + args[0] + " URL")
			if err != nil {
				return err
			}
			if err := sqlite.Backup(c.Context(), path, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "backed up to", args[0])
			return nil
		},
	}
}

func newRestore(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the SQLite database of a backup",
		Long: `Make the SQLite database of a backup. Stop hosted first, and move the old
database away. Calls that came after the backup are sent again by the sensors
that still have them.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := db.sqlite("pg_restore --no-owner --dbname=URL " + args[0])
			if err != nil {
				return err
			}
			if err := sqlite.Restore(c.Context(), args[0], path); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "restored to", path)
			return nil
		},
	}
}

// sqlite is the file of the database; instead is what does the same with PostgreSQL.
func (d *database) sqlite(instead string) (path string, err error) {
	kind, path, err := d.named()
	if err == nil && kind != "sqlite" {
		err = errors.New("PostgreSQL has tools of its own for this, which work while hosted runs: " + instead + " (docs/hosted.md)")
	}
	return path, err
}
