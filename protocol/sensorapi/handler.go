package sensorapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"voiptop/protocol"
)

const (
	maxList      = 1000    // calls or transactions that a list answers with at the most
	maxRuleBytes = 4 << 20 // size of a rule file
)

// NewHandler serves the API of s.
func NewHandler(s Sensor) http.Handler {
	h := handler{s}
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/info", h.info)
	m.HandleFunc("GET /v1/health", h.health)
	m.HandleFunc("GET /v1/live", h.live)
	m.HandleFunc("GET /v1/live/streams", h.streams)
	m.HandleFunc("GET /v1/calls", h.calls)
	m.HandleFunc("GET /v1/calls/{id}", h.call)
	m.HandleFunc("GET /v1/calls/{id}/capture", h.capture)
	m.HandleFunc("GET /v1/calls/{id}/messages", h.messages)
	m.HandleFunc("GET /v1/calls/{id}/audio", h.audio)
	m.HandleFunc("GET /v1/calls/{id}/audio/peaks", h.peaks)
	m.HandleFunc("GET /v1/calls/{id}/audio/spectrogram", h.spectrogram)
	m.HandleFunc("GET /v1/registrations", h.registrations)
	m.HandleFunc("GET /v1/transactions", h.transactions)
	m.HandleFunc("GET /v1/rules", h.rules)
	m.HandleFunc("PUT /v1/rules", h.setRules)
	m.HandleFunc("PUT "+PathHostedRules, func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, &protocol.Problem{
			Code: protocol.CodeForbidden, Status: http.StatusForbidden, Title: "only hosted sets its rules, over the link",
			Remedy: "change them in hosted; PUT /v1/rules changes those of this sensor",
		})
	})
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, &protocol.Problem{
			Code: protocol.CodeNotFound, Status: http.StatusNotFound,
			Title: "the sensor API has no " + r.Method + " " + r.URL.Path,
		})
	})
	return m
}

type handler struct{ s Sensor }

func (h handler) info(w http.ResponseWriter, _ *http.Request)   { writeJSON(w, h.s.Info()) }
func (h handler) health(w http.ResponseWriter, _ *http.Request) { writeJSON(w, h.s.Health()) }
func (h handler) rules(w http.ResponseWriter, _ *http.Request)  { writeJSON(w, h.s.Rules()) }

func (h handler) live(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("once") != "" {
		u, err := h.s.Snapshot(r.Context())
		reply(w, u, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc, rc := json.NewEncoder(w), http.NewResponseController(w)
	// The status line is sent, so an error can only end the stream; the client asks again and sees it.
	_ = h.s.Watch(r.Context(), func(u *protocol.LiveUpdate) error {
		if err := enc.Encode(u); err != nil {
			return err
		}
		return rc.Flush()
	})
}

func (h handler) calls(w http.ResponseWriter, r *http.Request) {
	before := protocol.UUID{}
	limit, ok := limitOf(w, r)
	if !ok {
		return
	}
	if v := r.URL.Query().Get("before"); v != "" {
		id, err := protocol.ParseUUID(v)
		if err != nil {
			badRequest(w, "before: "+err.Error())
			return
		}
		before = id
	}
	list, err := h.s.Calls(r.Context(), limit, before)
	if list == nil {
		list = []protocol.CDR{}
	}
	reply(w, list, err)
}

// limitOf reads how long a list may be. When it is wrong, the answer is given and ok is false.
func limitOf(w http.ResponseWriter, r *http.Request) (limit int, ok bool) {
	v := r.URL.Query().Get("limit")
	if v == "" {
		return 100, true
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxList {
		badRequest(w, fmt.Sprintf("limit %q: want a number from 1 to %d", v, maxList))
		return 0, false
	}
	return n, true
}

func (h handler) registrations(w http.ResponseWriter, r *http.Request) {
	list, err := h.s.Registrations(r.Context())
	if list == nil {
		list = []protocol.Registration{}
	}
	reply(w, list, err)
}

func (h handler) transactions(w http.ResponseWriter, r *http.Request) {
	limit, ok := limitOf(w, r)
	if !ok {
		return
	}
	list, err := h.s.Transactions(r.Context(), limit)
	if list == nil {
		list = []protocol.Transaction{}
	}
	reply(w, list, err)
}

func (h handler) call(w http.ResponseWriter, r *http.Request) {
	c, err := h.s.Call(r.Context(), r.PathValue("id"))
	reply(w, c, err)
}

func (h handler) setRules(w http.ResponseWriter, r *http.Request) {
	var in Rules
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRuleBytes)).Decode(&in); err != nil {
		badRequest(w, "rules: "+err.Error())
		return
	}
	out, err := h.s.SetRules(r.Context(), in)
	reply(w, out, err)
}

func reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		WriteProblem(w, err)
		return
	}
	writeJSON(w, v)
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // the client is gone: nobody is left to tell
}

func badRequest(w http.ResponseWriter, title string) {
	WriteProblem(w, &protocol.Problem{Code: protocol.CodeBadRequest, Status: http.StatusBadRequest, Title: title})
}

// WriteProblem answers with err as application/problem+json, and with Retry-After when it says when to ask again. An error that is
// no *protocol.Problem becomes "internal".
func WriteProblem(w http.ResponseWriter, err error) {
	var p *protocol.Problem
	if !errors.As(err, &p) {
		p = &protocol.Problem{Code: protocol.CodeInternal, Title: err.Error()}
	}
	status := p.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	b, _ := json.Marshal(p) // strings and an integer: cannot fail
	if v := p.Fields[protocol.FieldRetryAfter]; v != "" {
		w.Header().Set("Retry-After", v)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// ReadProblem makes the error of an answer that is not a success. It reads at most 64 KiB of its body.
func ReadProblem(res *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	p := &protocol.Problem{}
	if json.Unmarshal(b, p) != nil || p.Code == "" {
		p = &protocol.Problem{Code: protocol.CodeInternal, Title: "unexpected answer " + res.Status, Detail: string(b[:min(len(b), 200)])}
	}
	p.Status = res.StatusCode
	return p
}
