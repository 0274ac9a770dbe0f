package alert

import (
	"time"

	"voiptop/protocol"
)

// Preview is what an alert would have done.
type Preview struct {
	From      protocol.Time `json:"from"` // what was looked at
	To        protocol.Time `json:"to"`
	Calls     int64         `json:"calls"` // that it is about
	Incidents []Incident    `json:"incidents"`
	More      int           `json:"more"`   // incidents beyond those listed
	Points    []Point       `json:"points"` // the worst key's figure
	Keys      int           `json:"keys"`
}

const (
	maxPreviewIncidents = 50
	previewPoints       = 300
)

// Simulate evaluates an alert over what was counted in [from, to): as often as the window asks for, some thousand times at
// most, so that the times are right to a minute or a thirtieth of the window. past are the figures of a week before, nil unless LastWeek.
func Simulate(c *Counter, slots []Slot, from, to time.Time, past func(at time.Time) map[string]Reading) Preview {
	calls := int64(0)
	byTime := map[protocol.Time][]Slot{}
	names := map[string]bool{}
	for _, s := range slots {
		byTime[s.At] = append(byTime[s.At], s)
		names[s.Key] = true
		calls += s.Counts.Calls
	}
	if c.info.Sensors { // what is counted are samples
		calls = 0
	}
	var always []string
	if c.Spec.By == ByTenant {
		always = []string{""}
	}
	slot := c.Spec.Slot()
	p := SimulateReadings(c, len(names), from, to, func(at time.Time) map[string]Reading {
		var in []Slot
		for s := at.Add(-c.Spec.Window()).Truncate(slot); !s.After(at); s = s.Add(slot) {
			in = append(in, byTime[protocol.TimeOf(s)]...)
		}
		readings := c.Readings(in, at, always)
		if past != nil {
			readings = c.Compare(readings, past(at))
		}
		return readings
	})
	p.Calls = calls
	return p
}

// SimulateReadings is Simulate by figures that are made of something else, of so many keys.
func SimulateReadings(c *Counter, keys int, from, to time.Time, read func(at time.Time) map[string]Reading) Preview {
	p := Preview{From: protocol.TimeOf(from), To: protocol.TimeOf(to), Incidents: []Incident{}, Points: []Point{}, Keys: keys}
	every := max(time.Minute, c.Spec.Window()/30, to.Sub(from)/4000).Truncate(time.Second)
	st := State{Counted: c.Key}
	for at := from.Add(c.Spec.Window()); !at.After(to); at = at.Add(every) {
		readings := read(at)
		if st.Evaluated != 0 { // steps are further apart than evaluations are
			st.Evaluated = protocol.TimeOf(at) - 1
		}
		out := Step(Input{Counter: c, State: st, Now: at, Readings: readings})
		st = out.State
		if i := out.Incident; i != nil {
			n := len(p.Incidents)
			switch {
			case n > 0 && p.Incidents[n-1].ID == i.ID:
				p.Incidents[n-1] = *i
			case n < maxPreviewIncidents:
				p.Incidents = append(p.Incidents, *i)
			case i.Started == protocol.TimeOf(at):
				p.More++
			}
		}
		p.Points = append(p.Points, st.Points[len(st.Points)-1])
	}
	p.Points = thin(&c.Spec, p.Points)
	return p
}

// thin leaves so many points that a chart can show them, the worst of those that stand for several.
func thin(s *Spec, all []Point) []Point {
	if len(all) <= previewPoints {
		return all
	}
	out := make([]Point, 0, previewPoints)
	for i := range previewPoints {
		part := all[i*len(all)/previewPoints : (i+1)*len(all)/previewPoints]
		p := part[0]
		for _, o := range part[1:] {
			if o.V != nil && (p.V == nil || s.worse(*o.V, *p.V) == *o.V) {
				p.V = o.V
			}
		}
		out = append(out, p)
	}
	return out
}

// Compare makes per cents of a week ago's figures; a key that had none then has none now.
func (c *Counter) Compare(now, past map[string]Reading) map[string]Reading {
	out := make(map[string]Reading, len(now))
	for k, r := range now {
		p, ok := past[k]
		r.Data = r.Data && ok && p.Data && p.Value != 0
		if r.Data {
			r.Value = float64(int64(1000*100*r.Value/p.Value)) / 1000
		}
		out[k] = r
	}
	return out
}
