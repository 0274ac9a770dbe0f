// Package ladder is the picture of a call or a conversation: its endpoints as columns, its messages and streams as arrows in order of
// time. Build makes the rows of the calls' records; View draws them on a terminal, Text and SVG for a file.
//
// It is not for choosing or scrolling rows: the call's screen does.
package ladder

import (
	"fmt"
	"strconv"
	"strings"

	"voiptop/protocol"
)

func (b *builder) message(call, i int) {
	m := &b.l.Calls[call].Messages[i]
	options := strings.HasSuffix(m.CSeq, " OPTIONS")
	if !b.o.Repeats && (m.Retransmission && b.repeat(call, i) || options && b.ping(call, i)) {
		return
	}
	r := Row{T: m.T, From: b.column(m.Src), To: b.column(m.Dst), Count: 1, Call: call, Message: i, Stream: -1, last: m.T}
	r.Label, r.Status = label(m)
	if r.Status > 0 {
		r.Kind = Response
	}
	switch {
	case m.Retransmission:
		r.Note, r.Grade = "again", protocol.SeverityWarn
	case r.Status >= 500:
		r.Grade = protocol.SeverityBad
	case r.Status >= 400 && r.Status != 401 && r.Status != 407 && r.Status != 487:
		r.Grade = protocol.SeverityWarn
	}
	b.l.Rows = append(b.l.Rows, r)
}

// repeat counts a retransmission on the row of the message that it repeats.
func (b *builder) repeat(call, message int) bool {
	m := &b.l.Calls[call].Messages[message]
	for i := len(b.l.Rows) - 1; i >= 0; i-- {
		r := &b.l.Rows[i]
		if r.Call != call {
			continue
		}
		first := &b.l.Calls[call].Messages[r.Message]
		if first.FirstLine != m.FirstLine || first.CSeq != m.CSeq || first.Src != m.Src || first.Dst != m.Dst {
			continue
		}
		r.Count++
		r.last, r.also = m.T, append(r.also, message)
		after := "+" + seconds(m.T.Sub(first.T))
		switch {
		case r.Count == 2:
			r.Note = "again " + after
		case r.Count <= 4:
			r.Note += " " + after
		case r.Count == 5:
			r.Note += " ..."
		}
		if r.Grade == "" {
			r.Grade = protocol.SeverityWarn
		}
		return true
	}
	return false
}

// ping counts an OPTIONS, or the answer to one, on the row of the first that took the same way: hosts ask each other all the time
// whether they are there.
func (b *builder) ping(call, message int) bool {
	m := &b.l.Calls[call].Messages[message]
	text, status := label(m)
	for i := range b.l.Rows {
		r := &b.l.Rows[i]
		if r.Call != call || r.Message < 0 || r.Status != status || r.Label != text || b.l.Calls[call].Messages[r.Message].Src != m.Src || b.l.Calls[call].Messages[r.Message].Dst != m.Dst {
			continue
		}
		r.Count++
		r.last, r.also = m.T, append(r.also, message)
		r.Note = "until +" + seconds(m.T.Sub(r.T))
		return true
	}
	return false
}

// label is a message in a few characters: "INVITE SDP", "180", "200 SDP PCMA", "486 Busy Here", "200 BYE".
func label(m *protocol.Message) (text string, status int) {
	method, rest, _ := strings.Cut(m.FirstLine, " ")
	if !strings.HasPrefix(method, "SIP/") {
		if m.SDP != "" {
			method += " SDP"
		}
		return method, 0
	}
	code, phrase, _ := strings.Cut(rest, " ")
	status, _ = strconv.Atoi(code)
	text = code
	if status >= 300 {
		text += " " + phrase
	}
	if _, of, _ := strings.Cut(m.CSeq, " "); of != "INVITE" && of != "" {
		text += " " + of
	}
	if m.SDP != "" {
		text += " SDP"
		for _, codec := range strings.FieldsFunc(m.SDP, func(r rune) bool { return r == ' ' || r == ',' }) {
			if codec != "telephone-event" {
				text += " " + codec // the first is the one that is used
				break
			}
		}
	}
	return text, max(status, 1)
}

func (b *builder) stream(call, i int) {
	c := b.l.Calls[call]
	s := &c.Streams[i]
	r := Row{Kind: Media, T: s.First, Count: 1, Call: call, Message: -1, Stream: i}
	r.From, r.To = b.mediaColumns(c, s)
	mos := "-"
	if s.MOSAdapt.Avg > 0 {
		mos = fmt.Sprintf("%.2f", s.MOSAdapt.Avg)
	}
	r.Label = fmt.Sprintf("RTP %s %.1f%%", mos, s.LossPct)
	var notes []string
	if s.Encrypted {
		notes = append(notes, "encrypted")
	}
	switch {
	case s.LossPct >= 5, s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < protocol.PoorMOS:
		r.Grade = protocol.SeverityBad
	case s.LossPct >= 1, s.MOSAdapt.Avg > 0 && s.MOSAdapt.Avg < protocol.FairMOS:
		r.Grade = protocol.SeverityWarn
	}
	if s.Bursts[9] > 0 {
		notes = append(notes, fmt.Sprintf("gaps of 10+: %d", s.Bursts[9]))
	}
	if s.DTMF != "" {
		notes = append(notes, "DTMF "+s.DTMF)
	}
	if s.DTMFInband != "" {
		notes = append(notes, "DTMF in the voice "+s.DTMFInband)
	}
	if len(s.Tones) > 0 {
		notes = append(notes, strings.Join(s.Tones, " "))
	}
	if len(notes) == 0 && s.Codec != "" {
		notes = append(notes, s.Codec)
	}
	r.Note = strings.Join(notes, ", ")
	b.l.Rows = append(b.l.Rows, r)
}
