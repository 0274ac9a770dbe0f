package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"voiptop/protocol"
)

// good is a call of 20 s with sound both ways, and facts that go with it.
func good() (*protocol.CDR, *Facts) {
	start := protocol.Time(1_700_000_000_000_000)
	ms := func(v int64) *int64 { return &v }
	c := &protocol.CDR{
		Start: start, Ringing: start + 1e6, Answer: start + 2e6, End: start + 22e6, ConnectMS: ms(20000), PDDMS: ms(1000),
		Status: 200, EndCause: protocol.EndBye, EndBy: protocol.PartyCaller,
	}
	for _, d := range []protocol.Direction{protocol.FromCaller, protocol.FromCallee} {
		c.Streams = append(c.Streams, protocol.Stream{
			Src: "192.0.2.10:4000", Dst: "198.51.100.20:5000", Direction: d, Media: "audio", Codec: "PCMA",
			Packets: 1000, Expected: 1000, First: c.Answer, Last: c.End, JitterMeanMS: 1, MOSAdapt: protocol.MOS{Avg: 4.4, Min: 4.4},
		})
	}
	f := &Facts{Finished: true, Acked: true, ByeDone: c.End, Streams: make([]Stream, 2)}
	for i, a := range []string{"192.0.2.10", "198.51.100.20"} {
		f.Sides[i] = Side{Described: true, Addr: netip.MustParseAddr(a), Port: 4000, Signalling: netip.MustParseAddr(a), Sent: true}
	}
	return c, f
}

// silence takes the callee's sound away.
func silence(c *protocol.CDR, f *Facts) {
	c.Streams, f.Streams = c.Streams[:1], f.Streams[:1]
	f.Sides[1].Sent = false
}

func lose(c *protocol.CDR, lost uint64, mos float64) {
	s := &c.Streams[0]
	s.Lost, s.Packets = lost, s.Expected-lost
	s.LossPct = 100 * float64(lost) / float64(s.Expected)
	s.Bursts[6] = uint32(lost / 7)
	s.MOSAdapt.Avg = mos
}

func TestFindings(t *testing.T) {
	ms := func(v int64) *int64 { return &v }
	for _, x := range []struct {
		name   string
		change func(c *protocol.CDR, f *Facts)
		want   string // "severity code", "" for none
	}{
		{"a good call", func(*protocol.CDR, *Facts) {}, ""},
		{"one way", silence, "bad one-way-audio"},
		{"one way in a short call", func(c *protocol.CDR, f *Facts) { silence(c, f); c.ConnectMS = ms(6000) }, "warn one-way-audio"},
		{"one way, and who is silent reports that it sends nothing", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Sides[1].Listens = true }, "warn one-way-audio"},
		{"one way in a very short call", func(c *protocol.CDR, f *Facts) { silence(c, f); c.ConnectMS = ms(4000) }, ""},
		{"one way on hold", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Held = true }, ""},
		{"one way, joined in the middle", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Joined = true }, "info joined-mid-call"},
		{"one way, media shared with another call", func(c *protocol.CDR, f *Facts) { silence(c, f); f.SharedMedia = true }, ""},
		{"one way, audio refused", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Sides[1].Refused = true }, ""},
		{"one way, fax", func(c *protocol.CDR, f *Facts) { silence(c, f); f.T38 = true }, ""},
		{"one way, but media goes elsewhere too", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Astray = true }, ""},
		{"one way, but a few packets only", func(c *protocol.CDR, f *Facts) { silence(c, f); c.Streams[0].Packets = 20 }, ""},
		{"sound before the answer only", func(c *protocol.CDR, f *Facts) { silence(c, f); c.Streams[0].Last = c.Answer - 1 }, ""},
		{"no sound seen", func(c *protocol.CDR, f *Facts) {
			silence(c, f)
			c.Streams, f.Streams = nil, nil
			f.Sides[0].Sent = false
		}, "info no-audio"},
		{"no sound, but RTCP", func(c *protocol.CDR, f *Facts) {
			silence(c, f)
			c.Streams, f.Streams = nil, nil
			f.Sides[0].Sent, f.Feedback = false, true
		}, "bad no-audio"},
		{"never answered", func(c *protocol.CDR, f *Facts) {
			silence(c, f)
			c.Streams, f.Streams, c.ConnectMS, c.Answer = nil, nil, nil, 0
		}, ""},
		{"one way with a private address", func(c *protocol.CDR, f *Facts) { silence(c, f); f.Sides[0].Addr = netip.MustParseAddr("10.1.2.3") }, "bad one-way-audio, bad nat-private-sdp"},
		{"two ways with a private address", func(_ *protocol.CDR, f *Facts) { f.Sides[0].Addr = netip.MustParseAddr("10.1.2.3") }, ""},
		{"one way within a private network", func(c *protocol.CDR, f *Facts) {
			silence(c, f)
			f.Sides[0].Addr, f.Sides[0].Signalling = netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.1.2.3")
		}, "bad one-way-audio"},
		{"loss with bursts", func(c *protocol.CDR, _ *Facts) { lose(c, 21, 4.0) }, "warn loss-burst"},
		{"loss that hurts", func(c *protocol.CDR, _ *Facts) { lose(c, 100, 2.5) }, "bad loss-burst"},
		{"loss of most packets, as a capture may have it", func(c *protocol.CDR, _ *Facts) { lose(c, 700, 1.0) }, "warn loss-burst"},
		{"loss of single packets", func(c *protocol.CDR, _ *Facts) { lose(c, 21, 4.0); c.Streams[0].Bursts = [10]uint32{21} }, ""},
		{"loss of video", func(c *protocol.CDR, _ *Facts) { lose(c, 100, 2.5); c.Streams[0].Media = "video" }, ""},
		{"jitter", func(c *protocol.CDR, _ *Facts) { c.Streams[0].JitterMeanMS, c.Streams[0].PDV[0] = 35, 100 }, "warn jitter-high"},
		{"jitter that hurts", func(c *protocol.CDR, _ *Facts) {
			c.Streams[0].JitterMeanMS, c.Streams[0].PDV[0], c.Streams[0].MOSAdapt.Avg = 60, 300, 2.0
		}, "bad jitter-high"},
		{"jitter of a capture that counts seconds", func(c *protocol.CDR, _ *Facts) {
			s := &c.Streams[0]
			s.JitterMeanMS, s.PDV[0], s.MOSAdapt.Avg, s.DeltaMaxMS = 60, 300, 2.0, 1000
			s.First, s.Last = s.First/1e6*1e6, s.Last/1e6*1e6
		}, ""},
		{"jitter, but hardly a packet late", func(c *protocol.CDR, _ *Facts) { c.Streams[0].JitterMeanMS, c.Streams[0].PDV[0] = 35, 10 }, ""},
		{"a codec nobody announced", func(_ *protocol.CDR, f *Facts) { f.Streams[1].Unannounced = true }, "warn codec-mismatch"},
		{"no ACK", func(_ *protocol.CDR, f *Facts) { f.Acked, f.AnswerRepeats = false, 4 }, "bad missing-ack"},
		{"no ACK in view, answer not repeated", func(_ *protocol.CDR, f *Facts) { f.Acked = false }, ""},
		{"answer repeated, then the ACK", func(_ *protocol.CDR, f *Facts) { f.AnswerRepeats = 4 }, ""},
		{"no BYE", func(c *protocol.CDR, _ *Facts) { c.EndCause = protocol.EndTimeoutRTP }, "warn bye-lost"},
		{"BYE without answer", func(_ *protocol.CDR, f *Facts) { f.ByeDone, f.ByeRepeats = 0, 5 }, "warn bye-lost"},
		{"BYE without answer in view", func(_ *protocol.CDR, f *Facts) { f.ByeDone = 0 }, ""},
		{"the input ended", func(c *protocol.CDR, f *Facts) { c.EndCause, f.ByeDone = protocol.EndUnterminated, 0 }, ""},
		{"some repeats", func(c *protocol.CDR, _ *Facts) { c.Retransmissions = 5 }, ""},
		{"many repeats", func(c *protocol.CDR, _ *Facts) { c.Retransmissions = 6 }, "warn retransmission-storm"},
		{"an unreachable hop", func(c *protocol.CDR, f *Facts) {
			f.Streams = nil
			*c = protocol.CDR{Retransmissions: 6, EndCause: protocol.EndNoAnswer}
			f.InviteRepeats = 6
		}, "bad retransmission-storm"},
		{"slow to ring", func(c *protocol.CDR, _ *Facts) { c.PDDMS = ms(8000) }, "warn slow-pdd"},
		{"slow because of a password", func(c *protocol.CDR, f *Facts) { c.PDDMS, f.Challenged = ms(30000), 1 }, ""},
		{"rejected late", func(c *protocol.CDR, f *Facts) {
			f.Streams = nil
			*c = protocol.CDR{PDDMS: ms(9000), Status: 486, EndCause: protocol.EndRejected}
		}, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			c, f := good()
			x.change(c, f)
			var got []string
			found, _ := new(Exam).Call(c, f, false)
			for _, y := range found {
				got = append(got, string(y.Severity)+" "+y.Code)
				if y.Text == "" || y.Remedy == "" || y.Evidence == "" && y.Code != "joined-mid-call" || !strings.HasSuffix(y.Text, ".") {
					t.Errorf("incomplete: %+v", y)
				}
			}
			if s := strings.Join(got, ", "); s != x.want {
				t.Errorf("got %q, want %q", s, x.want)
			}
		})
	}
}

func TestFindingsAreGravestFirst(t *testing.T) {
	c, f := good()
	c.Retransmissions = 10
	f.Acked, f.AnswerRepeats = false, 4
	got, _ := new(Exam).Call(c, f, false)
	if len(got) != 2 || got[0].Severity != protocol.SeverityBad || got[1].Severity != protocol.SeverityWarn {
		t.Errorf("got %+v", got)
	}
}

func TestThatThereAreNoReceiverReportsIsSaidOnlyWhereThereAreNone(t *testing.T) {
	for reports, want := range map[int]string{0: reasonReports, 1: reasonFew} {
		c, f := good()
		f.Streams[1].Reports = reports
		_, unchecked := new(Exam).Call(c, f, false)
		got := ""
		for _, u := range unchecked {
			if slices.Contains(u.Codes, "loss-located-on-leg") {
				got = u.Reason
			}
		}
		if got != want {
			t.Errorf("%d reports: %q, want %q", reports, got, want)
		}
	}
}
