package hep

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
)

// maxInflated bounds a payload that was compressed, in bytes: what a datagram could have carried.
const maxInflated = 1 << 16

// ErrCompressed is the error of a payload that cannot be decompressed, or is too large then.
var ErrCompressed = errors.New("a compressed HEP payload that is damaged or larger than 65536 bytes")

// Inflater decompresses payloads (chunk 16): zlib, or gzip. The zero value is ready.
type Inflater struct {
	in   bytes.Reader
	zlib io.ReadCloser // also a zlib.Resetter
	gzip gzip.Reader
	out  []byte
}

// Inflate decompresses b. What it returns is valid until the next call.
func (f *Inflater) Inflate(b []byte) ([]byte, error) {
	f.in.Reset(b)
	var r io.Reader = &f.gzip
	var err error
	switch {
	case len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b:
		err = f.gzip.Reset(&f.in)
	case f.zlib == nil:
		f.zlib, err = zlib.NewReader(&f.in)
		r = f.zlib
	default:
		err = f.zlib.(zlib.Resetter).Reset(&f.in, nil)
		r = f.zlib
	}
	if err != nil {
		return nil, ErrCompressed
	}
	if f.out == nil {
		f.out = make([]byte, maxInflated+1)
	}
	n, err := io.ReadFull(r, f.out)
	if n > maxInflated || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, ErrCompressed
	}
	return f.out[:n], nil
}
