package sensors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// collision is the problem of a number that two sensors claim: who holds it, from where, since when.
func collision(n uint16, holder store.Sensor) *protocol.Problem {
	p := problem(protocol.CodeSensorIDCollision, http.StatusConflict, fmt.Sprintf("id_sensor %d is taken", n),
		fmt.Sprintf("by %q (sensor %s) at %s, enrolled %s, last seen %s", holder.Info.Name, holder.UUID, holder.Addr,
			holder.Enrolled.UTC().Format(time.RFC3339), holder.LastSeen.UTC().Format(time.RFC3339)),
		"give this sensor another id_sensor, or revoke the other one on hosted's page Sensors if it is gone")
	p.Fields = map[string]string{
		"id_sensor": strconv.Itoa(int(n)), "name": holder.Info.Name, "uuid": holder.UUID.String(), "addr": holder.Addr,
		"since": protocol.TimeOf(holder.Enrolled).String(), "last_seen": protocol.TimeOf(holder.LastSeen).String(),
	}
	return p
}

// numberTaken answers an enrolment whose number another sensor of the token's tenant holds. The token stays usable.
func (s *Service) numberTaken(ctx context.Context, t store.TenantID, n uint16) error {
	holder, err := s.cfg.Store.SensorByNumber(ctx, t, n)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return collision(n, holder)
}

// checkNumber tells whether a sensor may have the number n, which is not the one it had.
func (s *Service) checkNumber(ctx context.Context, sensor store.Sensor, n uint16) error {
	holder, err := s.cfg.Store.SensorByNumber(ctx, sensor.Tenant, n)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && holder.UUID == sensor.UUID:
		return nil
	case err != nil:
		return err
	}
	return collision(n, holder)
}

// A flap is the return of a process (boot id) that another with the same key had replaced. A sensor that crashes again
// and again never returns to an earlier boot id; two machines with one key do.
const (
	maxFlaps   = 3
	flapWithin = 5 * time.Minute
	aliveCheck = 3 * time.Second // how long the older of two has to answer
)

// boots is what is known of the processes that came with one key.
type boots struct {
	seen  map[string]time.Time // boot ids that said hello, and when last
	last  string               // the one that said hello last
	flaps []time.Time
	until time.Time // quarantined
}

// clones finds keys that are used on two machines.
type clones struct {
	mu    sync.Mutex
	boots map[protocol.UUID]*boots
}

// note records a hello and tells whether the key is quarantined, and whether it has just become so.
func (c *clones) note(sensor protocol.UUID, boot string, now time.Time) (quarantined, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.boots[sensor]
	if b == nil {
		b = &boots{seen: map[string]time.Time{}}
		c.boots[sensor] = b
	}
	if now.Before(b.until) {
		return true, false
	}
	if seen, ok := b.seen[boot]; ok && b.last != boot && now.Sub(seen) < flapWithin {
		b.flaps = append(b.flaps, now)
	}
	for len(b.flaps) > 0 && now.Sub(b.flaps[0]) >= flapWithin {
		b.flaps = b.flaps[1:]
	}
	for id, t := range b.seen {
		if now.Sub(t) >= flapWithin {
			delete(b.seen, id)
		}
	}
	b.seen[boot], b.last = now, boot
	if len(b.flaps) < maxFlaps {
		return false, false
	}
	b.flaps, b.until = nil, now.Add(flapWithin)
	return true, true
}

// forget drops what is too old to matter.
func (c *clones) forget(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, b := range c.boots {
		if now.Sub(b.seen[b.last]) >= flapWithin && !now.Before(b.until) {
			delete(c.boots, id)
		}
	}
}

// checkClone refuses a second machine that has the same key: a copied disk. While the first still answers it stays and the
// second is refused; when neither can be told to be the right one, because they replace each other, both are, for a while.
func (s *Service) checkClone(ctx context.Context, sensor store.Sensor, info protocol.SensorInfo, addr string) error {
	s.mu.Lock()
	old := s.sessions[sensor.UUID]
	s.mu.Unlock()
	if old != nil && old.sensor.Info.BootID != info.BootID && old.alive(ctx) {
		s.log.Error("one sensor key on two machines: is a disk copied?", "sensor", sensor.UUID.String(), "online", old.up.addr, "refused", addr)
		holder := old.sensor
		holder.Addr, holder.LastSeen = old.up.addr, s.cfg.Clock()
		p := collision(info.SensorID, holder)
		p.Title = "another machine is connected with this sensor's key"
		p.Remedy = "if this disk is a copy, pair this machine anew with another id_sensor: `voipmon pair --force`"
		p.Fields["reason"] = "cloned-key"
		return p
	}
	quarantined, fresh := s.clones.note(sensor.UUID, info.BootID, s.cfg.Clock())
	if !quarantined {
		return nil
	}
	if fresh {
		s.log.Error("two machines replace each other with one sensor key: both are refused", "sensor", sensor.UUID.String(), "addr", addr, "for", flapWithin)
		s.Disconnect(sensor.UUID)
	}
	p := collision(info.SensorID, sensor)
	p.Title = "two machines use this sensor's key by turns, both are refused for " + flapWithin.String()
	p.Remedy = "find the copied disk and pair that machine anew with another id_sensor: `voipmon pair --force`"
	p.Fields["reason"] = "cloned-key"
	return p
}
