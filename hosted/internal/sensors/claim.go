package sensors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// Cluster is the other nodes of hosted, as far as the service needs them. Its methods answer within seconds.
type Cluster interface {
	// Alive asks the node that holds a link whether the sensor answers there.
	Alive(ctx context.Context, l store.SensorLink) bool
	// Linked says that a link is held here now; before is what the store said until then.
	Linked(l, before store.SensorLink)
	// Unlinked says that a link that was held here has ended.
	Unlinked(l store.SensorLink)
}

// claimTries is how often a claim begins anew because another node was faster.
const claimTries = 5

var errMeanwhile = errors.New("the sensor came to another node meanwhile")

// claim makes this node the holder of a sensor's link: in the store, so that it is decided once for all nodes whether the
// sensor is welcome. It refuses a second machine that has the same key, a copied disk: while the first still answers it stays
// and the second is refused; when neither can be told to be the right one, because they replace each other, both are, for a
// while.
func (s *Service) claim(ctx context.Context, sensor store.Sensor, info protocol.SensorInfo, limit int, addr string) (l store.SensorLink, err error) {
	for range claimTries {
		have, err := s.cfg.Store.SensorLink(ctx, sensor.Tenant, sensor.UUID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return l, err
		}
		if have.Node != "" && have.Boot != info.BootID && s.answers(ctx, have) {
			return l, s.cloned(sensor, have, info, addr)
		}
		var refused, fresh bool
		now := s.cfg.Clock()
		err = s.cfg.Store.UpdateSensorLink(ctx, sensor.Tenant, sensor.UUID, func(x *store.SensorLink, all store.LinkTotals) error {
			if x.Generation != have.Generation {
				return errMeanwhile
			}
			b := readBoots(x.Boots)
			if refused, fresh = b.note(info.BootID, now); refused && !fresh {
				return nil
			}
			if x.Boots, err = json.Marshal(b); err != nil {
				return fmt.Errorf("encode boots: %w", err)
			}
			x.Generation++ // who held the link, if anybody, does not any more
			if refused {
				x.Node, x.Since = "", now
				return nil
			}
			x.Granted = firstShare(limit, x.Granted, all, x.Node != "")
			x.Node, x.Boot, x.Addr, x.Since, x.Used = s.cfg.Node, info.BootID, addr, now, 0
			l = *x
			return nil
		})
		switch {
		case errors.Is(err, errMeanwhile):
			continue
		case err != nil:
			return l, err
		case fresh:
			s.log.Error("two machines replace each other with one sensor key: both are refused", "sensor", sensor.UUID.String(), "addr", addr, "for", flapWithin)
			s.Disconnect(sensor.UUID)
			if s.cfg.Cluster != nil {
				s.cfg.Cluster.Linked(store.SensorLink{Tenant: sensor.Tenant, Sensor: sensor.UUID, Generation: have.Generation + 1}, have)
			}
			return l, s.quarantined(sensor, info)
		case refused:
			return l, s.quarantined(sensor, info)
		}
		if s.cfg.Cluster != nil {
			s.cfg.Cluster.Linked(l, have)
		}
		return l, nil
	}
	return l, fmt.Errorf("link of sensor %s: %w", sensor.UUID, errMeanwhile)
}

// answers tells whether a sensor answers on the link that the store knows.
func (s *Service) answers(ctx context.Context, l store.SensorLink) bool {
	if l.Node == s.cfg.Node {
		return s.Alive(ctx, l.Sensor, l.Generation)
	}
	return s.cfg.Cluster != nil && s.cfg.Cluster.Alive(ctx, l)
}

// Alive asks a sensor that is linked here for a sign of life. It is false when the link here is another than the one of that
// generation.
func (s *Service) Alive(ctx context.Context, sensor protocol.UUID, generation uint64) bool {
	s.mu.Lock()
	x := s.sessions[sensor]
	s.mu.Unlock()
	return x != nil && x.link.Generation == generation && x.alive(ctx)
}

// unclaim says in the store that a link is over.
func (s *Service) unclaim(ctx context.Context, l store.SensorLink) {
	if err := s.cfg.Store.ReleaseSensorLink(ctx, l, s.cfg.Clock()); err != nil {
		s.log.Warn("end of a link not stored", "sensor", l.Sensor.String(), "err", err)
	}
	if s.cfg.Cluster != nil {
		s.cfg.Cluster.Unlinked(l)
	}
}

// Drop ends the link of a sensor that has a newer one, of that generation, at another node.
func (s *Service) Drop(sensor protocol.UUID, generation uint64) {
	s.mu.Lock()
	x := s.sessions[sensor]
	s.mu.Unlock()
	if x != nil && x.link.Generation < generation {
		go x.up.Close() // TLS says good-bye to a peer that may be gone: do not wait for it
	}
}

// Held lists the links that are held here.
func (s *Service) Held() []store.SensorLink {
	var all []store.SensorLink
	for _, x := range s.live() {
		all = append(all, x.link)
	}
	return all
}

// Reclaim brings the store in line with the links that are held here: it takes back those that nobody holds, because this
// node was taken for dead, and ends those that came to another node without this one hearing of it.
func (s *Service) Reclaim(ctx context.Context) error {
	stored, err := s.cfg.Store.SensorLinksOf(ctx, s.cfg.Node)
	if err != nil {
		return err
	}
	generation := make(map[protocol.UUID]uint64, len(stored))
	for _, l := range stored {
		generation[l.Sensor] = l.Generation
	}
	for _, x := range s.live() {
		if generation[x.link.Sensor] == x.link.Generation {
			continue
		}
		err := s.cfg.Store.UpdateSensorLink(ctx, x.link.Tenant, x.link.Sensor, func(l *store.SensorLink, _ store.LinkTotals) error {
			if l.Generation != x.link.Generation {
				return errMeanwhile
			}
			l.Node, l.Since = s.cfg.Node, x.link.Since
			return nil
		})
		switch {
		case errors.Is(err, errMeanwhile):
			s.log.Info("sensor is linked elsewhere", "sensor", x.link.Sensor.String())
			go x.up.Close()
		case err != nil:
			return err
		}
	}
	for _, l := range stored { // what ended while the store did not answer
		s.mu.Lock()
		_, here := s.sessions[l.Sensor]
		s.mu.Unlock()
		if !here && s.cfg.Clock().Sub(l.Since) > reclaimAfter {
			s.unclaim(ctx, l)
		}
	}
	return nil
}

// reclaimAfter is how long a link may be claimed before its session begins.
const reclaimAfter = time.Minute
