package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"voiptop/protocol"
	"voiptop/sensord/analyze"
	"voiptop/tui/internal/sipmsg"
)

// MessageSearcher is a Source that finds calls by what stands in their messages, bodies included.
type MessageSearcher interface {
	Source
	// InMessages answers the Call-IDs of which, for each of words, some message has it, in any case of ASCII letters. It takes as long
	// as reading the files does.
	InMessages(ctx context.Context, words []string) (map[string]bool, error)
}

// maxWords bounds what is searched for at once: a call's words are bits.
const maxWords = 64

// InMessages reads the files once more.
func (f *File) InMessages(ctx context.Context, words []string) (map[string]bool, error) {
	switch {
	case f.stdin():
		return nil, &protocol.Problem{
			Code: protocol.CodeCaptureNotKept, Title: "messages from standard input cannot be searched", Remedy: "save the packets to a file and read it with -r",
		}
	case len(words) > maxWords:
		return nil, fmt.Errorf("%d words: at most %d can be searched for", len(words), maxWords)
	}
	in, err := analyze.Open(f.paths, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	want := make([][]byte, len(words))
	for i, w := range words {
		want[i] = bytes.ToLower([]byte(w))
	}
	has := map[string]uint64{}
	var lower []byte
	e := analyze.New(analyze.Config{TLSKeys: f.keys, SIP: func(_ *analyze.Datagram, message []byte, _ string) {
		lower = appendLower(lower[:0], message)
		var bits uint64
		for i, w := range want {
			if bytes.Contains(lower, w) {
				bits |= 1 << i
			}
		}
		if id := sipmsg.Value(message, "call-id"); bits != 0 && len(id) > 0 && (len(has) < maxSpans || has[string(id)] != 0) {
			has[string(id)] |= bits
		}
	}}, nothing{})
	var p analyze.Packet
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := in.Next(&p); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read %s: %w", f.name, err)
			}
			break
		}
		e.Packet(&p)
	}
	e.Close()
	found := map[string]bool{}
	for id, bits := range has {
		if bits == 1<<len(words)-1 {
			found[id] = true
		}
	}
	return found, nil
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
