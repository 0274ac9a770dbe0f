package storetest

import (
	"fmt"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

// BenchmarkAppend stores batches of 500 CDRs of the usual kind: two streams, ten messages. It reports rows a second.
func BenchmarkAppend(b *testing.B, open Open) {
	f := newFixture(b, open)
	const size = 500
	batches := make([]store.Batch, b.N)
	for i := range batches {
		batches[i] = f.batch(uint64(i * size))
		for j := range size {
			n := i*size + j
			c := f.call(now.Add(time.Duration(n)*time.Millisecond), usual(n))
			c.ID[10], c.ID[11] = byte(n>>24), byte(n>>16)
			batches[i].CDRs = append(batches[i].CDRs, c)
		}
	}
	b.ResetTimer()
	for _, batch := range batches {
		if _, err := f.AppendCDRs(f.ctx, batch, now); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkSearch asks for pages of 100 in a store of 100,000 calls over 25 days.
func BenchmarkSearch(b *testing.B, open Open) {
	f := newFixture(b, open)
	const rows, size = 100_000, 500
	for n := 0; n < rows; {
		batch := f.batch(uint64(n))
		for range size {
			c := f.call(now.Add(-time.Duration(n)*25*24*time.Hour/(rows+rows/100)), usual(n))
			c.ID[10], c.ID[11] = byte(n>>24), byte(n>>16)
			batch.CDRs = append(batch.CDRs, c)
			n++
		}
		if _, err := f.AppendCDRs(f.ctx, batch, now); err != nil {
			b.Fatal(err)
		}
	}
	old := protocol.TimeOf(now.AddDate(0, 0, -24))
	for name, q := range map[string]store.CallQuery{
		"newest": {}, "oldest day": {To: old}, "number, many": {Number: "+4202"}, "number, one": {Number: "+42020001234"}, "number, none": {Number: "0"},
		"text, none": {Text: "nothing"}, "Call-ID": {CallID: "nothing"}, "group, none": {Group: protocol.UUID{9}}, "ip, none": {Text: "203.0.113.1"}, "status, none": {Status: 486},
		"finding, none": {Finding: "one-way-audio"}, "mos, none": {MaxMOS: 2}, "kept, none": {Kept: true}, "sensor, none": {SensorID: 9},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Calls(f.ctx, f.tenant, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func usual(n int) func(*protocol.CDR) {
	return func(c *protocol.CDR) {
		mos, pdd := 4.2, int64(900)
		c.Caller, c.Callee = fmt.Sprintf("+4202%07d", n%99991), fmt.Sprintf("+4203%07d", n%9973)
		c.CallerDomain, c.CalleeDomain, c.Src, c.Dst, c.Transport = "pbx.example.com", "sip.example.net", "192.0.2.10:5060", "198.51.100.7:5060", "udp"
		c.Status, c.Reason, c.EndCause, c.EndBy, c.Codecs, c.MOS, c.PDDMS = 200, "OK", protocol.EndBye, protocol.PartyCaller, []string{"PCMA"}, &mos, &pdd
		c.Streams = make([]protocol.Stream, 2)
		for i := range c.Streams {
			c.Streams[i] = protocol.Stream{
				Src: "192.0.2.10:17000", Dst: "198.51.100.7:22000", SSRC: protocol.SSRC(n*2 + i), Codec: "PCMA", ClockRate: 8000,
				Direction: protocol.FromCaller, First: c.Start, Last: c.End, Packets: 3000, Expected: 3001, Lost: 1, JitterMeanMS: 1.234, Intervals: make([]protocol.Interval, 6),
			}
		}
		for i := range 10 {
			c.Messages = append(c.Messages, protocol.Message{T: c.Start, Src: c.Src, Dst: c.Dst, FirstLine: "INVITE sip:" + c.Callee + "@sip.example.net SIP/2.0", CSeq: fmt.Sprint(i, " INVITE")})
		}
	}
}
