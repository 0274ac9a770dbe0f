package hep

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func TestWrappedPacketsAreRightToAnIndependentReader(t *testing.T) {
	var w Wrapper
	for _, ends := range [][2]string{{"192.0.2.1:5060", "192.0.2.2:5070"}, {"[2001:db8::1]:5060", "[2001:db8::2]:9060"}} {
		for _, payload := range []string{invite, invite + "x", ""} {
			for _, tcp := range []bool{false, true} {
				wrap, first := w.UDP, layers.LayerTypeIPv4
				if tcp {
					wrap = w.TCP
				}
				if ends[0][0] == '[' {
					first = layers.LayerTypeIPv6
				}
				src, dst := end(ends[0]), end(ends[1])
				b, headers := wrap(src, dst, []byte(payload))
				if string(b[headers:]) != payload {
					t.Fatalf("payload %q", b[headers:])
				}
				p := gopacket.NewPacket(b, first, gopacket.Default)
				if e := p.ErrorLayer(); e != nil {
					t.Fatal(e.Error())
				}
				if got := p.NetworkLayer().NetworkFlow().String(); got != src.AddrPort().Addr().String()+"->"+dst.AddrPort().Addr().String() {
					t.Errorf("flow %s", got)
				}
				// Summing what was received with its checksum gives zero (RFC 1071), so made again they are the same.
				out := gopacket.NewSerializeBuffer()
				stack := []gopacket.SerializableLayer{}
				for _, l := range p.Layers() {
					switch l := l.(type) {
					case *layers.UDP:
						_ = l.SetNetworkLayerForChecksum(p.NetworkLayer())
						stack = append(stack, l)
					case *layers.TCP:
						_ = l.SetNetworkLayerForChecksum(p.NetworkLayer())
						stack = append(stack, l)
					case *layers.IPv4:
						stack = append(stack, l)
					case *layers.IPv6:
						stack = append(stack, l)
					}
				}
				stack = append(stack, gopacket.Payload(payload))
				if err := gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...); err != nil {
					t.Fatal(err)
				}
				if string(out.Bytes()) != string(b) {
					t.Errorf("tcp %v %s:\n got %x\nwant %x", tcp, ends[0], b, out.Bytes())
				}
			}
		}
	}
	if b, _ := w.UDP(end("192.0.2.1:1"), end("192.0.2.2:2"), make([]byte, 65508)); b != nil {
		t.Error("a packet larger than IP has")
	}
}
