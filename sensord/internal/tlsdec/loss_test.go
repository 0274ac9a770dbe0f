package tlsdec

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"voiptop/sensord/internal/decode"
)

// Of each connection every segment is lost once; what was said in whole records elsewhere is read.
func TestReadingGoesOnAfterALostSegment(t *testing.T) {
	for name, conf := range map[string]*tls.Config{
		"TLS 1.3":                 tls13,
		"TLS 1.2 AES-GCM":         tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
		"TLS 1.2 ChaCha20":        tls12(tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
		"TLS 1.2 AES-CBC and SHA": tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA),
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t, conf, conf, 9)
			segments := cutInto(r.flights, 700)
			helped := 0
			for lost := range segments {
				if first := !slices.ContainsFunc(segments[:lost], func(f flight) bool { return f.server == segments[lost].server }); first {
					continue // then the rest is not taken for TLS
				}
				h := listen(Config{})
				h.table.Keys(r.keys)
				p := &player{h: h}
				for i, f := range segments {
					who := 0
					if f.server {
						who = 1
					}
					if i == lost {
						p.gap[who] = p.begun[who]
						continue
					}
					p.feed(f)
				}
				p.end()
				h.table.Close()
				n := h.counters()
				for name := range n {
					if strings.HasPrefix(name, "tls.undecrypted") && name != "tls.undecrypted.handshake" {
						t.Errorf("segment %d of %d lost: %v", lost, len(segments), n)
					}
				}
				if n["tls.undecrypted.handshake"] > 0 || len(h.said[0].String()) == 0 {
					if lost > len(segments)/3 {
						t.Errorf("segment %d of %d lost, and nothing read: %v", lost, len(segments), n)
					}
					continue
				}
				helped++
				for who := range 2 {
					// what is heard is what was said, but for one hole of some records
					got := h.said[who].String()
					before, after, holed := strings.Cut(got, "[gap]")
					if !strings.HasPrefix(r.said[who], before) || !strings.HasSuffix(r.said[who], after) || !holed && got != r.said[who] && lost < len(segments)-12 {
						t.Errorf("segment %d of %d lost: side %d heard %.80q", lost, len(segments), who, got)
					}
					if strings.Contains(after, "[gap]") || len(r.said[who])-len(before)-len(after) > 20_000 {
						t.Errorf("segment %d of %d lost: side %d misses %d bytes", lost, len(segments), who, len(r.said[who])-len(before)-len(after))
					}
				}
			}
			if helped < len(segments)*2/3 {
				t.Errorf("%d of %d losses survived", helped, len(segments))
			}
		})
	}
}

// A connection that loses too much is given up, after a bounded effort.
func TestSearchEndsAfterABoundedEffort(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	h := listen(Config{})
	h.table.Keys(r.keys)
	p := &player{h: h}
	for _, f := range r.flights[:len(r.flights)-1] {
		p.feed(f)
	}
	b := append([]byte{applicationData, 3, 3, 0x40, 0x11}, make([]byte, 0x4011)...) // the largest record there is
	n := 0
	for ; !p.gone[0] && n < 1000; n++ {
		p.gap[0] = true
		p.feed(flight{false, b})
	}
	if n == 1000 || h.counters()["tls.undecrypted.lost"] != 1 {
		t.Errorf("after %d records: %v", n, h.counters())
	}
}

func TestTableKeepsItsBounds(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	cfg := Config{MaxConns: 50, MaxBytes: 100 << 10, MaxKeys: 10}
	h := listen(cfg)
	end := func(i, who int) decode.Endpoint {
		e := decode.EndpointOf(clientAddr)
		e.Port, e.IP[15] = uint16(1000+i), byte(who)
		return e
	}
	for i := range 500 {
		for _, f := range r.flights {
			who := 0
			if f.server {
				who = 1
			}
			d := decode.Datagram{Time: int64(i), Src: end(i, who), Dst: end(i, 1-who), Stream: uint64(2*i + who + 1), Payload: f.b, Fresh: true}
			if h.table.byStream[d.Stream] != nil {
				d.Fresh = false
			}
			h.table.Feed(&d)
		}
		h.table.Keys([]byte(fmt.Sprintf("CLIENT_RANDOM %064x %096x\n", i, i)))
		if h.table.byUse.Len() > 50 || h.table.bytes > 100<<10 || len(h.table.byStream) > 100 || len(h.table.pairs) > 50 || len(h.table.log.byRandom) > 10 {
			t.Fatalf("connection %d: %d connections, %d bytes, %d streams, %d pairs, %d keys", i, h.table.byUse.Len(), h.table.bytes,
				len(h.table.byStream), len(h.table.pairs), len(h.table.log.byRandom))
		}
	}
	h.table.Close()
	n := h.counters()
	if n["tls.evicted"]+n["tls.undecrypted.no-key"] != 500 || n["tls.evicted"] < 400 || n["tls.keys.evicted"] != 490 {
		t.Errorf("counted %v", n)
	}
	if h.table.bytes != 0 || h.table.waiting.Len() > 0 || len(h.table.byStream) > 0 {
		t.Errorf("left: %d bytes, %d waiting, %d streams", h.table.bytes, h.table.waiting.Len(), len(h.table.byStream))
	}
}

func TestRecordsAreOpenedWithoutAllocation(t *testing.T) {
	r := record(t, tls13, tls13, 2)
	h := New(Config{}, func() Stream { return silent{} })
	h.Keys(r.keys)
	p := &player{h: &heard{table: h}}
	for _, f := range r.flights {
		p.feed(f)
	}
	o := suites13[0x1301].opener13(make([]byte, 32))
	rec := append([]byte{applicationData, 3, 3, 0, 50}, o.sealForTest(t, 7, []byte("some content"), 50)...)
	var scratch [maxRecord]byte
	if n := testing.AllocsPerRun(100, func() {
		if b, kind, ok := o.open(scratch[:], rec, 7); !ok || kind != applicationData || string(b) != "some content" {
			t.Fatal("not opened")
		}
	}); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

type silent struct{}

func (silent) Plain(*decode.Datagram, []byte, bool) bool { return true }
func (silent) Close()                                    {}

// sealForTest makes a TLS 1.3 record's body of n bytes.
func (o *opener) sealForTest(t *testing.T, seq uint64, content []byte, n int) []byte {
	t.Helper()
	plain := append(append([]byte{}, content...), applicationData)
	plain = append(plain, make([]byte, n-16-len(plain))...)
	o.mask(seq)
	return o.aead.Seal(nil, o.nonce[:], plain, []byte{applicationData, 3, 3, byte(n >> 8), byte(n)})
}

func TestRandomDamageNeverPanicsAndStaysWithinBounds(t *testing.T) {
	var kinds []*recording
	for _, conf := range []*tls.Config{tls13, tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256), tls12(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA)} {
		kinds = append(kinds, record(t, conf, conf, 3))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		r := kinds[rng.IntN(len(kinds))]
		h := listen(Config{})
		h.table.Keys(r.keys)
		p := &player{h: h}
		for _, f := range cutInto(r.flights, 1+rng.IntN(3000)) {
			switch rng.IntN(12) {
			case 0:
				f.b = append([]byte{}, f.b...)
				f.b[rng.IntN(len(f.b))] ^= 1 << rng.IntN(8)
			case 1:
				p.gap[rng.IntN(2)] = true
			case 2:
				f.server = !f.server
			case 3:
				continue
			}
			p.feed(f)
		}
		p.end()
		h.table.Close()
		if h.table.bytes != 0 || len(h.table.byStream) != 0 || h.table.byUse.Len() != 0 {
			t.Fatalf("left: %d bytes, %d streams, %d connections", h.table.bytes, len(h.table.byStream), h.table.byUse.Len())
		}
	}
}
