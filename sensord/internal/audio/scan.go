package audio

import (
	"slices"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/rtp"
	"voiptop/sensord/internal/sip"
	"voiptop/sensord/internal/turn"
)

// Bounds of a scan.
const (
	maxFlows    = 512
	headPackets = 4 // of a flow, to try keys on
)

// flowKey is one stream: source, destination, SSRC.
type flowKey struct {
	src, dst decode.Endpoint
	ssrc     uint32
}

// flow is what a scan notes of one stream.
type flow struct {
	first, last int64
	packets     int
	cut         int // packets without their payload
	types       []uint8
	opusRate    int
	head        [][]byte
}

// Scan looks once over the packets of a call and notes where its voice is. Use: Packet for every packet and SIP for every
// SIP message in them, then Recording.
type Scan struct {
	decoder *decode.Decoder
	flows   map[flowKey]*flow
	wanted  map[flowKey]bool // are noted although there are many
	lines   lines
	message sip.Message
}

// NewScan makes a scan of one capture. known is the call's record if there is one, else nil; in a capture of many calls it tells
// which streams are the call's.
func NewScan(known *protocol.CDR) *Scan {
	s := &Scan{flows: map[flowKey]*flow{}, wanted: map[flowKey]bool{}}
	if known != nil {
		for i := range known.Streams {
			if k, ok := keyOf(&known.Streams[i]); ok {
				s.wanted[k] = true
			}
		}
	}
	s.decoder = decode.New(decode.Config{}, (*scanner)(s))
	return s
}

// Packet takes the next packet. It is done with p when it returns.
func (s *Scan) Packet(p *capture.Packet) { s.decoder.Packet(p) }

// SIP takes a SIP message that was seen at t, nanoseconds. Only the session descriptions of the call are of interest.
func (s *Scan) SIP(t int64, message []byte, callID string) {
	if s.message.Parse(message) != nil || string(s.message.CallID()) != callID {
		return
	}
	if body := s.message.SDP(); body != nil {
		s.lines.add(t, body)
	}
}

// packetOf reads the header of a packet of RTP, which d has as its payload then: what is within TURN is taken out.
func packetOf(d *decode.Datagram, h *rtp.Header) bool {
	if len(d.Payload) > 0 && d.Payload[0] < 0x80 {
		var m turn.Message
		if !turn.Read(d.Payload, d.Length, &m) || m.Kind != turn.Data {
			return false
		}
		d.Payload, d.Length = m.Payload(d.Payload), m.Length
	}
	return rtp.ParseCut(d.Payload, d.Length, h)
}

// scanner is a Scan as its decoder sees it.
type scanner Scan

func (s *scanner) Datagram(d *decode.Datagram) {
	var h rtp.Header
	if d.Transport != decode.UDP || !packetOf(d, &h) {
		return
	}
	k := flowKey{d.Src, d.Dst, h.SSRC}
	f := s.flows[k]
	if f == nil {
		if len(s.flows) >= maxFlows && !s.wanted[k] {
			return
		}
		f = &flow{first: d.Time, opusRate: 8000}
		s.flows[k] = f
	}
	f.last = max(f.last, d.Time)
	f.packets++
	payload := h.Payload(d.Payload)
	if len(payload) < h.Length {
		f.cut++
		return
	}
	if !slices.Contains(f.types, h.PayloadType) && len(f.types) < 16 {
		f.types = append(f.types, h.PayloadType)
	}
	f.opusRate = max(f.opusRate, opusRate(payload))
	if len(f.head) < headPackets && len(payload) > 0 {
		f.head = append(f.head, slices.Clone(d.Payload))
	}
}
