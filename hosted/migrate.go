package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/store"
)

func newMigrate(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to the schema of this version",
		Long:  "Bring the database to the schema of this version. serve does it too; with\nPostgreSQL, migrate lets a role with more rights do it beforehand. Standard\nerror says how far it is. If it is cut off, start it again.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			db.logUpgrade(slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
			return db.with(c.Context(), func(s store.Store) error {
				if err := s.Maintain(c.Context(), db.now()); err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), "the database is up to date")
				return nil
			})
		},
	}
}
