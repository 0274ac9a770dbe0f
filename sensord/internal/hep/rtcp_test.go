package hep

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"voiptop/sensord/internal/rtp"
)

// A sender report with one block, by RFC 3550's layout.
const senderReport = "81c8000c" + "11111111" + "e5a1b2c3" + "80000000" + "0000a000" + "00000064" + "00003e80" +
	"22222222" + "05" + "fffffe" + "00010203" + "00000040" + "b2c38000" + "00010000"

func TestReportsSurviveTheWayThroughJSON(t *testing.T) {
	want, err := hex.DecodeString(senderReport)
	if err != nil {
		t.Fatal(err)
	}
	j, err := AppendRTCPJSON(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"type":200`, `"ssrc":286331153`, `"source_ssrc":572662306`, `"fraction_lost":5`, `"packets_lost":-2`, `"packets":100`, `"octets":16000`, `"report_count":1`, `"ia_jitter":64`} {
		if !strings.Contains(string(j), part) {
			t.Errorf("%s lacks %s", j, part)
		}
	}
	if got, err := RTCPFromJSON(j); err != nil || !bytes.Equal(got, want) {
		t.Errorf("back: %x %v\nwant  %x", got, err, want)
	}
}

func TestReportsOfOthersAreRead(t *testing.T) {
	in := `{"sender_information":{"ntp_timestamp_sec":"3854414612","ntp_timestamp_usec":"2147483648","octets":160,"rtp_timestamp":90,"packets":1},
		"ssrc":"7","type":"200","report_count":1,"report_blocks":[{"source_ssrc":9,"fraction_lost":1,"packets_lost":"3","highest_seq_no":5,"lsr":"4294967295","ia_jitter":2.5,"dlsr":1}],"sdes_ssrc":7,"unknown":[{}]}`
	b, err := RTCPFromJSON([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	whole := rtp.WalkRTCP(b, func(i rtp.RTCPItem) {
		n++
		if i.Kind == rtp.RTCPReport && (i.From != 7 || i.Source != 9 || i.Report.Lost != 3 || i.Report.LSR != 1<<32-1 || i.Report.Jitter != 2) {
			t.Errorf("report %+v", i)
		}
		if i.Kind == rtp.RTCPSender && (i.From != 7 || i.Sender.NTP != 3854414612<<32|1<<31 || i.Sender.Octets != 160) {
			t.Errorf("sender %+v", i)
		}
	})
	if !whole || n != 2 {
		t.Errorf("%d items, whole %v", n, whole)
	}
	for _, bad := range []string{"", "{}", `{"type":202}`, `{"type":"x"}`, `{"type":201,"report_blocks":[` + strings.Repeat("{},", 31) + "{}]}"} {
		if _, err := RTCPFromJSON([]byte(bad)); !errors.Is(err, ErrRTCP) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	if _, err := AppendRTCPJSON(nil, []byte{0x81, 203, 0, 1, 1, 2, 3, 4}); !errors.Is(err, ErrRTCP) {
		t.Errorf("a goodbye alone: got %v", err)
	}
}

// FuzzRTCPFromJSON: what is made is always a whole RTCP packet, which can be told in JSON again.
func FuzzRTCPFromJSON(f *testing.F) {
	f.Add([]byte(`{"ssrc":1,"type":201,"report_count":1,"report_blocks":[{"source_ssrc":9,"fraction_lost":1,"packets_lost":3}]}`))
	f.Add([]byte(`{"sender_information":{"ntp_timestamp_sec":1},"type":"200"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := RTCPFromJSON(b)
		if err != nil {
			return
		}
		if !rtp.IsRTCP(p) || !rtp.WalkRTCP(p, func(rtp.RTCPItem) {}) {
			t.Fatalf("%q makes %x", b, p)
		}
		if j, err := AppendRTCPJSON(nil, p); err == nil {
			if again, err := RTCPFromJSON(j); err != nil || !bytes.Equal(again, p) {
				t.Fatalf("%x became %x %v", p, again, err)
			}
		}
	})
}
