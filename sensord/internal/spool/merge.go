package spool

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
)

const (
	// maxMerged is how many captures are merged at the most; each is an open file.
	maxMerged = 64
	// maxMeasured is up to which sum of their sizes captures are merged twice: once to know the size of the result, which is
	// what progress and Range want. 256 MiB are half a second.
	maxMeasured = 256 << 20
	// recentPackets is among how many packets written last a duplicate is looked for.
	recentPackets = 1024
)

// Merge opens the captures of several calls as one pcapng file, in the order of time. Its comments name each call, and each
// interface is named after its call. A packet that two of the calls have, with the same bytes at the same time, is in it once.
// Calls without a capture are left out; when none has one, the error is that of the first. The caller closes it.
func (s *Spool) Merge(calls []protocol.UUID) (*sensorapi.CaptureFile, error) {
	var in []*Reader
	var first error
	for _, u := range calls {
		r, err := s.Read(u)
		switch {
		case err == nil:
			in = append(in, r)
		case first == nil:
			first = err
		}
		if len(in) == maxMerged {
			break
		}
	}
	if len(in) == 0 {
		return nil, cmp.Or(first, ErrNotKept)
	}
	return merge(in)
}

// merge makes one file of captures. It closes them when it fails.
func merge(in []*Reader) (*sensorapi.CaptureFile, error) {
	slices.SortFunc(in, func(a, b *Reader) int { return cmp.Compare(string(a.ID[:]), string(b.ID[:])) }) // by start
	f := &sensorapi.CaptureFile{
		Name: in[0].Name("_group" + suffix), Size: -1, ReadSeekCloser: &merged{in: in}, Tag: mergedTag(in),
	}
	var sum int64
	for _, r := range in {
		sum += r.Size
		if r.ModTime.After(f.ModTime) {
			f.ModTime = r.ModTime
		}
	}
	if sum <= maxMeasured {
		n, err := f.Seek(0, io.SeekEnd)
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("merge captures: %w", err)
		}
		f.Size = n
	}
	return f, nil
}

// mergedTag stands for the bytes that the merge of these captures gives.
func mergedTag(in []*Reader) string {
	h := sha256.New()
	for _, r := range in {
		h.Write(r.ID[:])
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(r.Size)))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// merged is captures read as one file. It is made anew whenever the place that is sought to is behind.
type merged struct {
	in     []*Reader
	merger *merger // nil: at 0
	at     int64   // how much of it was read
	want   int64   // where the next Read is to begin
	size   int64   // 0: not known yet
}

// Read implements io.Reader.
func (m *merged) Read(p []byte) (int, error) {
	if err := m.forward(m.want); err != nil {
		return 0, err
	}
	n, err := m.merger.Read(p)
	m.at += int64(n)
	m.want = m.at
	return n, err
}

// forward brings the merger to a place.
func (m *merged) forward(to int64) error {
	if m.merger == nil || m.at > to {
		g, err := newMerger(m.in)
		if err != nil {
			return err
		}
		m.merger, m.at = g, 0
	}
	n, err := io.CopyN(io.Discard, m.merger, to-m.at)
	m.at += n
	return err
}

// Seek implements io.Seeker. The end is found by merging.
func (m *merged) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += m.want
	case io.SeekEnd:
		if m.size == 0 {
			if err := m.forward(m.at); err != nil {
				return 0, err
			}
			n, err := io.Copy(io.Discard, m.merger)
			m.at += n
			if err != nil {
				return 0, err
			}
			m.size = m.at
		}
		offset += m.size
	}
	if offset < 0 {
		return 0, errors.New("merged capture: seek before the beginning")
	}
	m.want = offset
	return offset, nil
}

// Close implements io.Closer.
func (m *merged) Close() error {
	var errs []error
	for _, r := range m.in {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
