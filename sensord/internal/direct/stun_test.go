package direct

import (
	"net"
	"strings"
	"testing"

	"github.com/pion/stun/v4"

	"voiptop/protocol/sensorapi"
)

// A server tells the sensor the address that it has outside, and the answer has it; in a LAN it is not asked.
func TestTheAddressOutsideIsAskedOfTheServersThatHostedNames(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	outside := &stun.XORMappedAddress{IP: net.IPv4(203, 0, 113, 7), Port: 4321}
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return // closed
			}
			m := &stun.Message{Raw: append([]byte{}, b[:n]...)}
			if m.Decode() != nil {
				continue
			}
			if r, err := stun.Build(m, stun.BindingSuccess, outside, stun.Fingerprint); err == nil {
				_, _ = c.WriteTo(r.Raw, from)
			}
		}
	}()
	for mode, want := range map[Mode]bool{Anywhere: true, LAN: false} {
		s := service(t, patient)
		s.Mode = mode
		b, offer := newBrowser(t, nil)
		events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer, STUN: []string{c.LocalAddr().String()}}, fileOf(random(10)))
		if err != nil || last(events).State != sensorapi.DirectComplete {
			t.Fatalf("%+v, %v", events, err)
		}
		if got := strings.Contains(events[0].SDP, "203.0.113.7 4321 typ srflx"); got != want {
			t.Errorf("mode %d: the answer is\n%s", mode, events[0].SDP)
		}
	}
}
