package analyze

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/turn"
)

// only is a Source without the packets that leave drops.
type only struct {
	Source
	leave func(*Packet) bool
}

func (o only) Next(p *Packet) error {
	for {
		if err := o.Source.Next(p); err != nil || !o.leave(p) {
			return err
		}
	}
}

// ports are those of UDP in IPv4 in Ethernet.
func ports(p *Packet) (src, dst uint16) {
	return binary.BigEndian.Uint16(p.Data[34:]), binary.BigEndian.Uint16(p.Data[36:])
}

// A call recorded through a real TURN server: what a sensor sees before the server alone, and behind it alone, is the same call.
func TestACallThroughATURNServerIsTheSameOnEitherSideOfIt(t *testing.T) {
	const file = "../../fixtures/pcap/coturn-baresip/in.pcap"
	between := func(p *Packet) bool { s, d := ports(p); return s == turn.Port || d == turn.Port }
	signalling := func(p *Packet) bool { s, _ := ports(p); return s == 5060 }
	for name, c := range map[string]struct {
		leave   func(*Packet) bool
		streams int
		via     string
	}{
		"before the server": {func(p *Packet) bool { return !between(p) && !signalling(p) }, 2, "turn"},
		"behind the server": {func(p *Packet) bool { return between(p) }, 2, ""},
		"both":              {func(*Packet) bool { return false }, 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			open := func() (Source, error) {
				src, err := Open([]string{file}, nil)
				return only{src, c.leave}, err
			}
			src, err := open()
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var list []*protocol.CDR
			if _, err := Run(context.Background(), src, Config{}, func(r *protocol.CDR) error {
				list = append(list, r)
				return nil
			}); err != nil || len(list) != 1 {
				t.Fatalf("%d records, %v", len(list), err)
			}
			r := list[0]
			if len(r.Streams) != c.streams || len(r.Findings) != 0 || slices.ContainsFunc(r.Unchecked, func(u protocol.Unchecked) bool { return u.Reason == "media at addresses that no SDP announced" }) {
				t.Errorf("%d streams, findings %+v, unchecked %+v", len(r.Streams), r.Findings, r.Unchecked)
			}
			for _, s := range r.Streams {
				if s.Packets != 426 || s.Lost != 0 || s.Codec != "PCMA" || c.via != "" && (s.Via != c.via || s.Relayed == "") {
					t.Errorf("%+v", s)
				}
			}
			heard, err := Listen(context.Background(), Listening{Open: open, CallID: r.CallID})
			if err != nil {
				t.Fatal(err)
			}
			peaks, err := heard.Peaks(context.Background(), sensorapi.AudioOptions{}, 20, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, side := range peaks.Sides {
				if slices.Max(side.Max) < 0.1 {
					t.Errorf("%s: nothing is heard: %v", side.Side, side.Max)
				}
			}
			if len(peaks.Sides) != 2 {
				t.Errorf("%d sides", len(peaks.Sides))
			}
		})
	}
}

// inChannels is a Source that puts SIP into ChannelData, as of a telephone whose signalling goes through a TURN server.
type inChannels struct{ Source }

func (c inChannels) Next(p *Packet) error {
	err := c.Source.Next(p)
	if err != nil {
		return err
	}
	if src, _ := ports(p); src != 5060 {
		return nil
	}
	const head = 14 + 20 + 8
	b := append(slices.Clone(p.Data[:head]), 0x40, 0x07)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.Data)-head)), p.Data[head:]...)
	for _, at := range [...]int{16, 38} { // the lengths of IP and of UDP
		binary.BigEndian.PutUint16(b[at:], binary.BigEndian.Uint16(b[at:])+4)
	}
	p.Data, p.Length = b, len(b)
	return nil
}

func TestSIPWithinTURNMakesTheSameCall(t *testing.T) {
	src, err := Open([]string{"../../fixtures/pcap/coturn-baresip/in.pcap"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	n := 0
	sum, err := Run(context.Background(), inChannels{src}, Config{}, func(r *protocol.CDR) error {
		if n++; r.Status != 200 || r.EndCause != protocol.EndBye || len(r.Messages) != 6 || len(r.Streams) != 4 || len(r.Findings) != 0 {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil || n != 1 || sum.Counters["sip.unparsed"] != 0 {
		t.Errorf("%d calls, %v, %v", n, err, sum.Counters)
	}
}
