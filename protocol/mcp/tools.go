package mcp

import (
	"cmp"
	"context"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"voiptop/protocol"
)

const (
	docSearch = "Ended calls, newest first, for which a condition holds. Examples of where: `mos < 3.5`, `status >= 500 and src:10.0.0.0/8`, " +
		"`finding:one-way-audio and not codec:PCMU`, `caller:+4420* and duration > 60`. Without numbers in clear, conditions on caller, callee, number and name are refused."
	docGet = "One call, running or ended: its figures, findings, media streams, and its SIP messages as a ladder in text. No packets, no voice."
	docExp = "What was wrong with one call, in words: what happened, each finding with its evidence and remedy, and what could not be looked for."
	docLiv = "The calls that are running now, the longest first."
	docSta = "Figures of all calls that a search finds: how many, how many answered (ASR), how long (ACD), post-dial delay, MOS, loss, the commonest findings and " +
		"statuses; with `by`, the same for the groups with most calls. `complete` says whether all of them were counted, or the newest."
	docSen = "The sensors: online or not, versions, what waits to be delivered, their problems with remedies."
	docReg = "Who is registered at the telephone system, and who fails to, as the sensors see it."
	docRul = "The capture rules in force, as text."
	docChk = "What is wrong with a text of capture rules, with line and column, or what its rules would have kept of past calls. Nothing is changed."
	docWhy = "Which capture rule decided for a call, and why the others did not."
	docFld = "The fields that conditions and capture rules ask for, with operators."

	docAnalyze  = "Calls of a capture file (pcap, pcapng) in the folder that was allowed. get_call and explain_call then find these calls by their ids."
	docDoctor   = "Checks of this machine's sensor: configuration, service, capture, network, link, delivery; each with what was seen and what to do."
	docSetRules = "Replace all capture rules. Give the revision that `rules` answered: if somebody has changed them since, nothing is changed. Check the text first."
)

func (s *server) addReading(m *sdk.Server) {
	add(s, m, tool{name: "search_calls", title: "Search calls", doc: docSearch}, s.search)
	add(s, m, tool{name: "get_call", title: "One call", doc: docGet}, s.get)
	add(s, m, tool{name: "explain_call", title: "Explain a call", doc: docExp}, s.explain)
	add(s, m, tool{name: "live_calls", title: "Running calls", doc: docLiv}, s.live)
	add(s, m, tool{name: "statistics", title: "Statistics of calls", doc: docSta}, s.statistics)
	add(s, m, tool{name: "sensors", title: "Sensors", doc: docSen}, s.sensors)
	add(s, m, tool{name: "registrations", title: "Registrations", doc: docReg}, s.registrations)
	add(s, m, tool{name: "rules", title: "Capture rules", doc: docRul}, s.rules)
	add(s, m, tool{name: "rule_check", title: "Check capture rules", doc: docChk}, s.ruleCheck)
	add(s, m, tool{name: "rule_explain", title: "Why a call was kept or not", doc: docWhy}, s.ruleExplain)
	add(s, m, tool{name: "condition_fields", title: "Fields of conditions", doc: docFld}, s.fields)
}

type searchIn struct {
	Where string `json:"where,omitempty" jsonschema:"condition; absent: all calls"`
	From  string `json:"from,omitempty" jsonschema:"started at this time or later, RFC 3339"`
	To    string `json:"to,omitempty" jsonschema:"started before this time, RFC 3339"`
	Limit int    `json:"limit,omitempty" jsonschema:"1 to 50, 20 unless given"`
	After string `json:"after,omitempty" jsonschema:"next of the page before"`
}

type searchOut struct {
	Calls    []row  `json:"calls"`
	Next     string `json:"next,omitempty" jsonschema:"give it as after for the next page; absent: this is the last"`
	Searched string `json:"searched,omitempty" jsonschema:"the search took too long for a full page; calls before this time are on the next"`
}

// query reads what selects calls.
func (in searchIn) query() (q Query, err error) {
	q = Query{Where: in.Where, Limit: in.Limit, After: in.After}
	if q.From, err = moment("from", in.From); err != nil {
		return q, err
	}
	if q.To, err = moment("to", in.To); err != nil {
		return q, err
	}
	if q.Limit, err = limit(in.Limit); err != nil {
		return q, err
	}
	return q, cmp.Or(within("where", in.Where, MaxWhere), within("after", in.After, maxName))
}

func limit(n int) (int, error) {
	if n < 0 || n > maxRows {
		return 0, bad("limit", "must be 1 to 50")
	}
	return cmp.Or(n, usualRows), nil
}

func (s *server) search(ctx context.Context, in searchIn) (out searchOut, err error) {
	q, err := in.query()
	if err != nil {
		return out, err
	}
	page, err := s.src.Search(ctx, q)
	if err != nil {
		return out, err
	}
	out = searchOut{Calls: []row{}, Next: page.Next, Searched: stamp(page.Searched)}
	for i := range page.Calls {
		out.Calls = append(out.Calls, rowOf(s.masked(&page.Calls[i])))
	}
	return out, nil
}

// masked is a call as whoever asks may see it.
func (s *server) masked(c *protocol.CDR) *protocol.CDR {
	if s.Mask == nil {
		return c
	}
	return s.Mask.CDR(c)
}

type callIn struct {
	ID string `json:"id" jsonschema:"id of the call, or its Call-ID"`
}

type callOut struct {
	Call     row       `json:"call"`
	Findings []finding `json:"findings,omitempty"`
	Streams  []stream  `json:"streams,omitempty"`
	Ladder   string    `json:"ladder,omitempty" jsonschema:"SIP messages with seconds since the first; phrases in «guillemets» are as they were sent"`
	Omitted  int       `json:"omitted_streams,omitempty"`
}

func (s *server) call(ctx context.Context, in callIn) (*protocol.CDR, error) {
	if err := within("id", in.ID, maxName); err != nil || in.ID == "" {
		return nil, cmp.Or(err, bad("id", "is empty"))
	}
	c, err := s.src.Call(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.masked(c), nil
}

func (s *server) get(ctx context.Context, in callIn) (out callOut, err error) {
	c, err := s.call(ctx, in)
	if err != nil {
		return out, err
	}
	return callOut{rowOf(c), findingsOf(c), streamsOf(c), ladder(c), max(0, len(c.Streams)-maxStreams) + c.StreamsOmitted}, nil
}

func (s *server) explain(ctx context.Context, in callIn) (explained, error) {
	c, err := s.call(ctx, in)
	if err != nil {
		return explained{}, err
	}
	return explain(c), nil
}

type liveIn struct {
	Where string `json:"where,omitempty" jsonschema:"condition; absent: all running calls"`
	Limit int    `json:"limit,omitempty" jsonschema:"1 to 50, 20 unless given"`
}

type liveOut struct {
	Running int   `json:"running" jsonschema:"calls for which the condition holds"`
	Calls   []row `json:"calls"`
}

func (s *server) live(ctx context.Context, in liveIn) (out liveOut, err error) {
	n, err := limit(in.Limit)
	if err == nil {
		err = within("where", in.Where, MaxWhere)
	}
	if err != nil {
		return out, err
	}
	list, err := s.src.Live(ctx, in.Where)
	if err != nil {
		return out, err
	}
	slices.SortFunc(list, func(a, b protocol.LiveCall) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), slices.Compare(a.ID[:], b.ID[:]))
	})
	out = liveOut{Running: len(list), Calls: []row{}}
	now := protocol.TimeOf(s.Now())
	for _, l := range list[:min(len(list), n)] {
		if s.Mask != nil {
			l = s.Mask.Live(l)
		}
		out.Calls = append(out.Calls, liveRow(&l, now))
	}
	return out, nil
}

func liveRow(l *protocol.LiveCall, now protocol.Time) row {
	c := protocol.CDR{
		ID: l.ID, CallID: l.CallID, SensorID: l.SensorID, Caller: l.Caller, Callee: l.Callee, Src: l.Src, Dst: l.Dst, Transport: l.Transport, Start: l.Start, Answer: l.Answer,
		Status: l.Status, PDDMS: l.PDDMS, MOS: l.MOS, LossPct: l.LossPct, JitterMS: l.JitterMS, Rule: l.Rule, OverLimit: l.OverLimit, Capture: protocol.Capture{Kept: l.Kept},
		DurationMS: max(0, now.Sub(l.Start).Milliseconds()),
	}
	if l.Codec != "" {
		c.Codecs = []string{l.Codec}
	}
	if l.Finding != "" {
		c.Findings = []protocol.Finding{{Code: l.Finding}}
	}
	r := rowOf(&c)
	r.State = string(l.State)
	return r
}
