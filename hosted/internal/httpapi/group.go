package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// captureGroup serves the packets of all calls of a call's group: merged by the sensor if one has them all, else as an archive
// with what each sensor merged.
func (a *api) captureGroup(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	c, sensor, err := a.findCall(r, id)
	if err != nil {
		return err
	}
	if !sensor.IsZero() { // running: its sensor alone knows its group
		return a.stream(w, r, id, wish{asset: packets, sensor: sensor, call: c.ID.String()})
	}
	entries, err := a.groupEntries(r.Context(), id.Tenant, c)
	if err != nil {
		return err
	}
	if len(entries) == 1 {
		e := &entries[0]
		if e.sensor, err = a.keeper(r.Context(), id.Tenant, e.calls[0]); err != nil {
			return err
		}
		return a.stream(w, r, id, e.wish)
	}
	return a.archive(w, r, id, fileName(c, ".zip"), "group=1", "zip of the group of "+c.ID.String(), entries)
}

// groupEntries lists what there is of a call's group, one entry for what one sensor merges; there is at least one.
func (a *api) groupEntries(ctx context.Context, t store.TenantID, c *protocol.CDR) (entries []entry, err error) {
	legs, err := a.group(ctx, t, c)
	if err != nil {
		return nil, err
	}
	for i := range legs {
		leg := &legs[i]
		if !kept(leg) {
			continue
		}
		at := slices.IndexFunc(entries, func(e entry) bool { // what the sensor merges
			first := e.calls[0]
			return first.SensorID == leg.SensorID && first.GroupID == leg.GroupID && leg.GroupID != ""
		})
		if at < 0 {
			file := fileName(leg, fmt.Sprintf("_sensor%d.pcapng", leg.SensorID))
			entries = append(entries, entry{calls: []*protocol.CDR{leg}, file: file, wish: wish{asset: packets, call: leg.ID.String()}})
			continue
		}
		entries[at].calls = append(entries[at].calls, leg)
		entries[at].legs = append(entries[at].legs, leg.ID)
	}
	if len(entries) == 0 {
		return nil, notKept(c)
	}
	return entries, nil
}

// maxLegs bounds a group; a group with more is a mistake of whoever joined it.
const maxLegs = 100

// group lists the calls that belong to the same conversation as c: those that its sensor put into its group and, because
// a call may pass several sensors, those with the same Call-IDs and their groups.
func (a *api) group(ctx context.Context, t store.TenantID, c *protocol.CDR) ([]protocol.CDR, error) {
	legs := []protocol.CDR{*c}
	known := map[protocol.UUID]bool{c.ID: true}
	asked := map[protocol.UUID]bool{}
	add := func(q store.CallQuery, belongs func(*protocol.CDR) bool) error {
		q.Limit = maxLegs
		page, err := a.Store.Calls(ctx, t, q)
		for _, leg := range page.Calls {
			if !known[leg.ID] && len(legs) < maxLegs && belongs(&leg) {
				known[leg.ID] = true
				legs = append(legs, leg)
			}
		}
		return err
	}
	for i := 0; i < len(legs); i++ { // grows
		leg := legs[i]
		if g, err := protocol.ParseUUID(leg.GroupID); err == nil && !asked[g] {
			asked[g] = true
			if err := add(store.CallQuery{Group: g}, func(o *protocol.CDR) bool { return o.SensorID == leg.SensorID }); err != nil {
				return nil, err
			}
		}
		if leg.CallID != "" {
			if err := add(store.CallQuery{CallID: leg.CallID}, func(o *protocol.CDR) bool { return o.SensorID != leg.SensorID }); err != nil {
				return nil, err
			}
		}
	}
	return legs, nil
}
