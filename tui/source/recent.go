package source

import "voiptop/protocol"

// recent keeps the last messages of an input that cannot be read again: tcpdump -w - | voiptop -r -. The File's mutex guards it.
type recent struct {
	by    map[string][]Text // by Call-ID
	order []string          // Call-IDs, in the order of their first message
	bytes int
	gone  bool // something was let go
}

// maxRecent bounds what is kept, in bytes of messages. The oldest call goes first.
const maxRecent = 64 << 20

func (r *recent) add(t Text) {
	if _, ok := r.by[t.CallID]; !ok {
		r.order = append(r.order, t.CallID)
	}
	r.by[t.CallID] = append(r.by[t.CallID], t)
	r.bytes += r.size(t)
	for r.bytes > maxRecent && len(r.order) > 1 {
		for _, old := range r.by[r.order[0]] {
			r.bytes -= r.size(old)
		}
		delete(r.by, r.order[0])
		r.order = r.order[1:]
		r.gone = true
	}
}

// size is what a message takes, about.
func (*recent) size(t Text) int { return len(t.Raw) + 200 }

// fromRecent gives the messages of calls as far as they are still there.
func (f *File) fromRecent(calls []*protocol.CDR, emit func(Text) error) error {
	var list []Text
	f.mu.Lock()
	for _, c := range calls {
		list = append(list, f.recent.by[c.CallID]...)
	}
	gone := f.recent.gone
	f.mu.Unlock()
	if len(list) == 0 && gone {
		return &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Title: "the messages of this call are no longer in memory: standard input cannot be read again",
			Remedy: "save the packets to a file and read it with -r",
		}
	}
	for _, t := range list {
		if err := emit(t); err != nil {
			return err
		}
	}
	return nil
}
