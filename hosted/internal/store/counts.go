package store

import (
	"math"
	"strings"

	"voiptop/protocol"
)

// GoodMOS is the MOS from which on a call counts as good, in thousandths: "some users dissatisfied" begins below
// (ITU-T G.107 annex B: R 70 is MOS 3.60).
const GoodMOS = 3600

// Counts is what is counted and measured of some calls. Counts of parts are added to those of the whole. docs/dashboards.md has
// the definitions.
type Counts struct {
	Calls     int64 // all of them
	Attempts  int64 // whose beginning was seen, and whose outcome
	Answered  int64 // attempts that were answered (a 2xx to the INVITE)
	Effective int64 // attempts that the network brought to the callee: answered, or ended by a user (ITU-T E.425)
	Connected int64 // all that were answered, those whose beginning was not seen included
	Short     int64 // connected for less than ShortCall
	Legs      int64 // that are no conversation of their own: another call is the first of their group
	Joined    int64 // whose beginning was not seen
	OverLimit int64 // beyond the tenant's channels, without media
	Kept      int64 // with a capture
	KeptBytes int64 // of the captures
	Found     int64 // with a finding

	Status   map[int]int64               // by last final status, 0: there was none
	End      map[protocol.EndCause]int64 // by how they ended
	Findings map[string]int64            // calls by code of their findings; a call with two is in both

	Connect Hist    // ms, of the connected
	PDD     Hist    // ms, where it was measured
	MOS     HistMOS // thousandths, of the worst stream
	Loss    Hist    // thousandths of a per cent, of the worst stream
	Jitter  Hist    // us, of the worst stream
}

// ShortCall is what a connected call lasts at least that is not counted as short, ms.
const ShortCall = 10_000

// MaxKinds bounds how many codes of findings one row of counts tells apart; the calls of more are counted under OtherKind.
const (
	MaxKinds  = 200
	OtherKind = "other"
)

// Add counts a call; with n = -1 it takes out one that was counted.
func (c *Counts) Add(d *protocol.CDR, n int64) {
	answered := d.ConnectMS != nil
	c.Calls += n
	if Attempt(d) {
		c.Attempts += n
		if answered {
			c.Answered += n
		}
		if answered || userEnded(d) {
			c.Effective += n
		}
	}
	if answered {
		c.Connected += n
		if *d.ConnectMS < ShortCall {
			c.Short += n
		}
		c.Connect.add(*d.ConnectMS, n)
	}
	if d.GroupID != "" && d.GroupID != d.ID.String() {
		c.Legs += n
	}
	if d.Joined {
		c.Joined += n
	}
	if d.OverLimit {
		c.OverLimit += n
	}
	if k := d.Capture.Kept; k != "" && k != protocol.KeepNone {
		c.Kept += n
		c.KeptBytes += n * int64(min(d.Capture.Bytes, 1<<50))
	}
	c.addKinds(d, n)
	if d.PDDMS != nil {
		c.PDD.add(*d.PDDMS, n)
	}
	if v, ok := thousandths(d.MOS); ok {
		c.MOS.add(v, n)
	}
	if v, ok := thousandths(d.LossPct); ok {
		c.Loss.add(v, n)
	}
	if v, ok := thousandths(d.JitterMS); ok {
		c.Jitter.add(v, n)
	}
}

func (c *Counts) addKinds(d *protocol.CDR, n int64) {
	status := d.Status
	if status < 100 || status > 699 {
		status = 0
	}
	count(&c.Status, status, n)
	count(&c.End, endKind(d.EndCause), n)
	for i := range d.Findings {
		f := &d.Findings[i]
		if !again(d.Findings[:i], f.Code) {
			c.countFinding(findingKind(f.Code), n)
		}
	}
	if len(d.Findings) > 0 {
		c.Found += n
	}
}

// endKind and findingKind are what a sensor says where that is a word of ours, so that hostile records do not fill the rollups.
func endKind(e protocol.EndCause) protocol.EndCause {
	switch e {
	case protocol.EndBye, protocol.EndCancel, protocol.EndRejected, protocol.EndNoAnswer, protocol.EndTimeoutRTP, protocol.EndTimeoutBye,
		protocol.EndTimeoutMax, protocol.EndUnterminated, protocol.EndInterrupted:
		return e
	}
	return OtherKind
}

func findingKind(code string) string {
	if IsFindingCode(code) {
		return code
	}
	return OtherKind
}

// IsFindingCode reports whether s looks like the code of a finding: lower-case letters, digits and hyphens, at most 64.
func IsFindingCode(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (c *Counts) countFinding(code string, n int64) {
	if _, known := c.Findings[code]; !known && len(c.Findings) >= MaxKinds {
		code = OtherKind
	}
	count(&c.Findings, code, n)
}

// again reports whether a call has a code already.
func again(before []protocol.Finding, code string) bool {
	for i := range before {
		if before[i].Code == code {
			return true
		}
	}
	return false
}

// count adds to an entry of a map. One that is zero goes.
func count[K comparable](m *map[K]int64, k K, n int64) {
	if *m == nil {
		*m = map[K]int64{}
	}
	if (*m)[k] += n; (*m)[k] != 0 {
		return
	}
	if delete(*m, k); len(*m) == 0 {
		*m = nil
	}
}

// thousandths is a figure of a CDR, which has three decimals, as an integer.
func thousandths(v *float64) (int64, bool) {
	if v == nil || math.IsNaN(*v) || *v < 0 || *v > 1e9 {
		return 0, false
	}
	return int64(math.Round(*v * 1000)), true
}

// Attempt reports whether a call counts for the ratios: its first INVITE was seen, and so was its outcome.
func Attempt(d *protocol.CDR) bool {
	if d.Joined {
		return false
	}
	undecided := d.EndCause == protocol.EndUnterminated || d.EndCause == protocol.EndInterrupted
	return d.ConnectMS != nil || d.Status != 0 || !undecided
}

// userEnded reports whether a call that was not answered reached its callee and was ended by a user: busy, no answer, refused,
// or given up while it rang (ITU-T E.425; the statuses are those of RFC 6076 section 4.7, SEER, and 607 of RFC 8197).
func userEnded(d *protocol.CDR) bool {
	switch d.Status {
	case 480, 486, 600, 603, 607:
		return true
	}
	return d.Ringing != 0 && (d.EndCause == protocol.EndCancel || d.EndCause == protocol.EndNoAnswer)
}

// Merge adds what was counted of other calls.
func (c *Counts) Merge(o *Counts) {
	for i, p := range o.Scalars() {
		*c.Scalars()[i] += *p
	}
	for k, n := range o.Status {
		count(&c.Status, k, n)
	}
	for k, n := range o.End {
		count(&c.End, k, n)
	}
	for k, n := range o.Findings {
		c.countFinding(k, n)
	}
	c.Connect.merge(&o.Connect)
	c.PDD.merge(&o.PDD)
	c.MOS.merge(&o.MOS)
	c.Loss.merge(&o.Loss)
	c.Jitter.merge(&o.Jitter)
}

// Scalars lists the plain counters, in the order in which they are stored. New ones go to the end.
func (c *Counts) Scalars() [12]*int64 {
	return [...]*int64{
		&c.Calls, &c.Attempts, &c.Answered, &c.Effective, &c.Connected, &c.Short, &c.Legs, &c.Joined, &c.OverLimit, &c.Kept,
		&c.KeptBytes, &c.Found,
	}
}

// ASR is the answer-seizure ratio in per cent (ITU-T E.411): answered attempts of all; false without attempts.
func (c *Counts) ASR() (float64, bool) { return percent(c.Answered, c.Attempts) }

// NER is the network effectiveness ratio in per cent (ITU-T E.425): attempts that reached a user of all; false without attempts.
func (c *Counts) NER() (float64, bool) { return percent(c.Effective, c.Attempts) }

// ACD is the average call duration in ms: answer to end, of the connected (ITU-T E.437 "ALOC"); false without any.
func (c *Counts) ACD() (float64, bool) { return c.Connect.Mean() }

// Bad is how many calls have a MOS below GoodMOS.
func (c *Counts) Bad() int64 { return c.MOS.Below(GoodMOS) }

func percent(n, of int64) (float64, bool) {
	if of <= 0 {
		return 0, false
	}
	return 100 * float64(n) / float64(of), true
}
