package alert

import (
	"slices"

	"voiptop/protocol"
)

// Incident is the time from when an alert begins to fire for one key until it fires for none.
type Incident struct {
	ID       string            `json:"id"`
	Alert    int64             `json:"alert"`
	Name     string            `json:"name"` // of the alert, as it was
	Severity protocol.Severity `json:"severity"`
	Started  protocol.Time     `json:"started"`
	Ended    protocol.Time     `json:"ended"` // null while it lasts
	End      string            `json:"end"`   // why: over, no-data, changed (the alert was); "" while it lasts
	Keys     []IncidentKey     `json:"keys"`
	More     int               `json:"more"`     // keys beyond those listed
	Told     protocol.Time     `json:"told"`     // when somebody was told last; null: nobody was
	Silenced bool              `json:"silenced"` // nobody was told yet, because of a silence
	Quiet    bool              `json:"quiet"`    // nobody was told yet, because of quiet hours
	ToldKeys int               `json:"told_keys"`
}

// IncidentKey is what an incident says of one sensor or address.
type IncidentKey struct {
	Key     string        `json:"key"`
	Label   string        `json:"label"`
	Started protocol.Time `json:"started"`
	Ended   protocol.Time `json:"ended"` // null while it fires
	Value   float64       `json:"value"` // when it began to fire
	Worst   float64       `json:"worst"`
	Last    float64       `json:"last"`
	Calls   int64         `json:"calls"`  // that the last figure is of
	First   protocol.Time `json:"first"`  // start of the earliest call that was counted
	Latest  protocol.Time `json:"latest"` // of the latest
	Link    string        `json:"link"`   // path of the search that finds the calls, "" for a figure of sensors
}

// maxIncidentKeys bounds what an incident lists.
const maxIncidentKeys = 50

// Ends of an incident.
const (
	EndOver    = "over"
	EndNoData  = "no-data"
	EndChanged = "changed"
)

// Event is what a message tells.
type Event string

// The events.
const (
	EventFiring   Event = "firing"
	EventMore     Event = "more"     // it fires for more keys
	EventRepeat   Event = "repeat"   // it still fires
	EventResolved Event = "resolved" // it is over
	EventTest     Event = "test"
)

func (i *Incident) clone() *Incident {
	c := *i
	c.Keys = slices.Clone(i.Keys)
	return &c
}

// incident opens, keeps up and closes the alert's incident, and says what is to be told of it. One message says that it
// began, whatever the number of keys, one that it is over; between the two there are some only for new keys, and repeats.
func (s *State) incident(in Input, now protocol.Time) (changed *Incident, tell Event) {
	spec := &in.Counter.Spec
	firing := s.sorted(Firing)
	if s.Incident == nil {
		if len(firing) == 0 {
			return nil, ""
		}
		s.Incident = &Incident{ID: incidentID(in.Counter.ID, now), Alert: in.Counter.ID, Started: now, Keys: []IncidentKey{}}
	}
	i := s.Incident
	i.Name, i.Severity = spec.Name, spec.Severity
	more := 0
	for _, key := range firing {
		if !i.keep(spec, in, s.Keys[key], key, now) {
			more++
		}
	}
	i.More = max(i.More, more)
	lost := false
	for n := range i.Keys {
		k := &i.Keys[n]
		if k.Ended != 0 || slices.Contains(firing, k.Key) {
			continue
		}
		k.Ended = now
		st := s.Keys[k.Key]
		if st != nil && st.Phase != NoData && st.Value != nil {
			k.Last, k.Calls = *st.Value, st.Calls
		}
		lost = lost || st == nil || st.Phase == NoData
	}
	if len(firing) == 0 {
		i.Ended, i.End = now, EndOver
		if lost {
			i.End = EndNoData
		}
		s.Incident = nil
		if i.Told == 0 {
			return i, "" // who does not know that it began need not know that it is over
		}
		return i, EventResolved
	}
	return i, i.due(spec, in, len(firing), now)
}

// due says what is to be told of an incident that lasts.
func (i *Incident) due(spec *Spec, in Input, firing int, now protocol.Time) Event {
	quiet := spec.Quiet.during(in.Now)
	if i.Told == 0 {
		i.Silenced, i.Quiet = in.Silenced, quiet
	}
	if in.Silenced || quiet {
		return ""
	}
	keys := len(i.Keys) + i.More
	var e Event
	switch since := now.Sub(i.Told); {
	case i.Told == 0:
		e = EventFiring
	case keys > i.ToldKeys && since >= groupEvery:
		e = EventMore
	case spec.RepeatMS > 0 && !in.Acked && since >= spec.repeat():
		e = EventRepeat
	default:
		return ""
	}
	i.Told, i.ToldKeys = now, keys
	return e
}

// keep brings a key that fires up to date. It reports false if there is no room for it.
func (i *Incident) keep(spec *Spec, in Input, k *KeyState, key string, now protocol.Time) bool {
	n := slices.IndexFunc(i.Keys, func(x IncidentKey) bool { return x.Key == key })
	if n < 0 {
		if len(i.Keys) >= maxIncidentKeys {
			return false
		}
		label := in.Labels[key]
		if label == "" {
			label = key
		}
		i.Keys = append(i.Keys, IncidentKey{Key: key, Label: label, Started: now, Value: *k.Value, Worst: *k.Value, Last: *k.Value})
		n = len(i.Keys) - 1
	}
	x := &i.Keys[n]
	x.Ended = 0
	if r, ok := in.Readings[key]; ok && r.Data {
		x.Last, x.Calls, x.Worst = r.Value, r.Calls, spec.worse(r.Value, x.Worst)
		if x.First == 0 || r.First != 0 && r.First < x.First {
			x.First = r.First
		}
		x.Latest = max(x.Latest, r.Last)
	}
	if !in.Counter.info.Sensors {
		x.Link = in.Counter.callsPath(x)
	}
	return true
}

// Close ends the incident of an alert that is changed, switched off or removed while it fires.
func Close(i *Incident, now protocol.Time) (*Incident, Event) {
	c := i.clone()
	c.Ended, c.End = now, EndChanged
	for n := range c.Keys {
		if c.Keys[n].Ended == 0 {
			c.Keys[n].Ended = now
		}
	}
	if c.Told == 0 {
		return c, ""
	}
	return c, EventResolved
}
