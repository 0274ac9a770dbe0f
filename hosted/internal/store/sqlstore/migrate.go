package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

// Upgrade is how far the upgrade of an older database has come. Each step is a transaction: one that is cut off, by whatever,
// leaves the database as it was before that step, and the next start goes on there.
type Upgrade struct {
	From, Version, To int64         // of the schema: where it began, the step that is under way, where it ends
	Elapsed           time.Duration // of the step
	Done, Of          int           // days of the step, where it goes through the calls of all days; else 0
	Calls             int64         // that it has gone through
}

// Left is about how long the step takes yet, 0 if that is not known.
func (u Upgrade) Left() time.Duration {
	if u.Done == 0 || u.Of <= u.Done {
		return 0
	}
	return time.Duration(float64(u.Elapsed) / float64(u.Done) * float64(u.Of-u.Done))
}

// upgradeEvery is how often somebody is told of a step that is under way.
const upgradeEvery = 3 * time.Second

// Migrate brings a database to the schema that this program knows. A newer one is refused: what an older program wrote
// into it, the newer could not trust. Nobody is told of a database that is new.
func (o Options) Migrate(ctx context.Context, p *goose.Provider) error {
	from, know, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if from > know {
		return fmt.Errorf("the database has schema version %d, made by a newer hosted; this one knows up to %d: start the newer one", from, know)
	}
	if from == 0 {
		o.Upgrading, o.Upgraded = nil, nil
	}
	changed := false
	for {
		done, err := o.step(ctx, p, from, know)
		if errors.Is(err, goose.ErrNoNextVersion) {
			break
		}
		if err != nil {
			return fmt.Errorf("bring schema up to date: %w", err)
		}
		changed = changed || done
	}
	if changed && o.Upgraded != nil {
		o.Upgraded(from, know)
	}
	return nil
}

// step makes one step, telling how far it has come.
func (o Options) step(ctx context.Context, p *goose.Provider, from, to int64) (done bool, err error) {
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return false, err
	}
	if version >= to {
		return false, goose.ErrNoNextVersion
	}
	t := &teller{upgrade: Upgrade{From: from, Version: version + 1, To: to}, now: o.Now}
	t.began = t.now()
	if o.Upgrading != nil {
		stop := t.start(o.Upgrading)
		defer stop()
	}
	_, err = p.UpByOne(context.WithValue(ctx, tellerKey{}, t))
	return err == nil, err
}

// teller tells how far a step has come.
type teller struct {
	mu      sync.Mutex
	upgrade Upgrade
	began   time.Time
	now     func() time.Time
}

type tellerKey struct{}

// tellerOf is the teller of the step that a migration is; without one, one that nobody listens to.
func tellerOf(ctx context.Context) *teller {
	if t, ok := ctx.Value(tellerKey{}).(*teller); ok {
		return t
	}
	return &teller{}
}

// Days says that a migration goes through the calls of so many days, and has done some of them.
func Days(ctx context.Context, done, of int) {
	t := tellerOf(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.upgrade.Done, t.upgrade.Of = done, of
}

func (t *teller) calls(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.upgrade.Calls += int64(n)
}

// start tells at once, and every upgradeEvery until stop.
func (t *teller) start(tell func(Upgrade)) (stop func()) {
	say := func() {
		t.mu.Lock()
		u := t.upgrade
		t.mu.Unlock()
		u.Elapsed = t.now().Sub(t.began)
		tell(u)
	}
	say()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(upgradeEvery)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				say()
			}
		}
	}()
	return func() { close(end); <-ended }
}
