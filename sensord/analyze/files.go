package analyze

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"voiptop/protocol"
	"voiptop/sensord/internal/capture"
)

// Warning says that an input could not be read to its end, see capture.Warning.
type Warning = capture.Warning

// Open opens capture files, merged by time, see capture.Open. stdin is what "-" reads.
func Open(paths []string, stdin io.Reader) (Filler, error) {
	return capture.Open(paths, capture.Options{Stdin: stdin})
}

// OpenLive opens a capture that is being made and comes through a pipe: while nothing comes, its packets are not kept waiting for others
// that may belong before them.
func OpenLive(stdin io.Reader) (Source, error) {
	return capture.Open([]string{"-"}, capture.Options{Stdin: stdin, Live: true})
}

// ReadKeyLog reads a TLS key log (SSLKEYLOGFILE), for Config.TLSKeys and Engine.Keys. The answer is not nil, unless err is.
func ReadKeyLog(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key log: %w", err)
	}
	return b, nil
}

// Summary says what an input held.
type Summary struct {
	Packets  uint64
	Bytes    uint64
	Calls    uint64
	Streams  uint64
	First    protocol.Time // of the packets; 0: there were none
	Last     protocol.Time
	Counters protocol.Counters // everything that was counted, what was not understood included
	Warnings []Warning         // inputs that were cut or damaged
}

// Files analyses capture files, merged by time, and answers all records in the order of their start. "-" reads stdin.
func Files(ctx context.Context, paths []string, stdin io.Reader, cfg Config) ([]*protocol.CDR, Summary, error) {
	src, err := Open(paths, stdin)
	if err != nil {
		return nil, Summary{}, err
	}
	defer src.Close()
	var list []*protocol.CDR
	s, err := Run(ctx, src, cfg, func(c *protocol.CDR) error {
		list = append(list, c)
		return nil
	})
	slices.SortStableFunc(list, func(a, b *protocol.CDR) int { return cmp.Compare(a.Start, b.Start) })
	return list, s, err
}
