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

func TestEveryCaptureDecodes(t *testing.T) {
	needCaptures(t)
	files, _ := filepath.Glob(filepath.Join(captures, "*"))
	for _, f := range files {
		s, c := decodeFile(t, f)
		t.Log(filepath.Base(f), len(s.payloads), "streams", len(s.bytes), "gaps", s.gaps, "ended", s.ended, c)
	}
}
