package link

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// countedWrites counts how often it is written to.
type countedWrites struct {
	*httptest.ResponseRecorder
	n int
}

func (c *countedWrites) Write(b []byte) (int, error) {
	c.n++
	return c.ResponseRecorder.Write(b)
}

func TestFilesAreWrittenInLargePieces(t *testing.T) {
	rec := &countedWrites{ResponseRecorder: httptest.NewRecorder()}
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	w := largeWriter{rec}
	if n, err := io.Copy(w, io.LimitReader(bytes.NewReader(data), int64(len(data)))); err != nil || int(n) != len(data) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if !bytes.Equal(rec.Body.Bytes(), data) {
		t.Error("other bytes came out")
	}
	if want := len(data)/copySize + 1; rec.n != want {
		t.Errorf("%d writes, want %d", rec.n, want)
	}
	if err := http.NewResponseController(w).Flush(); err != nil || !rec.Flushed {
		t.Errorf("flush does not get through: %v", err)
	}
}
