package direct

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

// endless is a file that never ends.
func endless() (*File, error) {
	const size = 1 << 40
	return &File{Type: "x", Size: size, ReadSeekCloser: zeros{io.NewSectionReader(nothing{}, 0, size)}}, nil
}

// Whatever a browser does, the transfer ends, for the reason that is counted, and the sensor has sent no more than a window.
func TestABrowserThatDoesNotKeepToTheProtocolIsCutOff(t *testing.T) {
	say := func(m ...string) func(*browser) {
		return func(b *browser) {
			<-b.opened
			for _, m := range m {
				_ = b.channel.SendText(m)
			}
		}
	}
	for name, c := range map[string]struct {
		init func(*webrtc.DataChannelInit)
		do   func(*browser)
		code string
	}{
		"has more than was sent":         {do: say("got 99999999999"), code: sensorapi.DirectMisbehaved},
		"has less than before":           {do: say("got 0"), code: sensorapi.DirectMisbehaved},
		"has a negative number":          {do: say("got -1"), code: sensorapi.DirectMisbehaved},
		"has no number":                  {do: say("got much"), code: sensorapi.DirectMisbehaved},
		"has a number without end":       {do: say("got 111111111111111111111111111111111111"), code: sensorapi.DirectMisbehaved},
		"says something else":            {do: say("hello"), code: sensorapi.DirectMisbehaved},
		"says its last word too early":   {do: say("ok"), code: sensorapi.DirectMisbehaved},
		"says nothing, often":            {do: say(strings.Split(strings.Repeat(",", 5000), ",")...), code: sensorapi.DirectMisbehaved},
		"says more than a word":          {do: say("got " + strings.Repeat("0", 1000) + "1"), code: sensorapi.DirectMisbehaved},
		"says a great deal":              {do: say(strings.Repeat("x", 20_000)), code: sensorapi.DirectMisbehaved},
		"sends bytes":                    {do: func(b *browser) { <-b.opened; _ = b.channel.Send([]byte{1}) }, code: sensorapi.DirectMisbehaved},
		"opens a second channel":         {do: func(b *browser) { <-b.opened; _, _ = b.pc.CreateDataChannel("more", nil) }, code: sensorapi.DirectMisbehaved},
		"speaks another protocol":        {init: func(i *webrtc.DataChannelInit) { v := "voiptop-file/2"; i.Protocol = &v }, code: sensorapi.DirectMisbehaved},
		"takes parts in any order":       {init: func(i *webrtc.DataChannelInit) { v := false; i.Ordered = &v }, code: sensorapi.DirectMisbehaved},
		"does not care for what is lost": {init: func(i *webrtc.DataChannelInit) { v := uint16(0); i.MaxRetransmits = &v }, code: sensorapi.DirectMisbehaved},
		"closes the channel":             {do: func(b *browser) { <-b.opened; _ = b.channel.Close() }, code: sensorapi.DirectBroken},
		"goes":                           {do: func(b *browser) { <-b.opened; _ = b.pc.Close() }, code: sensorapi.DirectBroken},
	} {
		t.Run(name, func(t *testing.T) {
			b, offer := newBrowser(t, c.init)
			b.every, b.keep = 0, false
			s := service(t, patient)
			if c.do != nil {
				go c.do(b)
			}
			events, err := b.fetch(within(t), s, sensorapi.DirectOffer{SDP: offer}, endless)
			e := last(events)
			if err != nil || e.State != sensorapi.DirectFailed || e.Code != c.code || e.Sent > window || e.Got != 0 {
				t.Errorf("%+v, %v", e, err)
			}
			counts := protocol.Counters{}
			if s.Counters(counts); counts["direct.failed."+c.code] != 1 || counts["direct.complete"] != 0 {
				t.Errorf("%v", counts)
			}
		})
	}
}

func TestABrowserThatTakesNothingIsCutOff(t *testing.T) {
	b, offer := newBrowser(t, nil)
	b.every, b.keep = 0, false
	l := patient
	l.Idle = 500 * time.Millisecond
	events, err := b.fetch(within(t), service(t, l), sensorapi.DirectOffer{SDP: offer}, endless)
	if e := last(events); err != nil || e.Code != sensorapi.DirectStalled || e.Sent > window || e.Sent == 0 {
		t.Errorf("%+v, %v", e, err)
	}
}

// What is more than the sensor's buffer of what it hears never comes together, and holds no more than that.
func TestABrowserThatSaysMoreThanIsHeardIsCutOff(t *testing.T) {
	b, offer := newBrowser(t, nil)
	b.every, b.keep = 0, false
	l := patient
	l.Idle = 500 * time.Millisecond
	go func() {
		<-b.opened
		_ = b.channel.SendText(strings.Repeat("x", 4*heard))
	}()
	events, err := b.fetch(within(t), service(t, l), sensorapi.DirectOffer{SDP: offer}, endless)
	if e := last(events); err != nil || e.Code != sensorapi.DirectStalled {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestABrowserThatTakesADropAtATimeIsCutOff(t *testing.T) {
	b, offer := newBrowser(t, nil)
	b.every, b.keep = 0, false
	l := patient
	l.Idle = 500 * time.Millisecond
	go func() {
		<-b.opened
		for n := 1; b.channel.SendText(wordGot+string(rune('0'+n%10))) == nil && n < 9; n++ {
			time.Sleep(150 * time.Millisecond)
		}
	}()
	events, err := b.fetch(within(t), service(t, l), sensorapi.DirectOffer{SDP: offer}, endless)
	if e := last(events); err != nil || e.Code != sensorapi.DirectStalled || e.Sent > window+10 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestABrowserThatIsSlowGetsAll(t *testing.T) {
	want := random(40 * message)
	b, offer := newBrowser(t, nil)
	b.slow, b.every = 10*time.Millisecond, message
	events, err := b.fetch(within(t), service(t, patient), sensorapi.DirectOffer{SDP: offer}, fileOf(want))
	if e := last(events); err != nil || e.State != sensorapi.DirectComplete || !bytes.Equal(b.bytes, want) {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestABrowserThatNeverConnectsIsWaitedForAWhile(t *testing.T) {
	_, offer := newBrowser(t, nil)
	l := patient
	l.Connect = 200 * time.Millisecond
	s := service(t, l)
	var events []sensorapi.DirectEvent
	err := s.Serve(within(t), sensorapi.DirectOffer{SDP: offer}, fileOf(nil), func(e sensorapi.DirectEvent) error { // the answer is lost
		events = append(events, e)
		return nil
	})
	if e := last(events); err != nil || e.Code != sensorapi.DirectNotConnected || e.Sent != 0 || len(events) != 2 {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestABrowserWithOtherBytesIsHeard(t *testing.T) {
	b, offer := newBrowser(t, nil)
	b.bytes = []byte("something that was there before")
	events, err := b.fetch(within(t), service(t, patient), sensorapi.DirectOffer{SDP: offer}, fileOf(random(1000)))
	if e := last(events); err != nil || e.Code != sensorapi.DirectDamaged {
		t.Errorf("%+v, %v", e, err)
	}
}

// A certificate that is not the one of the offer is somebody else's: nothing is sent.
func TestWhoHasNotTheKeyOfTheOfferGetsNothing(t *testing.T) {
	b, offer := newBrowser(t, nil)
	i := strings.Index(offer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	digit := "0"
	if offer[i] == '0' {
		digit = "1"
	}
	l := patient
	l.Connect = 3 * time.Second
	events, err := b.fetch(within(t), service(t, l), sensorapi.DirectOffer{SDP: offer[:i] + digit + offer[i+1:]}, fileOf(random(1000)))
	if e := last(events); err != nil || e.Code != sensorapi.DirectNotConnected || e.Sent != 0 || b.n != 0 || b.head.Type != "" {
		t.Errorf("%+v, %v, %d bytes came", e, err, b.n)
	}
}

func TestATransferEndsWithWhoeverAskedForIt(t *testing.T) {
	goes := errors.New("hosted does not listen any more")
	for name, at := range map[string]string{"before it connects": sensorapi.DirectAnswer, "when it connects": sensorapi.DirectConnected, "while it runs": sensorapi.DirectRunning} {
		t.Run(name, func(t *testing.T) {
			b, offer := newBrowser(t, nil)
			b.keep = false
			l := patient
			l.Beat = 50 * time.Millisecond
			s := service(t, l)
			err := s.Serve(within(t), sensorapi.DirectOffer{SDP: offer}, endless, func(e sensorapi.DirectEvent) error {
				if e.State == at {
					return goes
				}
				if e.State == sensorapi.DirectAnswer {
					return b.answer(e.SDP)
				}
				return nil
			})
			c := protocol.Counters{}
			if s.Counters(c); c["direct.failed."+sensorapi.DirectCancelled] != 1 {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}
