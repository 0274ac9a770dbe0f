// Package stats counts past calls together: the figures of the field (ASR, NER, ACD, PDD), how MOS, loss and jitter are spread, and groups
// by status, address, user agent and the like, each with the condition that finds its calls. The statistics of voiptop are made of it.
//
// It is not for reading calls, and not for hosted's dashboards, which count in the database; the definitions are the same, those of
// docs/dashboards.md.
package stats

import (
	"slices"

	"voiptop/protocol"
)

// shortMS is how long a call lasts at least that is not called short.
const shortMS = 10_000

// Sum is what some calls have together.
type Sum struct {
	Calls     int
	Attempts  int // their beginning and their outcome were seen
	Answered  int // of the attempts
	Effective int // of the attempts: answered, or ended by a user
	Connected int // answered, whether or not the beginning was seen
	Short     int // connected for less than ten seconds
	Rated     int // with a MOS
	Bad       int // of them below protocol.FairMOS
	Found     int // with a finding
	Alarming  int // with one of severity bad

	connectedMS, pddMS int64
	pdds               int
	mos, loss          float64
	losses             int
}

func (s *Sum) add(c *protocol.CDR) {
	s.Calls++
	if attempt(c) {
		s.Attempts++
		switch {
		case c.ConnectMS != nil:
			s.Answered++
			s.Effective++
		case userEnded(c):
			s.Effective++
		}
	}
	if c.ConnectMS != nil {
		s.Connected++
		s.connectedMS += *c.ConnectMS
		if *c.ConnectMS < shortMS {
			s.Short++
		}
	}
	if c.PDDMS != nil {
		s.pdds++
		s.pddMS += *c.PDDMS
	}
	if c.MOS != nil {
		s.Rated++
		s.mos += *c.MOS
		if *c.MOS < protocol.FairMOS {
			s.Bad++
		}
	}
	if c.LossPct != nil {
		s.losses++
		s.loss += *c.LossPct
	}
	if len(c.Findings) > 0 {
		s.Found++
	}
	if slices.ContainsFunc(c.Findings, func(f protocol.Finding) bool { return f.Severity == protocol.SeverityBad }) {
		s.Alarming++
	}
}

// ASR is the answer-seizure ratio in per cent (ITU-T E.411); false without attempts.
func (s *Sum) ASR() (float64, bool) { return ratio(100*float64(s.Answered), s.Attempts) }

// NER is the network effectiveness ratio in per cent (ITU-T E.425); false without attempts.
func (s *Sum) NER() (float64, bool) { return ratio(100*float64(s.Effective), s.Attempts) }

// ACD is the mean time connected in ms (ITU-T E.437).
func (s *Sum) ACD() (float64, bool) { return ratio(float64(s.connectedMS), s.Connected) }

// PDD is the mean post-dial delay in ms.
func (s *Sum) PDD() (float64, bool) { return ratio(float64(s.pddMS), s.pdds) }

// MOS is the mean of the calls' worst streams.
func (s *Sum) MOS() (float64, bool) { return ratio(s.mos, s.Rated) }

// Loss is the mean of the calls' worst streams in per cent.
func (s *Sum) Loss() (float64, bool) { return ratio(s.loss, s.losses) }

func ratio(v float64, n int) (float64, bool) {
	if n == 0 {
		return 0, false
	}
	return v / float64(n), true
}

// attempt reports whether a call counts for the ratios: its first INVITE was seen, and so was its outcome.
func attempt(c *protocol.CDR) bool {
	undecided := c.EndCause == protocol.EndUnterminated || c.EndCause == protocol.EndInterrupted
	return !c.Joined && (c.ConnectMS != nil || c.Status != 0 || !undecided)
}

// userEnded reports whether a call that was not answered reached its callee and was ended by a user: busy, no answer, refused, or given
// up while it rang (the statuses are those of RFC 6076 section 4.7, SEER, and 607 of RFC 8197).
func userEnded(c *protocol.CDR) bool {
	switch c.Status {
	case 480, 486, 600, 603, 607:
		return true
	}
	return c.Ringing != 0 && (c.EndCause == protocol.EndCancel || c.EndCause == protocol.EndNoAnswer)
}

// The same as conditions.
const (
	isAttempt   = "joined:no (connected>=0 or status>0 or not end:(unterminated interrupted))"
	isUserEnded = "(status:(480 486 600 603 607) or rang>=0 end:(cancel no-answer))"

	isAnswered   = "joined:no connected>=0"
	isUnanswered = isAttempt + " not connected>=0"
	isFailed     = isUnanswered + " not " + isUserEnded
)
