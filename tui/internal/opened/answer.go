package opened

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// Answer is what a question is answered with: Body, or what stands in File.
type Answer struct {
	Status int
	Type   string // media type
	Name   string // to save it under, "": it is not for saving
	Body   []byte
	File   string // path; the reader removes it if Once
	Once   bool
}

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
	typePCAPNG = "application/vnd.tcpdump.pcap"
)

// Answer answers a question, which is the path and the query of a GET request. What goes wrong is answered, too, as a problem.
func (c *Capture) Answer(ctx context.Context, target string) *Answer {
	a, err := c.answer(ctx, target)
	if err == nil {
		return a
	}
	var p *protocol.Problem
	switch {
	case errors.As(err, &p):
	case ctx.Err() != nil:
		p = &protocol.Problem{Code: "cancelled", Status: 499, Title: "cancelled"}
	default:
		p = &protocol.Problem{Code: protocol.CodeInternal, Status: http.StatusInternalServerError, Title: "the capture could not be read", Detail: err.Error(), Remedy: "open the file again"}
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers: cannot happen
	}
	return &Answer{Status: p.Status, Type: "application/problem+json", Body: b}
}

func (c *Capture) answer(ctx context.Context, target string) (*Answer, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, badRequest("path", target, "a path and a query")
	}
	q := u.Query()
	switch u.Path {
	case "/summary":
		return c.summarize()
	case "/searches/check":
		return check(q)
	case "/searches/fields":
		return fields()
	case "/calls":
		return c.list(ctx, q)
	case "/calls/count":
		return c.count(ctx, q)
	case "/calls.ndjson":
		return c.exportLines(ctx, q)
	case "/calls.csv":
		return c.exportCSV(ctx, q)
	}
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if parts[0] == "calls" && len(parts) > 1 {
		id, err := url.PathUnescape(parts[1])
		if err != nil {
			return nil, badRequest("id", parts[1], "the id of a call")
		}
		i, err := c.find(id)
		if err != nil {
			return nil, err
		}
		return c.ofCall(ctx, i, strings.Join(parts[2:], "/"), q)
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "there is no " + u.Path + " of a capture"}
}

// ofCall answers what is asked of one call.
func (c *Capture) ofCall(ctx context.Context, i int32, what string, q url.Values) (*Answer, error) {
	if what == "" {
		b, err := c.line(i)
		if err != nil {
			return nil, err
		}
		return jsonAnswer(b), nil
	}
	r, err := c.record(i)
	if err != nil {
		return nil, err
	}
	switch what {
	case "messages":
		return c.messages(ctx, r)
	case "capture":
		return c.capture(ctx, r, q.Get("group") == "1")
	}
	o, err := sensorapi.ParseAudioOptions(q)
	if err != nil {
		return nil, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: err.Error()}
	}
	switch what {
	case "audio":
		return c.audio(ctx, r, o)
	case "audio/peaks":
		n, err := bounded(q, "points", sensorapi.DefaultPeaks, sensorapi.MaxPeaks)
		if err != nil {
			return nil, err
		}
		return c.peaks(ctx, r, o, n)
	case "audio/spectrogram":
		w, err := bounded(q, "width", 1000, sensorapi.MaxSpectrogramWidth)
		if err != nil {
			return nil, err
		}
		h, err := bounded(q, "height", 256, sensorapi.MaxSpectrogramHeight)
		if err != nil {
			return nil, err
		}
		return c.spectrogram(ctx, r, sensorapi.SpectrogramOptions{AudioOptions: o, Width: w, Height: h})
	}
	return nil, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "there is no " + what + " of a call"}
}

// find finds a call by its id or its Call-ID.
func (c *Capture) find(id string) (int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if u, err := protocol.ParseUUID(id); err == nil {
		if i, ok := c.byID[u]; ok {
			return i, nil
		}
	}
	for i := range c.calls {
		if c.calls[i].call.CallID == id {
			return int32(i), nil
		}
	}
	return 0, &protocol.Problem{Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "the capture holds no call " + strconv.Quote(id)}
}

// summarize answers what was read, and everything that was not understood.
func (c *Capture) summarize() (*Answer, error) {
	c.mu.Lock()
	s := c.summary
	s.Calls = max(s.Calls, uint64(len(c.calls)))
	c.mu.Unlock()
	return encode(s.Report())
}

// Report is a Summary as the page shows it.
type Report struct {
	Done        bool          `json:"done"`
	Error       string        `json:"error"` // why the reading ended early; ""
	Packets     uint64        `json:"packets"`
	Bytes       uint64        `json:"bytes"`
	Calls       uint64        `json:"calls"`
	Streams     uint64        `json:"streams"`
	Messages    uint64        `json:"sip_messages"`
	RTP         uint64        `json:"rtp_packets"`
	First       protocol.Time `json:"first"`
	Last        protocol.Time `json:"last"`
	OK          uint64        `json:"transactions_ok"` // outside of calls
	Refused     uint64        `json:"transactions_refused"`
	Unanswered  uint64        `json:"transactions_unanswered"`
	NotAnalysed []Counted     `json:"not_analysed"` // or only in part
	Warnings    []Warning     `json:"warnings"`
}

// Counted is a counter, see docs/counters.md.
type Counted struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}

// Warning says that a file could not be read to its end.
type Warning struct {
	Input  string `json:"input"`
	Offset int64  `json:"offset"` // bytes from the start, decompressed
	Text   string `json:"text"`
}

// Report makes it.
func (s *Summary) Report() Report {
	r := Report{
		Done: s.Done, Packets: s.Packets, Bytes: s.Bytes, Calls: s.Calls, Streams: s.Streams, First: s.First, Last: s.Last,
		Messages: s.Counters[protocol.CountSIP], RTP: s.Counters[protocol.CountRTP], NotAnalysed: []Counted{}, Warnings: []Warning{},
	}
	if s.Err != nil {
		r.Error = s.Err.Error()
	}
	r.OK, r.Refused, r.Unanswered = s.OutsideCalls()
	for _, name := range s.NotAnalysed() {
		r.NotAnalysed = append(r.NotAnalysed, Counted{name, s.Counters[name]})
	}
	for _, w := range s.Warnings {
		r.Warnings = append(r.Warnings, Warning{w.Input, w.Offset, w.Text})
	}
	return r
}

func jsonAnswer(b []byte) *Answer { return &Answer{Status: http.StatusOK, Type: typeJSON, Body: b} }

func encode(v any) (*Answer, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write an answer: %w", err)
	}
	return jsonAnswer(b), nil
}

func badRequest(field, found, want string) error {
	return &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: fmt.Sprintf("%s is %q, want %s", field, found, want)}
}

func badCondition(err error) error {
	var e *rules.Error
	if !errors.As(err, &e) {
		return err
	}
	return &protocol.Problem{
		Code: "bad-condition", Status: http.StatusUnprocessableEntity, Title: "the condition cannot be read", Detail: e.Error(),
		Remedy: "docs/rules.md lists fields and operators",
		Fields: map[string]string{
			"line": strconv.Itoa(e.Pos.Line), "column": strconv.Itoa(e.Pos.Col), "found": e.Found, "expected": e.Expected, "nearest": e.Nearest,
		},
	}
}

func bounded(q url.Values, key string, def, most int) (int, error) {
	v := q.Get(key)
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, badRequest(key, v, fmt.Sprintf("a number from 1 to %d", most))
	}
	return n, nil
}
