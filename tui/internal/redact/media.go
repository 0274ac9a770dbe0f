package redact

import (
	"bytes"
	"encoding/binary"
)

// datagram masks the payload of UDP: SIP, RTP or RTCP.
func (r *Redactor) datagram(b []byte, cut bool) bool {
	switch {
	case isSIP(b):
		return !cut && r.message(b)
	case len(bytes.Trim(b, "\r\n\x00")) == 0: // keep-alive
		return true
	case len(b) >= 12 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223:
		rtcp(b)
		return true
	case len(b) >= 12 && b[0]>>6 == 2:
		head := 12 + 4*int(b[0]&15)
		if b[0]&0x10 != 0 && len(b) >= head+4 {
			n := head + 4 + 4*int(binary.BigEndian.Uint16(b[head+2:]))
			clear(b[min(head+4, len(b)):min(n, len(b))]) // extensions: audio levels and names
			head = n
		}
		end := len(b)
		if b[0]&0x20 != 0 && end > head { // the last byte says how much of it is padding
			end--
		}
		clear(b[min(head, end):end])
		return true
	}
	return false
}

// rtcp takes names and what applications say out of a compound packet (RFC 3550 sections 6.5 to 6.7).
func rtcp(b []byte) {
	for len(b) >= 4 {
		n := min(4+4*int(binary.BigEndian.Uint16(b[2:])), len(b))
		count := int(b[0] & 31)
		switch b[1] {
		case 202: // source description
			for rest := b[4:n]; count > 0 && len(rest) > 4; count-- {
				rest = rest[describe(rest):]
			}
		case 203: // bye, with a reason
			if at := 4 + 4*count; at < n {
				fillX(b[at+1 : min(at+1+int(b[at]), n)])
			}
		case 204: // of an application
			clear(b[min(12, n):n])
		}
		b = b[n:]
	}
}

// describe masks the items of one source and answers how long its chunk is.
func describe(b []byte) int {
	at := 4
	for at+1 < len(b) && b[at] != 0 {
		end := min(at+2+int(b[at+1]), len(b))
		fillX(b[at+2 : end])
		at = end
	}
	return min((at+4)&^3, len(b)) // an item of type 0 ends it, up to the next word
}

func fillX(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}
