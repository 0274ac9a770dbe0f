// Command hosted is the service that sensors send their CDRs to: it keeps them for many tenants, shows them in a browser,
// and passes a call's packets from the sensor to whoever may have them, storing none. `hosted serve` runs it; migrate,
// backup, restore, tenant, user, sensor, alert and nodes administer it. Each subcommand is in the file of its name.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/postgres"
	"voiptop/hosted/internal/store/sqlite"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs hosted and answers its exit status: 0 ok, 1 failed.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(ctx, time.Now, args, stdin, stdout, stderr)
}

// run is Main with a clock.
func run(ctx context.Context, now func() time.Time, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(now)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "hosted: %v\n", err)
		return 1
	}
	return 0
}

func newRoot(now func() time.Time) *cobra.Command {
	root := &cobra.Command{
		Use:           "hosted",
		Short:         "Keeps the CDRs of many sensors and shows them",
		Version:       protocol.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(protocol.VersionLine("hosted") + "\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages |", "FlagUsagesWrapped 80 |")) // terminals of 80 columns
	db := &database{now: now}
	root.PersistentFlags().StringVar(&db.url, "db", "", "`URL` of the database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME; else $"+dbEnv+", else "+defaultDB)
	root.AddCommand(newServe(db), newMigrate(db), newBackup(db), newRestore(db), newTenant(db), newUser(db), newSensor(db), newAlert(db), newNodes(db))
	for _, c := range root.Commands() {
		if c.HasSubCommands() && !c.Runnable() {
			c.Args, c.RunE, c.DisableFlagsInUseLine = cobra.ArbitraryArgs, group, true
		}
	}
	return root
}

// group is a command that has subcommands only: without it cobra shows the help, and ends well, for one that there is not.
func group(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	return fmt.Errorf("unknown command %q for %q; %s --help lists those that there are", args[0], c.CommandPath(), c.CommandPath())
}

const (
	dbEnv     = "HOSTED_DB" // keeps a password out of the list of processes
	defaultDB = "sqlite:hosted.db"
)

// database is the store that the flag --db names, and the clock.
type database struct {
	url       string
	now       func() time.Time
	upgraded  func(from, to int64) // see sqlstore.Options
	upgrading func(sqlstore.Upgrade)
}

// open opens the store. keep is how long it keeps calls, 0 the default.
func (d *database) open(ctx context.Context, keep time.Duration) (store.Store, error) {
	kind, path, err := d.named()
	if err != nil {
		return nil, err
	}
	o := sqlstore.Options{Now: d.now, Keep: keep, Upgraded: d.upgraded, Upgrading: d.upgrading}
	if kind == "sqlite" {
		return sqlite.Open(ctx, path, o)
	}
	return postgres.Open(ctx, path, o)
}

// named is the kind of the database, sqlite or postgres, and its file or URL.
func (d *database) named() (kind, path string, err error) {
	url := d.url
	if url == "" {
		url = os.Getenv(dbEnv)
	}
	if url == "" {
		url = defaultDB
	}
	kind, path, ok := strings.Cut(url, ":")
	switch {
	case kind == "sqlite" && path != "":
		return kind, strings.TrimPrefix(path, "//"), nil
	case ok && (kind == "postgres" || kind == "postgresql"):
		return "postgres", url, nil
	}
	return "", "", fmt.Errorf("--db %q: want sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", postgres.Redact(url))
}

// with opens the store for one command.
func (d *database) with(ctx context.Context, fn func(store.Store) error) (err error) {
	s, err := d.open(ctx, 0)
	if err != nil {
		return err
	}
	defer func() {
		if e := s.Close(); err == nil {
			err = e
		}
	}()
	return fn(s)
}
