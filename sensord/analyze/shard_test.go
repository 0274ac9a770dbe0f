package analyze

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/sensord/internal/call"
	"voiptop/sensord/internal/capture"
)

// putOff is a call.Shard that does nothing until it must: when the engine waits for it, or after so many lists.
type putOff struct {
	asked      int
	size, most int // of a list; lists
	lists      [][]call.Work
	done       [][]call.Work
	ended      func(*call.Ended)
	waits      int
}

func (s *putOff) Do(list []call.Work) []call.Work {
	if len(list) > 0 {
		s.lists = append(s.lists, list)
	}
	if len(s.lists) > s.most {
		s.work()
	}
	if n := len(s.done); n > 0 {
		list, s.done = s.done[n-1], s.done[:n-1]
		return list
	}
	return make([]call.Work, 0, s.size)
}

// Behind is true now and then.
func (s *putOff) Behind() bool {
	s.asked++
	return s.asked%3 == 0
}

func (s *putOff) Wait() {
	s.waits++
	s.work()
}

func (s *putOff) work() {
	for _, l := range s.lists {
		call.Do(l, s.ended)
		s.done = append(s.done, l)
	}
	s.lists = s.lists[:0]
}

// lateSink makes records when a shard says so, and gives them in the order in which their calls ended.
type lateSink struct {
	discard
	lines [][]byte
	place map[*call.Ended]int
	now   call.Builder
}

func (s *lateSink) Call(c *protocol.CDR) {
	s.lines = append(s.lines, c.AppendJSON(nil))
}

func (s *lateSink) Ended(e *call.Ended, now bool) {
	if now {
		s.lines = append(s.lines, s.now.Record(e).AppendJSON(nil))
		return
	}
	s.place[e] = len(s.lines)
	s.lines = append(s.lines, nil)
}

func TestWorkThatIsPutOffComesToTheSame(t *testing.T) {
	inputs, err := filepath.Glob("../../fixtures/pcap/*/*.pcap*")
	if err != nil || len(inputs) < 10 {
		t.Fatalf("%d fixtures, %v", len(inputs), err)
	}
	if more, _ := filepath.Glob("../../../shared/captures/*/*.pcap*"); len(more) > 0 {
		inputs = append(inputs, more...)
	}
	waits := 0
	compare := func(name string, packets []Packet) {
		want := &discard{}
		e := New(Config{}, want)
		for i := range packets {
			e.Packet(&packets[i])
		}
		e.Close()
		for _, way := range []struct {
			shards, size, most int
			media              bool
		}{{1, 1 << 20, 1 << 20, true}, {3, 7, 0, true}, {8, 64, 100, true}, {1, 64, 3, false}, {2, 1, 1, false}} {
			got := &lateSink{place: map[*call.Ended]int{}}
			e := New(Config{}, got)
			b := call.Builder{Reuse: way.shards > 1}
			var shards []call.Shard
			var all []*putOff
			for range way.shards {
				s := &putOff{size: way.size, most: way.most, ended: func(e *call.Ended) { got.lines[got.place[e]] = b.Record(e).AppendJSON(nil) }}
				shards, all = append(shards, s), append(all, s)
			}
			e.calls.SetLate(got, shards, way.media)
			for i := range packets {
				e.Packet(&packets[i])
			}
			e.Close()
			e.calls.Flush()
			for _, s := range all {
				waits += s.waits
				s.work()
			}
			if len(got.lines) != len(want.calls) {
				t.Fatalf("%s: %d records, want %d", name, len(got.lines), len(want.calls))
			}
			for i, c := range want.calls {
				if w := c.AppendJSON(nil); !bytes.Equal(got.lines[i], w) {
					t.Fatalf("%s, %+v: record %d\n%s\nwant\n%s", name, way, i, got.lines[i], w)
				}
			}
		}
	}
	for _, in := range inputs {
		compare(in, packetsOf(t, in))
	}
	compare("generated", packets(t, gen.Small(11)))
	if waits == 0 {
		t.Error("the engine never waited for a shard: the inputs show nothing of it")
	}
}

// packetsOf reads a file.
func packetsOf(t *testing.T, name string) (list []Packet) {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		t.Fatal(err)
	}
	src, err := Open([]string{name}, nil)
	if err != nil {
		return nil // no capture: others test what is said of it
	}
	defer src.Close()
	for {
		var p capture.Packet
		if src.Next(&p) != nil {
			return list
		}
		p.Data = bytes.Clone(p.Data)
		list = append(list, p)
	}
}

func TestRTPPacketsThatArePutOffAllocateNothing(t *testing.T) {
	list := packets(t, gen.Config{Calls: 5, Rate: 100, RTCP: false})
	got := &lateSink{place: map[*call.Ended]int{}}
	e := New(Config{}, got)
	s := &putOff{size: 256, most: 2, ended: func(*call.Ended) {}}
	e.calls.SetLate(got, []call.Shard{s}, true)
	half := len(list) / 2
	for i := range half {
		e.Packet(&list[i])
	}
	i := half
	if n := testing.AllocsPerRun(len(list)/4, func() {
		e.Packet(&list[i])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
