package main

import (
	"context"
	"net/http"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
)

// sensor answers the sensor API from the daemon's parts.
type sensor struct{ d *daemon }

func (s sensor) Info() protocol.SensorInfo { return s.d.sensorInfo() }

func (d *daemon) sensorInfo() protocol.SensorInfo {
	i := d.info
	i.Clock = protocol.TimeOf(time.Now())
	i.RuleRevision, i.HostedRuleRevision = d.rules.revisions()
	return i
}

func (s sensor) Health() protocol.Health {
	d := s.d
	h := protocol.Health{
		Info: d.sensorInfo(), Counters: d.counters(), Journal: d.journal.State(), Spool: d.spool.State(),
		Link: protocol.LinkHealth{State: "off"},
	}
	h.Running = int(h.Counters[protocol.CountCallsRunning])
	if d.uplink != nil {
		h.Link = d.uplink.Health()
	}
	if h.Link.LastError != nil && h.Link.State != "up" {
		h.Problems = append(h.Problems, *h.Link.LastError)
	}
	h.Problems = append(h.Problems, d.rules.troubles()...)
	if p := d.overLimit(h.Counters); p != nil {
		h.Problems = append(h.Problems, *p)
	}
	if d.hepOut != nil && !d.hepOut.Connected() {
		h.Problems = append(h.Problems, protocol.Problem{
			Code: "hep-send-down", Title: "no HEP is sent to " + d.conf.HEPSend,
			Detail: "there is no connection; the log says why", Remedy: "mend hep_send, or start what listens there",
		})
	}
	h.Problems = append(h.Problems, d.spoolProblems(&h.Spool)...)
	st := d.source.Stats()
	for _, w := range st.Away {
		h.Problems = append(h.Problems, protocol.Problem{
			Code: "interface-down", Title: "nothing is captured on " + w.Input, Detail: w.Text,
			Remedy: "ip link set " + w.Input + " up; sensord goes on by itself when the interface does",
		})
	}
	for _, w := range st.Warnings {
		h.Problems = append(h.Problems, protocol.Problem{Code: "input-cut", Title: w.Input + " was not read to its end", Detail: w.Text})
	}
	if h.Problems == nil {
		h.Problems = []protocol.Problem{}
	}
	return h
}

// counters counts everything that moved and everything that was dropped. Once the daemon stops, the engine's are missing.
func (d *daemon) counters() protocol.Counters {
	c := protocol.Counters{}
	if err := d.pipeline.ask(func(e *analyze.Engine) { e.Counters(c) }); err != nil {
		d.log.Debug("counters without the engine's", "err", err)
	}
	st := d.source.Stats()
	c[protocol.CountPackets] = st.Packets
	c[protocol.CountBytes] = st.Bytes
	c[protocol.CountKernelDrops] = st.KernelDrops
	q := d.journal.State()
	c[protocol.CountCDRsJournaled] = q.Next - min(q.Next, 1)
	c[protocol.CountCDRsAcked] = q.Acked - min(q.Acked, 1)
	d.countHEP(c)
	d.spool.Counters(c)
	d.listening.counters(c)
	if d.direct != nil {
		d.direct.Counters(c)
	}
	return c
}

func (s sensor) Watch(ctx context.Context, emit func(*protocol.LiveUpdate) error) error {
	return s.d.viewer.watch(ctx, emit)
}

func (s sensor) Snapshot(context.Context) (*protocol.LiveUpdate, error) {
	return s.d.viewer.snapshot(watchEvery / 2)
}

func (s sensor) Calls(_ context.Context, limit int, before protocol.UUID) ([]protocol.CDR, error) {
	return s.d.journal.Calls(limit, before)
}

func (s sensor) Call(_ context.Context, id string) (*protocol.CDR, error) {
	var c *protocol.CDR
	if err := s.d.pipeline.ask(func(e *analyze.Engine) { c = e.Find(id) }); err != nil {
		return nil, err
	}
	if c != nil {
		return c, nil
	}
	if c, ok := s.d.journal.Find(id); ok {
		return c, nil
	}
	return nil, &protocol.Problem{
		Code: protocol.CodeNotFound, Status: http.StatusNotFound, Title: "no call " + id + " on this sensor",
		Detail: "it is not running, and the local history does not go back to it",
	}
}

func (s sensor) Rules() sensorapi.Rules { return s.d.rules.current() }

func (s sensor) SetRules(_ context.Context, r sensorapi.Rules) (sensorapi.Rules, error) {
	return s.d.rules.replace(r)
}
