package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"voiptop/protocol"
)

// Phase is how a key stands.
type Phase string

// The phases. A key goes ok -> pending -> firing -> ok; no-data is neither good nor bad.
const (
	OK      Phase = "ok"
	Pending Phase = "pending" // bad, not for long enough yet
	Firing  Phase = "firing"
	NoData  Phase = "no-data"
)

// KeyState is how one key stands.
type KeyState struct {
	Phase Phase         `json:"phase"`
	Since protocol.Time `json:"since"`         // in this phase
	Value *float64      `json:"value"`         // the last figure, null: none yet
	Calls int64         `json:"calls"`         // that it is of
	Seen  protocol.Time `json:"seen"`          // when there was a figure last
	Good  protocol.Time `json:"good,omitzero"` // firing, and good again since
}

// Point is a figure of the past, for a small chart: the worst key's.
type Point struct {
	T protocol.Time `json:"t"`
	V *float64      `json:"v"` // null: no data
}

// maxPoints bounds State.Points: an hour at one in 30 s.
const maxPoints = 120

// State is how an alert stands. It is stored after each evaluation, so that a restart changes nothing.
type State struct {
	Counted   int64                `json:"counted"` // Counter.Key
	Filled    protocol.Time        `json:"filled"`  // since when every call is counted; null: those from before the definition are not yet
	Evaluated protocol.Time        `json:"evaluated"`
	Keys      map[string]*KeyState `json:"keys"`
	Points    []Point              `json:"points"`
	Incident  *Incident            `json:"incident"` // that is not over
}

// Phase is that of the worst key.
func (s *State) Phase() Phase {
	worst := NoData
	rank := map[Phase]int{NoData: 0, OK: 1, Pending: 2, Firing: 3}
	for _, k := range s.Keys {
		if rank[k.Phase] > rank[worst] {
			worst = k.Phase
		}
	}
	return worst
}

// Input is what an evaluation knows.
type Input struct {
	Counter  *Counter
	State    State
	Now      time.Time
	Readings map[string]Reading
	Labels   map[string]string // names of keys, for people
	Blind    bool              // hosted was away a moment ago: what is missing may yet come
	Silenced bool
	Acked    bool // somebody has acknowledged the incident
}

// Output is what it makes of it.
type Output struct {
	State    State
	Incident *Incident // changed; nil: nothing did
	Event    Event     // what to tell, "": nothing
}

const (
	groupEvery = 5 * time.Minute // between two messages about one incident that grows
	forgetKey  = 24 * time.Hour  // without a figure
	gap        = 2 * time.Minute // between evaluations: what was pending begins anew
)

// Step evaluates an alert once.
func Step(in Input) Output {
	c, spec, now := in.Counter, &in.Counter.Spec, protocol.TimeOf(in.Now)
	st := in.State.clone()
	if st.Counted != c.Key { // a new alert, or one that is about something else now
		if st.Incident != nil {
			i, e := Close(st.Incident, now)
			return Output{State: State{Counted: c.Key}, Incident: i, Event: e}
		}
		st = State{Counted: c.Key}
	}
	if st.Keys == nil {
		st.Keys = map[string]*KeyState{}
	}
	resumed := st.Evaluated != 0 && now.Sub(st.Evaluated) > gap
	for key, r := range in.Readings {
		k := st.Keys[key]
		if k == nil {
			if len(st.Keys) >= MaxKeys {
				continue
			}
			k = &KeyState{Phase: NoData, Since: now}
			st.Keys[key] = k
		}
		if in.Blind && (c.absenceIsBad() || spec.Metric == Offline) {
			r.Data = false
		}
		k.step(spec, r, now, resumed)
	}
	for key, k := range st.Keys {
		if _, ok := in.Readings[key]; ok {
			continue
		}
		r := Reading{Data: !c.info.Ratio && !c.info.Sensors && !in.Blind} // nothing was counted: that is a zero, or nothing
		k.step(spec, r, now, resumed)
		if now.Sub(k.Seen) > forgetKey || c.info.Sensors || k.Phase != Firing && !c.absenceIsBad() {
			delete(st.Keys, key)
		} else if r.Data && spec.By != ByTenant {
			k.Seen = k.Since // a zero is not being seen: it is forgotten some day
		}
	}
	st.Evaluated = now
	st.note(spec, now)
	out := Output{State: st}
	out.Incident, out.Event = st.incident(in, now)
	out.State.Incident = st.Incident
	return out
}

// step moves a key on.
func (k *KeyState) step(spec *Spec, r Reading, now protocol.Time, resumed bool) {
	to := func(p Phase) {
		k.Phase, k.Since, k.Good = p, now, 0
	}
	if !r.Data {
		switch {
		case k.Phase == Firing && now.Sub(k.Seen) <= spec.noDataOver():
			k.Good = 0 // silence is not good news
		case k.Phase != NoData:
			to(NoData)
		}
		return
	}
	k.Value, k.Calls, k.Seen = &r.Value, r.Calls, now
	bad := spec.bad(r.Value)
	if k.Phase == Pending && resumed {
		k.Since = now
	}
	if k.Phase == Firing {
		switch {
		case !spec.good(r.Value):
			k.Good = 0
		case k.Good == 0 || resumed:
			k.Good = now
		}
		if k.Good != 0 && now.Sub(k.Good) >= spec.resolve() {
			to(OK)
		}
		return
	}
	if !bad {
		if k.Phase != OK {
			to(OK)
		}
		return
	}
	if k.Phase != Pending {
		to(Pending)
	}
	if now.Sub(k.Since) >= spec.hold() {
		to(Firing)
	}
}

// noDataOver is how long a key that fires may be without data before that is its end: nobody knows any more.
func (s *Spec) noDataOver() time.Duration { return min(max(6*s.Window(), time.Hour), forgetKey) }

// note adds the worst key's figure to the chart.
func (s *State) note(spec *Spec, now protocol.Time) {
	var worst *float64
	for _, k := range s.Keys {
		if k.Value == nil || k.Seen != now {
			continue
		}
		v := *k.Value
		if worst != nil {
			v = spec.worse(v, *worst)
		}
		worst = &v
	}
	s.Points = append(s.Points, Point{now, worst})
	if n := len(s.Points); n > maxPoints {
		s.Points = slices.Clone(s.Points[n-maxPoints:])
	}
}

// clone makes a copy that shares nothing that changes.
func (s State) clone() State {
	keys := make(map[string]*KeyState, len(s.Keys))
	for name, k := range s.Keys {
		c := *k
		keys[name] = &c
	}
	s.Keys = keys
	s.Points = slices.Clone(s.Points)
	if s.Incident != nil {
		s.Incident = s.Incident.clone()
	}
	return s
}

// sorted lists the keys that are in a phase, by name.
func (s *State) sorted(p Phase) []string {
	return slices.SortedFunc(func(yield func(string) bool) {
		for name := range maps.Keys(s.Keys) {
			if s.Keys[name].Phase == p && !yield(name) {
				return
			}
		}
	}, cmp.Compare[string])
}

// incidentID names an incident: the alert, and when it began.
func incidentID(alert int64, at protocol.Time) string { return fmt.Sprintf("%d-%d", alert, at/1000) }
