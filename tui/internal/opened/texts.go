package opened

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// texts are the SIP messages of calls, put aside while the capture is read, so that those of a call are there at once: to find them again
// in the capture would take as long as reading it did. In memory there are 8 bytes a message, and the Call-IDs.
//
// In the file a message is, all numbers big-endian:
//
//	 0        8        12       14       16       18
//	+--------+--------+--------+--------+--------+-----+-----+-----------+------
//	| time   | length | length | length | length | src | dst | transport | text
//	| us     | text   | src    | dst    | transp.|     |     |           |
//	+--------+--------+--------+--------+--------+-----+-----+-----------+------
type texts struct {
	mu     sync.Mutex
	file   *os.File
	w      *bufio.Writer
	size   int64
	most   int64              // bytes of all
	ids    int                // Call-IDs at the most
	of     map[string][]int64 // where messages begin, by Call-ID
	failed error              // what comes after it is not there
	buf    []byte
}

const (
	textHead  = 18
	mostTexts = 1 << 30 // bytes; a capture with more is read again for a call whose messages are not there
)

func newTexts(dir string) (*texts, error) {
	f, err := os.Create(filepath.Join(dir, "messages"))
	if err != nil {
		return nil, fmt.Errorf("make room for the messages: %w", err)
	}
	return &texts{file: f, w: bufio.NewWriterSize(f, 256<<10), most: mostTexts, ids: 2 * maxCalls, of: map[string][]int64{}}, nil
}

// add puts a message aside. Requests that begin nothing but transactions outside of calls are left out, unless their Call-ID is a call's.
func (t *texts) add(d *analyze.Datagram, text []byte, transport string) {
	id := sipmsg.Value(text, "call-id")
	t.mu.Lock()
	defer t.mu.Unlock()
	at, known := t.of[string(id)]
	switch {
	case t.failed != nil || len(id) == 0 || len(at) >= maxMessages || t.size >= t.most:
		return
	case !known && (len(t.of) >= t.ids || outside(text)):
		return
	}
	t.buf = append(t.buf[:0], make([]byte, textHead)...)
	for i, end := range [2]string{d.Src.String(), d.Dst.String()} {
		from := len(t.buf)
		t.buf = append(t.buf, end...)
		binary.BigEndian.PutUint16(t.buf[12+2*i:], uint16(len(t.buf)-from))
	}
	t.buf = append(t.buf, transport...)
	binary.BigEndian.PutUint64(t.buf, uint64(protocol.TimeFromNanos(d.Time)))
	binary.BigEndian.PutUint32(t.buf[8:], uint32(len(text)))
	binary.BigEndian.PutUint16(t.buf[16:], uint16(len(transport)))
	_, err := t.w.Write(t.buf)
	if err == nil {
		_, err = t.w.Write(text)
	}
	if err != nil {
		t.failed = err
		return
	}
	t.of[string(id)] = append(at, t.size)
	t.size += int64(len(t.buf) + len(text))
}

// outside reports whether a message is of a transaction that is mostly outside of calls.
func outside(text []byte) bool {
	_, method, _ := bytes.Cut(sipmsg.Value(text, "cseq"), []byte(" "))
	switch string(bytes.TrimSpace(method)) {
	case "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH", "MESSAGE":
		return true
	}
	return false
}

// messages are those of a call; ok is false if some of its record are not among them.
func (t *texts) messages(r *protocol.CDR) (all []message, ok bool, err error) {
	t.mu.Lock()
	at := t.of[r.CallID]
	err = t.w.Flush()
	t.mu.Unlock()
	if err != nil {
		return nil, false, fmt.Errorf("put messages aside: %w", err)
	}
	seen := make(map[protocol.Time]bool, len(at))
	for _, from := range at {
		m, err := t.read(from)
		if err != nil {
			return nil, false, fmt.Errorf("read a message again: %w", err)
		}
		all = append(all, m)
		seen[m.T] = true
	}
	for i := range r.Messages {
		if !seen[r.Messages[i].T] {
			return nil, false, nil
		}
	}
	return all, true, nil
}

func (t *texts) read(at int64) (m message, err error) {
	head := make([]byte, textHead)
	if _, err := t.file.ReadAt(head, at); err != nil {
		return m, err
	}
	size := func(i int) int { return int(binary.BigEndian.Uint16(head[i:])) }
	src, dst, transport := size(12), size(14), size(16)
	b := make([]byte, src+dst+transport+int(binary.BigEndian.Uint32(head[8:])))
	if _, err := t.file.ReadAt(b, at+textHead); err != nil {
		return m, err
	}
	m.T = protocol.Time(binary.BigEndian.Uint64(head))
	m.Src, b = string(b[:src]), b[src:]
	m.Dst, b = string(b[:dst]), b[dst:]
	m.Transport, b = string(b[:transport]), b[transport:]
	m.Text = strings.ToValidUTF8(string(b), "\ufffd")
	return m, nil
}

func (t *texts) close() error { return errors.Join(t.file.Close(), os.Remove(t.file.Name())) }
