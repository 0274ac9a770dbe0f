package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"voiptop/protocol/sensorapi"
)

const (
	wavHeader  = 44
	wavMaximum = 1<<32 - 1 - wavHeader // bytes of samples: the sizes in the file are of 32 bits
)

// appendWAV appends the header of a file of n bytes of samples of 16 bits.
//
//	"RIFF" size u32 "WAVE" | "fmt " 16 u32 | PCM 1 u16 | channels u16 | rate u32 | bytes a second u32 | bytes a frame u16 |
//	bits 16 u16 | "data" n u32; little-endian
func appendWAV(b []byte, rate, channels int, n int64) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(append(b, "RIFF"...), uint32(n)+wavHeader-8)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*2))
	b = le.AppendUint16(b, uint16(channels*2))
	b = le.AppendUint16(b, 16)
	return le.AppendUint32(append(b, "data"...), uint32(n))
}

// WAV is a WAV file that is made while it is read. Its length is known before; seeking costs a pass over the packets without
// decoding. It has one user.
type WAV struct {
	rec    *Recording
	ctx    context.Context
	gate   *Gate
	o      sensorapi.AudioOptions
	sides  []int
	size   int64
	header []byte

	pos    int64 // where Read goes on
	at     int64 // what chunk begins with, offset in the file
	chunk  []byte
	render *renderer
	closed bool
}

// WAV opens the file. ctx ends it. Work is done within gate, nil: without one.
func (r *Recording) WAV(ctx context.Context, o sensorapi.AudioOptions, gate *Gate) (*WAV, error) {
	sides, err := r.sides(o.Side)
	if err != nil {
		return nil, err
	}
	if _, err := bufferOf(o.Buffer); err != nil {
		return nil, err
	}
	frame := int64(2 * len(sides))
	data := min(r.frames, wavMaximum/frame) * frame
	return &WAV{
		rec: r, ctx: ctx, gate: gate, o: o, sides: sides, size: wavHeader + data,
		header: appendWAV(nil, r.rate, len(sides), data),
	}, nil
}

// Size of the file, bytes.
func (w *WAV) Size() int64 { return w.size }

// Read implements io.Reader.
func (w *WAV) Read(p []byte) (int, error) {
	switch {
	case w.closed:
		return 0, errors.New("read of a closed WAV file")
	case w.pos >= w.size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	case w.pos < wavHeader:
		n := copy(p, w.header[w.pos:])
		w.pos += int64(n)
		return n, nil
	}
	for w.pos < w.at || w.pos >= w.at+int64(len(w.chunk)) {
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p[:min(int64(len(p)), w.size-w.pos)], w.chunk[w.pos-w.at:])
	w.pos += int64(n)
	return n, nil
}

// skipAhead is how far the reader may be ahead of the renderer before it is cheaper to begin anew: seconds.
const skipAhead = 10

// fill makes the chunk that pos is in, or one before it.
func (w *WAV) fill() error {
	if err := w.gate.enter(w.ctx); err != nil {
		return err
	}
	defer w.gate.leave()
	frame := int64(2 * len(w.sides))
	want := (w.pos - wavHeader) / frame
	if w.render != nil && (want < w.render.out || want > w.render.out+skipAhead*int64(w.rec.rate)) {
		w.render.Close()
		w.render = nil
	}
	if w.render == nil {
		var err error
		if w.render, err = w.rec.newRenderer(w.ctx, w.o, want); err != nil {
			return fmt.Errorf("open the packets: %w", err)
		}
	}
	at := w.render.out
	left, right, err := w.render.read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the time line is as long as the file: it cannot end before
		}
		return err
	}
	w.at = wavHeader + at*frame
	w.chunk = w.chunk[:0]
	for i := range left {
		for _, s := range w.sides {
			v := left[i]
			if s == callee {
				v = right[i]
			}
			w.chunk = append(w.chunk, byte(v), byte(v>>8))
		}
	}
	return nil
}

// Seek implements io.Seeker. Nothing is done before the next Read.
func (w *WAV) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.pos
	case io.SeekEnd:
		offset += w.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d, before the start of the file", offset)
	}
	w.pos = offset
	return offset, nil
}

// Close frees what the file holds.
func (w *WAV) Close() error {
	w.closed = true
	if w.render == nil {
		return nil
	}
	err := w.render.Close()
	w.render = nil
	return err
}
