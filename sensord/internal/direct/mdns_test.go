package direct

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"voiptop/protocol/sensorapi"
)

// Browsers name themselves UUID.local where they have not the right to a microphone. The answer's candidates are taken away, so that the sensor must
// be the one that finds the other.
func TestABrowserThatHidesItsAddressIsFoundByItsName(t *testing.T) {
	if err := multicast(); err != nil {
		t.Skip("no multicast here: ", err)
	}
	se := settings()
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryAndGather)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	b, offer := browserOf(t, pc, nil)
	named := 0
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=candidate:") {
			named++
			if f := strings.Fields(line); !strings.HasSuffix(f[4], ".local") {
				t.Fatalf("the test's browser tells its address: %s", line)
			}
		}
	}
	if named == 0 {
		t.Fatal("no candidate")
	}
	l := patient
	l.Connect = 20 * time.Second
	var last sensorapi.DirectEvent
	err = service(t, l).Serve(within(t), sensorapi.DirectOffer{SDP: offer}, fileOf(random(1000)), func(e sensorapi.DirectEvent) error {
		last = e
		if e.State != sensorapi.DirectAnswer {
			return nil
		}
		var blind strings.Builder
		for line := range strings.Lines(e.SDP) {
			if !strings.HasPrefix(line, "a=candidate:") {
				blind.WriteString(line)
			}
		}
		return b.answer(blind.String())
	})
	if err != nil || last.State != sensorapi.DirectComplete {
		t.Errorf("%+v, %v", last, err)
	}
}

// multicast is nil where what is sent to a group is heard on this machine.
func multicast() error {
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 42_353}
	c, err := net.ListenMulticastUDP("udp4", nil, group)
	if err != nil {
		return err
	}
	defer c.Close()
	out, err := net.DialUDP("udp4", nil, group)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := out.Write([]byte("x")); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestNamesAreLookedUpOnlyWhereThereAreSome(t *testing.T) {
	for candidate, want := range map[string]bool{"0b8fe3a0-5b6c-4f3e-9f3a-3a2d5e6f7a8b.local": true, "10.1.2.3": false} {
		if got := hidden(plain + "a=candidate:1 1 udp 1 " + candidate + " 50000 typ host\r\n"); got != want {
			t.Errorf("%s: %v", candidate, got)
		}
	}
}
