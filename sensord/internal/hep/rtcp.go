package hep

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"voiptop/sensord/internal/rtp"
)

// RTCP in HEP is JSON by custom: the words of a sender or receiver report, the first report block and so on. This is what
// Homer reads and what heplify and RTP proxies send.

// report is one RTCP packet in JSON. Numbers come as numbers; some senders put them into strings.
type report struct {
	Type   jsonUint  `json:"type"` // 200 SR, 201 RR
	SSRC   jsonUint  `json:"ssrc"`
	Count  int       `json:"report_count"`
	Sender *sender   `json:"sender_information,omitempty"`
	Blocks []repBloc `json:"report_blocks"`
}

type sender struct {
	NTPSeconds  jsonUint `json:"ntp_timestamp_sec"`  // since 1900
	NTPFraction jsonUint `json:"ntp_timestamp_usec"` // 2^-32 s, whatever it is called
	Timestamp   jsonUint `json:"rtp_timestamp"`
	Packets     jsonUint `json:"packets"`
	Octets      jsonUint `json:"octets"`
}

type repBloc struct {
	Source   jsonUint `json:"source_ssrc"`
	Highest  jsonUint `json:"highest_seq_no"`
	Fraction jsonUint `json:"fraction_lost"`
	Jitter   jsonUint `json:"ia_jitter"`
	Lost     jsonInt  `json:"packets_lost"`
	LSR      jsonUint `json:"lsr"`
	DLSR     jsonUint `json:"dlsr"`
}

// jsonUint and jsonInt are numbers, also within quotation marks. One that does not fit is cut like in C.
type (
	jsonUint uint32
	jsonInt  int32
)

// UnmarshalJSON implements json.Unmarshaler.
func (n *jsonUint) UnmarshalJSON(b []byte) error {
	v, err := unquoted(b)
	*n = jsonUint(v)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *jsonInt) UnmarshalJSON(b []byte) error {
	v, err := unquoted(b)
	*n = jsonInt(v)
	return err
}

func unquoted(b []byte) (int64, error) {
	if len(b) > 1 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return 0, fmt.Errorf("%q is no number: %w", b, err)
	}
	if f < -1<<53 || f > 1<<53 {
		return 0, nil
	}
	return int64(f), nil
}

// ErrRTCP is the error of JSON that is no RTCP report.
var ErrRTCP = errors.New("a HEP payload of type RTCP that is neither RTCP nor a report in JSON")

// RTCPFromJSON makes the RTCP packet (RFC 3550 section 6.4) that a report in JSON tells of.
func RTCPFromJSON(b []byte) ([]byte, error) {
	var r report
	if json.Unmarshal(b, &r) != nil || r.Type != 200 && r.Type != 201 || len(r.Blocks) > 31 {
		return nil, ErrRTCP
	}
	be := binary.BigEndian
	out := append(make([]byte, 0, 28+24*len(r.Blocks)), 0x80|byte(len(r.Blocks)), byte(r.Type), 0, 0)
	out = be.AppendUint32(out, uint32(r.SSRC))
	if r.Type == 200 {
		s := r.Sender
		if s == nil {
			s = &sender{}
		}
		for _, v := range [...]jsonUint{s.NTPSeconds, s.NTPFraction, s.Timestamp, s.Packets, s.Octets} {
			out = be.AppendUint32(out, uint32(v))
		}
	}
	for _, k := range r.Blocks {
		out = be.AppendUint32(out, uint32(k.Source))
		out = be.AppendUint32(out, uint32(k.Fraction)<<24|uint32(k.Lost)&0xffffff)
		for _, v := range [...]jsonUint{k.Highest, k.Jitter, k.LSR, k.DLSR} {
			out = be.AppendUint32(out, uint32(v))
		}
	}
	be.PutUint16(out[2:], uint16(len(out)/4-1))
	return out, nil
}

// AppendRTCPJSON appends a report in JSON of what the compound packet says, ErrRTCP if there is no report in it.
func AppendRTCPJSON(b, packet []byte) ([]byte, error) {
	var r report
	rtp.WalkRTCP(packet, func(i rtp.RTCPItem) {
		switch {
		case i.Kind == rtp.RTCPSender && r.Type == 0:
			r.Type, r.SSRC = 200, jsonUint(i.From)
			r.Sender = &sender{jsonUint(i.Sender.NTP >> 32), jsonUint(i.Sender.NTP), jsonUint(i.Sender.Timestamp), jsonUint(i.Sender.Packets), jsonUint(i.Sender.Octets)}
		case i.Kind == rtp.RTCPReport && (r.Type == 0 || uint32(r.SSRC) == i.From):
			if r.Type == 0 {
				r.Type, r.SSRC = 201, jsonUint(i.From)
			}
			k := &i.Report
			r.Blocks = append(r.Blocks, repBloc{
				jsonUint(i.Source), jsonUint(k.HighestSeq), jsonUint(k.FractionLost), jsonUint(k.Jitter),
				jsonInt(k.Lost), jsonUint(k.LSR), jsonUint(k.DLSR),
			})
		}
	})
	if r.Type == 0 || len(r.Blocks) > 31 {
		return b, ErrRTCP
	}
	if r.Blocks == nil {
		r.Blocks = []repBloc{}
	}
	r.Count = len(r.Blocks)
	j, err := json.Marshal(&r)
	if err != nil {
		return b, fmt.Errorf("RTCP report: %w", err)
	}
	return append(b, j...), nil
}
