package analyze_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/analyze"
)

// differences lists where a record is not what the generator knows to be true.
func differences(want *gen.Call, c *protocol.CDR) (out []string) {
	diff := func(what string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			out = append(out, fmt.Sprintf("%s: got %v, want %v", what, got, want))
		}
	}
	us := func(ns int64) protocol.Time { return protocol.TimeFromNanos(ns) }
	diff("caller", c.Caller, want.Caller)
	diff("callee", c.Callee, want.Callee)
	diff("name", c.CallerName, want.Name)
	diff("src", c.Src, want.Src)
	diff("dst", c.Dst, want.Dst)
	diff("status", c.Status, want.Status)
	diff("start", c.Start, us(want.Start))
	diff("ringing", c.Ringing, us(want.Ringing))
	diff("answer", c.Answer, us(want.Answer))
	diff("end", c.End, us(want.End))
	diff("messages", len(c.Messages), want.Messages)
	diff("retransmissions", c.Retransmissions, want.Retrans)
	diff("agent", c.UACaller, want.UACaller)
	cause := map[gen.Outcome]protocol.EndCause{
		gen.Answered: protocol.EndBye, gen.Busy: protocol.EndRejected, gen.NotFound: protocol.EndRejected,
		gen.Unavailable: protocol.EndRejected, gen.Declined: protocol.EndRejected, gen.Cancelled: protocol.EndCancel,
		gen.NoAnswer: protocol.EndNoAnswer, gen.Dead: protocol.EndNoAnswer,
	}
	diff("cause", c.EndCause, cause[want.Outcome])
	switch want.Outcome {
	case gen.Answered:
		by := protocol.PartyCallee
		if want.ByCaller {
			by = protocol.PartyCaller
		}
		diff("by", c.EndBy, by)
	case gen.Cancelled:
		diff("by", c.EndBy, protocol.PartyCaller)
	}
	diff("streams", len(c.Streams), len(want.Streams))
	for _, w := range want.Streams {
		found := false
		for i := range c.Streams {
			s := &c.Streams[i]
			if s.Src != w.Src.String() || s.Dst != w.Dst.String() || uint32(s.SSRC) != w.SSRC {
				continue
			}
			found = true
			dir := protocol.FromCallee
			if w.FromCaller {
				dir = protocol.FromCaller
			}
			diff("direction", s.Direction, dir)
			diff("codec", s.Codec, w.Codec)
			diff("payload type", s.PayloadType, w.PayloadType)
			diff("packets", s.Packets, w.Packets)
			diff("lost", s.Lost, w.Lost)
			if w.Src.Addr().Is4() { // without an IP id, a duplicate cannot be told from a packet captured twice
				diff("duplicates", s.Duplicates, w.Duplicates)
			}
			diff("reordered", s.Reordered, w.Reordered)
			diff("bursts", s.Bursts, w.Bursts)
			diff("digits", s.DTMF, w.Digits)
			diff("first", s.First, us(w.First))
			diff("last", s.Last, us(w.Last))
			if math.Abs(s.JitterMeanMS-w.JitterMean) > 0.05 {
				diff("jitter", s.JitterMeanMS, w.JitterMean)
			}
			if w.Packets > 50 && (s.MOSAdapt.Avg < 1 || s.MOSAdapt.Avg > 4.5) {
				diff("mos", s.MOSAdapt.Avg, "1..4.5")
			}
		}
		if !found {
			out = append(out, fmt.Sprintf("stream %v > %v %#x is missing", w.Src, w.Dst, w.SSRC))
		}
	}
	return out
}

func TestEveryGeneratedCallIsFoundAndRight(t *testing.T) {
	var file bytes.Buffer
	truth, err := gen.Generate(&file, gen.Small(1))
	if err != nil {
		t.Fatal(err)
	}
	list, sum, err := analyze.Files(context.Background(), []string{"-"}, &file, analyze.Config{})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]*protocol.CDR{}
	for i, c := range list {
		byID[c.CallID] = c
		if i > 0 && c.Start < list[i-1].Start {
			t.Errorf("%s starts before the call listed before it", c.CallID)
		}
	}
	if len(list) != len(truth.List) || len(byID) != len(truth.List) {
		t.Errorf("%d records of %d calls, want %d", len(list), len(byID), len(truth.List))
	}
	for i := range truth.List {
		w := &truth.List[i]
		c := byID[w.CallID]
		if c == nil {
			t.Errorf("%s (%v) is missing", w.CallID, w.Outcome)
			continue
		}
		for _, d := range differences(w, c) {
			t.Errorf("%s (%v, hold %v, challenged %v): %s", w.CallID, w.Outcome, w.Held, w.Challenged, d)
		}
		for _, f := range c.Findings {
			if f.Severity == protocol.SeverityBad && w.Outcome != gen.Dead {
				t.Errorf("%s (%v): accused of %s: %s", w.CallID, w.Outcome, f.Code, f.Evidence)
			}
		}
	}
	if got, want := sum.Counters[protocol.CountSIP], uint64(truth.SIP); got != want {
		t.Errorf("%d SIP messages, want %d", got, want)
	}
	if n := sum.Counters[analyze.CountUnparsed] + sum.Counters["rtp.unbound"] + sum.Counters["sip.outside-calls"]; n != 0 {
		t.Errorf("not understood: %v", sum.Counters)
	}
}
