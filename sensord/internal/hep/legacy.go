package hep

import (
	"encoding/binary"

	"voiptop/sensord/internal/decode"
)

// Lengths in versions 1 and 2.
const (
	oldHead   = 8
	oldIPv4   = oldHead + 2*4
	oldIPv6   = oldHead + 2*16
	oldTime   = 12 // version 2 only
	oldMinLen = oldIPv4
)

// IsOld reports whether b may be a message of version 1 or 2. They have no mark to go by: their payload should be looked
// at, too.
func IsOld(b []byte) bool {
	return len(b) > oldMinLen && (b[0] == 1 || b[0] == 2) &&
		(b[1] == oldIPv4 && b[2] == familyIPv4 || b[1] == oldIPv6 && b[2] == familyIPv6) &&
		len(b) > OldHead(b)
}

// OldHead answers how many bytes come before the payload of a message that IsOld.
func OldHead(b []byte) int { return int(b[1]) + oldTime*int(b[0]-1) }

// ParseOld reads a message of version 1 or 2, which carry SIP only:
//
//	version 1 | length of the header, without the time 1 | family 1 | IP protocol 1 | source port 2 | destination port 2 |
//	source and destination address | version 2: seconds 4, microseconds 4, agent 2, two unused, little-endian | payload
func (m *Message) ParseOld(b []byte) error {
	if !IsOld(b) {
		return ErrNotHEP
	}
	*m = Message{
		Version: b[0], Type: SIP, Protocol: b[3],
		Src: decode.Endpoint{Port: binary.BigEndian.Uint16(b[4:])}, Dst: decode.Endpoint{Port: binary.BigEndian.Uint16(b[6:])},
	}
	if b[2] == familyIPv4 {
		setIPv4(&m.Src, b[8:])
		setIPv4(&m.Dst, b[12:])
	} else {
		m.Src.IP, m.Dst.IP = [16]byte(b[8:]), [16]byte(b[24:])
	}
	rest := b[b[1]:]
	if b[0] == 2 {
		le := binary.LittleEndian
		m.Time = int64(le.Uint32(rest))*1e9 + int64(le.Uint32(rest[4:]))*1e3
		m.Agent = uint32(le.Uint16(rest[8:]))
		rest = rest[oldTime:]
	}
	m.Payload = rest
	return nil
}
