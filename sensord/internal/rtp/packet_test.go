package rtp_test

import (
	"bytes"
	"testing"

	pionrtp "github.com/pion/rtp"

	"voiptop/sensord/internal/rtp"
)

// plain is a G.711 packet: version 2, payload type 0, sequence 0x0102, four bytes of payload.
func plain() []byte {
	return []byte{0x80, 0x00, 1, 2, 0, 0, 0, 160, 0x12, 0x34, 0xab, 0xcd, 'a', 'b', 'c', 'd'}
}

func edit(f func(b []byte) []byte) []byte { return f(plain()) }

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		b              []byte
		ok             bool
		offset, length int
	}{
		"plain":                           {plain(), true, 12, 4},
		"no payload":                      {plain()[:12], true, 12, 0},
		"too short for a header":          {plain()[:11], false, 0, 0},
		"version 1":                       {edit(func(b []byte) []byte { b[0] = 0x40; return b }), false, 0, 0},
		"one CSRC":                        {edit(func(b []byte) []byte { b[0] |= 1; return b }), true, 16, 0},
		"CSRCs past the end":              {edit(func(b []byte) []byte { b[0] |= 2; return b }), false, 0, 0},
		"an extension without words":      {edit(func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0, 0; return append(b, 'x') }), true, 16, 1},
		"an extension past the end":       {edit(func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0, 1; return b }), false, 0, 0},
		"an extension that is cut itself": {edit(func(b []byte) []byte { b[0] |= 0x10; return b[:14] }), false, 0, 0},
		"two bytes of padding":            {edit(func(b []byte) []byte { b[0] |= 0x20; b[15] = 2; return b }), true, 12, 2},
		"all padding":                     {edit(func(b []byte) []byte { b[0] |= 0x20; b[15] = 4; return b }), true, 12, 0},
		"more padding than payload":       {edit(func(b []byte) []byte { b[0] |= 0x20; b[15] = 5; return b }), false, 0, 0},
		"padding of nothing":              {edit(func(b []byte) []byte { b[0] |= 0x20; b[15] = 0; return b }), false, 0, 0},
		"an RTCP sender report":           {edit(func(b []byte) []byte { b[1] = 200; return b }), false, 0, 0},
		"the last RTCP type":              {edit(func(b []byte) []byte { b[1] = 223; return b }), false, 0, 0},
		"marker and payload type 96":      {edit(func(b []byte) []byte { b[1] = 0x80 | 96; return b }), true, 12, 4},
	} {
		t.Run(name, func(t *testing.T) {
			var h rtp.Header
			ok := rtp.Parse(c.b, &h)
			if ok != c.ok || ok && (h.Offset != c.offset || h.Length != c.length) {
				t.Errorf("ok %v payload at %d, %d bytes; want %v %d %d", ok, h.Offset, h.Length, c.ok, c.offset, c.length)
			}
		})
	}
}

func TestParseReadsTheFields(t *testing.T) {
	b := plain()
	b[1] = 0x80 | 101
	var h rtp.Header
	if !rtp.Parse(b, &h) {
		t.Fatal("not parsed")
	}
	if want := (rtp.Header{PayloadType: 101, Marker: true, Seq: 0x102, Timestamp: 160, SSRC: 0x1234abcd, Offset: 12, Length: 4}); h != want {
		t.Errorf("%+v, want %+v", h, want)
	}
	if got := h.Payload(b); string(got) != "abcd" {
		t.Errorf("payload %q", got)
	}
}

func TestParseCutTakesTheRestForPayload(t *testing.T) {
	b := edit(func(b []byte) []byte { b[0] |= 0x20; return b[:14] }) // with padding that was not captured
	var h rtp.Header
	if !rtp.ParseCut(b, 172, &h) || h.Offset != 12 || h.Length != 160 {
		t.Fatalf("%+v", h)
	}
	if got := h.Payload(b); string(got) != "ab" {
		t.Errorf("payload %q", got)
	}
	if rtp.ParseCut(plain()[:11], 172, &h) {
		t.Error("a packet whose header is cut was parsed")
	}
}

// FuzzParse compares with pion/rtp, which reads what is inside the header extension too, and so refuses more.
func FuzzParse(f *testing.F) {
	f.Add(plain())
	f.Add(edit(func(b []byte) []byte { b[0] |= 0x30; b[14], b[15] = 0, 1; return append(b, 1, 2, 3, 4, 5, 1) }))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h rtp.Header
		if !rtp.Parse(b, &h) {
			return
		}
		if h.Offset < 12 || h.Length < 0 || h.Offset+h.Length > len(b) {
			t.Fatalf("payload %d+%d of %d bytes", h.Offset, h.Length, len(b))
		}
		var p pionrtp.Packet
		if p.Unmarshal(b) != nil {
			return
		}
		if p.PayloadType != h.PayloadType || p.Marker != h.Marker || p.SequenceNumber != h.Seq || p.Timestamp != h.Timestamp ||
			p.SSRC != h.SSRC || !bytes.Equal(p.Payload, h.Payload(b)) {
			t.Fatalf("%+v\npion: %+v", h, p)
		}
	})
}

func TestDTMFDigitsCountOnce(t *testing.T) {
	type packet struct {
		ts       uint32
		event    byte
		end      bool
		duration uint16
	}
	press := func(ts uint32, event byte) []packet { // as phones do it: updates, then the end three times
		return []packet{{ts, event, false, 160}, {ts, event, false, 320}, {ts, event, true, 480}, {ts, event, true, 480}, {ts, event, true, 480}}
	}
	var both []packet
	for i, e := range []byte{1, 1, 10, 11, 12, 16} {
		both = append(both, press(uint32(i)*8000, e)...)
	}
	for name, c := range map[string]struct {
		packets []packet
		want    string
	}{
		"digits, one of them twice":           {both, "11*#A!"},
		"only the end arrived":                {[]packet{{100, 5, true, 800}}, "5"},
		"the end was lost":                    {[]packet{{100, 5, false, 160}, {900, 5, false, 160}}, "55"},
		"an old event's end comes late":       {[]packet{{100, 5, false, 160}, {9000, 6, false, 160}, {100, 5, true, 800}}, "56"},
		"an event longer than 65535 units":    {[]packet{{0, 7, false, 0xffff}, {0xffff, 7, false, 160}, {0xffff, 7, true, 400}}, "7"},
		"the timestamp wraps":                 {append(press(0xffffff00, 2), press(0x100, 3)...), "23"},
		"a fax tone is no digit":              {press(0, 194), ""},
		"a new press after the longest event": {[]packet{{0, 7, true, 0xffff}, {0xffff, 7, false, 160}}, "77"},
	} {
		t.Run(name, func(t *testing.T) {
			var d rtp.DTMF
			started := ""
			for _, p := range c.packets {
				b := []byte{p.event, 10, byte(p.duration >> 8), byte(p.duration)}
				if p.end {
					b[1] |= 0x80
				}
				if digit := d.Packet(&rtp.Header{Timestamp: p.ts}, b); digit != 0 {
					started += string(digit)
				}
			}
			if d.Digits() != c.want || started != c.want {
				t.Errorf("digits %q, reported %q, want %q", d.Digits(), started, c.want)
			}
		})
	}
}

func TestDTMFIsBounded(t *testing.T) {
	var d rtp.DTMF
	for i := range rtp.MaxDigits + 7 {
		d.Packet(&rtp.Header{Timestamp: uint32(i+1) * 1000}, []byte{1, 0, 0, 160})
	}
	d.Packet(&rtp.Header{Timestamp: 1 << 30}, []byte{1, 0, 0}) // too short: nothing
	if len(d.Digits()) != rtp.MaxDigits {
		t.Errorf("%d digits, want %d", len(d.Digits()), rtp.MaxDigits)
	}
}
