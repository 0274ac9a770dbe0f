package style

import "voiptop/protocol"

// MOS is the style of a mean opinion score. The bounds are those of ITU-T G.109 table 1: below 3.6 many users are
// dissatisfied, below 3.1 nearly all. Zero means that there is none.
func (t *Theme) MOS(v float64) Style {
	switch {
	case v <= 0:
		return t.Dim
	case v < 3.1:
		return t.Bad
	case v < 3.6:
		return t.Warn
	}
	return t.Good
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
