package audio_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/capture"
)

// edited is a tape on which bytes and times have been changed.
type edited struct {
	tape
	edits []byte // five bytes each: frame, offset, byte, what is done with the time, by how much
}

func (e *edited) Next(p *capture.Packet) error {
	i := e.next
	if err := e.tape.Next(p); err != nil {
		return err
	}
	p.Data = bytes.Clone(p.Data)
	for b := e.edits; len(b) >= 5; b = b[5:] {
		if int(b[0]) != i%256 {
			continue
		}
		p.Data[int(b[1])%len(p.Data)] ^= b[2]
		switch b[3] % 4 {
		case 1:
			p.Time += int64(b[4]) * 1e8
		case 2:
			p.Time += int64(int8(b[4])) * 86400e9
		case 3:
			p.Data = p.Data[:max(1, len(p.Data)-int(b[4]))]
			p.Length = len(p.Data)
		}
	}
	return nil
}

// FuzzCapture plays calls that have been tampered with. Whatever is in the packets: a WAV file has the length that was promised,
// and a reader that begins in the middle finds its way.
func FuzzCapture(f *testing.F) {
	f.Add([]byte{10, 43, 1, 0, 0})                                // another payload type
	f.Add([]byte{10, 44, 0x80, 0, 0})                             // a jump of the sequence
	f.Add([]byte{12, 46, 0xff, 0, 0, 13, 46, 0xff, 0, 0})         // jumps of the time stamp
	f.Add([]byte{20, 0, 0, 1, 200, 30, 0, 0, 2, 200})             // a pause, a clock set back
	f.Add([]byte{5, 0, 0, 3, 150, 6, 42, 0x20, 0, 0})             // cut, padded
	f.Add([]byte{0, 200, 7, 0, 0, 1, 210, 0x11, 0, 0})            // other SDP
	f.Add([]byte{25, 0, 0, 2, 1, 26, 0, 0, 2, 2, 27, 0, 0, 2, 3}) // days go by
	f.Fuzz(func(t *testing.T, edits []byte) {
		if len(edits) > 500 {
			return
		}
		a := newSender(t, suites[0], 1, 0, 2, "", nil)
		c := newCall(t, sdp(alice, "8 9 3 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000", a.crypto), sdp(bob, "8 9 3 101\r\na=rtpmap:101 telephone-event/8000", a.crypto))
		c.send(&stream{from: alice, to: bob, pt: 8, ssrc: 1}, 0, 20, 160, tone(400, 0.5), nil)
		c.send(&stream{from: alice, to: bob, pt: 9, ssrc: 1, seq: 20, stamp: 3200}, 400*time.Millisecond, 10, 160, tone(400, 0.5), nil)
		a.speak(c, &stream{from: bob, to: alice, pt: 8, ssrc: 2}, 0, 20, tone(700, 0.5))
		open := func() (analyze.Source, error) {
			src, err := c.open()
			return &edited{tape: *src.(*tape), edits: edits}, err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		r, err := analyze.Listen(ctx, analyze.Listening{Open: open, CallID: callID})
		if err != nil {
			return
		}
		if r.Duration() > time.Hour {
			return // days of silence are right, and take their time
		}
		w, err := r.WAV(ctx, sensorapi.AudioOptions{MuteDTMF: len(edits)%2 == 0}, nil)
		if err != nil {
			return
		}
		defer w.Close()
		n, err := io.Copy(io.Discard, w)
		if err != nil || n != w.Size() {
			t.Fatalf("%d bytes of %d, %v", n, w.Size(), err)
		}
		if _, err := w.Seek(w.Size()/2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if k, err := io.Copy(io.Discard, w); err != nil || k != w.Size()-w.Size()/2 {
			t.Fatalf("from the middle: %d bytes of %d, %v", k, w.Size()-w.Size()/2, err)
		}
		if _, err := r.Spectrogram(ctx, sensorapi.AudioOptions{}, 20, 20, nil); err != nil {
			t.Fatal(err)
		}
	})
}
