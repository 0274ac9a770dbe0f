package hep

import (
	"encoding/binary"
	"errors"

	"voiptop/sensord/internal/decode"
)

// MaxMessage is the size of the largest message, in bytes: its length field has 16 bits.
const MaxMessage = 1<<16 - 1

const (
	magic     = "HEP3"
	headLen   = 6 // magic 4 | length of the message 2
	chunkHead = 6 // vendor 2 | type 2 | length of the chunk 2, all of it
)

// Chunk types of vendor 0, "generic chunks" of the HEP3 specification. Those not named here are passed over.
const (
	chunkFamily      = 1  // uint8: 2 IPv4, 10 IPv6
	chunkProtocol    = 2  // uint8: IP protocol, IANA
	chunkSrc4        = 3  //
	chunkDst4        = 4  //
	chunkSrc6        = 5  //
	chunkDst6        = 6  //
	chunkSrcPort     = 7  // uint16
	chunkDstPort     = 8  // uint16
	chunkSeconds     = 9  // uint32, since the epoch
	chunkMicros      = 10 // uint32, on top
	chunkType        = 11 // uint8, see Type
	chunkAgent       = 12 // uint32, who captured
	chunkKey         = 14 // shared secret, in clear
	chunkPayload     = 15 //
	chunkCompressed  = 16 // payload, zlib or gzip
	chunkCorrelation = 17 // of what is no SIP: the Call-ID
	chunkNode        = 19 // name of who captured
)

const (
	familyIPv4 = 2  // AF_INET
	familyIPv6 = 10 // AF_INET6 of Linux, which is what is sent
)

// Message is what a HEP message says. Its slices are parts of the bytes that it was parsed from.
type Message struct {
	Version     uint8 // 1, 2 or 3
	Type        Type  // of the payload
	Protocol    uint8 // IP protocol that carried it, as sent; see Carrier
	Compressed  bool  // Payload is compressed, see Inflater
	Cut         bool  // the end is missing: Payload is what there is of it
	Src, Dst    decode.Endpoint
	Time        int64  // when it was captured, nanoseconds since the epoch; 0: not told
	Agent       uint32 // capture agent; 0: not told
	Key         []byte // authentication key
	Node        []byte // name of the capturing node
	Correlation []byte // what it belongs to, for SIP's neighbours the Call-ID
	Payload     []byte // nil: none, a keep-alive
}

// Errors of Parse.
var (
	ErrNotHEP  = errors.New("not a HEP message")
	ErrChunk   = errors.New("a HEP chunk is shorter than its header, or than its value must be")
	ErrAddress = errors.New("a HEP message without both addresses")
	ErrTooLong = errors.New("larger than a HEP message can be, 65535 bytes")
)

// Is reports whether b begins a HEP3 message.
func Is(b []byte) bool { return len(b) >= headLen && string(b[:4]) == magic }

// length is what the header of a HEP3 message says of its length.
func length(b []byte) int { return int(binary.BigEndian.Uint16(b[4:])) }

// Parse reads the HEP3 message at the start of b:
//
//	"HEP3" 4 | length 2 | chunks: vendor 2 | type 2 | length 2 | value
//
// All numbers are big-endian, lengths count their own header. Chunks of a vendor, and unknown ones, are passed over. A
// message whose end is not in b is read as far as it goes, and Cut. Nothing is allocated.
func (m *Message) Parse(b []byte) error {
	if !Is(b) {
		return ErrNotHEP
	}
	n := length(b)
	if n < headLen {
		return ErrChunk
	}
	*m = Message{Version: 3, Protocol: 17}
	if n <= len(b) {
		b = b[:n]
	} else {
		m.Cut = true
	}
	var src, dst bool
	var seconds, micros uint32
	for b = b[headLen:]; len(b) >= chunkHead; {
		kind := binary.BigEndian.Uint32(b) // vendor, and type
		n := int(binary.BigEndian.Uint16(b[4:]))
		if n < chunkHead {
			return ErrChunk
		}
		if n > len(b) {
			if !m.Cut {
				return ErrChunk
			}
			if kind == chunkPayload {
				m.Payload = b[chunkHead:]
			}
			b = nil
			break
		}
		v := b[chunkHead:n]
		b = b[n:]
		if want := valueLen(kind); len(v) < want {
			return ErrChunk
		}
		switch kind {
		case chunkProtocol:
			m.Protocol = v[0]
		case chunkSrc4:
			setIPv4(&m.Src, v)
			src = true
		case chunkDst4:
			setIPv4(&m.Dst, v)
			dst = true
		case chunkSrc6:
			m.Src.IP = [16]byte(v)
			src = true
		case chunkDst6:
			m.Dst.IP = [16]byte(v)
			dst = true
		case chunkSrcPort:
			m.Src.Port = binary.BigEndian.Uint16(v)
		case chunkDstPort:
			m.Dst.Port = binary.BigEndian.Uint16(v)
		case chunkSeconds:
			seconds = binary.BigEndian.Uint32(v)
		case chunkMicros:
			micros = binary.BigEndian.Uint32(v)
		case chunkType:
			m.Type = Type(v[0])
		case chunkAgent:
			m.Agent = binary.BigEndian.Uint32(v)
		case chunkKey:
			m.Key = v
		case chunkNode:
			m.Node = v
		case chunkCorrelation:
			m.Correlation = v
		case chunkPayload:
			m.Payload, m.Compressed = v, false
		case chunkCompressed:
			m.Payload, m.Compressed = v, true
		}
	}
	if len(b) > 0 && !m.Cut {
		return ErrChunk
	}
	m.Time = int64(seconds)*1e9 + int64(micros)*1e3
	if !src || !dst {
		return ErrAddress
	}
	return nil
}

// valueLen is the least number of bytes that a chunk's value has.
func valueLen(kind uint32) int {
	if kind < uint32(len(valueLens)) {
		return int(valueLens[kind])
	}
	return 0
}

var valueLens = [...]uint8{
	chunkFamily: 1, chunkProtocol: 1, chunkSrc4: 4, chunkDst4: 4, chunkSrc6: 16, chunkDst6: 16, chunkSrcPort: 2, chunkDstPort: 2,
	chunkSeconds: 4, chunkMicros: 4, chunkType: 1, chunkAgent: 4,
}

func setIPv4(e *decode.Endpoint, v []byte) {
	e.IP = [16]byte{10: 0xff, 11: 0xff, 12: v[0], 13: v[1], 14: v[2], 15: v[3]}
}
