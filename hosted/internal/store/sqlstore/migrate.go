package sqlstore

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// Migrate brings a database to the schema that this program knows. A newer one is refused: what an older program wrote
// into it, the newer could not trust. upgraded, unless nil, is told of a database that was older; an empty one is not.
func Migrate(ctx context.Context, p *goose.Provider, upgraded func(from, to int64)) error {
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("bring schema up to date: %w", err)
	}
	if n := len(done); n > 0 && done[0].Source.Version > 1 && upgraded != nil {
		upgraded(done[0].Source.Version-1, done[n-1].Source.Version)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if have > know {
		return fmt.Errorf("the database has schema version %d, made by a newer hosted; this one knows up to %d: start the newer one", have, know)
	}
	return nil
}
