package protocol

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// The writers of this file append a CDR as JSON without reflection: a sensor that analyses a day of signalling writes
// hundreds of megabytes, and encoding/json alone would take half of the time. A test holds them to encoding/json's output,
// byte for byte, field by field: a field that is added to a struct and not here fails it.
//
// HTML's special characters are written as they are; json.Marshal escapes them on its way out, an Encoder as it is told.

// AppendJSON appends c as JSON to b, without a line end. Lists that are empty are [], never null; a number that is NaN or
// infinite, which JSON does not have, is 0.
func (c *CDR) AppendJSON(b []byte) []byte {
	b = c.ID.appendText(append(b, `{"id":"`...))
	b = appendString(append(b, `","call_id":`...), c.CallID)
	b = appendString(append(b, `,"group_id":`...), c.GroupID)
	b = appendInt(append(b, `,"sensor_id":`...), int64(c.SensorID))
	b = appendString(append(b, `,"caller":`...), c.Caller)
	b = appendString(append(b, `,"callee":`...), c.Callee)
	b = appendString(append(b, `,"caller_domain":`...), c.CallerDomain)
	b = appendString(append(b, `,"callee_domain":`...), c.CalleeDomain)
	b = appendString(append(b, `,"caller_name":`...), c.CallerName)
	b = appendString(append(b, `,"callee_uri":`...), c.CalleeURI)
	b = appendString(append(b, `,"src":`...), c.Src)
	b = appendString(append(b, `,"dst":`...), c.Dst)
	b = appendString(append(b, `,"transport":`...), c.Transport)
	b = c.Start.appendJSON(append(b, `,"start":`...))
	b = c.Ringing.appendJSON(append(b, `,"ringing":`...))
	b = c.Answer.appendJSON(append(b, `,"answer":`...))
	b = c.End.appendJSON(append(b, `,"end":`...))
	b = appendInt(append(b, `,"duration_ms":`...), c.DurationMS)
	b = appendIntOrNull(append(b, `,"connect_ms":`...), c.ConnectMS)
	b = appendIntOrNull(append(b, `,"pdd_ms":`...), c.PDDMS)
	b = appendIntOrNull(append(b, `,"setup_ms":`...), c.SetupMS)
	b = appendInt(append(b, `,"status":`...), int64(c.Status))
	b = appendString(append(b, `,"reason":`...), c.Reason)
	b = appendString(append(b, `,"end_cause":`...), string(c.EndCause))
	b = appendString(append(b, `,"end_by":`...), string(c.EndBy))
	b = appendString(append(b, `,"ua_caller":`...), c.UACaller)
	b = appendString(append(b, `,"ua_callee":`...), c.UACallee)
	b = append(b, `,"codecs":[`...)
	for i, v := range c.Codecs {
		b = appendString(appendComma(b, i), v)
	}
	b = appendFloatOrNull(append(b, `],"mos":`...), c.MOS)
	b = appendFloatOrNull(append(b, `,"loss_pct":`...), c.LossPct)
	b = appendFloatOrNull(append(b, `,"jitter_ms":`...), c.JitterMS)
	b = append(b, `,"streams":[`...)
	for i := range c.Streams {
		b = c.Streams[i].appendJSON(appendComma(b, i))
	}
	b = append(b, `],"messages":[`...)
	for i := range c.Messages {
		b = c.Messages[i].appendJSON(appendComma(b, i))
	}
	b = append(b, `],"findings":[`...)
	for i := range c.Findings {
		b = c.Findings[i].appendJSON(appendComma(b, i))
	}
	b = appendString(append(b, `],"rule":`...), c.Rule)
	b = c.Capture.appendJSON(append(b, `,"capture":`...))
	b = strconv.AppendBool(append(b, `,"over_limit":`...), c.OverLimit)
	b = appendInt(append(b, `,"retransmissions":`...), int64(c.Retransmissions))
	b = appendInt(append(b, `,"messages_omitted":`...), int64(c.MessagesOmitted))
	b = appendInt(append(b, `,"streams_omitted":`...), int64(c.StreamsOmitted))
	b = append(b, `,"unchecked":[`...)
	for i := range c.Unchecked {
		b = c.Unchecked[i].appendJSON(appendComma(b, i))
	}
	b = appendString(append(b, `],"dtmf_info":`...), c.DTMFInfo)
	if c.Joined {
		b = append(b, `,"joined":true`...)
	}
	if c.PartiesAssumed {
		b = append(b, `,"parties_assumed":true`...)
	}
	return append(b, '}')
}

func (s *Stream) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"src":`...), s.Src)
	b = appendString(append(b, `,"dst":`...), s.Dst)
	b = s.SSRC.appendText(append(b, `,"ssrc":"`...))
	b = appendInt(append(b, `","payload_type":`...), int64(s.PayloadType))
	b = appendString(append(b, `,"codec":`...), s.Codec)
	b = appendInt(append(b, `,"clock_rate":`...), int64(s.ClockRate))
	b = appendString(append(b, `,"direction":`...), string(s.Direction))
	b = s.First.appendJSON(append(b, `,"first":`...))
	b = s.Last.appendJSON(append(b, `,"last":`...))
	b = strconv.AppendUint(append(b, `,"packets":`...), s.Packets, 10)
	b = strconv.AppendUint(append(b, `,"expected":`...), s.Expected, 10)
	b = strconv.AppendUint(append(b, `,"lost":`...), s.Lost, 10)
	b = appendFloat(append(b, `,"loss_pct":`...), s.LossPct)
	b = strconv.AppendUint(append(b, `,"duplicates":`...), s.Duplicates, 10)
	b = strconv.AppendUint(append(b, `,"reordered":`...), s.Reordered, 10)
	b = appendFloat(append(b, `,"jitter_mean_ms":`...), s.JitterMeanMS)
	b = appendFloat(append(b, `,"jitter_max_ms":`...), s.JitterMaxMS)
	b = appendFloat(append(b, `,"delta_max_ms":`...), s.DeltaMaxMS)
	b = appendFloat(append(b, `,"skew_ms":`...), s.SkewMS)
	b = appendUints(append(b, `,"bursts":`...), s.Bursts[:])
	b = appendUints(append(b, `,"pdv":`...), s.PDV[:])
	b = s.MOSF1.appendJSON(append(b, `,"mos_f1":`...))
	b = s.MOSF2.appendJSON(append(b, `,"mos_f2":`...))
	b = s.MOSAdapt.appendJSON(append(b, `,"mos_adapt":`...))
	b = s.RTCP.appendJSON(append(b, `,"rtcp":`...))
	b = appendString(append(b, `,"dtmf":`...), s.DTMF)
	b = strconv.AppendBool(append(b, `,"encrypted":`...), s.Encrypted)
	b = append(b, `,"intervals":`...)
	if s.Intervals == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, '[')
		for i := range s.Intervals {
			b = s.Intervals[i].appendJSON(appendComma(b, i))
		}
		b = append(b, ']')
	}
	b = appendFloat(append(b, `,"ptime_ms":`...), s.PtimeMS)
	b = appendInt(append(b, `,"dscp":`...), int64(s.DSCP))
	b = appendString(append(b, `,"media":`...), s.Media)
	if s.DTMFInband != "" {
		b = appendString(append(b, `,"dtmf_inband":`...), s.DTMFInband)
	}
	if len(s.Tones) > 0 {
		b = append(b, `,"tones":[`...)
		for i, tone := range s.Tones {
			b = appendString(appendComma(b, i), tone)
		}
		b = append(b, ']')
	}
	for _, v := range [...]struct{ name, text string }{
		{`,"mos_basis":`, string(s.MOSBasis)}, {`,"via":`, s.Via}, {`,"relayed":`, s.Relayed}, {`,"keying":`, string(s.Keying)},
	} {
		if v.text != "" {
			b = appendString(append(b, v.name...), v.text)
		}
	}
	return append(b, '}')
}

// MarshalJSON implements json.Marshaler: null where there is no MOS.
func (m MOS) MarshalJSON() ([]byte, error) { return m.appendJSON(nil), nil }

func (m MOS) appendJSON(b []byte) []byte {
	if m.Avg == 0 {
		return append(b, "null"...)
	}
	b = appendFloat(append(b, `{"avg":`...), m.Avg)
	b = appendFloat(append(b, `,"min":`...), m.Min)
	return append(b, '}')
}

func (r *RTCP) appendJSON(b []byte) []byte {
	if r == nil {
		return append(b, "null"...)
	}
	b = appendFloatOrNull(append(b, `{"rtt_ms":`...), r.RTTMS)
	b = appendFloatOrNull(append(b, `,"loss_max_pct":`...), r.LossMaxPct)
	b = appendFloatOrNull(append(b, `,"jitter_max_ms":`...), r.JitterMaxMS)
	return append(b, '}')
}

func (i *Interval) appendJSON(b []byte) []byte {
	b = i.T.appendJSON(append(b, `{"t":`...))
	b = appendInt(append(b, `,"packets":`...), int64(i.Packets))
	b = appendInt(append(b, `,"lost":`...), int64(i.Lost))
	b = appendFloat(append(b, `,"jitter_ms":`...), i.JitterMS)
	b = appendFloat(append(b, `,"mos":`...), i.MOS)
	return append(b, '}')
}

func (m *Message) appendJSON(b []byte) []byte {
	b = m.T.appendJSON(append(b, `{"t":`...))
	b = appendString(append(b, `,"src":`...), m.Src)
	b = appendString(append(b, `,"dst":`...), m.Dst)
	b = appendString(append(b, `,"first_line":`...), m.FirstLine)
	b = appendString(append(b, `,"cseq":`...), m.CSeq)
	b = strconv.AppendBool(append(b, `,"retransmission":`...), m.Retransmission)
	b = appendString(append(b, `,"sdp":`...), m.SDP)
	return append(b, '}')
}

func (f *Finding) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"code":`...), f.Code)
	b = appendString(append(b, `,"severity":`...), string(f.Severity))
	b = appendString(append(b, `,"text":`...), f.Text)
	b = appendString(append(b, `,"evidence":`...), f.Evidence)
	b = appendString(append(b, `,"remedy":`...), f.Remedy)
	if len(f.Messages) > 0 {
		b = appendPlaces(append(b, `,"messages":[`...), f.Messages)
	}
	if len(f.Streams) > 0 {
		b = appendPlaces(append(b, `,"streams":[`...), f.Streams)
	}
	return append(b, '}')
}

func appendPlaces(b []byte, list []uint32) []byte {
	for i, n := range list {
		b = strconv.AppendUint(appendComma(b, i), uint64(n), 10)
	}
	return append(b, ']')
}

func (u *Unchecked) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"reason":`...), u.Reason)
	b = append(b, `,"codes":[`...)
	for i, code := range u.Codes {
		b = appendString(appendComma(b, i), code)
	}
	return append(b, "]}"...)
}

func (c Capture) appendJSON(b []byte) []byte {
	if c.Kept == "" {
		c.Kept = KeepNone
	}
	b = appendString(append(b, `{"kept":`...), string(c.Kept))
	b = strconv.AppendUint(append(b, `,"packets":`...), c.Packets, 10)
	b = strconv.AppendUint(append(b, `,"bytes":`...), c.Bytes, 10)
	b = strconv.AppendBool(append(b, `,"no_audio":`...), c.NoAudio)
	b = strconv.AppendBool(append(b, `,"partial":`...), c.Partial)
	return append(b, '}')
}

// appendComma divides the elements of a list.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

func appendUints(b []byte, v []uint32) []byte {
	b = append(b, '[')
	for i, n := range v {
		b = strconv.AppendUint(appendComma(b, i), uint64(n), 10)
	}
	return append(b, ']')
}

func appendIntOrNull(b []byte, v *int64) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *v, 10)
}

func appendFloatOrNull(b []byte, v *float64) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return appendFloat(b, *v)
}

// appendFloat writes the shortest number that reads back as v, as ECMAScript does (ECMA-262 section 6.1.6.1.20): with an
// exponent only below 1e-6 and from 1e21 on.
func appendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, '0')
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		b = strconv.AppendFloat(b, v, 'e', -1, 64)
		if n := len(b); b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' { // 1e-09 is 1e-9
			b[n-2] = b[n-1]
			b = b[:n-1]
		}
		return b
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// asIs tells the bytes that stand for themselves in a JSON string: ASCII but for control characters, quote and backslash.
var asIs = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// skipAsIs answers from where on, at i or later, s may hold a byte that does not stand for itself; eight bytes are looked at at once. A
// byte has its high bit set below if it is not ASCII, less than 0x20, a quote or a backslash; one that follows such a byte may
// have it, too.
func skipAsIs(s string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		t := s[i : i+8]
		v := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, backslash := v^'"'*ones, v^'\\'*ones
		if (v|(v-0x20*ones)|(quote-ones)|(backslash-ones))&highs != 0 {
			break
		}
	}
	return i
}

// appendString writes a JSON string. What is no UTF-8 becomes \ufffd; U+2028 and U+2029, line ends to JavaScript but not to
// JSON, are escaped.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := skipAsIs(s, 0); i < len(s); {
		c := s[i]
		if asIs[c] {
			i++
			continue
		}
		size, escape := 1, ""
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				escape = `\ufffd`
			case r == '\u2028':
				escape = `\u2028`
			case r == '\u2029':
				escape = `\u2029`
			default:
				i = skipAsIs(s, i+size)
				continue
			}
		case c == '"':
			escape = `\"`
		case c == '\\':
			escape = `\\`
		case c == '\b':
			escape = `\b`
		case c == '\f':
			escape = `\f`
		case c == '\n':
			escape = `\n`
		case c == '\r':
			escape = `\r`
		case c == '\t':
			escape = `\t`
		}
		b = append(b, s[from:i]...)
		if escape == "" {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, escape...)
		}
		from = i + size
		i = skipAsIs(s, from)
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
