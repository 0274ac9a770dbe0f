package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"voiptop/hosted/internal/store"
	"voiptop/protocol"
	"voiptop/rules"
)

func testWhere(t *testing.T, open Open) {
	t.Run("a condition finds and counts the calls that match it in memory", func(t *testing.T) {
		f := newFixture(t, open)
		r := chance{rand.New(rand.NewPCG(7, 7))}
		var calls []protocol.CDR
		for range 400 {
			calls = append(calls, f.call(now.Add(-time.Duration(r.IntN(25*24*3600))*time.Second), r.change))
		}
		f.add(calls...)
		other := f.newSensor(f.newTenant("other"), 9, 9)
		if _, err := f.AppendCDRs(f.ctx, store.Batch{Tenant: other.Tenant, Sensor: other.UUID, Epoch: 1, CDRs: []protocol.CDR{f.call(now, r.change)}}, now); err != nil {
			t.Fatal(err)
		}
		groups, err := rules.ParseHosted("", "zone Europe/Prague\ngroup vip: +420* 1001 jana\ngroup nets: 10.0.0.0/24 192.0.2.7\ngroup many: @vip 1 2 3 4 5 6 7 8 9 *6")
		if err != nil {
			t.Fatal(err)
		}
		rounds, found := 150, 0
		if testing.Short() {
			rounds = 60
		}
		for range rounds {
			text := r.condition(2)
			e, err := groups.ParseSearch(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			q := store.CallQuery{Where: e, Limit: 10 + r.IntN(150), Oldest: r.IntN(3) == 0}
			if r.IntN(3) == 0 {
				q.From = protocol.TimeOf(now.Add(-time.Duration(r.IntN(600)) * time.Hour))
			}
			if r.IntN(3) == 0 {
				q.To = q.From + protocol.Time(r.IntN(600))*3600e6 + 1
			}
			want := map[protocol.UUID]bool{}
			for i := range calls {
				c := &calls[i]
				if e.Match(rules.Call{CDR: c}) && c.Start >= q.From && (q.To == 0 || c.Start < q.To) {
					want[c.ID] = true
				}
			}
			found += len(want)
			got := f.all(q)
			for i := range got {
				if !want[got[i].ID] || got[i].Streams != nil || got[i].Messages != nil || i > 0 && got[i-1].Start != got[i].Start && (got[i-1].Start < got[i].Start) != q.Oldest {
					t.Fatalf("%s: finds %+v", text, got[i])
				}
				delete(want, got[i].ID)
			}
			if len(want) > 0 {
				t.Fatalf("%s: %d of %d calls are missing, such as %+v", text, len(want), len(got)+len(want), firstOf(calls, want))
			}
			n, err := f.CountFound(f.ctx, f.tenant, q, 1000)
			f.ok(err)
			if n.Calls != len(got) || !n.Complete {
				t.Fatalf("%s: counts %+v, want %d", text, n, len(got))
			}
			if n, err := f.CountFound(f.ctx, f.tenant, q, 5); err != nil || n.Calls != min(5, len(got)) || n.Complete != (len(got) <= 5) {
				t.Fatalf("%s: counts %+v up to 5 of %d, %v", text, n, len(got), err)
			}
		}
		if found < 10*rounds {
			t.Errorf("%d calls found by %d conditions: the test sees too little", found, rounds)
		}
	})
	t.Run("what lies on the edge of a slice of time is found once", func(t *testing.T) {
		f := newFixture(t, open)
		// Slices are 1, 2, 4, ... hours long, from the newest call, or the end of its day, or from the oldest call or the beginning of
		// its day: here these are the same.
		const hour = 3600e6
		day := now.Truncate(24 * time.Hour)
		first, last := protocol.TimeOf(day.AddDate(0, 0, -20)), protocol.TimeOf(day.AddDate(0, 0, 1))-1
		starts := map[protocol.Time]bool{first: true, last: true}
		for i := range 8 {
			for off := range protocol.Time(3) {
				starts[first+hour*(2<<i-1)+off-1] = true
				starts[last+1-hour*(2<<i-1)+off-1] = true
			}
		}
		var calls []protocol.CDR
		for at := range starts {
			calls = append(calls, f.call(at.Std(), func(c *protocol.CDR) { c.UACaller = "edge" }))
		}
		f.add(calls...)
		for _, oldest := range []bool{false, true} {
			seen := map[protocol.UUID]int{}
			for _, c := range f.all(store.CallQuery{Where: parsed(t, "ua:edge"), Oldest: oldest, Limit: 1000}) {
				seen[c.ID]++
			}
			for i := range calls {
				if n := seen[calls[i].ID]; n != 1 {
					t.Errorf("the call of %v is found %d times (oldest first: %v)", calls[i].Start, n, oldest)
				}
			}
		}
	})
	t.Run("long texts are found by what is far behind in them", func(t *testing.T) {
		f := newFixture(t, open)
		long := strings.Repeat("x", 400) + "Tail"
		f.add(f.call(now, func(c *protocol.CDR) {
			c.UACallee, c.Caller, c.CallerName, c.CallID = long, "y"+long, long, long+"@pbx"
		}), f.call(now, func(c *protocol.CDR) {
			for i := range 40 {
				c.Codecs = append(c.Codecs, fmt.Sprint("codec", i))
			}
		}), f.call(now, nil))
		for text, want := range map[string]int{
			"ua:*tail": 1, "ua:xx*tail": 1, "ua~Tail$": 1, "caller:*TAIL": 1, "caller:y*": 1, "name:x*x": 0, "name:*xtail": 1, "tail": 1, "callid:*tail@pbx": 1, "codec:codec39": 1, "codec:codec40": 0, "ua:" + long: 1, "ua=" + long: 1,
		} {
			if got := f.list(store.CallQuery{Where: parsed(t, text)}); len(got.Calls) != want {
				t.Errorf("%.30s finds %d calls, want %d", text, len(got.Calls), want)
			}
		}
	})
	t.Run("the other fields of a query hold too", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, func(c *protocol.CDR) { c.Caller, c.Status, c.UACaller = "1", 200, "a" }), f.call(now, func(c *protocol.CDR) { c.Caller, c.Status = "1", 486 }))
		for text, want := range map[string]int{"caller:1": 1, "ua:a": 1, "ua:b": 0, "status:486": 0} {
			if got := f.list(store.CallQuery{Where: parsed(t, text), Status: 200, Number: "1"}); len(got.Calls) != want {
				t.Errorf("%s and status 200: %d calls, want %d", text, len(got.Calls), want)
			}
		}
	})
	t.Run("a search whose time is up says how far it has come, and goes on there", func(t *testing.T) {
		at := now
		f := newFixtureAt(t, open, func() time.Time { at = at.Add(store.SearchTime / 8); return at }) // each look at the clock takes long
		var calls []protocol.CDR
		for i := range 60 {
			calls = append(calls, f.call(now.Add(-time.Duration(i)*7*time.Hour), func(c *protocol.CDR) { c.UACaller, c.Status = fmt.Sprint("ua", i%10), 200+i%10 }))
		}
		f.add(calls...)
		for i, text := range []string{"ua:ua3", "status:203", "ua:ua3 status:203", "jitter>5", "ua:ua3", "status:203"} {
			q := store.CallQuery{Where: parsed(t, text), Limit: 50, Oldest: i > 3}
			found, pages := 0, 0
			for {
				p := f.list(q)
				found, pages = found+len(p.Calls), pages+1
				if p.Next == "" {
					break
				}
				if p.Searched == 0 || p.Searched > protocol.TimeOf(now.AddDate(0, 0, 1)) || pages > 1000 {
					t.Fatalf("%s: page %d: searched %v, next %q", text, pages, p.Searched, p.Next)
				}
				q.After = p.Next
			}
			if want := map[bool]int{true: 0, false: 6}[text == "jitter>5"]; found != want || pages < 3 {
				t.Errorf("%s: %d calls on %d pages, want %d on several", text, found, pages, want)
			}
			n, err := f.CountFound(f.ctx, f.tenant, q, 1000)
			f.ok(err)
			if n.Complete || n.Searched == 0 {
				t.Errorf("%s: the count is %+v, want what it has come to", text, n)
			}
		}
	})
	t.Run("a search that nobody waits for any more ends", func(t *testing.T) {
		f := newFixture(t, open)
		f.add(f.call(now, nil))
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		if _, err := f.Calls(ctx, f.tenant, store.CallQuery{Where: parsed(t, "mos<3")}); err == nil || errors.Is(err, store.ErrTooSlow) {
			t.Errorf("the caller is gone: %v, want an error, and none that blames the search", err)
		}
	})
}

func firstOf(calls []protocol.CDR, want map[protocol.UUID]bool) protocol.CDR {
	for i := range calls {
		if want[calls[i].ID] {
			return calls[i]
		}
	}
	return protocol.CDR{}
}

func parsed(t testing.TB, text string) rules.Expr {
	t.Helper()
	e, err := rules.ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// chance makes calls and conditions.
type chance struct{ *rand.Rand }

func (r chance) of(list ...string) string { return list[r.IntN(len(list))] }

var (
	someNumbers = []string{"+420777123456", "420777", "00420777", "0042", "+1", "1001", "1002", "", "jana", "Jana", "JANA*", "*97", "00", "+", "ČÍSLO", "číslo", "a\x00b", "a\xffb", "1001;x=1"}
	someAddrs   = []string{"10.0.0.1:5060", "10.0.0.2:5080", "192.0.2.7:5060", "[2001:db8::1]:5060", "[::ffff:10.0.0.1]:5060", "203.0.113.9:1", "", "nonsense", "[fe80::1%eth0]:5060"}
	someTexts   = []string{"pbx.example", "PBX.example", "sip.example.net", "Asterisk PBX 18", "asterisk", "PCMA", "opus", "", "a b", "İstanbul", "ß", "Kelvin K"}
	someGroups  = []string{"0198a1b2-0000-7000-8000-000000000001", "0198A1B2-0000-7000-8000-000000000001", "0198a1b2-0000-7000-8000-000000000002"}
	someCodes   = []string{"one-way-audio", "no-audio", "loss-burst", "slow-pdd", "codec-mismatch"}
)

func (r chance) change(c *protocol.CDR) {
	number := func() string {
		n := r.of(someNumbers...)
		if r.IntN(40) == 0 {
			n += strings.Repeat("5", 300)
		}
		return n
	}
	figure := func(most float64) *float64 {
		if r.IntN(4) == 0 {
			return nil
		}
		v := float64(r.IntN(int(most*10))) / 10
		return &v
	}
	ms := func() *int64 {
		if r.IntN(4) == 0 {
			return nil
		}
		v := int64(r.IntN(20_000))
		return &v
	}
	c.CallID += r.of("", "", "@"+r.of(someTexts...), strings.Repeat("x", 300))
	c.Caller, c.Callee, c.CallerName = number(), number(), r.of(someTexts...)
	c.CallerDomain, c.CalleeDomain, c.UACaller, c.UACallee = r.of(someTexts...), r.of(someTexts...), r.of(someTexts...), r.of(someTexts...)
	c.Src, c.Dst, c.Transport = r.of(someAddrs...), r.of(someAddrs...), r.of("udp", "tcp", "tls", "")
	c.Status, c.SensorID = []int{0, 100, 200, 200, 200, 404, 486, 603}[r.IntN(8)], uint16(1+r.IntN(3))
	c.MOS, c.LossPct, c.JitterMS, c.PDDMS, c.ConnectMS, c.DurationMS = figure(5), figure(20), figure(50), ms(), ms(), int64(r.IntN(300_000))
	c.End = c.Start + protocol.Time(c.DurationMS*1000)
	c.EndCause, c.EndBy = protocol.EndCause(r.of("bye", "cancel", "rejected", "")), protocol.Party(r.of("caller", "callee", "unknown"))
	for range r.IntN(3) {
		c.Codecs = append(c.Codecs, r.of("PCMA", "PCMU", "opus", "telephone-event"))
	}
	for range r.IntN(3) {
		c.Findings = append(c.Findings, protocol.Finding{Code: r.of(someCodes...)})
	}
	c.Rule, c.Capture.Kept = r.of("", "all", "bad"), protocol.Keep(r.of("", "none", "sip", "headers", "rtp"))
	c.Capture.Bytes, c.Capture.Partial, c.Capture.NoAudio = uint64(r.IntN(4)*1000), r.IntN(5) == 0, r.IntN(5) == 0
	c.CalleeURI, c.Reason, c.SetupMS, c.Retransmissions = number(), r.of("", "OK", "Busy Here", "Q.850;cause=16"), ms(), r.IntN(3)
	c.Joined, c.PartiesAssumed, c.OverLimit = r.IntN(6) == 0, r.IntN(6) == 0, r.IntN(6) == 0
	c.GroupID = r.of("", c.ID.String(), someGroups[0], someGroups[2])
	if r.IntN(2) == 0 {
		c.Ringing = c.Start + 1e6
	}
	for i := range c.Findings {
		c.Findings[i].Severity = protocol.Severity(r.of("info", "warn", "bad"))
	}
	for range []int{0, 1, 2, 20}[r.IntN(4)] {
		c.Streams = append(c.Streams, protocol.Stream{
			Src: r.of(someAddrs...), Dst: r.of(someAddrs...), SSRC: protocol.SSRC(r.IntN(30)), Encrypted: r.IntN(4) == 0, DTMF: r.of("", "123#"),
			Keying: protocol.Keying(r.of("", "", "sdes", "zrtp")), Relayed: r.of("", "", "192.0.2.7:5060"),
			Media: r.of("audio", "video"), PtimeMS: float64(r.IntN(3) * 10), DSCP: uint8(r.IntN(2) * 46), Lost: uint64(r.IntN(4)),
		})
	}
	if r.IntN(2) == 0 {
		c.Messages = []protocol.Message{{FirstLine: "INVITE sip:" + r.of("1001", "1002") + "@pbx.example SIP/2.0"}, {FirstLine: r.of("SIP/2.0 183 Session Progress", "REFER sip:1001@pbx.example SIP/2.0")}}
	}
	if r.IntN(3) == 0 {
		c.Unchecked = []protocol.Unchecked{{Reason: "no media seen", Codes: []string{r.of(someCodes...)}}}
	}
}

// later is a condition on a field that facts and columns know of since their second version, or that asks for streams.
func (r chance) later() string {
	addr := r.of("10.0.0.1", "10.0.0.0/8", "10.0.0.0/30", "192.0.2.7:5060", "2001:db8::/32", "0.0.0.0/0", "fe80::1")
	count := r.of("setup", "rang", "retransmissions", "kept-bytes", "ptime", "dscp", "lost", "rtt", "mos-min", "streams", "messages", "packets")
	flag := r.of("joined", "assumed", "over-limit", "partial", "no-audio", "encrypted")
	return r.of(
		flag+r.of(":", "=", "!=")+r.of("yes", "no"), flag+r.of(":*", ":YES", "~y", ":(yes no)"), "leg"+r.of(":", "!=")+r.of("first", "later"),
		"group"+r.of(":", "=", "!=")+r.of(someGroups...), `group:"0198a1*"`, "dialled:"+r.of("420*", "+420*", "*456", "1001", "*"), "reason"+r.of(":busy*", `="Busy Here"`, "~cause", ":ok", "!=OK"),
		"media-ip"+r.of(":", "=", "!=")+addr, "ssrc"+r.of(":", "=", "!=")+r.of("0x00000003", "0x0000001d"), "ssrc:0x0000000*", "dtmf:*23*", "media:video",
		"keying"+r.of(":", "!=")+r.of("sdes", "zrtp"), "relayed"+r.of(":", "!=")+addr,
		"severity"+r.of(":", "!=")+r.of("info", "warn", "bad"), "unchecked:no-audio", `message:"REFER *"`, "message~^INVITE.*1001",
		count+r.of("<", ">=", "=", "!=")+r.of("0", "1", "20", "46", "1000"),
	)
}

// condition is a random condition on any field, in brackets at most depth deep.
func (r chance) condition(depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		a, b := r.condition(depth-1), r.condition(depth-1)
		return r.of("("+a+" or "+b+")", a+" "+b, a+" and "+b, "not ("+a+")")
	}
	quote := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
	}
	pattern := func(s string) string {
		if s == "" || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return "*"
		}
		runes := []rune(s)
		return r.of(quote(s), quote(string(runes[:1+r.IntN(len(runes))])+"*"), quote("*"+string(runes[r.IntN(len(runes)):])), quote(strings.ToLower(s)), quote(strings.ToUpper(s)))
	}
	texts := func(field string, from []string) string {
		switch r.IntN(6) {
		case 0:
			return field + "=" + quote(strings.ToValidUTF8(r.of(from...), ""))
		case 1:
			return field + "!=" + quote(strings.ToValidUTF8(r.of(from...), ""))
		case 2:
			return field + "~" + quote(r.of("^[+0-9]*7", "a$", "(?i)PBX", "example|opus", "."))
		case 3:
			return field + ":(" + pattern(r.of(from...)) + " " + pattern(r.of(from...)) + ")"
		}
		return field + ":" + pattern(r.of(from...))
	}
	switch r.IntN(16) {
	case 0, 1, 2:
		return texts(r.of("caller", "callee", "number"), someNumbers)
	case 3:
		return r.of("caller", "number") + ":@" + r.of("vip", "many")
	case 4:
		return r.of("src", "dst", "ip") + r.of(":", "=", "!=") + r.of("10.0.0.1", "10.0.0.0/8", "10.0.0.0/30", "10.0.0.1:5060", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0", "(192.0.2.7 @nets)", "::ffff:10.0.0.1", "fe80::1")
	case 5:
		return texts(r.of("domain", "caller-domain", "callee-domain", "name", "ua", "codec", "rule", "callid"), someTexts)
	case 6:
		return r.of("mos", "loss", "jitter", "pdd", "connected", "duration") + r.of("<", "<=", ">", ">=", "=", ":", "!=") + r.of("0", "1", "2.5", "3.1", "10", "100", "-1")
	case 7:
		return r.of("status", "sensor") + r.of("<", "<=", ">", ">=", "=", ":", "!=") + r.of("0", "1", "2", "200", "404", "486.5", "99999999999")
	case 8:
		return "finding" + r.of(":", "=", "!=") + r.of("one-way-audio", "*-audio", "loss*", "*o*", "none", "*")
	case 9:
		return r.of("kept:rtp", "kept:(sip headers rtp)", "kept!=(rtp sip headers)", "kept:none", "kept!=sip", "kept:(sip rtp)", "kept:*", "transport:udp", "transport!=tcp", "end:bye", "end:(cancel rejected)", "by:caller", "state:ended", "state:up")
	case 10:
		return r.of("time:08:00-18:00", "time:22:00-06:00", "day:sat-sun", "day!=mon", "direction:in", "direction:out", "direction:internal", "direction!=transit")
	}
	if r.IntN(5) > 0 {
		return r.later()
	}
	return quote(r.of("77", "PBX", "jana", "10.0.0", "example", "ß"))
}

// FuzzWhere asks conditions of any text that can be read: the store answers as memory does.
func FuzzWhere(f *testing.F, open Open) {
	fix := newFixture(f, open)
	r := chance{rand.New(rand.NewPCG(1, 2))}
	var calls []protocol.CDR
	for range 60 {
		calls = append(calls, fix.call(now.Add(-time.Duration(r.IntN(24*3600))*time.Second), r.change))
	}
	fix.add(calls...)
	for range 50 {
		f.Add(r.condition(2))
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := (*rules.Set)(nil).ParseSearch(text)
		if err != nil {
			return
		}
		p, err := fix.Calls(t.Context(), fix.tenant, store.CallQuery{Where: e, Limit: 100})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		found := map[protocol.UUID]bool{}
		for i := range p.Calls {
			found[p.Calls[i].ID] = true
		}
		for i := range calls {
			if want := e.Match(rules.Call{CDR: &calls[i]}); want != found[calls[i].ID] {
				t.Fatalf("%q: found %v, want %v: %+v", text, !want, want, calls[i])
			}
		}
	})
}
