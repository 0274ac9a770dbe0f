package sensors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
	maxBoots   = 64              // boot ids of one key that are remembered
)

// boots is what is known of the processes that came with one key, to whichever node. The store keeps it with the sensor's
// link, so that all nodes decide alike.
type boots struct {
	Seen  map[string]protocol.Time `json:"seen"` // boot ids that said hello, and when last
	Last  string                   `json:"last"` // the one that said hello last
	Flaps []protocol.Time          `json:"flaps,omitempty"`
	Until protocol.Time            `json:"until,omitempty"` // quarantined
}

// readBoots reads what the store has. What cannot be read is forgotten: it would lock a sensor out for good.
func readBoots(b []byte) *boots {
	all := &boots{}
	if json.Unmarshal(b, all) != nil {
		all = &boots{}
	}
	if all.Seen == nil {
		all.Seen = map[string]protocol.Time{}
	}
	return all
}

// note records a hello and tells whether the key is quarantined, and whether it has just become so.
func (b *boots) note(boot string, at time.Time) (quarantined, fresh bool) {
	now := protocol.TimeOf(at)
	recent := func(t protocol.Time) bool { return at.Sub(t.Std()) < flapWithin }
	if now < b.Until {
		return true, false
	}
	if seen, ok := b.Seen[boot]; ok && b.Last != boot && recent(seen) {
		b.Flaps = append(b.Flaps, now)
	}
	for len(b.Flaps) > 0 && !recent(b.Flaps[0]) {
		b.Flaps = b.Flaps[1:]
	}
	for id, t := range b.Seen {
		if !recent(t) || len(b.Seen) >= maxBoots && id != b.Last {
			delete(b.Seen, id)
		}
	}
	b.Seen[boot], b.Last = now, boot
	if len(b.Flaps) < maxFlaps {
		return false, false
	}
	b.Flaps, b.Until = nil, protocol.TimeOf(at.Add(flapWithin))
	return true, true
}

// cloned is the problem of a second machine that has the same key, while the first answers.
func (s *Service) cloned(sensor store.Sensor, have store.SensorLink, info protocol.SensorInfo, addr string) error {
	s.log.Error("one sensor key on two machines: is a disk copied?", "sensor", sensor.UUID.String(), "online", have.Addr, "node", have.Node, "refused", addr)
	sensor.Addr, sensor.LastSeen = have.Addr, s.cfg.Clock()
	p := collision(info.SensorID, sensor)
	p.Title = "another machine is connected with this sensor's key"
	p.Remedy = "if this disk is a copy, pair this machine anew with another id_sensor: `voipmon pair --force`"
	p.Fields["reason"] = "cloned-key"
	return p
}

// quarantined is the problem of two machines that replace each other with one key.
func (s *Service) quarantined(sensor store.Sensor, info protocol.SensorInfo) error {
	p := collision(info.SensorID, sensor)
	p.Title = "two machines use this sensor's key by turns, both are refused for " + flapWithin.String()
	p.Remedy = "find the copied disk and pair that machine anew with another id_sensor: `voipmon pair --force`"
	p.Fields["reason"] = "cloned-key"
	return p
}
