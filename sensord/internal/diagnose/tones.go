package diagnose

import (
	"fmt"
	"strings"

	"voiptop/protocol"
)

// dtmfMissing wants digits that were sent in a way the receiver cannot take. Those that were sent as tones within the voice reach whoever
// listens for them.
func dtmfMissing(x *exam) {
	c, f := x.c, x.f
	const remedy = "Set the same way to send digits on both sides (RFC 4733 telephone-event is best), and see that the PBX or relay between them passes it on."
	if f.DigitsRefused > 0 {
		x.report(protocol.SeverityWarn, "Digits were sent by INFO and refused.", fmt.Sprintf("%d of %d INFO requests with digits were refused", f.DigitsRefused, f.DigitsInfo), remedy).
			where(func(m *protocol.Message) bool { return status(m) >= 300 && strings.HasSuffix(m.CSeq, " INFO") })
		return
	}
	if !x.measured() {
		return
	}
	if encrypted(c) {
		x.skip(reasonEncrypted)
		return
	}
	for i := range c.Streams {
		a := &c.Streams[i]
		if a.DTMF == "" {
			if a.DTMFInband != "" && f.Streams[i].DigitsAgreed && !f.Joined {
				x.report(protocol.SeverityInfo, "Digits were sent as tones within the voice, though telephone-events were agreed: who waits for those misses them.",
					fmt.Sprintf("%s to %s: digits %s", a.Src, a.Dst, a.DTMFInband), remedy).streams(i)
				return
			}
			continue
		}
		if f.Streams[i].DigitsUnannounced && !f.Joined && !f.Streams[i].Guessed {
			x.report(protocol.SeverityWarn, "Digits were sent as telephone-events that the receiver did not announce.",
				fmt.Sprintf("%s to %s: digits %s", a.Src, a.Dst, a.DTMF), remedy).streams(i)
			return
		}
		for j := range c.Streams {
			b := &c.Streams[j]
			if b.SSRC == a.SSRC && b.Src != a.Src && b.Dst != a.Dst && b.Direction == a.Direction && len(b.DTMF) < len(a.DTMF) && b.DTMFInband == "" && relays(a, b) &&
				aligned(&f.Streams[i], &f.Streams[j]) {
				x.report(protocol.SeverityWarn, "Digits were lost at a relay.", fmt.Sprintf("%s to %s carried %s, %s to %s carried %s", a.Src, a.Dst, a.DTMF, b.Src, b.Dst,
					orNothing(b.DTMF)), remedy).streams(j, i)
				return
			}
		}
	}
}

func orNothing(digits string) string {
	if digits == "" {
		return "none"
	}
	return digits
}

// MaskDigits replaces the digits in the evidence of findings, for a call of which they may not be told.
func MaskDigits(list []protocol.Finding) {
	for i := range list {
		f := &list[i]
		if f.Code != "dtmf-missing" {
			continue
		}
		b := []byte(f.Evidence)
		for _, before := range [...]string{": digits ", " carried "} { // as dtmfMissing writes
			for at := 0; ; {
				n := strings.Index(f.Evidence[at:], before)
				if n < 0 {
					break
				}
				for at += n + len(before); at < len(b) && strings.IndexByte("0123456789*#ABCD!", b[at]) >= 0; at++ {
					b[at] = '*'
				}
			}
		}
		f.Evidence = string(b)
	}
}

func t38Refused(x *exam) {
	if !x.f.T38Refused {
		return
	}
	evidence, at := t38Answer(x.c)
	x.report(protocol.SeverityWarn, "Fax by T.38 was offered and refused.", evidence,
		"Switch T.38 on at the device that refused, or let the PBX or gateway between the two convert; else expect fax over G.711, which loses pages.").messages(at...)
}

// t38Answer finds the refusal in the ladder.
func t38Answer(c *protocol.CDR) (evidence string, at []int) {
	for i := range c.Messages {
		m := &c.Messages[i]
		if !request(m, "INVITE") || !strings.Contains(m.SDP, "T38") {
			continue
		}
		for j := i + 1; j < len(c.Messages); j++ {
			if r := &c.Messages[j]; r.CSeq == m.CSeq && r.Src == m.Dst && status(r) >= 200 {
				return fmt.Sprintf("INVITE with T.38 at %s (message %d), answered by %s: %s", m.T, i+1, r.Src, strings.TrimPrefix(r.FirstLine, "SIP/2.0 ")), []int{j, i}
			}
		}
	}
	return "the answer has port 0 for T.38", nil
}

// faxOverG711 goes by what the parties say (T.38 that was tried in vain, or fax tones that are named), and by the tones that are heard.
func faxOverG711(x *exam) {
	c, f := x.c, x.f
	if f.T38 && !f.T38Refused {
		return
	}
	named, calls, answers, v8, talks, heard, at := false, false, false, false, false, "", protocol.Time(0)
	for i := range f.Streams {
		s := &f.Streams[i]
		named, calls, answers = named || s.FaxTones, calls || s.FaxCalls != 0, answers || s.FaxAnswers != 0
		v8, talks = v8 || s.FaxV8, talks || s.FaxTalks != 0
		for _, v := range [...]struct {
			at   protocol.Time
			what string
		}{
			{s.FaxCalls, "the tone of a fax that calls (CNG, 1100 Hz)"},
			{s.FaxAnswers, answerTone(s)},
			{s.FaxTalks, "what a fax says of itself (V.21)"},
		} {
			if v.at != 0 && (at == 0 || v.at < at) {
				at, heard = v.at, fmt.Sprintf("%s was heard at %s from %s", v.what, v.at, c.Streams[i].Src)
			}
		}
	}
	text, severity := "A fax goes over G.711: each lost packet may cost the page.", protocol.SeverityWarn
	remedy := "Offer T.38 on both gateways. If G.711 must do: no echo canceller, no silence suppression, fixed jitter buffer, 9600 bit/s without ECM."
	switch {
	case named, f.T38Refused, calls && (answers || talks), talks && !v8:
	case v8: // V.21 is that of its JM then, which modems say as well
		text = "A fax of V.34 (Super G3) or a modem goes over G.711: each lost packet may cost the page, or the connection."
	case answers:
		text = "A fax or modem goes over G.711: each lost packet may cost the page, or the connection."
	case calls && bothSpeakG711(c):
		text, severity = "A fax called, and was answered by none: a person or an announcement took the call.", protocol.SeverityInfo
		remedy = "Tell the sender that this is no number of a fax, or let the PBX send faxes on to one (fax detection)."
	}
	for i := range c.Streams {
		s := &c.Streams[i]
		if s.Codec != "PCMU" && s.Codec != "PCMA" || s.Packets < minOneWay {
			continue
		}
		why := ""
		switch {
		case named:
			why = "fax tones (RFC 4734) were announced, T.38 was not offered"
		case heard != "" && millis(s.Last-at) >= faxTalk:
			why = fmt.Sprintf("%s, and G.711 went on for %s", heard, seconds(millis(s.Last-at)))
		case f.T38Refused:
			if at := t38Time(c); at != 0 && millis(s.Last-at) >= faxTalk {
				why = fmt.Sprintf("T.38 refused, voice went on for %s", seconds(millis(s.Last-at)))
			}
		}
		if why == "" {
			continue
		}
		x.report(severity, text, fmt.Sprintf("%s to %s: %s; %s, %.1f %% lost", s.Src, s.Dst, s.Codec, why,
			s.LossPct), remedy).streams(i)
		return
	}
}

func answerTone(s *Stream) string {
	if s.FaxV8 {
		return "the tone of a fax of V.34 or a modem that answers (ANSam, 2100 Hz)"
	}
	return "the tone of a fax or modem that answers (CED, 2100 Hz)"
}

// bothSpeakG711 reports whether G.711 of both parties was seen: then what neither said was not said.
func bothSpeakG711(c *protocol.CDR) bool {
	var from [2]bool
	for i := range c.Streams {
		if s := &c.Streams[i]; (s.Codec == "PCMU" || s.Codec == "PCMA") && s.Packets >= minOneWay {
			from[0], from[1] = from[0] || s.Direction == protocol.FromCaller, from[1] || s.Direction == protocol.FromCallee
		}
	}
	return from[0] && from[1]
}

// t38Time is when T.38 was offered last.
func t38Time(c *protocol.CDR) (t protocol.Time) {
	for i := range c.Messages {
		if m := &c.Messages[i]; request(m, "INVITE") && strings.Contains(m.SDP, "T38") {
			t = m.T
		}
	}
	return t
}
