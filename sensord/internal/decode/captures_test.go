package decode

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"voiptop/sensord/internal/capture"
)

// captures is a folder of reference captures beside the project; tests over it are skipped without it.
const captures = "../../../../shared/captures"

func needCaptures(t testing.TB) {
	if _, err := os.Stat(captures); err != nil {
		t.Skip("no reference captures here")
	}
}

// sink collects datagrams.
type sink struct {
	grams      []Datagram
	payloads   []string
	duplicates int
	bytes      map[uint64]string // of TCP streams
	gaps       int
	ended      int
}

func (s *sink) Datagram(d *Datagram) {
	if d.End {
		s.ended++
		return
	}
	if d.HeaderLen > 0 && string(d.Packet.Data[d.HeaderLen:d.HeaderLen+len(d.Payload)]) != string(d.Payload) {
		panic(fmt.Sprintf("frame %d: payload is not at HeaderLen %d", d.Frame, d.HeaderLen))
	}
	if d.Stream != 0 {
		if s.bytes == nil {
			s.bytes = map[uint64]string{}
		}
		s.bytes[d.Stream] += string(d.Payload)
		if d.Gap {
			s.gaps++
		}
	}
	g := *d
	g.Payload, g.Packet, g.Earlier = nil, nil, nil
	s.grams = append(s.grams, g)
	s.payloads = append(s.payloads, string(d.Payload))
}

func (s *sink) Duplicate(*Datagram) { s.duplicates++ }

// decodeFile runs a file through a decoder.
func decodeFile(t testing.TB, name string) (*sink, map[string]uint64) {
	t.Helper()
	src, err := capture.Open([]string{name}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := &sink{}
	x := New(Config{}, s)
	for {
		var p capture.Packet
		err := src.Next(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		x.Packet(&p)
	}
	x.Flush()
	c := map[string]uint64{}
	x.Counters(func(name string, n uint64) { c[name] = n })
	return s, c
}

func TestTheSamePayloadsComeOutOfEveryWrapping(t *testing.T) {
	needCaptures(t)
	want, _ := decodeFile(t, filepath.Join(captures, "sipnab__rtp-protocol.pcap"))
	files, _ := filepath.Glob(filepath.Join(captures, "derived__*.pcap"))
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "derived__"), ".pcap")
		if strings.HasPrefix(name, "sip-") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got, counters := decodeFile(t, f)
			if len(got.payloads) != len(want.payloads) {
				t.Fatalf("%d payloads, want %d; counters %v", len(got.payloads), len(want.payloads), counters)
			}
			for i := range want.payloads {
				g, w := got.grams[i], want.grams[i]
				if got.payloads[i] != want.payloads[i] || g.Src != w.Src || g.Dst != w.Dst || g.Time != w.Time && name != "ipv4frag-reversed" && name != "mirrored-twice" {
					t.Fatalf("payload %d: %v %v->%v, want %v %v->%v", i, g.Time, g.Src, g.Dst, w.Time, w.Src, w.Dst)
				}
			}
			if name == "mirrored-twice" && got.duplicates != len(want.payloads) {
				t.Errorf("%d duplicates reported, want %d", got.duplicates, len(want.payloads))
			}
		})
	}
}

func TestCapturesOfOthersDecode(t *testing.T) {
	needCaptures(t)
	tests := []struct {
		file     string
		payloads int
		counters map[string]uint64
	}{
		{"arkime__gtp-iphone.pcap", 57, map[string]uint64{"decode.tcp.streams": 8}},
		{"heplify__ipip0.pcap", 8, nil},
		{"heplify__sip_sctp.pcap", 4, nil},
		{"nDPI__gre.pcapng", 1, nil},
		{"open5gs__ipsec_reg.pcapng", 546, map[string]uint64{"decode.esp.null": 40, "decode.fragments.reassembled": 3}},
		{"open5gs__volte.pcapng", 182, map[string]uint64{"packets.duplicate": 129, "decode.fragments.reassembled": 5}},
		{"rtpdump__sample1_ipv4_amr-nb.pcap", 1494, map[string]uint64{"packets.duplicate": 969}},
		{"rtpproxy__dups.a.rtp.pcap", 384, map[string]uint64{"packets.duplicate": 0}}, // its duplicate was sent twice
		{"rtpproxy__DLT_NULL.a.rtp.pcap", 600, nil},
		{"sngrep__ipv6frag.pcap", 32, map[string]uint64{"decode.fragments.reassembled": 2}},
		{"suricata-verify__sip-method-sip.pcap", 619, map[string]uint64{"decode.ethertype.0x0806": 44}},
		{"wireshark-wiki__DTMFsipinfo.pcap", 32, nil},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			s, c := decodeFile(t, filepath.Join(captures, tt.file))
			if len(s.payloads) != tt.payloads {
				t.Errorf("%d payloads, want %d; counters %v", len(s.payloads), tt.payloads, c)
			}
			for name, want := range tt.counters {
				if c[name] != want {
					t.Errorf("%s is %d, want %d", name, c[name], want)
				}
			}
		})
	}
}
