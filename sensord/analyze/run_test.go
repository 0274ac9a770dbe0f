package analyze

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"voiptop/fixtures/faults"
	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// onCores runs f with n cores.
func onCores(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// recordsOf is what Run, or Lines if lines is set, makes of a file.
func recordsOf(t *testing.T, file string, lines bool) ([]byte, Summary) {
	t.Helper()
	src, err := Open([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var got []byte
	text := func(b []byte, c *protocol.CDR) []byte { return append(c.AppendJSON(b), '\n') }
	var sum Summary
	if lines {
		sum, err = Lines(context.Background(), src, Config{SensorID: 7}, text, func(line []byte) error {
			got = append(got, line...)
			return nil
		})
	} else {
		var list []*protocol.CDR // all records stay what they are
		sum, err = Run(context.Background(), src, Config{SensorID: 7}, func(c *protocol.CDR) error {
			list = append(list, c)
			return nil
		})
		for _, c := range list {
			got = text(got, c)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return got, sum
}

func written(t *testing.T, cfg gen.Config) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "generated.pcap")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = gen.Generate(f, cfg); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTheOutputDoesNotDependOnTheNumberOfCores(t *testing.T) {
	inputs, err := filepath.Glob("../../fixtures/pcap/*/*.pcap*")
	if err != nil || len(inputs) < 10 {
		t.Fatalf("%d fixtures, %v", len(inputs), err)
	}
	one := len(inputs)
	short := gen.SIPOnly(4)
	short.Calls = 3000
	inputs = append(inputs, written(t, gen.Small(9)), written(t, short), "../../fixtures/pcap") // the last one: all at once, merged by time
	for _, s := range faults.All() {
		if s.Outside {
			continue
		}
		name := filepath.Join(t.TempDir(), "fault.pcap")
		if err := os.WriteFile(name, s.Pcap(), 0o600); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, name)
	}
	for i, in := range inputs {
		var want []byte
		var counted Summary
		onCores(1, func() { want, counted = recordsOf(t, in, false) })
		if len(want) == 0 && i >= one {
			t.Errorf("%s: no calls", in)
		}
		for _, cores := range []int{1, 2, 8} {
			for _, lines := range []bool{false, true} {
				onCores(cores, func() {
					got, sum := recordsOf(t, in, lines)
					if !bytes.Equal(got, want) {
						t.Errorf("%s: other records with %d cores, as lines %v", in, cores, lines)
					}
					if !maps.Equal(sum.Counters, counted.Counters) || sum.Packets != counted.Packets || sum.Bytes != counted.Bytes ||
						sum.Calls != counted.Calls || sum.Streams != counted.Streams || len(sum.Warnings) != len(counted.Warnings) {
						t.Errorf("%s: %d cores count %+v, one %+v", in, cores, sum, counted)
					}
				})
			}
		}
	}
}

func TestRecordsDoNotWaitForCallsThatStartedBefore(t *testing.T) {
	calls := gen.SIPOnly(4)
	calls.Calls = 3000
	name := written(t, calls)
	for _, cores := range []int{1, 2} {
		onCores(cores, func() {
			src, err := Open([]string{name}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			var newest protocol.Time
			overtaken := 0
			if _, err := Run(context.Background(), src, Config{}, func(c *protocol.CDR) error {
				if c.Start < newest {
					overtaken++
				}
				newest = max(newest, c.Start)
				return nil
			}); err != nil || overtaken < 300 {
				t.Errorf("%d cores: %d of 3000 were overtaken, %v", cores, overtaken, err)
			}
		})
	}
}

func TestAFailingEmitEndsTheRun(t *testing.T) {
	full := errors.New("disk full")
	for _, cores := range []int{1, 2} {
		onCores(cores, func() {
			src := &source{packets: packets(t, gen.Config{Calls: 400, Rate: 100, NoMedia: true})}
			calls := 0
			_, err := Run(context.Background(), src, Config{}, func(*protocol.CDR) error {
				calls++
				return full
			})
			if !errors.Is(err, full) || calls != 1 {
				t.Errorf("%d cores: %v after %d calls of emit, want one", cores, err, calls)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	for _, cores := range []int{1, 2} {
		onCores(cores, func() {
			ctx, cancel := context.WithCancel(context.Background())
			src := &source{packets: packets(t, gen.Config{Calls: 2, NoMedia: true}), again: true, read: func(n int) {
				if n == 5000 {
					cancel()
				}
			}}
			if _, err := Run(ctx, src, Config{}, func(*protocol.CDR) error { return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("%d cores: %v", cores, err)
			}
		})
	}
}

// source gives packets, from one buffer, as capture's do. Where a packet has no data it has nothing for a while.
type source struct {
	packets []Packet
	again   bool      // from the beginning when they are over
	read    func(int) // called with the number of packets read
	end     error     // io.EOF

	at, n int
	lent  []byte
}

func (s *source) Next(p *Packet) error {
	if s.at == len(s.packets) {
		if !s.again {
			return cmp.Or(s.end, io.EOF)
		}
		s.at = 0
	}
	next := &s.packets[s.at]
	s.at++
	s.n++
	if s.read != nil {
		s.read(s.n)
	}
	if next.Data == nil {
		return capture.ErrIdle
	}
	s.lent = append(s.lent[:0], next.Data...)
	*p = *next
	p.Data = s.lent
	return nil
}

func (*source) Stats() capture.Stats { return capture.Stats{} }
func (*source) Close() error         { return nil }

// reading starts workers that only read.
func reading(src Source, workers int) *ahead {
	a := readAhead(src, front{}, workers)
	for range workers {
		go (&worker{ahead: a}).run()
	}
	return a
}

func TestReadAheadGivesWhatItsSourceGives(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	broken := errors.New("broken")
	for round := range 20 {
		want := make([]Packet, r.IntN(3000))
		for i := range want {
			n := 1 + r.IntN(300)
			switch r.IntN(200) {
			case 0:
				n = 1 + r.IntN(512<<10)
			case 1:
				n = 0 // nothing for a while
			}
			var data []byte
			for j := range n {
				data = append(data, byte(i+j))
			}
			want[i] = Packet{Time: int64(i), Data: data, Length: n + i%3, Link: uint16(round), Iface: uint16(i)}
		}
		for _, readers := range []int{1, 4} {
			a := reading(&source{packets: want, end: broken}, readers)
			i := 0
			for end := error(nil); end == nil; {
				b := a.batch()
				for j, p := range b.packets {
					if !bytes.Equal(p.Data, want[i].Data) || p.Time != want[i].Time || p.Length != want[i].Length ||
						p.Link != want[i].Link || p.Iface != want[i].Iface || cap(p.Data) != len(p.Data) {
						t.Fatalf("%d readers: packet %d: %+v", readers, i, p)
					}
					if len(b.kinds) != len(b.packets) || b.kinds[j] != isOther {
						t.Fatalf("%d readers: packet %d is of kind %v", readers, i, b.kinds[j])
					}
					i++
				}
				switch {
				case errors.Is(b.err, capture.ErrIdle):
					if want[i].Data != nil {
						t.Fatalf("%d readers: packet %d: ErrIdle", readers, i)
					}
					i++
				case b.err != nil:
					end = b.err
				}
				a.done(b)
				if end != nil && (!errors.Is(end, broken) || i != len(want)) {
					t.Fatalf("%d readers: %v after %d of %d packets", readers, end, i, len(want))
				}
			}
			a.stop()
		}
	}
}

func TestTheEngineReadsAFileToo(t *testing.T) {
	name := written(t, gen.Config{Calls: 30, Rate: 100, RTCP: true})
	open := func() capture.Filler {
		src, err := Open([]string{name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { src.Close() })
		return src
	}
	for _, readers := range []int{0, 1, 4} { // with none it reads all
		one := open()
		a := reading(open(), readers)
		n, rtp := 0, 0
		for end := false; !end; {
			b := a.batch()
			for i, got := range b.packets {
				var want Packet
				if err := one.Next(&want); err != nil || got.Time != want.Time || !bytes.Equal(got.Data, want.Data) {
					t.Fatalf("%d readers: packet %d at %d, %v, want %d", readers, n, got.Time, err, want.Time)
				}
				if b.kinds[i] == isRTP {
					rtp++
				}
				n++
			}
			end = errors.Is(b.err, io.EOF)
			a.done(b)
		}
		if a.stop(); rtp < 5000 || one.Next(&Packet{}) == nil {
			t.Errorf("%d readers: %d packets, %d of them RTP", readers, n, rtp)
		}
	}
}

func TestReadAheadStopsWhereverItIs(t *testing.T) {
	for n := range 5 {
		for _, readers := range []int{1, 4} {
			a := reading(&source{packets: []Packet{{Data: []byte{1}}}, again: true}, readers)
			for range n {
				a.done(a.batch())
			}
			if n > 0 {
				a.batch() // not given back
			}
			a.stop() // hangs if it does not
		}
	}
}

func TestReadAheadAllocatesNothing(t *testing.T) {
	a := reading(&source{packets: packets(t, gen.Config{Calls: 20, Rate: 100, RTCP: true}), again: true}, 1)
	defer a.stop()
	for range 200 * batches { // until each batch has room for the most messages
		a.done(a.batch())
	}
	if n := testing.AllocsPerRun(50, func() { a.done(a.batch()) }); n > 1 {
		t.Errorf("%v allocations a batch of %d packets", n, batchPackets)
	}
}

func TestTheSummaryBeginsWithTheFirstPacketThoughOthersAreLookedAtElsewhere(t *testing.T) {
	const begun = 1795346665_694708000 // of the first packet, an INVITE; packets that are neither SIP nor RTP come 2 s later
	for _, cores := range []int{1, 2, 4} {
		onCores(cores, func() {
			if _, s := recordsOf(t, "../../fixtures/pcap/linphone-attended/in.pcap", false); s.First != protocol.TimeFromNanos(begun) {
				t.Errorf("%d cores: the first packet was at %v", cores, s.First.Std())
			}
		})
	}
}
