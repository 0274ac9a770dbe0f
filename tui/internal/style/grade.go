package style

import "voiptop/protocol"

// MOS is the style of a mean opinion score, zero: there is none.
func (t *Theme) MOS(v float64) Style { return t.Grade(protocol.GradeOf(v)) }

// Grade is the style of a MOS in a word.
func (t *Theme) Grade(g protocol.Grade) Style {
	switch g {
	case protocol.GradeGood:
		return t.Good
	case protocol.GradeFair:
		return t.Fair
	case protocol.GradePoor:
		return t.Warn
	case protocol.GradeBad:
		return t.Bad
	}
	return t.Dim
}

// Loss is the style of a loss in per cent.
func (t *Theme) Loss(v float64) Style {
	switch {
	case v >= 5:
		return t.Bad
	case v >= 1:
		return t.Warn
	}
	return t.Text
}

// Jitter is the style of an interarrival jitter in milliseconds.
func (t *Theme) Jitter(v float64) Style {
	switch {
	case v >= 50:
		return t.Bad
	case v >= 30:
		return t.Warn
	}
	return t.Text
}

// Severity is the style of a finding.
func (t *Theme) Severity(s protocol.Severity) Style {
	switch s {
	case protocol.SeverityBad:
		return t.Bad
	case protocol.SeverityWarn:
		return t.Warn
	case protocol.SeverityInfo:
		return t.Info
	}
	return t.Dim
}

// Status is the style of a SIP status code.
func (t *Theme) Status(code int) Style {
	switch {
	case code >= 500:
		return t.Bad
	case code >= 300:
		return t.Warn
	case code >= 200:
		return t.Good
	}
	return t.Text
}
