package source

import (
	"bytes"
	"testing"
)

func TestADownloadGoesOnWhereAnEarlierOneEnded(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	f := &flaky{data: data, tag: "t1", after: 70_000}
	var w sizedBuffer
	_, n, err := flakyHosted(t, f).Continue(t.Context(), someCall, true, 123_456, &w)
	if err != nil || n != int64(len(data)-123_456) || !bytes.Equal(w.Bytes(), data[123_456:]) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if len(w.sizes) != 1 || w.sizes[0] != int64(len(data)) {
		t.Errorf("told of %v bytes, want %d once", w.sizes, len(data))
	}
	if want := "/api/v1/calls/" + someCall + "/capture?group=1 bytes=123456- "; f.asked[0] != want {
		t.Errorf("asked %q, want %q", f.asked[0], want)
	}
}
