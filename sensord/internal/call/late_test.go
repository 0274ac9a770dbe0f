package call

import (
	"testing"

	"voiptop/protocol"
)

// putOff is a Shard that does nothing until the table waits for it, and a LateSink that makes records in the end.
type putOff struct {
	*sim
	work    []Work
	waits   int
	order   []*Ended // of the records; nil: s.calls has it
	records map[*Ended]*protocol.CDR
}

func (p *putOff) Do(list []Work) []Work {
	p.work = append(p.work, list...)
	return make([]Work, 0, 16)
}

func (p *putOff) Wait() {
	p.waits++
	var b Builder
	Do(p.work, func(e *Ended) { p.records[e] = b.Record(e) })
	p.work = nil
}

func (p *putOff) Behind() bool { return false }

func (p *putOff) Ended(e *Ended, _ bool) {
	p.order = append(p.order, e)
	p.calls = append(p.calls, nil) // its place
}

// all lists the records.
func (p *putOff) all() []*protocol.CDR {
	p.t.Flush()
	p.Wait()
	next := 0
	for i, c := range p.calls {
		if c == nil {
			p.calls[i] = p.records[p.order[next]]
			next++
		}
	}
	return p.calls
}

func newPutOff(tb testing.TB) *putOff {
	p := &putOff{sim: newSim(tb), records: map[*Ended]*protocol.CDR{}}
	p.t.SetLate(p, []Shard{p, p}, true) // both are one, which keeps the order of all
	return p
}

// sharing plays three calls that announce the same endpoints: one after the other takes the streams over.
func sharing(s *sim) {
	s.setUp(0, "old", aliceRTP, bobRTP)
	s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
	s.setUp(10, "new", aliceRTP, bobRTP)
	s.talk(12.1, 50, aliceRTP, bobRTP, 8, 1)
	s.setUp(20, "third", aliceRTP, "198.51.100.20:51000")
	s.talk(22.1, 50, "198.51.100.20:51000", aliceRTP, 8, 2)
	s.hangUp(25, "new")
	s.t.Tick(at(35))
	s.talk(36, 70, aliceRTP, bobRTP, 8, 1)
	s.hangUp(40, "third")
	s.t.Tick(at(60))
	s.talk(70, 30, aliceRTP, bobRTP, 101, 9) // never ended: by its timeout
	s.t.Tick(at(5 * 3600))
}

func TestCallsThatShareStreamsComeToTheSameWhenTheirWorkIsPutOff(t *testing.T) {
	now, late := newSim(t), newPutOff(t)
	sharing(now)
	sharing(late.sim)
	list := late.all()
	if len(now.calls) != 3 || len(list) != 3 {
		t.Fatalf("%d records, %d that were put off, want 3", len(now.calls), len(list))
	}
	for i, c := range now.calls {
		if got, want := string(list[i].AppendJSON(nil)), string(c.AppendJSON(nil)); got != want {
			t.Errorf("record %d\n%s\nwant\n%s", i, got, want)
		}
	}
	if late.waits < 2 {
		t.Errorf("the table waited %d times", late.waits)
	}
	if len(late.order) == len(list) || len(now.calls[0].Streams) == 0 {
		t.Error("no call shared a stream when it ended")
	}
}

// A call of which the record is made is used for another: whoever holds on to its place must not take the new one for it.
func TestACallThatIsUsedAgainIsAnother(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "one", aliceRTP, bobRTP)
	var at1 Cursor
	if list, _ := s.t.Partial(&at1, nil, 1); len(list) != 1 || list[0].CallID != "one" {
		t.Fatalf("%d running calls", len(list))
	}
	s.hangUp(20, "one")
	s.t.Tick(at(40))
	s.setUp(50, "two", aliceRTP, bobRTP)
	s.setUp(51, "three", "192.0.2.10:41000", "198.51.100.20:51000")
	list, more := s.t.Partial(&at1, nil, 5)
	if len(list) != 2 || more || list[0].CallID != "two" || list[1].CallID != "three" {
		t.Errorf("%d calls behind the cursor, want the two that run", len(list))
	}
	first := s.calls[0]
	if len(first.Messages) != 6 || first.Messages[0].FirstLine != inviteLine || first.CallID != "one" {
		t.Errorf("the record of the first call has changed: %+v", first)
	}
}

func TestACallBorrowsStreamsOfOneThatIsGone(t *testing.T) {
	s := newSim(t)
	s.setUp(0, "borrows", aliceRTP, bobRTP)
	s.setUp(1, "owns", aliceRTP, bobRTP)
	s.talk(2.1, 50, aliceRTP, bobRTP, 8, 1)
	report := []byte{
		0x81, 201, 0, 7, 0, 0, 0, 9, // a receiver's report of one stream (RFC 3550 section 6.4.2)
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0,
	}
	s.t.Media(s.datagram(3.5, "198.51.100.20:50001", "192.0.2.10:40001", report))
	s.hangUp(10, "owns")
	s.hangUp(12, "borrows")
	s.t.Tick(at(60))
	if len(s.calls) != 2 {
		t.Fatalf("%d records, want 2", len(s.calls))
	}
	for _, c := range s.calls {
		if len(c.Streams) != 1 || c.Streams[0].RTCP == nil {
			t.Errorf("%s: streams %+v, want the one that both have, with what RTCP said of it", c.CallID, c.Streams)
		}
	}
}
