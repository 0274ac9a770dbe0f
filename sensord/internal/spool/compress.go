package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"

	seekable "github.com/SaveTheRbtz/zstd-seekable-format-go/pkg"
	"github.com/klauspost/compress/zstd"

	"voiptop/protocol"
)

// Captures of ended calls are compressed, one at a time, when Config.Compress is set: as seekable zstd (the Zstandard
// seekable format 0.1.0), in frames of frameSize bytes of the pcapng file, so that any part of it can be read by itself. The
// plain file goes when the compressed one is on the disk and has its name.

const (
	frameSize = 256 << 10
	// maxDecoded bounds what a frame may expand to, and with it what a damaged file may cost.
	maxDecoded = 2 * frameSize
)

// wantCompressed puts a capture into the queue. The spool's lock is held, or nobody else has the spool yet.
func (s *Spool) wantCompressed(u protocol.UUID) {
	if s.cfg.Compress {
		s.compressing = append(s.compressing, u)
		s.compressWake.Signal()
	}
}

// compress is the compressing goroutine.
func (s *Spool) compress() {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(frameSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		s.cfg.Log.Error("captures are not compressed", "err", err)
		return
	}
	for {
		s.mu.Lock()
		for len(s.compressing) == 0 && !s.closed {
			s.compressWake.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return // the rest waits for the next start
		}
		u := s.compressing[0]
		s.compressing = s.compressing[1:]
		c := s.ready[u]
		s.mu.Unlock()
		if c == nil || c.zst {
			continue // expired, or done
		}
		if err := s.compressFile(c, enc); err != nil && !errors.Is(err, errStopping) {
			s.cfg.Log.Warn("a capture is not compressed", "name", filePath(u), "err", err)
		}
	}
}

var errStopping = errors.New("the spool is closing")

// compressFile puts the compressed form of a capture in its place.
func (s *Spool) compressFile(c *capture, enc *zstd.Encoder) (err error) {
	f, info, err := s.openRegular(filePath(c.id), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return nil // expired
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if free, want := s.reserve(); s.cfg.MinFree >= 0 && free < want+uint64(info.Size()) {
		return nil // both do not fit; the next start tries again
	}
	z := &capture{id: c.id, zst: true}
	part := z.name() + partSuffix
	defer func() {
		if err != nil {
			s.removeFile(part)
		}
	}()
	size, err := s.writeCompressed(part, f, info.Size(), info.ModTime(), enc)
	if err != nil {
		return err
	}
	if err := s.root.Rename(part, z.name()); err != nil {
		return err
	}
	if err := s.syncFolder(path.Dir(z.name())); err != nil {
		s.removeFile(z.name())
		return err
	}
	s.mu.Lock()
	current := s.ready[c.id] == c
	if current {
		c.zst = true
		s.bytes += size - c.size
		c.size = size
		s.count.compressed++
	}
	s.mu.Unlock()
	if !current { // expired meanwhile, or replaced
		s.removeFile(z.name())
		return nil
	}
	s.removeFile(filePath(c.id))
	return nil
}

// writeCompressed writes size bytes of a capture, compressed, and answers how many bytes they have become on the disk.
func (s *Spool) writeCompressed(name string, from io.Reader, size int64, modified time.Time, enc *zstd.Encoder) (int64, error) {
	s.removeFile(name)
	f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w, err := seekable.NewWriter(f, enc)
	if err != nil {
		return 0, err
	}
	frame := make([]byte, frameSize)
	for left := size; left > 0; {
		if s.closing() {
			return 0, errStopping
		}
		b := frame[:min(left, frameSize)]
		if _, err := io.ReadFull(from, b); err != nil {
			return 0, err
		}
		if _, err := w.Write(b); err != nil {
			return 0, err
		}
		left -= int64(len(b))
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	// What is going to stand alone is looked at first: its index must lead to all of it.
	e, whole, err := expand(f)
	if err != nil {
		return 0, err
	}
	if err := e.(*expanded).r.Close(); err != nil {
		return 0, err
	}
	if whole != size {
		return 0, fmt.Errorf("the compressed file holds %d bytes of %d", whole, size)
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if err := s.root.Chtimes(name, modified, modified); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (s *Spool) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// syncFolder brings the names in a folder to the disk.
func (s *Spool) syncFolder(name string) error {
	d, err := s.root.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// decoder is shared by all readers: DecodeAll keeps no state.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderMaxMemory(maxDecoded))
})

// expanded is a compressed file as the pcapng file in it.
type expanded struct {
	r *seekable.Reader
	f *os.File
}

// expand opens the pcapng file in a compressed one, and tells its size.
func expand(f *os.File) (content, int64, error) {
	d, err := decoder()
	if err != nil {
		return nil, 0, err
	}
	r, err := seekable.NewReader(f, d)
	if err != nil {
		return nil, 0, fmt.Errorf("read the index of a compressed capture: %w", err)
	}
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, err
	}
	return &expanded{r, f}, size, nil
}

func (e *expanded) Read(p []byte) (int, error)               { return e.r.Read(p) }
func (e *expanded) ReadAt(p []byte, at int64) (int, error)   { return e.r.ReadAt(p, at) }
func (e *expanded) Seek(at int64, whence int) (int64, error) { return e.r.Seek(at, whence) }
func (e *expanded) Close() error                             { return errors.Join(e.r.Close(), e.f.Close()) }
