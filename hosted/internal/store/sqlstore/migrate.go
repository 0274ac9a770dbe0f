package sqlstore

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

// Migrate brings a database to the schema that this program knows. A newer one is refused: what an older program wrote
// into it, the newer could not trust.
func Migrate(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring schema up to date: %w", err)
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
