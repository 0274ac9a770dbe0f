package rtp_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/pion/rtcp"

	"voiptop/sensord/internal/rtp"
)

func collect(b []byte) (items []rtp.RTCPItem, whole bool) {
	whole = rtp.WalkRTCP(b, func(i rtp.RTCPItem) { items = append(items, i) })
	return items, whole
}

var (
	block = rtcp.ReceptionReport{SSRC: 7, FractionLost: 64, TotalLost: 0xfffffe, LastSequenceNumber: 70000, Jitter: 80, LastSenderReport: 0x10203040, Delay: 65536}
	ours  = rtp.ReportBlock{FractionLost: 64, Lost: -2, HighestSeq: 70000, Jitter: 80, LSR: 0x10203040, DLSR: 65536}
	voip  = rtcp.VoIPMetricsReportBlock{
		SSRC: 7, LossRate: 3, DiscardRate: 4, BurstDensity: 5, GapDensity: 6, BurstDuration: 700, GapDuration: 800, RoundTripDelay: 90,
		EndSystemDelay: 100, SignalLevel: 0xee, NoiseLevel: 0xba, RERL: 127, Gmin: 16, RFactor: 88, ExtRFactor: 127, MOSLQ: 41, MOSCQ: 40,
		RXConfig: 0xb0, JBNominal: 60, JBMaximum: 120, JBAbsMax: 400,
	}
)

func compound(t testing.TB) []byte {
	t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.SenderReport{SSRC: 9, NTPTime: 0x0102030405060708, RTPTime: 160, PacketCount: 10, OctetCount: 1600, Reports: []rtcp.ReceptionReport{block, block}},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: 9, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "a@b"}}}}},
		&rtcp.ExtendedReport{SenderSSRC: 9, Reports: []rtcp.ReportBlock{&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: 5}, &voip}},
		&rtcp.Goodbye{Sources: []uint32{9, 10}, Reason: "done"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWalkRTCPReadsWhatPionWrites(t *testing.T) {
	items, whole := collect(compound(t))
	want := []rtp.RTCPItem{
		{Kind: rtp.RTCPSender, From: 9, Source: 9, Sender: rtp.SenderInfo{NTP: 0x0102030405060708, Timestamp: 160, Packets: 10, Octets: 1600}},
		{Kind: rtp.RTCPReport, From: 9, Source: 7, Report: ours},
		{Kind: rtp.RTCPReport, From: 9, Source: 7, Report: ours},
		{Kind: rtp.RTCPVoIP, From: 9, Source: 7, VoIP: rtp.VoIPMetrics{
			LossRate: 3, DiscardRate: 4, BurstDensity: 5, GapDensity: 6, BurstMS: 700, GapMS: 800, RoundTripMS: 90, EndSystemMS: 100,
			SignalLevel: -18, NoiseLevel: -70, RERL: 127, Gmin: 16, R: 88, ExternalR: 127, MOSLQ: 41, MOSCQ: 40,
			RxConfig: 0xb0, JBNominalMS: 60, JBMaximumMS: 120, JBAbsMaximumMS: 400,
		}},
		{Kind: rtp.RTCPBye, From: 9, Source: 9},
		{Kind: rtp.RTCPBye, From: 10, Source: 10},
	}
	if !whole || !reflect.DeepEqual(items, want) {
		t.Errorf("whole %v\n got %+v\nwant %+v", whole, items, want)
	}
	if !rtp.IsRTCP(compound(t)) {
		t.Error("not taken for RTCP")
	}
}

func TestWalkRTCPKeepsWhatWasGood(t *testing.T) {
	b := compound(t)
	kinds := func(b []byte) (k []rtp.RTCPKind) {
		items, whole := collect(b)
		if whole {
			t.Errorf("%d bytes of %d taken for whole", len(b), len(compound(t)))
		}
		for _, i := range items {
			k = append(k, i.Kind)
		}
		return k
	}
	const sr = 28 + 24 + 24
	for cut, want := range map[int][]rtp.RTCPKind{
		2:       nil,
		27:      nil,
		28:      {rtp.RTCPSender},
		28 + 24: {rtp.RTCPSender, rtp.RTCPReport},
		sr + 3:  {rtp.RTCPSender, rtp.RTCPReport, rtp.RTCPReport},
	} {
		if got := kinds(b[:cut]); !reflect.DeepEqual(got, want) {
			t.Errorf("cut at %d: %v, want %v", cut, got, want)
		}
	}
	lying := compound(t)
	lying[0] |= 31 // says 31 report blocks, has two: the rest of the compound is still read
	if got := kinds(lying); len(got) != 6 {
		t.Errorf("report count too high: %v", got)
	}
}

func TestRoundTrip(t *testing.T) {
	var r rtp.RoundTrip
	const t0 = int64(1e18)
	ntp := func(n int) uint64 { return 0xe0000000_00000000 + uint64(n)<<32 }
	for n := range 3 {
		r.SR(t0+int64(n)*5e9, ntp(n))
	}
	b := rtp.ReportBlock{LSR: uint32(ntp(1) >> 16), DLSR: 65536 / 2}
	if rtt, ok := r.Report(t0+5e9+500e6+42e6, &b); !ok || rtt != 42e6 {
		t.Errorf("round trip %d ns %v, want 42 ms", rtt, ok)
	}
	for name, c := range map[string]struct {
		b  rtp.ReportBlock
		at int64
	}{
		"no SR was received":      {rtp.ReportBlock{}, t0},
		"an SR we did not see":    {rtp.ReportBlock{LSR: 5}, t0},
		"a delay that is a lie":   {rtp.ReportBlock{LSR: uint32(ntp(1) >> 16), DLSR: 65536 * 60}, t0 + 6e9},
		"an answer hours later":   {rtp.ReportBlock{LSR: uint32(ntp(1) >> 16)}, t0 + 3600e9},
		"before the first report": {rtp.ReportBlock{LSR: uint32(ntp(0) >> 16)}, t0 - 1e9},
	} {
		if rtt, ok := r.Report(c.at, &c.b); ok {
			t.Errorf("%s: measured %d", name, rtt)
		}
	}
}

// FuzzWalkRTCP: whatever comes, no panic, a bounded number of items, and what pion reads of a whole packet is found.
func FuzzWalkRTCP(f *testing.F) {
	f.Add(compound(f))
	f.Add(compound(f)[:40])
	b := compound(f)
	b[3] = 2
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		items, whole := collect(b)
		if len(items) > len(b)/4 {
			t.Fatalf("%d items of %d bytes", len(items), len(b))
		}
		if !whole {
			return
		}
		packets, err := rtcp.Unmarshal(b)
		if err != nil {
			return
		}
		reports := 0
		for _, p := range packets {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				reports += len(p.Reports)
			case *rtcp.ReceiverReport:
				reports += len(p.Reports)
			}
		}
		for _, i := range items {
			if i.Kind == rtp.RTCPReport {
				reports--
			}
		}
		if reports != 0 {
			t.Fatalf("%d report blocks more in pion", reports)
		}
	})
}

func TestWalkRTCPDoesNotAllocate(t *testing.T) {
	b := compound(t)
	n := 0
	if a := testing.AllocsPerRun(100, func() { rtp.WalkRTCP(b, func(rtp.RTCPItem) { n++ }) }); a != 0 || n == 0 {
		t.Errorf("%v allocations, %d items", a, n)
	}
}

func TestRandomBytesAreHardlyEverRTCP(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	hits := 0
	b := make([]byte, 60)
	for range 100000 {
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		if rtp.IsRTCP(b) {
			hits++
		}
	}
	if hits > 20 {
		t.Errorf("%d of 100000", hits)
	}
}
