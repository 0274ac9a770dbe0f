package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

// keyLog follows a TLS key log (SSLKEYLOGFILE) that grows: the conf's tls_keylog. What stands in it is never logged.
type keyLog struct {
	path string
	log  *slog.Logger

	file    os.FileInfo // as it was read last; nil before
	at      int64       // how far it has been read
	partial []byte      // a line whose end was not written yet
	problem string      // that was logged
}

const (
	keyLogEvery = 200 * time.Millisecond
	keyLogChunk = 16 << 20 // read at once; of a file that is larger at first, the end
)

// follow gives new lines to take until ctx ends.
func (k *keyLog) follow(ctx context.Context, take func(lines []byte) error) {
	t := time.NewTicker(keyLogEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if lines := k.read(); len(lines) > 0 && take(lines) != nil {
				return // the engine has stopped
			}
		}
	}
}

// read returns the whole lines that were added since it was called last. A file that is not there, or cannot be read, is
// logged once; it may come.
func (k *keyLog) read() []byte {
	lines, err := k.more()
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem != "" && problem != k.problem {
		k.log.Warn("the TLS key log cannot be read; it is tried again", "err", err)
	}
	k.problem = problem
	return lines
}

func (k *keyLog) more() ([]byte, error) {
	st, err := os.Stat(k.path)
	if err != nil {
		return nil, fmt.Errorf("tls_keylog: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("tls_keylog %s: not a regular file", k.path)
	}
	switch {
	case k.file == nil && st.Size() > keyLogChunk:
		k.at = st.Size() - keyLogChunk
	case k.file != nil && (!os.SameFile(k.file, st) || st.Size() < k.at): // replaced, or begun anew
		k.at, k.partial = 0, nil
	case k.file != nil && st.Size() == k.at:
		return nil, nil
	}
	f, err := os.Open(k.path)
	if err != nil {
		return nil, fmt.Errorf("tls_keylog: %w", err)
	}
	defer f.Close()
	b := make([]byte, min(st.Size()-k.at, keyLogChunk))
	n, err := f.ReadAt(b, k.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tls_keylog %s: %w", k.path, err)
	}
	b = b[:n]
	k.file = st
	k.at += int64(n)
	if len(k.partial) > 0 {
		b = append(k.partial, b...)
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	k.partial = bytes.Clone(b[end:])
	if len(k.partial) > keyLogLine {
		k.partial = nil // no key log
	}
	return b[:end], nil
}

// keyLogLine is longer than any line of a key log.
const keyLogLine = 4 << 10
