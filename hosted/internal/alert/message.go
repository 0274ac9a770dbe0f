package alert

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"voiptop/protocol"
)

// MessageVersion is that of Message. It rises when a field changes its meaning or goes; new fields do not change it.
const MessageVersion = 1

// Message is what receivers are told; its JSON is the body of a webhook.
type Message struct {
	Version  int           `json:"version"`
	Event    Event         `json:"event"`
	Summary  string        `json:"summary"` // one line
	Tenant   string        `json:"tenant"`
	Incident string        `json:"incident"` // the same in all messages about it
	Started  protocol.Time `json:"started"`
	Ended    protocol.Time `json:"ended"` // null while it lasts
	End      string        `json:"end"`
	Time     protocol.Time `json:"time"` // of this message
	Alert    AboutAlert    `json:"alert"`
	Keys     []AboutKey    `json:"keys"`
	More     int           `json:"more"` // keys beyond those listed
	Page     string        `json:"page"` // the incident in the GUI
}

// AboutAlert says in a message which alert it is about.
type AboutAlert struct {
	ID        int64             `json:"id"`
	Name      string            `json:"name"`
	Severity  protocol.Severity `json:"severity"`
	Note      string            `json:"note"`
	Metric    Metric            `json:"metric"`
	Title     string            `json:"title"` // of the metric
	Unit      string            `json:"unit"`
	By        By                `json:"by"`
	Where     string            `json:"where"`
	Side      Side              `json:"side"`
	Threshold float64           `json:"threshold"`
	WindowMS  int64             `json:"window_ms"`
	Condition string            `json:"condition"` // in words
}

// AboutKey says in a message how a sensor or an address stands, or all together.
type AboutKey struct {
	Key     string        `json:"key"` // "" : all together
	Label   string        `json:"label"`
	Started protocol.Time `json:"started"`
	Ended   protocol.Time `json:"ended"`
	Value   float64       `json:"value"` // the last
	Worst   float64       `json:"worst"`
	Calls   int64         `json:"calls"` // that the last is of
	Text    string        `json:"text"`  // in words
	Link    string        `json:"link"`  // the calls in the GUI; "" for a figure of sensors
}

// maxMessageKeys bounds what a message lists.
const maxMessageKeys = 20

// Describe says in words when an alert fires: "answer-seizure ratio below 40 % in 5 min".
func (c *Counter) Describe() string {
	s, m := &c.Spec, &c.info
	amount := m.Format(s.Threshold, s.LastWeek)
	than := map[Side]string{Above: "more than ", Below: "less than "}[s.Side]
	text := m.Title + " " + string(s.Side) + " " + amount
	if !s.LastWeek {
		switch s.Metric {
		case Calls:
			text = than + amount
		case Finding:
			text = than + amount + " with the finding " + s.Finding
		case OverLimit:
			text = than + amount + " over the limit"
		case MOSBelow:
			text = than + amount + " of calls with a MOS below " + number(*s.Bound, 2)
		case LossAbove:
			text = than + amount + " of calls with over " + number(*s.Bound, 2) + " % loss"
		case Share:
			text = than + amount + " of calls with " + s.Match
		case Drops:
			text = than + amount + " dropped"
		case Offline:
			text = "sensor offline for " + than + span(time.Duration(s.Threshold)*time.Second)
		}
	}
	if s.Metric != Offline {
		text += " in " + span(s.Window())
	}
	if s.HoldMS > 0 {
		text += " for " + span(s.hold())
	}
	if s.Where != "" {
		text += ", of calls with " + s.Where
	}
	return text
}

// span writes a duration for people: "5 min", "1 h 30 min".
func span(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		if n := d / u.of; n > 0 && (u.of < 24*time.Hour || n > 1) {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d %= u.of
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// NewMessage makes the message about an incident. base is where browsers find the GUI, https://voip.example.org.
func NewMessage(c *Counter, i *Incident, e Event, tenant, base string, now time.Time) Message {
	s := &c.Spec
	m := Message{
		Version: MessageVersion, Event: e, Tenant: tenant, Incident: i.ID, Started: i.Started, Ended: i.Ended, End: i.End, Time: protocol.TimeOf(now),
		Alert: AboutAlert{
			ID: c.ID, Name: s.Name, Severity: s.Severity, Note: s.Note, Metric: s.Metric, Title: c.info.Title, Unit: c.info.Unit, By: s.By, Where: s.Where,
			Side: s.Side, Threshold: s.Threshold, WindowMS: s.WindowMS, Condition: c.Describe(),
		},
		Keys: []AboutKey{}, Page: base + "/alerts?incident=" + url.QueryEscape(i.ID),
	}
	for pass := range 2 { // those that fire first
		for n := range i.Keys {
			k := &i.Keys[n]
			if over := k.Ended != 0 && i.Ended == 0; over != (pass == 1) {
				continue
			}
			if len(m.Keys) >= maxMessageKeys {
				m.More++
				continue
			}
			a := AboutKey{Key: k.Key, Label: k.Label, Started: k.Started, Ended: k.Ended, Value: k.Last, Worst: k.Worst, Calls: k.Calls}
			a.Text = c.textOf(k, i)
			if k.Link != "" {
				a.Link = base + k.Link
			}
			m.Keys = append(m.Keys, a)
		}
	}
	m.More += i.More
	m.Summary = m.summary(i)
	return m
}

// textOf says in words how a key stands.
func (c *Counter) textOf(k *IncidentKey, i *Incident) string {
	format := func(v float64) string { return c.info.Format(v, c.Spec.LastWeek) }
	if c.Spec.Metric == Offline {
		format = func(v float64) string { return "offline for " + span(time.Duration(v)*time.Second) }
	}
	text := format(k.Last)
	if k.Ended != 0 && i.End != EndChanged {
		text = "good again, at worst " + format(k.Worst)
		if i.End == EndNoData {
			text = "no data any more, at worst " + format(k.Worst)
		}
	} else if k.Worst != k.Last {
		text += ", at worst " + format(k.Worst)
	}
	if k.Calls > 0 && !c.info.Sensors && c.info.Unit != "calls" {
		text += fmt.Sprintf(", of %d calls", k.Calls)
	}
	return text
}

var eventWords = map[Event]string{
	EventFiring: "FIRING", EventMore: "FIRING FOR MORE", EventRepeat: "STILL FIRING", EventResolved: "RESOLVED", EventTest: "TEST",
}

// summary is the message in a line.
func (m *Message) summary(i *Incident) string {
	text := eventWords[m.Event] + ": " + m.Alert.Name
	firing := 0
	for n := range i.Keys {
		if i.Keys[n].Ended == 0 {
			firing++
		}
	}
	switch {
	case i.Ended != 0:
		text += " - over after " + span(i.Ended.Sub(i.Started))
		switch i.End {
		case EndChanged:
			text += ", because the alert was changed"
		case EndNoData:
			text += ", because there is no data any more"
		}
	case len(m.Keys) == 1 && m.Keys[0].Key == "":
		text += " - " + m.Keys[0].Text
	case len(m.Keys) > 0 && firing == 1:
		text += " - " + m.Keys[0].Label + ": " + m.Keys[0].Text
	case len(m.Keys) > 0:
		text += fmt.Sprintf(" - %s and %d more", m.Keys[0].Label, firing-1+i.More)
	}
	return text
}

// callsPath is the search that finds the calls that a key was bad with.
func (c *Counter) callsPath(k *IncidentKey) string {
	q := url.Values{}
	if k.First != 0 {
		q.Set("from", k.First.String())
		q.Set("to", (k.Latest + 1).String())
	}
	if w := c.callsWhere(k.Key); w != "" {
		q.Set("where", w)
	}
	return "/calls?" + q.Encode()
}

// orWord binds less than what stands side by side.
var orWord = regexp.MustCompile(`(?i)\bor\b`)

// callsWhere is the condition of that search.
func (c *Counter) callsWhere(key string) string {
	var parts []string
	add := func(w string) {
		if w == "" {
			return
		}
		if orWord.MatchString(w) {
			w = "(" + w + ")"
		}
		parts = append(parts, w)
	}
	add(c.Spec.Where)
	switch c.Spec.Metric {
	case MOSBelow:
		add("mos<" + number(*c.Spec.Bound, 3))
	case LossAbove:
		add("loss>" + number(*c.Spec.Bound, 3))
	case Finding:
		add("finding:" + c.Spec.Finding)
	case Share:
		add(c.Spec.Match)
	default:
		add(c.info.BadWhere)
	}
	if key != "" {
		switch c.Spec.By {
		case BySensor:
			add("sensor:" + key)
		case BySource:
			add("src:" + quoted(key))
		case ByDestination:
			add("dst:" + quoted(key))
		}
	}
	return strings.Join(parts, " ")
}

// quoted writes an address as a value of the language of conditions: one of IPv6 has colons.
func quoted(addr string) string {
	if strings.Contains(addr, ":") {
		return `"` + addr + `"`
	}
	return addr
}
