package analyze

import (
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
	"voiptop/sensord/internal/decode"
	"voiptop/sensord/internal/hep"
	"voiptop/sensord/internal/tlsdec"
)

// decryption reads the TLS connections whose secrets are known. A message out of them is kept, where a rule keeps its
// call, as the TCP segment that would have carried it in clear: the records on the wire are of no use to who looks at a capture.
type decryption struct {
	table   *tlsdec.Table
	wrapper hep.Wrapper
	inner   decode.Datagram
	packet  Packet
	frames  uint64
	joined  uint64
}

// decryptedFrame marks the numbers of packets that were made of decrypted messages; one frame may carry several.
const decryptedFrame = innerFrame | 1<<62

// Keys takes whole lines of a TLS key log (SSLKEYLOGFILE), between two packets. From the first call on TLS connections are
// looked into, and held back for some seconds until their secrets are named; lines may be empty.
func (e *Engine) Keys(lines []byte) {
	if e.tls == nil {
		e.tls = &decryption{table: tlsdec.New(tlsdec.Config{}, func() tlsdec.Stream { return &tlsStream{engine: e} })}
	}
	e.tls.table.Keys(lines)
}

// tlsStream is what one direction of a TLS connection carries.
type tlsStream struct {
	engine *Engine
	flow   tcpFlow
}

// Plain implements tlsdec.Stream.
func (s *tlsStream) Plain(d *decode.Datagram, b []byte, gap bool) bool {
	f, e := &s.flow, s.engine
	if f.kind == flowUnknown && !f.recognise(b) {
		f.tries++
		return f.tries < maxTries
	}
	if gap {
		f.gap()
	}
	switch f.kind {
	case flowWebSocket:
		f.ws.Feed(b, func(m []byte) { e.framed(e.tls.clear(d, m), m, "wss") })
	case flowHEP:
		f.hep.Feed(b, func(m []byte) { e.hepMessage(e.tls.clear(d, m), m, false) })
	default:
		f.plain.Feed(b, func(m []byte) { e.framed(e.tls.clear(d, m), m, "tls") })
	}
	return true
}

// Close implements tlsdec.Stream.
func (s *tlsStream) Close() { s.engine.count.skipped += s.flow.skipped() }

// clear makes the datagram that m would have been if d, which brought it, had not been encrypted.
func (x *decryption) clear(d *decode.Datagram, m []byte) *decode.Datagram {
	x.frames++
	x.inner = decode.Datagram{
		Time: d.Time, Src: d.Src, Dst: d.Dst, Transport: decode.TCP, DSCP: d.DSCP, TTL: d.TTL, Length: len(m), Payload: m,
		Frame: decryptedFrame | x.frames, Packet: &x.packet,
	}
	const most = hep.MaxMessage - 60 // less the headers
	data, headers := x.wrapper.TCP(d.Src, d.Dst, m[:min(len(m), most)])
	x.packet = Packet{Time: d.Time, Data: data, Length: headers + len(m), Link: capture.LinkRaw}
	if d.Packet != nil {
		x.packet.Iface = d.Packet.Iface
	}
	x.inner.HeaderLen = headers
	return &x.inner
}

// startsTLS sees to a stream that is, or may be, TLS; ok is false if it is not.
func (e *Engine) startsTLS(d *decode.Datagram, f *tcpFlow) (ok bool) {
	switch {
	case tlsdec.Starts(d.Payload):
		if e.tls != nil {
			f.kind = flowTLS
			return true
		}
		e.count.tls++
	case e.tls != nil && tlsdec.Continues(d.Payload):
		e.tls.joined++
	default:
		return false
	}
	e.ignore(d)
	return true
}

func (x *decryption) tick(now int64) {
	if x != nil {
		x.table.Tick(now)
	}
}

func (x *decryption) close() {
	if x != nil {
		x.table.Close()
	}
}

// counters adds what was counted of TLS; x may be nil.
func (x *decryption) counters(n protocol.Counters) {
	if x == nil {
		return
	}
	add := func(name string, c uint64) {
		if c > 0 {
			n[name] += c
		}
	}
	add("tls.joined", x.joined)
	x.table.Counters(add)
}
