package call

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"voiptop/protocol"
)

// playRandom plays calls that share few addresses and ports, in any order: forks, legs, transfers, holds, ports used again, BYEs that
// are lost, media before and behind, and a clock that is set. each is called after every step.
func playRandom(s *sim, seed uint64, each func()) {
	r := rand.New(rand.NewPCG(seed, 1))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	hosts, ports, now := 1+r.IntN(3), 2+r.IntN(20), 0.0
	end := func() string { return fmt.Sprintf("192.0.2.%d:%d", 10+r.IntN(hosts), 40000+2*r.IntN(ports)) }
	type party struct{ id, src, dst string }
	var calls []party
	flows := [][2]string{{end(), end()}, {end(), end()}, {end(), end()}, {end(), end()}}
	cseq := 1
	media := func() string {
		switch r.IntN(6) {
		case 0:
			return ""
		case 1:
			return audioSDP(end()) + "a=sendonly\r\n"
		case 2:
			return audioSDP(end()) + "m=image 40000 udptl t38\r\n"
		case 3:
			return audioSDP(end(), "RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000") + strings.Repeat("a=candidate:1 1 UDP 1 192.0.2.10 40004 typ host\r\n", r.IntN(3))
		}
		return audioSDP(end())
	}
	for step := range 800 {
		each()
		now += r.Float64() * []float64{0.03, 0.03, 0.03, 2, 40}[min(r.IntN(30), 4)]
		switch r.IntN(2000) {
		case 0:
			now -= 50
		case 1:
			now += 400
		}
		if r.IntN(3) == 0 {
			f := &flows[r.IntN(len(flows))]
			if r.IntN(20) == 0 {
				f[0], f[1] = end(), end()
			}
			s.talk(now, 1+r.IntN(15), f[0], f[1], []uint8{8, 8, 0, 101}[r.IntN(4)], uint32(r.IntN(3)))
			continue
		}
		if len(calls) < 3 || r.IntN(8) == 0 {
			c := party{fmt.Sprint("call-", step), one(alice, bob, proxy), one(alice, bob, proxy)}
			more := ""
			if n := len(calls); n > 0 {
				o := calls[r.IntN(n)]
				switch r.IntN(6) {
				case 0:
					more = "Replaces: " + o.id + ";to-tag=b;from-tag=a\r\n"
				case 1:
					more = "Session-ID: 0123456789abcdef0123456789abcde" + fmt.Sprint(r.IntN(6)) + "\r\n"
				case 2:
					c.src = o.dst
				}
				calls = calls[max(0, n-20):]
			}
			calls = append(calls, c)
			s.sip(now, c.src, c.dst, msg{id: c.id, first: inviteLine, cseq: "1 INVITE", more: more, sdp: media()})
			continue
		}
		c := calls[r.IntN(len(calls))]
		there := func(m msg) { m.id = c.id; s.sip(now, c.src, c.dst, m) }
		back := func(m msg) { m.id = c.id; s.sip(now, c.dst, c.src, m) }
		cseq++
		switch r.IntN(9) {
		case 0:
			back(msg{first: ringing, cseq: "1 INVITE", to: "b", sdp: media()})
		case 1, 2:
			back(msg{first: ok200, cseq: "1 INVITE", to: "b", sdp: media()})
			there(msg{first: ackLine, cseq: "1 ACK", to: "b"})
		case 3:
			there(msg{first: inviteLine, cseq: fmt.Sprint(cseq, " INVITE"), to: "b", sdp: media()})
		case 4:
			back(msg{first: inviteLine, cseq: fmt.Sprint(cseq, " INVITE"), from: "b", to: "a", sdp: media()})
		case 5:
			there(msg{first: byeLine, cseq: fmt.Sprint(cseq, " BYE"), to: "b"})
		case 6:
			back(msg{first: one("SIP/2.0 404 Not Found", "SIP/2.0 407 Proxy Authentication Required", "SIP/2.0 503 Service Unavailable"), cseq: "1 INVITE", to: "b"})
			there(msg{first: ackLine, cseq: "1 ACK", to: "b"})
		case 7:
			there(msg{first: cancelLine, cseq: "1 CANCEL"})
			back(msg{first: "SIP/2.0 487 Request Terminated", cseq: "1 INVITE", to: "b"})
		case 8:
			there(msg{first: "REFER sip:x SIP/2.0", cseq: fmt.Sprint(cseq, " REFER"), to: "b", more: "Refer-To: <sip:1002@example.org>\r\n"})
		}
	}
	s.t.Close(protocol.EndUnterminated)
}

// besides is a Shard with a goroutine of its own.
type besides struct {
	full, free chan []Work
	waited     chan bool
}

func (b *besides) Do(list []Work) []Work {
	if len(list) > 0 {
		b.full <- list
	}
	return <-b.free
}

func (b *besides) Wait()        { b.full <- nil; <-b.waited }
func (b *besides) Behind() bool { return len(b.free) == 0 }

// run does work until full is closed.
func (b *besides) run(ended func(*Ended)) {
	for list := range b.full {
		if list == nil {
			b.waited <- true
			continue
		}
		Do(list, ended)
		b.free <- list
	}
}

// lateSim is a sim of which records are made by several besides.
type lateSim struct {
	*sim
	mu     sync.Mutex
	places map[*Ended]int
	here   Builder
}

func (l *lateSim) Ended(e *Ended, now bool) {
	if now {
		l.Call(l.here.Record(e))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.places[e] = len(l.calls)
	l.calls = append(l.calls, nil)
}

func (l *lateSim) Call(c *protocol.CDR) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

// playLate is playRandom with so many besides, which take so much work at a time.
func playLate(t *testing.T, seed uint64, shards, size int, media bool) []*protocol.CDR {
	l := &lateSim{sim: newSim(t), places: map[*Ended]int{}}
	l.t.sink = l
	var list []Shard
	var running sync.WaitGroup
	for range shards {
		b := &besides{make(chan []Work, 4), make(chan []Work, 4), make(chan bool)}
		for range cap(b.free) {
			b.free <- make([]Work, 0, size)
		}
		running.Go(func() {
			var own Builder
			b.run(func(e *Ended) {
				c := own.Record(e)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.calls[l.places[e]] = c
			})
		})
		list = append(list, b)
	}
	l.t.SetLate(l, list, media)
	playRandom(l.sim, seed, func() {})
	l.t.Flush()
	for _, s := range list {
		close(s.(*besides).full)
	}
	running.Wait()
	return l.calls
}

// Whoever makes the records, and whether or not calls are made of those that are over, the records are the same.
func TestRandomTrafficComesToTheSameWhoeverDoesTheWork(t *testing.T) {
	records, streams := 0, 0
	for seed := range uint64(12) {
		fresh := newSim(t)
		playRandom(fresh, seed, func() { fresh.t.spare = nil })
		if tb := fresh.t; tb.Running() != 0 || tb.ends.n != 0 || tb.flows.n != 0 || tb.channels != 0 || tb.logged != 0 || len(tb.legs.keys) != 0 {
			t.Errorf("seed %d leaves behind: %d calls, %d endpoints, %d flows, %d channels, %d messages, %d keys",
				seed, tb.Running(), tb.ends.n, tb.flows.n, tb.channels, tb.logged, len(tb.legs.keys))
		}
		used := newSim(t)
		playRandom(used, seed, func() {})
		for how, got := range map[string][]*protocol.CDR{
			"used again": used.calls, "one": playLate(t, seed, 1, 16, false), "several": playLate(t, seed, 3, 7, true),
		} {
			if len(got) != len(fresh.calls) {
				t.Fatalf("seed %d, %s: %d records, want %d", seed, how, len(got), len(fresh.calls))
			}
			for i, c := range fresh.calls {
				if g, w := got[i].AppendJSON(nil), c.AppendJSON(nil); !bytes.Equal(g, w) {
					t.Fatalf("seed %d, %s: record %d\n%s\nwant\n%s", seed, how, i, g, w)
				}
			}
		}
		for _, c := range fresh.calls {
			streams += len(c.Streams)
		}
		records += len(fresh.calls)
	}
	if records < 300 || streams < 100 {
		t.Errorf("%d records with %d streams: the traffic shows little", records, streams)
	}
}
