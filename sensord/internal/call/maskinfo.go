package call

import (
	"bytes"
	"strconv"

	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/sip"
)

// bringsDigits reports whether a message is an INFO with digits.
func bringsDigits(m *sip.Message) bool {
	return m.Request() && m.Method() == sip.Info && containsFold(m.Get(sip.ContentType), "dtmf")
}

// keepMessage gives a message's packets to the sink.
func (c *Call) keepMessage(d *decode.Datagram, m *sip.Message) {
	k := &c.table.mask
	// Where the message is not in one piece in its last packet, its digits may be in any of them.
	k.whole = c.masked && bringsDigits(m) && !(bytes.Contains(d.Packet.Data, m.FirstLine()) && bytes.Contains(d.Packet.Data, m.Body()))
	c.keep(d, len(d.Packet.Data))
	k.whole = false
}

// maskMessages blanks the digits of all INFOs in a packet of d: a TCP segment may hold several.
func (k *masking) maskMessages(d *decode.Datagram, p *capture.Packet) *capture.Packet {
	k.copy(d, p)
	if k.whole {
		return k.cut()
	}
	for at := 0; ; {
		i := indexFold(k.data[at:], "application/dtmf")
		if i < 0 {
			return &k.packet
		}
		at += i
		if line := k.data[bytes.LastIndexByte(k.data[:at], '\n')+1 : at]; !isContentType(line) {
			at++
			continue
		}
		body := bytes.Index(k.data[at:], blankLine)
		if body < 0 {
			return &k.packet
		}
		body += at + len(blankLine)
		k.digits(body, min(len(k.data), body+k.bodyLength(at, body)))
		at = body
	}
}

var blankLine = []byte("\r\n\r\n")

func isContentType(line []byte) bool {
	name, _, _ := bytes.Cut(line, []byte{':'})
	name = bytes.TrimSpace(name)
	return bytes.EqualFold(name, []byte("content-type")) || bytes.EqualFold(name, []byte("c"))
}

// bodyLength is what the header around at, which ends at body, says of the length; the rest where it says nothing.
func (k *masking) bodyLength(at, body int) int {
	head := k.data[max(0, bytes.LastIndex(k.data[:at], blankLine)):body]
	for line := range bytes.Lines(head) {
		name, v, found := bytes.Cut(line, []byte{':'})
		if name = bytes.TrimSpace(name); !found || !bytes.EqualFold(name, []byte("content-length")) && !bytes.EqualFold(name, []byte("l")) {
			continue
		}
		if n, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 16); err == nil {
			return int(n)
		}
	}
	return len(k.data)
}

// digits blanks those of a body: the value of Signal (application/dtmf-relay), and lines of nothing but digits
// (application/dtmf).
func (k *masking) digits(from, to int) {
	for from < to {
		end := to
		if i := bytes.IndexByte(k.data[from:to], '\n'); i >= 0 {
			end = from + i
		}
		value := from
		if i := bytes.IndexByte(k.data[from:end], '='); i >= 0 {
			if value = end; bytes.EqualFold(bytes.TrimSpace(k.data[from:from+i]), []byte("signal")) {
				value = from + i + 1
			}
		} else if len(bytes.Trim(k.data[from:end], "0123456789*#ABCDabcd!,; \t\r")) > 0 {
			value = end
		}
		for ; value < end; value++ {
			switch k.data[value] {
			case ' ', '\t', '\r', '"':
			default:
				k.set(value, maskedDigit)
			}
		}
		from = end + 1
	}
}

func indexFold(b []byte, s string) int {
	for i := 0; i+len(s) <= len(b); i++ {
		if b[i]|0x20 == s[0] && bytes.EqualFold(b[i:i+len(s)], []byte(s)) {
			return i
		}
	}
	return -1
}
