package source

import (
	"bytes"
	"context"
	"fmt"

	"voiptop/sensord/analyze"
)

// TextSearcher is a Source that finds calls by what stands in their messages, bodies included.
type TextSearcher interface {
	Source
	// InText answers the Call-IDs of which, for each of words, some message has it, in any case of ASCII letters. It takes as long
	// as reading the files does.
	InText(ctx context.Context, words []string) (map[string]bool, error)
}

// maxWords bounds what is searched for at once: a call's words are bits.
const maxWords = 64

// InText reads the files once more; of standard input it looks through the messages that are in memory.
func (f *File) InText(ctx context.Context, words []string) (map[string]bool, error) {
	if len(words) > maxWords {
		return nil, fmt.Errorf("%d words: at most %d can be searched for", len(words), maxWords)
	}
	s := newSearch(words)
	if f.recent != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for id, list := range f.recent.by {
			for i := range list {
				s.look([]byte(id), list[i].Raw)
			}
		}
		return s.found(), nil
	}
	in, err := analyze.Open(f.paths, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	err = analyze.Messages(ctx, in, f.keys, func(_ *analyze.Datagram, callID, message []byte, _ string) error {
		s.look(callID, message)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.name, err)
	}
	return s.found(), nil
}

// search collects which calls have which of the words.
type search struct {
	want  [][]byte          // in lower case
	has   map[string]uint64 // of Call-IDs, a bit a word
	lower []byte
}

func newSearch(words []string) *search {
	s := &search{has: map[string]uint64{}}
	for _, w := range words {
		s.want = append(s.want, appendLower(nil, []byte(w)))
	}
	return s
}

func (s *search) look(id, message []byte) {
	s.lower = appendLower(s.lower[:0], message)
	var bits uint64
	for i, w := range s.want {
		if bytes.Contains(s.lower, w) {
			bits |= 1 << i
		}
	}
	if bits != 0 && len(id) > 0 && (len(s.has) < maxSpans || s.has[string(id)] != 0) {
		s.has[string(id)] |= bits
	}
}

// found are the Call-IDs that have all of the words.
func (s *search) found() map[string]bool {
	out := map[string]bool{}
	for id, bits := range s.has {
		if bits == 1<<len(s.want)-1 {
			out[id] = true
		}
	}
	return out
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
