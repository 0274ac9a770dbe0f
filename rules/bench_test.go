package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"voiptop/protocol"
)

const manyRules = 10_000

// benchSets are rule files as large customers have them, with calls of which one in ten meets a rule.
var benchSets = []struct {
	name string
	rule func(r *rand.Rand, i int) string
}{
	{"prefixes", func(r *rand.Rand, _ int) string {
		return fmt.Sprintf("keep rtp when %s:+%d*", [...]string{"caller", "callee", "number"}[r.IntN(3)], 420_000_000+r.IntN(100_000_000))
	}},
	{"networks", func(r *rand.Rand, i int) string {
		if i%10 == 0 {
			return fmt.Sprintf("keep sip when ip:2001:db8:%x::/48", r.IntN(1<<16))
		}
		return fmt.Sprintf("keep sip when %s:10.%d.%d.%d/%d", [...]string{"src", "dst", "ip"}[r.IntN(3)], r.IntN(256), r.IntN(256), r.IntN(16)*16, 24+r.IntN(9))
	}},
	{"mixed", func(r *rand.Rand, i int) string {
		number := fmt.Sprintf("%d", 420_000_000+r.IntN(100_000_000))
		net := fmt.Sprintf("10.%d.%d.0/24", r.IntN(256), r.IntN(256))
		switch i % 20 {
		case 0, 1, 2, 3:
			return "keep rtp when callee:" + number + "* src:" + net
		case 4, 5, 6:
			return "keep headers when number:" + number + "* and (mos<3 or loss>5 or finding:one-way-audio)"
		case 7, 8:
			return "keep rtp when src:" + net + " and not callee:1* and time:08:00-18:00 day:mon-fri"
		case 9:
			return "keep none when caller:(" + number + " " + number + "1 " + number + "2 @board)"
		case 10:
			return "keep rtp when header.X-Tenant:t" + number
		case 11:
			return "keep sip when domain:pbx" + number + ".example or callid:" + number + "*"
		case 12:
			return "keep rtp when ua~\"^Phone-" + number + "/\" and direction:in"
		case 13:
			return "keep rtp when sensor:" + fmt.Sprint(10+r.IntN(1000)) + " and status:503"
		case 14:
			return "keep sip when (caller:" + number + "* or callee:" + number + "*) and not src:" + net + " status!=200"
		}
		return "keep rtp when caller:" + number + "*"
	}},
	{"tails", func(r *rand.Rand, i int) string {
		if i%2 == 0 {
			return fmt.Sprintf("keep rtp when mos<%.3f loss>%.3f", 1+r.Float64(), 10+20*r.Float64())
		}
		return fmt.Sprintf("keep sip when %s>%d", [...]string{"connected", "pdd", "jitter"}[r.IntN(3)], 4000+r.IntN(100_000))
	}},
}

func benchSet(tb testing.TB, rule func(*rand.Rand, int) string) (*Set, []Call) {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("zone Europe/Prague\ngroup board: 2000 2001 +4420*\n")
	for i := range manyRules - 2 {
		fmt.Fprintf(&b, "r%d: %s\n", i, rule(r, i))
	}
	b.WriteString("bad: keep rtp when mos<2 or loss>20\nanswered: keep sip when connected>3600\n")
	s := mustParse(tb, b.String())
	calls := make([]Call, 512)
	for i := range calls {
		c := someCall()
		c.Caller = fmt.Sprintf("+%d", 420_000_000+r.IntN(100_000_000))
		c.Callee = fmt.Sprintf("00420%d", r.IntN(1_000_000_000))
		c.Src = fmt.Sprintf("10.%d.%d.%d:5060", r.IntN(256), r.IntN(256), r.IntN(256))
		c.Dst = fmt.Sprintf("[2001:db8:%x::7]:5060", r.IntN(1<<16))
		c.Headers = []Header{{"x-tenant", fmt.Sprintf("t%d", 420_000_000+r.IntN(100_000_000))}}
		c.Start = protocol.TimeOf(testNow)
		*c.MOS, *c.LossPct = 2+2*r.Float64(), 10*r.Float64()
		calls[i] = c
	}
	return s, calls
}

// BenchmarkDecide compares with asking every rule in turn: the ratio is what the tables bring.
func BenchmarkDecide(b *testing.B) {
	for _, set := range benchSets {
		s, calls := benchSet(b, set.rule)
		b.Run(set.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s.Decide(calls[i%len(calls)], testNow)
				i++
			}
			compiled := float64(b.Elapsed()) / float64(b.N)
			from, n := time.Now(), 20
			for i := range n {
				(&Set{Rules: s.Rules}).Decide(calls[i], testNow)
			}
			b.ReportMetric(float64(time.Since(from))/float64(n)/compiled, "x-naive")
		})
		b.Run(set.name+"/running", func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s.DecideRunning(calls[i%len(calls)], testNow)
				i++
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	text.WriteString("group board: 2000 2001 +4420*\n")
	for i := range manyRules {
		fmt.Fprintf(&text, "r%d: %s\n", i, benchSets[2].rule(r, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, text.String())
	}
}
