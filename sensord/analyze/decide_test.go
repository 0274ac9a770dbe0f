package analyze

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"voiptop/fixtures/gen"
	"voiptop/protocol"
	"voiptop/rules"
)

// shelf is a Sink that holds and stores as the spool does, in memory and without bounds.
type shelf struct {
	discard
	t      testing.TB
	held   map[protocol.UUID][]shelved
	stored map[protocol.UUID][]shelved
	ended  map[protocol.UUID]KeptCall
}

type shelved struct {
	data    []byte
	headers int
}

func newShelf(t testing.TB) *shelf {
	return &shelf{t: t, held: map[protocol.UUID][]shelved{}, stored: map[protocol.UUID][]shelved{}, ended: map[protocol.UUID]KeptCall{}}
}

func (s *shelf) Keep(c *KeptCall, p *Packet, headers int) {
	v := shelved{bytes.Clone(p.Data), headers}
	if c.Open {
		s.held[c.ID] = append(s.held[c.ID], v)
		return
	}
	s.store(c, v)
}

func (s *shelf) store(c *KeptCall, v shelved) {
	switch {
	case v.headers >= len(v.data), c.Keep == protocol.KeepRTP:
	case c.Keep == protocol.KeepHeaders:
		v.data = v.data[:v.headers]
	default:
		return
	}
	s.stored[c.ID] = append(s.stored[c.ID], v)
}

func (s *shelf) Decided(c *KeptCall) {
	if c.Open {
		return
	}
	if c.Keep != protocol.KeepNone {
		for _, v := range s.held[c.ID] {
			s.store(c, v)
		}
	} else if c.Rule != "" {
		delete(s.stored, c.ID)
	}
	delete(s.held, c.ID)
}

func (s *shelf) Kept(c *KeptCall) protocol.Capture {
	if c.Open || len(s.held[c.ID]) > 0 {
		s.t.Errorf("%s ended undecided", c.CallID)
	}
	s.ended[c.ID] = *c
	n := len(s.stored[c.ID])
	if n == 0 {
		return protocol.Capture{Kept: protocol.KeepNone}
	}
	return protocol.Capture{Kept: c.Keep, Packets: uint64(n)}
}

func mustParse(t testing.TB, text string) *rules.Set {
	t.Helper()
	s, err := rules.Parse("test.rules", text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// play analyses packets by rules and answers what is stored, and the records by Call-ID.
func play(t testing.TB, all []Packet, d Decider) (*shelf, map[string]*protocol.CDR) {
	s := newShelf(t)
	e := New(Config{Decide: d}, s)
	for i := range all {
		e.Packet(&all[i])
	}
	e.Close()
	records := map[string]*protocol.CDR{}
	for _, c := range s.calls {
		records[c.CallID] = c
	}
	if len(s.held) > 0 {
		t.Errorf("%d calls are still held", len(s.held))
	}
	return s, records
}

// whole is how many packets there are of each call, by the rule that keeps all.
func whole(t testing.TB, all []Packet) map[string]uint64 {
	_, records := play(t, all, ByRules(mustParse(t, "all: keep rtp\n")))
	n := map[string]uint64{}
	for id, c := range records {
		n[id] = c.Capture.Packets
	}
	return n
}

func TestABadMOSAtTheEndKeepsTheWholeCall(t *testing.T) {
	good := packets(t, gen.Config{Seed: 1, Calls: 3, Talk: 5 * time.Second})
	bad := packets(t, gen.Config{Seed: 2, Calls: 3, Talk: 5 * time.Second, Loss: 0.2})
	of := whole(t, append(slices.Clone(good), bad...))
	s, records := play(t, append(slices.Clone(good), bad...), ByRules(mustParse(t, "bad: keep rtp when mos<3\n")))
	kept := 0
	for id, c := range records {
		if c.MOS == nil {
			t.Fatalf("%s: no MOS", id)
		}
		switch {
		case *c.MOS >= 3:
			if c.Rule != "" || len(s.stored[c.ID]) != 0 {
				t.Errorf("%s, MOS %v: rule %q, %d packets", id, *c.MOS, c.Rule, len(s.stored[c.ID]))
			}
		case c.Rule != "bad" || c.Capture.Packets != of[id] || c.Capture.Kept != protocol.KeepRTP:
			t.Errorf("%s, MOS %v: rule %q, %+v, want all %d packets", id, *c.MOS, c.Rule, c.Capture, of[id])
		default:
			kept++
		}
	}
	if kept != 3 || len(records) != 6 {
		t.Errorf("%d of %d calls were kept, want 3 of 6", kept, len(records))
	}
}

func TestAHeaderOfAReinviteKeepsTheCallFromItsFirstPacket(t *testing.T) {
	all := packets(t, gen.Config{Seed: 3, Calls: 8, Talk: 10 * time.Second, Hold: 0.5})
	of := whole(t, all)
	s, records := play(t, all, ByRules(mustParse(t, `again: keep rtp when header.CSeq:"2 INVITE"`)))
	kept := 0
	for id, c := range records {
		again := slices.ContainsFunc(c.Messages, func(m protocol.Message) bool { return m.CSeq == "2 INVITE" })
		switch n := uint64(len(s.stored[c.ID])); {
		case again && n != of[id], !again && n != 0, again != (c.Rule == "again"):
			t.Errorf("%s, re-INVITE %v: rule %q, %d packets of %d", id, again, c.Rule, n, of[id])
		case again:
			kept++
		}
	}
	if kept == 0 || kept == len(records) {
		t.Errorf("%d of %d calls have a re-INVITE", kept, len(records))
	}
}

func TestTheFirstRuleThatIsTrueDecides(t *testing.T) {
	all := packets(t, gen.Config{Seed: 4, Calls: 2, Talk: 3 * time.Second})
	of := whole(t, all)
	for _, c := range []struct {
		name, local, hosted string
		rule                string
		keep                protocol.Keep
		noAudio             bool
	}{
		{"keep none stands first", "never: keep none\nall: keep rtp\n", "", "never", protocol.KeepNone, false},
		{"keep none turns out to be first", "good: keep none when mos>3\nall: keep rtp\n", "", "good", protocol.KeepNone, false},
		{"keep none comes too late", "all: keep rtp no audio\nnever: keep none\n", "", "all", protocol.KeepRTP, true},
		{"less turns out to be first", "good: keep sip when mos>3\nall: keep rtp\n", "", "good", protocol.KeepSIP, false},
		{"local before hosted", "mine: keep sip\n", "theirs: keep rtp\n", "mine", protocol.KeepSIP, false},
		{"hosted cannot change what a local rule forbids", "mine: keep none\n", "theirs: keep rtp\n", "mine", protocol.KeepNone, false},
		{"hosted where no local rule decides", "mine: keep none when caller:nobody\n", "theirs: keep rtp\n", "theirs", protocol.KeepRTP, false},
		{"hosted waits for a local one", "mine: keep rtp when mos<1\n", "theirs: keep headers\n", "theirs", protocol.KeepHeaders, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			hosted, err := rules.ParseHosted("hosted", c.hosted)
			if err != nil {
				t.Fatal(err)
			}
			s, records := play(t, all, ByRules(rules.Join(mustParse(t, c.local), hosted)))
			for id, r := range records {
				if r.Rule != c.rule || cmp.Or(r.Capture.Kept, protocol.KeepNone) != c.keep || r.Capture.NoAudio != c.noAudio {
					t.Errorf("%s: rule %q, %+v", id, r.Rule, r.Capture)
				}
				n := uint64(len(s.stored[r.ID]))
				if want := map[protocol.Keep]uint64{protocol.KeepNone: 0, protocol.KeepSIP: uint64(len(r.Messages))}; c.keep == protocol.KeepNone || c.keep == protocol.KeepSIP {
					if n != want[c.keep] {
						t.Errorf("%s: %d packets, want %d", id, n, want[c.keep])
					}
				} else if n != of[id] {
					t.Errorf("%s: %d packets, want %d", id, n, of[id])
				}
			}
		})
	}
}

func TestRulesThatComeDuringACallKeepTheRestOfIt(t *testing.T) {
	all := packets(t, gen.Config{Seed: 1, Calls: 1, Talk: 10 * time.Second})
	s := newShelf(t)
	e := New(Config{Decide: ByRules(mustParse(t, "# none yet\n"))}, s)
	for i := range all {
		if i == len(all)/2 {
			e.SetDecider(ByRules(mustParse(t, "all: keep rtp\n")))
			var at Cursor
			e.Redecide(&at, 10)
		}
		e.Packet(&all[i])
	}
	e.Close()
	if n := len(s.stored[s.calls[0].ID]); n != len(all)-len(all)/2 || s.calls[0].Capture.Packets != uint64(n) {
		t.Errorf("%d packets of %d were kept", n, len(all)-len(all)/2)
	}
}

func TestDigitsOfAnUndecidedCallAreBlankedIfARuleThatMayDecideWantsIt(t *testing.T) {
	call := &protocol.CDR{Caller: "1001", Start: protocol.TimeOf(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))}
	for _, c := range []struct {
		text string
		want bool
	}{
		{"bad: keep rtp when mos<3\n", false},
		{"bad: keep rtp mask dtmf when mos<3\n", true},
		{"pin: keep rtp mask dtmf when caller:1002\nbad: keep rtp when mos<3\n", false},
		{"pin: keep rtp mask dtmf when caller:1002 or loss>5\nbad: keep rtp when mos<3\n", true},
		{"bad: keep rtp when mos<3\nmine: keep sip when caller:1001\npin: keep rtp mask dtmf when loss>5\n", false},
		{"bad: keep rtp when mos<3\nmine: keep sip mask dtmf when caller:1001\n", true},
		{"pin: keep rtp mask dtmf off when mos<3\nbad: keep rtp when mos<3\n", false},
	} {
		d := ByRules(mustParse(t, c.text)).Decide(&Subject{CDR: call, State: protocol.StateTrying})
		if d.MaskDTMF != c.want || d.Open != protocol.KeepRTP {
			t.Errorf("%s: got %+v, want mask %v", c.text, d, c.want)
		}
	}
}

func TestAPacketOfACallThatRulesHaveNotDecidedAllocatesNothing(t *testing.T) {
	all := packets(t, gen.Config{Calls: 1, DTMF: 1})
	e := New(Config{Decide: ByRules(mustParse(t, "bad: keep rtp mask dtmf when mos<3\nlong: keep headers when duration>60\n"))}, &discard{})
	half := len(all) / 2
	for i := range all[:half] {
		e.Packet(&all[i])
	}
	if l := e.Live(nil); len(l) != 1 || l[0].Held != protocol.KeepRTP {
		t.Fatalf("not undecided: %+v", l)
	}
	rest := all[half : len(all)-20] // without the end of the call
	i := 0
	if n := testing.AllocsPerRun(len(rest)-2, func() {
		e.Packet(&rest[i])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// BenchmarkRedecide is what a change of rules costs, for each running call.
func BenchmarkRedecide(b *testing.B) {
	const calls = 20_000
	all := packets(b, gen.Config{Calls: calls, Rate: 20_000, Ring: time.Hour, NoMedia: true})
	for _, text := range []string{"all: keep sip\n", "bad: keep rtp when mos<3\n"} {
		b.Run(text[:3], func(b *testing.B) {
			e := New(Config{}, &discard{})
			for i := range all {
				if e.Running() == calls {
					break
				}
				e.Packet(&all[i])
			}
			if e.Running() < calls/2 {
				b.Fatalf("%d calls run", e.Running())
			}
			d := ByRules(mustParse(b, text))
			b.ReportAllocs()
			var slowest time.Duration
			for b.Loop() {
				e.SetDecider(d)
				var at Cursor
				for more := true; more; {
					began := time.Now()
					more = e.Redecide(&at, 32)
					slowest = max(slowest, time.Since(began))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(e.Running()), "ns/call")
			b.ReportMetric(float64(slowest.Microseconds()), "us/slowest-32")
		})
	}
}

func ExampleByRules() {
	set, err := rules.Parse("my.rules", "board: keep none when number:2000\nbad: keep rtp no audio when mos<3\n")
	if err != nil {
		panic(err)
	}
	d := ByRules(set)
	c := &Subject{CDR: &protocol.CDR{Caller: "1001", Callee: "1002"}, State: protocol.StateUp}
	fmt.Println(d.Decide(c).Open)
	mos := 2.4
	c.MOS, c.State = &mos, protocol.StateEnded
	fmt.Printf("%+v\n", d.Decide(c))
	// Output:
	// rtp
	// {Rule:bad Keep:rtp Open: NoAudio:true MaskDTMF:false}
}
