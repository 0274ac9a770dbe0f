package call

import (
	"crypto/sha256"
	"encoding/binary"

	"voiptop/protocol"
	"voiptop/sensord/internal/sip"
)

// uuid is the id of the call. It is reckoned when it is first asked for: as a rule beside the Table, for the record.
func (c *Call) uuid() protocol.UUID {
	if c.id == (protocol.UUID{}) {
		c.id = uuid(c.table.cfg.SensorID, c.callID, c.startTime)
	}
	return c.id
}

// uuid derives the id of a call, in the layout of a UUID version 7 (RFC 9562 section 5.7): 48 bits of start in
// milliseconds, then 74 bits of SHA-256 over sensor id, start in nanoseconds and Call-ID.
//
//	unix_ts_ms(48) version(4)=7 rand_a(12) variant(2)=10 rand_b(62)
func uuid(sensor uint16, callID string, start int64) (u protocol.UUID) {
	var room [512]byte
	b := binary.BigEndian.AppendUint16(room[:0], sensor)
	b = binary.BigEndian.AppendUint64(b, uint64(start))
	b = append(b, callID...)
	h := sha256.Sum256(b)
	copy(u[6:], h[:10])
	ms := uint64(start / 1e6)
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

// digest tells messages and tags of one call apart.
type digest = sip.Digest

// noDigest is the digest of nothing, to begin with.
const noDigest = sip.NoDigest
