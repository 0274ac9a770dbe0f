package diagnose

import (
	"fmt"
	"net/netip"
	"testing"

	"voiptop/protocol"
)

func refusedCall(src, number string, at protocol.Time) *protocol.CDR {
	return &protocol.CDR{Src: src, Callee: number, CalleeURI: number, Start: at, End: at, Status: 404, EndCause: protocol.EndRejected}
}

func code(c *protocol.CDR) string {
	if len(c.Findings) == 0 {
		return ""
	}
	return string(c.Findings[0].Severity) + " " + c.Findings[0].Code
}

func TestAScanIsToldFromTheTenthNumberOn(t *testing.T) {
	var s Sources
	for i := range 12 {
		c := refusedCall("192.0.2.1:5060", fmt.Sprint(100+i), 1e15+1e6*protocol.Time(i))
		judge(&s, c)
		if want := i >= probeNumbers-1; (code(c) == "warn scanner") != want {
			t.Errorf("call %d: %q, want it told %v", i, code(c), want)
		}
	}
}

func TestNumbersThatAreTriedSlowlyOrByDifferentAddressesAreNoScan(t *testing.T) {
	var s Sources
	for i := range 40 {
		slow := refusedCall("192.0.2.1:5060", fmt.Sprint(100+i), 1e15+7e6*protocol.Time(i))
		other := refusedCall(fmt.Sprintf("192.0.3.%d:5060", i), fmt.Sprint(100+i), 1e15+7e6*protocol.Time(i))
		same := refusedCall("192.0.4.1:5060", "100", 1e15+7e6*protocol.Time(i))
		for _, c := range []*protocol.CDR{slow, other, same} {
			judge(&s, c)
			if got := code(c); got != "" {
				t.Fatalf("call %d of %s: %s", i, c.Src, got)
			}
		}
	}
}

// A trunk with refused numbers among calls that ring is busy, not malicious.
func TestAnAddressThatReachesSomebodyIsNoScanner(t *testing.T) {
	var s Sources
	at := protocol.Time(1e15)
	for i := range 60 {
		c := refusedCall("192.0.2.1:5060", fmt.Sprint(100+i), at)
		if i%6 == 1 {
			c.Status, c.Ringing, c.Answer = 200, at, at+1
			s.Reached(netip.MustParseAddr("192.0.2.1"), at)
		}
		judge(&s, c)
		if got := code(c); got != "" {
			t.Fatalf("call %d: %s", i, got)
		}
		at += 1e6
	}
}

func TestANumberThatIsAnsweredAfterManyPrefixesIsGrave(t *testing.T) {
	var s Sources
	prefixes := []string{"00", "011", "900", "9011"}
	for i, p := range prefixes {
		c := refusedCall("192.0.2.1:5060", p+"442079460123", 1e15+1e6*protocol.Time(i))
		if i == 3 {
			c.Status, c.Answer = 200, c.Start+1
		}
		judge(&s, c)
		want := ""
		if i == 3 {
			want = "bad toll-fraud"
		}
		if got := code(c); got != want {
			t.Errorf("try %d: %q, want %q", i, got, want)
		}
	}
}

func TestAddressesWatchedAreBounded(t *testing.T) {
	var s Sources
	for i := range maxSources + 100 {
		judge(&s, refusedCall(fmt.Sprintf("10.%d.%d.%d:5060", i>>16, i>>8&255, i&255), "100", 1e15))
	}
	if len(s.byHost) != maxSources || len(s.all) != maxSources || s.Evicted != 100 {
		t.Errorf("%d addresses, room for %d, %d evicted; want %d and 100", len(s.byHost), len(s.all), s.Evicted, maxSources)
	}
	known := func(i int) bool {
		_, ok := s.byHost[netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})]
		return ok
	}
	if known(99) || !known(100) {
		t.Error("not those that came first have gone")
	}
	judge(&s, refusedCall("10.0.0.100:5060", "100", 1e15))
	for i := range 10 {
		judge(&s, refusedCall(fmt.Sprintf("10.9.9.%d:5060", i), "100", 1e15))
	}
	if !known(100) || known(101) {
		t.Error("not what was heard of again has stayed")
	}
}

// judge judges a call of the address in its record.
func judge(s *Sources, c *protocol.CDR) {
	c.Findings = append(c.Findings, s.Judge(netip.MustParseAddrPort(c.Src).Addr(), &Attempt{
		Number: c.CalleeURI, Status: c.Status, Start: c.Start, Ringing: c.Ringing, Answer: c.Answer,
	})...)
}
