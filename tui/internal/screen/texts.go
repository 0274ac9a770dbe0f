package screen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"voiptop/protocol"
	"voiptop/tui/source"
)

const (
	maxTexts     = 16 << 20 // bytes of messages of one conversation in memory
	textsTimeout = 10 * time.Minute
)

// errEnough ends the reading of messages that there is no room for.
var errEnough = errors.New("no room for more messages")

// texts are the messages of the calls of a conversation, whole, as far as they can be had.
type texts struct {
	state textState
	by    map[string][]source.Text // by Call-ID
	err   error                    // why there are none
	cut   bool                     // there were more than maxTexts
	calls int                      // that were asked for
	seen  int                      // messages that the calls had then

	done atomic.Int64 // bytes of messages that have come
	stop context.CancelFunc
}

type textState uint8

const (
	textsUnread textState = iota
	textsComing
	textsHere
)

// textsMsg is the answer to a reading.
type textsMsg struct {
	of  *texts
	by  map[string][]source.Text
	cut bool
	err error
}

// read asks the source for the messages of calls.
func (x *texts) read(e *env, calls []*protocol.CDR) tea.Cmd {
	r, ok := e.Source.(source.Reader)
	if !ok || x.state == textsComing {
		return nil
	}
	x.state, x.calls, x.seen = textsComing, len(calls), messagesOf(calls)
	ctx, cancel := context.WithTimeout(e.ctx, textsTimeout)
	x.stop = cancel
	calls = slices.Clone(calls)
	return func() tea.Msg {
		defer cancel()
		m := textsMsg{of: x, by: map[string][]source.Text{}}
		room := maxTexts
		m.err = r.Texts(ctx, calls, func(done, _ int64) { x.done.Store(done) }, func(t source.Text) error {
			if room -= len(t.Raw); room < 0 {
				m.cut = true
				return errEnough
			}
			m.by[t.CallID] = append(m.by[t.CallID], t)
			return nil
		})
		if errors.Is(m.err, errEnough) {
			m.err = nil
		}
		return m
	}
}

func (x *texts) take(m textsMsg) {
	x.state, x.err, x.cut = textsHere, m.err, m.cut
	if m.err == nil || len(m.by) > 0 {
		x.by = m.by
	}
}

// leave ends a reading that nobody waits for any more.
func (x *texts) leave() {
	if x.stop != nil {
		x.stop()
	}
}

// unasked reports whether messages are read without being asked for: that costs nobody anything. Of a fleet they are audited as
// packets are, and may take another country's line.
func unasked(e *env) bool { return !isFleet(e.Source) }

func messagesOf(calls []*protocol.CDR) (n int) {
	for _, c := range calls {
		n += len(c.Messages)
	}
	return n
}

// of finds the text of a message of a record, nil if it is not there.
func (x *texts) of(c *protocol.CDR, i int) *source.Text {
	m := &c.Messages[i]
	list := x.by[c.CallID]
	nth := 0 // among the messages that look the same, should times differ: a HEP sender's clock may have been replaced
	for k := range c.Messages[:i] {
		if same := &c.Messages[k]; same.FirstLine == m.FirstLine && same.CSeq == m.CSeq && same.Src == m.Src {
			nth++
		}
	}
	var like *source.Text
	for k := range list {
		t := &list[k]
		if t.Src != m.Src || t.Dst != m.Dst || !begins(t.Raw, m.FirstLine) {
			continue
		}
		if t.T == m.T {
			return t
		}
		if nth--; nth == -1 {
			like = t
		}
	}
	return like
}

// begins reports whether a message may have the first line of a record, which may be cut.
func begins(raw []byte, line string) bool {
	head, _, _ := strings.Cut(string(raw[:min(len(raw), 40)]), "\r")
	n := min(len(head), len(line), 24)
	return head[:n] == line[:n]
}

// missing says why a message is not here whole, and what to do: lines for a person. asked is what the call's record says of its
// packets.
func (x *texts) missing(e *env, c *protocol.CDR) []string {
	if _, ok := e.Source.(source.Reader); !ok {
		return []string{"Messages are not to be had here"}
	}
	switch {
	case x.state == textsComing:
		if done := x.done.Load(); done > 0 {
			return []string{fmt.Sprintf("Reading the messages: %s bytes", short(float64(done)))}
		}
		return []string{"Reading the messages"}
	case x.state == textsUnread && (c.Capture.Kept.Rank() > 0 || c.End == 0):
		return []string{"enter reads the messages from the sensor"}
	case x.err != nil:
		return append(explain(x.err), notKeptRemedy(c)...)
	case x.state == textsHere && x.cut:
		return []string{"This message is not here: the conversation has more than fits into memory", "w saves its packets"}
	case x.state == textsHere && len(x.by[c.CallID]) > 0:
		return []string{"This message is not among those that are kept", "packets were lost or had to be let go, or the message came before the rule was written"}
	}
	return append([]string{"The sensor has only this summary of the message: no rule kept the call's packets"}, notKeptRemedy(c)...)
}

// notKeptRemedy is what to do so that the next such call is kept.
func notKeptRemedy(c *protocol.CDR) []string {
	if c.Capture.Kept.Rank() > 0 {
		return nil
	}
	return []string{"R writes a rule that keeps the next such call"}
}
