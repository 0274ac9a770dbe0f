package audio_test

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/internal/audio"
)

const pcma = "8 101\r\na=rtpmap:101 telephone-event/8000"

func TestBothSidesAreWhereTheyWereInTime(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	a := &stream{from: alice, to: bob, pt: 8, ssrc: 1}
	b := &stream{from: bob, to: alice, pt: 8, ssrc: 2}
	c.send(a, 0, 100, 160, tone(500, 0.5), nil)                     // 0..2 s
	c.send(b, 1500*time.Millisecond, 100, 160, tone(700, 0.5), nil) // 1.5..3.5 s
	c.bye(4 * time.Second)
	s := play(t, c.mustListen(), sensorapi.AudioOptions{})
	if len(s.sides) != 2 || s.rate != 8000 || len(s.sides[0]) != 8000*35/10 {
		t.Fatalf("%d sides of %d samples at %d Hz", len(s.sides), len(s.sides[0]), s.rate)
	}
	for _, w := range []struct {
		side     int
		from, to float64
		hz       float64 // 0: silence
	}{
		{0, 0, 2, 500}, {0, 2.1, 3.5, 0}, {1, 0, 1.49, 0}, {1, 1.5, 3.5, 700},
	} {
		l := level(s.sides[w.side], s.rate, w.from, w.to)
		if w.hz == 0 && l > 0.001 {
			t.Errorf("side %d is not silent from %v to %v s: level %v", w.side, w.from, w.to, l)
		}
		if w.hz > 0 && (share(s.sides[w.side], s.rate, w.from, w.to, w.hz) < 0.99 || math.Abs(l-0.5/math.Sqrt2) > 0.01) {
			t.Errorf("side %d has no whole tone of %v Hz from %v to %v s", w.side, w.hz, w.from, w.to)
		}
	}
	one := play(t, c.mustListen(), sensorapi.AudioOptions{Side: sensorapi.SideCallee})
	for i, v := range one.sides[0] {
		if v != s.sides[1][i] {
			t.Fatalf("one side alone differs at sample %d", i)
		}
	}
}

func TestARangeIsTheSameBytesAsTheWhole(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	rng := rand.New(rand.NewPCG(1, 2))
	jitter := func(int) time.Duration { return time.Duration(rng.ExpFloat64() * 12e6) }
	lossy := func(f func(int) []byte) func(int) []byte {
		return func(i int) []byte {
			if rng.Float64() < 0.05 || i > 400 && i < 500 {
				return nil
			}
			return f(i)
		}
	}
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 1500, 160, lossy(tone(430, 0.4)), jitter)
	c.send(&stream{from: bob, to: alice, pt: 8, ssrc: 2}, 40*time.Millisecond, 1500, 160, lossy(tone(610, 0.4)), jitter)
	r := c.mustListen()
	whole := wav(t, r, sensorapi.AudioOptions{})
	w, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for range 30 {
		at := rng.Int64N(int64(len(whole)))
		n := int(min(int64(rng.IntN(70000)), int64(len(whole))-at))
		if _, err := w.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, n)
		if _, err := io.ReadFull(w, got); err != nil {
			t.Fatalf("read %d bytes at %d: %v", n, at, err)
		}
		if i := differ(got, whole[at:]); i >= 0 {
			t.Fatalf("byte %d is another when one begins at %d", at+int64(i), at)
		}
	}
}

func differ(got, want []byte) int {
	for i := range got {
		if got[i] != want[i] {
			return i
		}
	}
	return -1
}

func TestLostVoiceFadesAndComesBack(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 150, 160, func(i int) []byte {
		if i == 40 || i >= 80 && i < 100 { // one packet; 400 ms
			return nil
		}
		return tone(400, 0.5)(i)
	}, nil)
	r := c.mustListen()
	s := play(t, r, sensorapi.AudioOptions{}).sides[0]
	full := 0.5 / math.Sqrt2
	for _, w := range []struct {
		from, to, least, most float64
	}{
		{0.80, 0.82, 0.75 * full, 1.1 * full}, // one lost packet is hardly heard
		{1.60, 1.62, 0.75 * full, 1.1 * full}, // the first of many neither
		{1.64, 1.66, 0.05 * full, 0.6 * full}, // it fades
		{1.67, 2.00, 0, 0.001},                // silence
		{2.01, 3.00, 0.99 * full, 1.01 * full},
	} {
		if l := level(s, 8000, w.from, w.to); l < w.least || l > w.most {
			t.Errorf("level %.4f from %v to %v s, want %.4f to %.4f", l, w.from, w.to, w.least, w.most)
		}
	}
	p, err := r.Peaks(t.Context(), sensorapi.AudioOptions{}, 30, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range p.Sides[0].Lost {
		sum += n
	}
	if sum != 21 || p.Sides[0].Lost[8] != 1 {
		t.Errorf("lost packets in the waveform: %v, want 21, one of them in the ninth point", p.Sides[0].Lost)
	}
}

func TestLatePacketsAreHeardAsTheBufferAllows(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 200, 160, tone(400, 0.5), func(i int) time.Duration {
		if i >= 100 && i < 110 { // held up, and let go at once
			return max(0, time.Duration(106-i)*20*time.Millisecond)
		}
		return 0
	})
	r := c.mustListen()
	for _, w := range []struct {
		buffer sensorapi.AudioBuffer
		lost   int
	}{{sensorapi.Buffer50, 4}, {sensorapi.Buffer200, 0}} {
		p, err := r.Peaks(t.Context(), sensorapi.AudioOptions{Buffer: w.buffer}, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, n := range p.Sides[0].Lost {
			sum += n
		}
		if sum != w.lost {
			t.Errorf("buffer %s: %d packets are not heard, want %d", w.buffer, sum, w.lost)
		}
	}
}

func TestStreamsThatFollowEachOtherMakeOneSide(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	// Early media of a gateway, then the callee with another SSRC, then another address after a re-INVITE.
	c.send(&stream{from: "192.0.2.30:30000", to: alice, pt: 8, ssrc: 7}, -600*time.Millisecond, 25, 160, tone(300, 0.5), nil)
	c.send(&stream{from: bob, to: alice, pt: 8, ssrc: 8}, 0, 50, 160, tone(500, 0.5), nil)
	c.sip(time.Second, alice, bob, "INVITE sip:bob@192.0.2.20 SIP/2.0", "2 INVITE", sdp(alice, pcma))
	c.sip(1010*time.Millisecond, bob, alice, "SIP/2.0 200 OK", "2 INVITE", sdp("192.0.2.20:20010", pcma))
	c.send(&stream{from: "192.0.2.20:20010", to: alice, pt: 8, ssrc: 9}, time.Second, 50, 160, tone(900, 0.5), nil)
	s := play(t, c.mustListen(), sensorapi.AudioOptions{Side: sensorapi.SideCallee})
	for _, w := range []struct{ from, to, hz float64 }{{0, 0.49, 300}, {0.6, 1.59, 500}, {1.6, 2.59, 900}} {
		if v := share(s.sides[0], s.rate, w.from, w.to, w.hz); v < 0.98 {
			t.Errorf("from %v to %v s: %.2f of the power is at %v Hz", w.from, w.to, v, w.hz)
		}
	}
}

func TestOfTwoCopiesOnBothSidesOfARelayOneIsHeard(t *testing.T) {
	const relayA, relayB = "192.0.2.50:40000", "192.0.2.50:40002"
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	// The same voice before the relay and, a moment later and with holes, after it.
	voice := tone(500, 0.5)
	c.send(&stream{from: alice, to: relayA, pt: 8, ssrc: 1}, 0, 100, 160, voice, nil)
	c.send(&stream{from: relayB, to: bob, pt: 8, ssrc: 1}, time.Millisecond, 100, 160, func(i int) []byte {
		if i >= 50 && i < 60 {
			return nil
		}
		return voice(i)
	}, nil)
	s := play(t, c.mustListen(), sensorapi.AudioOptions{Side: sensorapi.SideCaller}).sides[0]
	if l := level(s, 8000, 0.1, 0.9); math.Abs(l-0.5/math.Sqrt2) > 0.01 {
		t.Errorf("level %v: both copies are mixed", l)
	}
	if l := level(s, 8000, 1.08, 1.19); l > 0.001 {
		t.Errorf("level %v in the hole that the callee heard", l)
	}
}

func TestAClockThatRunsFastIsFollowed(t *testing.T) {
	// The sender's clock is 0.2 % fast: after 60 s it is 120 ms ahead. Its voice has to stay where it was spoken.
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	const n = 3000
	last := tone(1000, 0.5)
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, n, 160, func(i int) []byte {
		if i < n-50 { // the last second is another tone
			return tone(400, 0.3)(i)
		}
		return last(i)
	}, func(i int) time.Duration { return -time.Duration(i) * 40 * time.Microsecond })
	s := play(t, c.mustListen(), sensorapi.AudioOptions{Side: sensorapi.SideCaller})
	at := float64((n-50)*20-(n-50)*40/1000) / 1000 // where the last second begins
	var edge float64
	for x := at - 0.2; x < at+0.2; x += 0.002 {
		if share(s.sides[0], s.rate, x, x+0.02, 1000) > 0.5 {
			edge = x + 0.01
			break
		}
	}
	if math.Abs(edge-at) > 0.045 {
		t.Errorf("what was said at %.3f s is heard at %.3f s", at, edge)
	}
	if v := share(s.sides[0], s.rate, 1, 1.5, 400); v < 0.98 {
		t.Errorf("the tone is %.2f pure", v)
	}
}

func TestComfortNoiseIsHeardAtItsLevel(t *testing.T) {
	c := newCall(t, sdp(alice, "8 13"), sdp(bob, "8 13"))
	a := &stream{from: alice, to: bob, pt: 8, ssrc: 1}
	c.send(a, 0, 50, 160, tone(400, 0.5), nil)
	a.pt = 13
	c.send(a, time.Second, 1, 160, func(int) []byte { return []byte{50} }, nil) // -50 dBov
	a.pt, a.stamp = 8, a.stamp+160*149
	c.send(a, 4*time.Second, 50, 160, tone(400, 0.5), nil)
	s := play(t, c.mustListen(), sensorapi.AudioOptions{Side: sensorapi.SideCaller}).sides[0]
	db := 20 * math.Log10(level(s, 8000, 1.2, 3.9))
	if math.Abs(db+50) > 1 {
		t.Errorf("the noise is at %.1f dB, want -50", db)
	}
	if share(s, 8000, 4.0, 5.0, 400) < 0.98 {
		t.Error("the voice after it is not whole")
	}
}

func TestDigitsAreToldOrBlanked(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	a := &stream{from: alice, to: bob, pt: 8, ssrc: 1}
	c.send(a, 0, 50, 160, tone(400, 0.3), nil)
	// The key 5 for 200 ms, as RFC 4733 events, while the sender's voice has the tone in it as well.
	stamp := a.stamp
	for i := range 10 {
		at := time.Second + time.Duration(i)*20*time.Millisecond
		event := []byte{5, 10, byte((i + 1) * 160 >> 8), byte((i + 1) * 160)}
		c.udp(at+20*time.Millisecond, alice, bob, append(rtpHead(101, i == 0, a.seq, stamp, 1), event...))
		a.seq++
		c.udp(at, alice, bob, append(rtpHead(8, false, a.seq, stamp+uint32(i*160), 1), tone(400, 0.3)(50+i)...))
		a.seq++
	}
	a.stamp += 1600
	c.send(a, 1200*time.Millisecond, 50, 160, tone(400, 0.3), nil)
	r := c.mustListen()
	heard := play(t, r, sensorapi.AudioOptions{}).sides[0]
	for _, hz := range []float64{770, 1336} {
		if v := share(heard, 8000, 1.05, 1.15, hz); v < 0.1 {
			t.Errorf("%v Hz has %.2f of the power while 5 is pressed", hz, v)
		}
	}
	muted := play(t, r, sensorapi.AudioOptions{MuteDTMF: true}).sides[0]
	if l := level(muted, 8000, 0.99, 1.21); l > 1e-6 {
		t.Errorf("level %v while the digit is blanked", l)
	}
	for _, at := range []float64{0.5, 1.5} {
		if share(muted, 8000, at, at+0.3, 400) < 0.99 {
			t.Errorf("the voice at %v s is gone as well", at)
		}
	}
}

func TestASideThatCannotBeDecodedIsNamed(t *testing.T) {
	g729 := "18\r\na=rtpmap:18 G729/8000"
	c := newCall(t, sdp(alice, "8 18"), sdp(bob, g729))
	c.send(&stream{from: alice, to: bob, pt: 18, ssrc: 1}, 0, 50, 160, func(int) []byte { return make([]byte, 20) }, nil)
	_, err := c.listen()
	if p := problem(err); p.Code != protocol.CodeCodecNotDecodable || p.Status != 415 || p.Fields["codec"] != "G729" {
		t.Errorf("only G.729: %+v", p)
	}
	c.send(&stream{from: bob, to: alice, pt: 8, ssrc: 2}, 0, 50, 160, tone(400, 0.5), nil)
	r := c.mustListen()
	s := play(t, r, sensorapi.AudioOptions{})
	if level(s.sides[1], 8000, 0, 0.9) < 0.3 || level(s.sides[0], 8000, 0, 0.9) > 0 {
		t.Error("the callee is to be heard, and the caller is not")
	}
	m := r.Missing()
	if len(m) != 1 || m[0].Side != sensorapi.SideCaller || m[0].Code != protocol.CodeCodecNotDecodable || m[0].Codec != "G729" {
		t.Errorf("missing %+v", m)
	}
	if _, err := r.WAV(t.Context(), sensorapi.AudioOptions{Side: sensorapi.SideCaller}, nil); problem(err).Code != protocol.CodeCodecNotDecodable {
		t.Errorf("the caller alone: %v", err)
	}
}

func TestDigitsInTheVoiceAreBlankedAsWell(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	a, b := tone(770, 0.2), tone(1336, 0.2)
	pressed := func(i int) bool { return i >= 100 && i < 106 || i >= 150 && i < 160 }
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 250, 160, func(i int) []byte {
		if !pressed(i) {
			return tone(400, 0.3)(i)
		}
		x, y := a(i), b(i)
		for k := range x {
			sum, _ := audio.Decode(audio.Decoders["PCMA"](), []byte{x[k], y[k]})
			x[k] = aLawOf((float64(sum[0]) + float64(sum[1])) / 32768)
		}
		return x
	}, nil)
	r := c.mustListen()
	heard := play(t, r, sensorapi.AudioOptions{}).sides[0]
	muted := play(t, r, sensorapi.AudioOptions{MuteDTMF: true}).sides[0]
	for _, at := range []float64{2, 3} {
		if level(heard, 8000, at, at+0.12) < 0.1 || level(muted, 8000, at, at+0.12) > 1e-6 {
			t.Errorf("the digit at %v s is not blanked", at)
		}
	}
	for _, w := range [][2]float64{{0, 1.9}, {2.25, 2.9}, {3.3, 4.9}} {
		if share(muted, 8000, w[0], w[1], 400) < 0.99 {
			t.Errorf("the voice from %v to %v s is blanked", w[0], w[1])
		}
	}
}
