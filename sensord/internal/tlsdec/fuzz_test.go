package tlsdec

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"testing"

	"voiptop/sensord/internal/decode"
)

// FuzzTable feeds any bytes, cut and interleaved by the input too, with keys for the connection in it. Whatever comes,
// memory stays within the bounds, nothing is left at the end, and every connection is counted at most once as read and once
// as given up.
func FuzzTable(f *testing.F) {
	for _, conf := range []*tls.Config{tls13, tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), tls12(tls.TLS_RSA_WITH_AES_128_CBC_SHA)} {
		r := record(f, conf, conf, 2)
		var wire []byte
		for _, fl := range r.flights {
			who := byte(0)
			if fl.server {
				who = 1
			}
			for _, p := range cutInto([]flight{fl}, 255) {
				wire = append(append(wire, who, byte(len(p.b))), p.b...)
			}
		}
		f.Add(wire, r.keys)
	}
	f.Fuzz(func(t *testing.T, wire, keys []byte) {
		cfg := Config{MaxConns: 4, MaxBytes: 64 << 10, MaxKeys: 4, KeyWait: 1e6}
		h := listen(cfg)
		h.table.Keys(keys)
		seen := [4]bool{}
		for now := int64(0); len(wire) >= 2; now += 1e5 {
			how, n := wire[0], min(int(wire[1]), len(wire)-2)
			d := decode.Datagram{Time: now, Src: decode.EndpointOf(clientAddr), Dst: decode.EndpointOf(serverAddr), Stream: uint64(how&3) + 1, Payload: wire[2 : 2+n]}
			wire = wire[2+n:]
			if how&1 == 1 {
				d.Src, d.Dst = d.Dst, d.Src
			}
			d.Gap, d.End = how&4 != 0, how&8 != 0
			if d.Fresh = !seen[how&3]; d.Fresh && d.End {
				continue
			}
			h.table.Feed(&d)
			seen[how&3] = !d.End && !d.Ignore
			if h.table.bytes > cfg.MaxBytes || h.table.byUse.Len() > cfg.MaxConns || h.table.bytes < 0 {
				t.Fatalf("%d bytes, %d connections", h.table.bytes, h.table.byUse.Len())
			}
		}
		h.table.Keys(keys)
		h.table.Close()
		if h.table.bytes != 0 || h.table.waiting.Len() != 0 || h.table.byUse.Len() != 0 || len(h.table.byStream) != 0 || len(h.table.pairs) != 0 {
			t.Fatalf("left: %d bytes, %d waiting, %d connections, %d streams, %d pairs", h.table.bytes, h.table.waiting.Len(), h.table.byUse.Len(),
				len(h.table.byStream), len(h.table.pairs))
		}
	})
}

// FuzzMessages cuts handshake messages however they lie in records: the same ones come out as in one piece.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{clientHello, 0, 0, 2, 3, 3, finished, 0, 0, 1, 9, sessionTicket, 0, 0, 0}, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		list := func(step int) (out []string) {
			var m messages
			for rest := b; len(rest) > 0; rest = rest[min(step, len(rest)):] {
				ok := m.feed(rest[:min(step, len(rest))], func(kind uint8, body []byte) bool {
					out = append(out, fmt.Sprintf("%d %x", kind, body))
					return true
				})
				if !ok {
					return append(out, "too long")
				}
			}
			return out
		}
		if whole, cut := list(len(b)), list(int(size)+1); fmt.Sprint(whole) != fmt.Sprint(cut) {
			t.Fatalf("whole %v, cut %v", whole, cut)
		}
	})
}

// FuzzHellos parses any bytes as hellos: what is found stands in them.
func FuzzHellos(f *testing.F) {
	conf := tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
	for _, fl := range record(f, conf, conf, 1).flights[:2] {
		f.Add(fl.b[headLen+4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (hello, bool){parseClientHello, parseServerHello} {
			h, ok := parse(b)
			if ok && (!bytes.Equal(h.random[:], b[2:34]) || !bytes.Contains(b, h.session) || !bytes.Contains(b, h.ticket)) {
				t.Fatalf("%+v", h)
			}
		}
	})
}

// FuzzKeyLog reads any text as a key log: it keeps its bounds, and reads the same when it is read once more.
func FuzzKeyLog(f *testing.F) {
	f.Add(fmt.Appendf(nil, "# comment\r\nCLIENT_RANDOM %064x %096x\r\nSERVER_TRAFFIC_SECRET_0 %064x %064x\nEXPORTER_SECRET 0 0\nnonsense\n", 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, text []byte) {
		k := newKeyLog(3)
		k.add(text)
		if len(k.byRandom) > 3 || len(k.order) > 3 || len(k.byRandom) != len(k.order) {
			t.Fatalf("%d entries, %d in order", len(k.byRandom), len(k.order))
		}
		for r, s := range k.byRandom {
			for _, v := range s {
				if v != nil && len(v) != 32 && len(v) != 48 {
					t.Fatalf("%x: a secret of %d bytes", r, len(v))
				}
			}
		}
	})
}
