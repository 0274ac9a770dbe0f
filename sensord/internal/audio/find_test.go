package audio_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/audio"
)

func TestACallWhoseSignallingWasNotCapturedIsHeardByItsRecord(t *testing.T) {
	c := &call{t: t}
	c.send(&stream{from: alice, to: bob, pt: 97, ssrc: 1}, 0, 50, 160, tone(500, 0.5), nil)
	if _, err := c.listen(); problem(err).Code != protocol.CodeNotFound {
		t.Errorf("without a record: %v", err)
	}
	known := &protocol.CDR{CallID: callID, Streams: []protocol.Stream{{
		Src: alice, Dst: bob, SSRC: 1, PayloadType: 97, Codec: "PCMA", ClockRate: 8000, Direction: protocol.FromCallee,
	}}}
	r, err := analyze.Listen(t.Context(), analyze.Listening{Open: c.open, CallID: callID, Known: known})
	if err != nil {
		t.Fatal(err)
	}
	s := play(t, r, sensorapi.AudioOptions{})
	if share(s.sides[1], s.rate, 0, 0.9, 500) < 0.99 || level(s.sides[0], s.rate, 0, 0.9) > 0 {
		t.Error("it is not on the callee's side")
	}
}

func TestOneOfManyCallsInACaptureIsHeard(t *testing.T) {
	var pcap bytes.Buffer
	if _, err := gen.Generate(&pcap, gen.Config{Seed: 5, Calls: 400, Rate: 100, Talk: time.Second}); err != nil {
		t.Fatal(err)
	}
	open := func() (analyze.Source, error) { return analyze.Open([]string{"-"}, bytes.NewReader(pcap.Bytes())) }
	calls, _, err := analyze.Files(t.Context(), []string{"-"}, bytes.NewReader(pcap.Bytes()), analyze.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, len(calls) / 2, len(calls) - 1} {
		r, err := analyze.Listen(t.Context(), analyze.Listening{Open: open, CallID: calls[i].CallID, Known: calls[i]})
		if err != nil {
			t.Fatalf("call %d of %d: %v", i, len(calls), err)
		}
		if d := r.Duration(); d < 500*time.Millisecond || d > 5*time.Second {
			t.Errorf("call %d is %v long", i, d)
		}
	}
}

func TestVoiceThatTheCaptureCutOffIsMissing(t *testing.T) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 100, 160, tone(500, 0.5), nil)
	cut := func(from, to int) func() (analyze.Source, error) {
		return func() (analyze.Source, error) {
			src, err := c.open()
			return &snapped{*src.(*tape), from, to}, err
		}
	}
	if _, err := analyze.Listen(t.Context(), analyze.Listening{Open: cut(0, 1000), CallID: callID}); problem(err).Code != protocol.CodeVoiceNotKept {
		t.Errorf("only headers: %v", err)
	}
	r, err := analyze.Listen(t.Context(), analyze.Listening{Open: cut(60, 70), CallID: callID})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Peaks(t.Context(), sensorapi.AudioOptions{}, 1, nil)
	if err != nil || p.Sides[0].Lost[0] != 10 {
		t.Errorf("ten packets without their payload: %+v, %v", p, err)
	}
}

// snapped cuts the RTP of some packets behind its header.
type snapped struct {
	tape
	from, to int
}

func (s *snapped) Next(p *analyze.Packet) error {
	err := s.tape.Next(p)
	if rtp := s.tape.next - 4; err == nil && rtp >= s.from && rtp < s.to && len(p.Data) == 42+12+160 {
		p.Data = p.Data[:42+12]
	}
	return err
}

// The sizes in a WAV file have 32 bits.
func TestAFileIsNoLongerThanItsHeaderCanSay(t *testing.T) {
	w, err := audio.Long(48000, 48000*3600*24).WAV(t.Context(), sensorapi.AudioOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 44)
	if _, err := io.ReadFull(w, head); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if int64(le.Uint32(head[4:]))+8 != w.Size() || int64(le.Uint32(head[40:]))+44 != w.Size() || w.Size() > 1<<32 || w.Size() < 1<<32-100 {
		t.Errorf("%d bytes; the header says %d and %d", w.Size(), le.Uint32(head[4:]), le.Uint32(head[40:]))
	}
}
