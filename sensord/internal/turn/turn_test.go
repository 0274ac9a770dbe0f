package turn

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// stun makes a STUN message of attributes: type, value, type, value, ...
func stun(kind uint16, attributes ...any) []byte {
	var body []byte
	for i := 0; i < len(attributes); i += 2 {
		v := attributes[i+1].([]byte)
		body = binary.BigEndian.AppendUint16(body, uint16(attributes[i].(int)))
		body = binary.BigEndian.AppendUint16(body, uint16(len(v)))
		body = append(append(body, v...), make([]byte, -len(v)&3)...)
	}
	b := binary.BigEndian.AppendUint16(nil, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	b = binary.BigEndian.AppendUint32(b, cookie)
	return append(append(b, "transaction!"...), body...)
}

// hidden writes an address as STUN does.
func hidden(s string) []byte {
	a := netip.MustParseAddrPort(s)
	key := append([]byte{0x21, 0x12, 0xa4, 0x42}, "transaction!"...)
	b := []byte{0, 1}
	if a.Addr().Is6() {
		b[1] = 2
	}
	b = binary.BigEndian.AppendUint16(b, a.Port()^0x2112)
	for i, v := range a.Addr().AsSlice() {
		b = append(b, v^key[i])
	}
	return b
}

func TestMessagesOfTURNAreRead(t *testing.T) {
	rtp := append([]byte{0x80, 8, 0, 1}, make([]byte, 169)...)
	v4, v6 := "192.0.2.7:40001", "[2001:db8::7]:40001"
	channel := append([]byte{0x40, 3, 0, 173}, rtp...)
	for name, x := range map[string]struct {
		in   []byte
		want Message
	}{
		"ChannelData":                 {channel, Message{Kind: Data, Channel: 0x4003, Offset: 4, Length: 173}},
		"ChannelData, padded":         {append(bytes.Clone(channel), 0, 0, 0), Message{Kind: Data, Channel: 0x4003, Offset: 4, Length: 173}},
		"Send":                        {stun(0x16, 0x12, hidden(v4), 0x13, rtp), Message{Kind: Data, Peer: netip.MustParseAddrPort(v4), Directed: true, FromClient: true, Offset: 36, Length: 173}},
		"Data":                        {stun(0x17, 0x13, rtp, 0x12, hidden(v6)), Message{Kind: Data, Peer: netip.MustParseAddrPort(v6), Directed: true, Offset: 24, Length: 173}},
		"Allocate, answered":          {stun(0x103, 0x20, hidden("198.51.100.1:9"), 0x16, hidden(v4)), Message{Kind: Allocated, Relayed: netip.MustParseAddrPort(v4), Directed: true}},
		"ChannelBind":                 {stun(0x9, 0xc, []byte{0x40, 1, 0, 0}, 0x12, hidden(v4)), Message{Kind: Bound, Channel: 0x4001, Peer: netip.MustParseAddrPort(v4), Directed: true, FromClient: true}},
		"Send without a peer":         {stun(0x16, 0x13, rtp), Message{}},
		"Send without data":           {stun(0x16, 0x12, hidden(v4)), Message{}},
		"ChannelBind to no channel":   {stun(0x9, 0xc, []byte{0x30, 1, 0, 0}, 0x12, hidden(v4)), Message{}},
		"Binding request":             {stun(0x1), Message{}},
		"ChannelData, too long":       {append(bytes.Clone(channel), 0, 0, 0, 0), Message{}},
		"ChannelData, too short":      {channel[:len(channel)-1], Message{}},
		"an INVITE":                   {[]byte("INVITE sip:a@example.net SIP/2.0\r\n\r\n"), Message{}},
		"another cookie":              {append([]byte{0, 0x16, 0, 0, 1, 2, 3, 4}, make([]byte, 12)...), Message{}},
		"an attribute beyond its end": {append(stun(0x16), 0, 0x13, 0xff, 0xff), Message{}},
	} {
		var m Message
		ok := Read(x.in, len(x.in), &m)
		if ok != (x.want.Kind != Other) || ok && m != x.want {
			t.Errorf("%s: %+v %v, want %+v", name, m, ok, x.want)
		}
		if ok && m.Kind == Data && !bytes.Equal(m.Payload(x.in), rtp) {
			t.Errorf("%s: other data", name)
		}
	}
}

func TestDataThatTheCaptureCutKeepsItsLength(t *testing.T) {
	b := append([]byte{0x40, 0, 0, 172, 0x80, 8}, make([]byte, 40)...)
	var m Message
	if !Read(b, 176, &m) || m.Length != 172 || len(m.Payload(b)) != 42 {
		t.Errorf("%+v, %d bytes", m, len(m.Payload(b)))
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	var m Message
	b := stun(0x16, 0x12, hidden("192.0.2.7:40001"), 0x13, make([]byte, 172))
	if n := testing.AllocsPerRun(100, func() { Read(b, len(b), &m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is read lies within the datagram.
func FuzzRead(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 1, 0x80}, 5)
	f.Add(stun(0x16, 0x12, hidden("192.0.2.7:40001"), 0x13, []byte("data")), 60)
	f.Add(stun(0x103, 0x16, hidden("[2001:db8::7]:40001")), 50)
	f.Fuzz(func(t *testing.T, b []byte, wire int) {
		var m Message
		if !Read(b, wire, &m) {
			return
		}
		if m.Kind == Data && (m.Offset < 4 || m.Length <= 0 || m.Offset+m.Length > wire || len(m.Payload(b)) > m.Length) {
			t.Errorf("%d bytes at %d of %d", m.Length, m.Offset, wire)
		}
		if m.Kind == Bound && m.Channel>>12 != 4 || m.Kind == Allocated && !m.Relayed.IsValid() {
			t.Errorf("%+v", m)
		}
	})
}
