package audio_test

import (
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/sensord/analyze"
	"voiptop/sensord/internal/audio"
	"voiptop/sensord/internal/capture"
)

// endless gives the packets of a long call without holding them: both sides speak without a pause.
type endless struct {
	head  []frame // the signalling
	n     int     // packets of a side
	next  int
	voice [2][]byte // frames whose counters are set for each packet
}

func (e *endless) Next(p *capture.Packet) error {
	i := e.next
	e.next++
	if i < len(e.head) {
		*p = capture.Packet{Time: began.Add(e.head[i].at).UnixNano(), Data: e.head[i].data, Length: len(e.head[i].data), Link: capture.LinkEthernet}
		return nil
	}
	i -= len(e.head)
	if i >= 2*e.n {
		return io.EOF
	}
	side, k := i%2, i/2
	f := e.voice[side]
	f[44], f[45] = byte(k>>8), byte(k)
	stamp := uint32(k) * 160
	f[46], f[47], f[48], f[49] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
	at := began.Add(time.Duration(k)*20*time.Millisecond + time.Duration(side)*time.Millisecond)
	*p = capture.Packet{Time: at.UnixNano(), Data: f, Length: len(f), Link: capture.LinkEthernet}
	return nil
}

func (*endless) Stats() capture.Stats { return capture.Stats{} }
func (*endless) Close() error         { return nil }

// longCall is a call of so many seconds, PCMA both ways.
func longCall(t testing.TB, seconds int) func() (analyze.Source, error) {
	c := newCall(t, sdp(alice, pcma), sdp(bob, pcma))
	var voice [2][]byte
	for i, s := range []stream{{from: alice, to: bob, ssrc: 1}, {from: bob, to: alice, ssrc: 2}} {
		voice[i] = ethernet(s.from, s.to, append(rtpHead(8, false, 0, 0, s.ssrc), tone(400, 0.5)(0)...))
	}
	return func() (analyze.Source, error) {
		return &endless{head: c.frames, n: seconds * 50, voice: [2][]byte{append([]byte(nil), voice[0]...), append([]byte(nil), voice[1]...)}}, nil
	}
}

func TestACallOfAnHourTakesNoMoreMemoryThanAShortOne(t *testing.T) {
	seconds := 3600
	if testing.Short() {
		seconds = 60
	}
	r, err := analyze.Listen(t.Context(), analyze.Listening{Open: longCall(t, seconds), CallID: callID})
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Duration(); d < time.Duration(seconds)*time.Second || d > time.Duration(seconds+1)*time.Second {
		t.Errorf("it is %v long", d)
	}
	w, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	buf := make([]byte, 64<<10)
	n, sum, blocks := int64(0), 0.0, 0
	for {
		k, err := w.Read(buf)
		n += int64(k)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if blocks++; blocks%(seconds/10) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
			s := pcm16(buf[:k&^3])
			for i := 0; i < len(s); i += 2 {
				sum += float64(s[i]) * float64(s[i])
			}
			if l := math.Sqrt(sum/float64(len(s)/2)) / 32768; math.Abs(l-0.5/math.Sqrt2) > 0.02 {
				t.Fatalf("the voice has the level %.3f after %d bytes", l, n)
			}
			sum = 0
		}
	}
	if n != w.Size() {
		t.Errorf("%d bytes of %d", n, w.Size())
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
	// A player seeks to the last minute: what is before is not decoded.
	began := time.Now()
	if _, err := w.Seek(w.Size()-32000*60, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(w, buf); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB; %d KiB of heap; a seek takes %v", n>>20, (int64(peak)-int64(before.HeapAlloc))>>10, time.Since(began))
}

func TestTooManyListenersAndPicturesAreTurnedAway(t *testing.T) {
	g := audio.NewGate(1, 2)
	for i, want := range []bool{true, true, false} {
		if got := g.TryOpen(); got != want {
			t.Errorf("listener %d may listen: %v", i+1, got)
		}
	}
	g.Closed()
	if !g.TryOpen() {
		t.Error("nobody may listen although one has gone")
	}
	if p := problem(audio.ErrBusy); p.Code != protocol.CodeBusy || p.Status != 503 || p.Fields[protocol.FieldRetryAfter] == "" {
		t.Errorf("%+v", p)
	}
}

// A listener who stops reading keeps nobody from listening: the work is bounded, not the readers.
func TestAListenerWhoPausesHoldsNobodyUp(t *testing.T) {
	r, err := analyze.Listen(t.Context(), analyze.Listening{Open: longCall(t, 60), CallID: callID})
	if err != nil {
		t.Fatal(err)
	}
	g := audio.NewGate(1, 10)
	paused, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, g)
	if err != nil {
		t.Fatal(err)
	}
	defer paused.Close()
	if _, err := io.ReadFull(paused, make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	other, err := r.WAV(t.Context(), sensorapi.AudioOptions{}, g)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if n, err := io.Copy(io.Discard, other); err != nil || n != other.Size() {
		t.Errorf("%d bytes, %v", n, err)
	}
	if _, err := r.Peaks(t.Context(), sensorapi.AudioOptions{}, 100, g); err != nil {
		t.Error(err)
	}
}

func BenchmarkWAV(b *testing.B) {
	const seconds = 600
	r, err := analyze.Listen(b.Context(), analyze.Listening{Open: longCall(b, seconds), CallID: callID})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w, err := r.WAV(b.Context(), sensorapi.AudioOptions{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, w); err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
	b.ReportMetric(seconds*float64(b.N)/b.Elapsed().Seconds(), "xrealtime")
}
