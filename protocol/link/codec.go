package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"voiptop/protocol"
)

// Media types of the link.
const (
	TypeCBOR    = "application/cbor"
	TypeProblem = "application/problem+cbor"
)

var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortNone,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		ShortestFloat: cbor.ShortestFloat16,
	}.EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  12,
		MaxArrayElements: 4096,
		MaxMapPairs:      512,
		// SIP is not always UTF-8. A call with a Latin-1 name must not stop the queue; hosted replaces what is invalid.
		UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode())
	// One encoder and one decoder serve all goroutines: EncodeAll and DecodeAll keep no state between calls.
	zstdEnc = must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20)))
	zstdDec = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxBatchRaw), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(true)))
)

// must is for options that are constants: an error is a mistake in this file.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Marshal encodes v as CBOR with integer keys, as the link and the journal carry it.
func Marshal(v any) ([]byte, error) { return encMode.Marshal(v) }

// Unmarshal decodes one CBOR item and nothing after it. Depth and counts are bounded, keys that v does not know are
// skipped, strings may hold invalid UTF-8.
func Unmarshal(b []byte, v any) error { return decMode.Unmarshal(b, v) }

// EncodeBatch encodes and compresses a batch.
func EncodeBatch(b *Batch) ([]byte, error) {
	raw, err := Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode batch: %w", err)
	}
	return zstdEnc.EncodeAll(raw, nil), nil
}

// ErrTooLarge is the cause of an error when a message or batch is beyond its bound.
var ErrTooLarge = errors.New("larger than the bound")

// DecodeBatch is the inverse of EncodeBatch. It bounds what a hostile sensor can make it allocate: at most MaxBatchRaw
// decompressed, MaxBatch records, MaxRecord each. The records are left as they are.
func DecodeBatch(body []byte) (*Batch, error) {
	if len(body) > MaxBatchBytes {
		return nil, fmt.Errorf("batch of %d bytes, at most %d: %w", len(body), MaxBatchBytes, ErrTooLarge)
	}
	raw, err := zstdDec.DecodeAll(body, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, fmt.Errorf("batch decompresses to more than %d bytes: %w", MaxBatchRaw, ErrTooLarge)
	case err != nil:
		return nil, fmt.Errorf("decompress batch: %w", err)
	}
	b := &Batch{}
	if err := Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("decode batch: %w", err)
	}
	if len(b.CDRs) > MaxBatch {
		return nil, fmt.Errorf("batch of %d CDRs, at most %d: %w", len(b.CDRs), MaxBatch, ErrTooLarge)
	}
	for i, r := range b.CDRs {
		if len(r) > MaxRecord {
			return nil, fmt.Errorf("CDR %d of %d bytes, at most %d: %w", b.First+uint64(i), len(r), MaxRecord, ErrTooLarge)
		}
	}
	return b, nil
}

// ReadMessage decodes a message of at most limit bytes from r.
func ReadMessage(r io.Reader, limit int64, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if int64(len(b)) > limit {
		return fmt.Errorf("message of more than %d bytes: %w", limit, ErrTooLarge)
	}
	if err := Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}

// WriteMessage answers with v.
func WriteMessage(w http.ResponseWriter, v any) {
	b, err := Marshal(v)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	w.Header().Set("Content-Type", TypeCBOR)
	_, _ = w.Write(b) // the peer is gone: nobody is left to tell
}

// WriteProblem answers with err; one that is no *protocol.Problem becomes "internal".
func WriteProblem(w http.ResponseWriter, err error) {
	var p *protocol.Problem
	if !errors.As(err, &p) {
		p = &protocol.Problem{Code: protocol.CodeInternal, Title: err.Error()}
	}
	q := *p
	if q.Status == 0 {
		q.Status = http.StatusInternalServerError
	}
	b, err := Marshal(&q)
	if err != nil {
		b = nil // strings and an integer: cannot fail
	}
	w.Header().Set("Content-Type", TypeProblem)
	w.WriteHeader(q.Status)
	_, _ = w.Write(b)
}

// readAnswer decodes an answer into v, or gives the problem it carries.
func readAnswer(res *http.Response, v any) error {
	if res.StatusCode/100 == 2 {
		if v == nil {
			return nil
		}
		return ReadMessage(res.Body, MaxMessage, v)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxMessage))
	if err != nil {
		return fmt.Errorf("read answer %s: %w", res.Status, err)
	}
	p := &protocol.Problem{}
	if t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); t != TypeProblem || Unmarshal(b, p) != nil || p.Code == "" {
		p = &protocol.Problem{
			Code: protocol.CodeInternal, Title: "hosted answered " + res.Status,
			Detail: string(bytes.ToValidUTF8(b[:min(len(b), 200)], []byte("?"))),
		}
	}
	p.Status = res.StatusCode
	return p
}
