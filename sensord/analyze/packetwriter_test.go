package analyze

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestPacketsAreReadAsTheyWereWritten(t *testing.T) {
	want := []Packet{
		{Time: 1_795_000_000_123_456_789, Data: []byte("one"), Length: 3, Link: 1},
		{Time: 1_795_000_001_000_000_000, Data: []byte("two, cut"), Length: 900, Link: 101},
		{Time: 1_795_000_002_000_000_001, Data: []byte{}, Length: 60, Link: 1},
	}
	var b bytes.Buffer
	w := NewPacketWriter(&b, "test 1", "Call-ID: a")
	for i := range want {
		if err := w.Write(&want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil || w.Bytes() != int64(b.Len()) || w.Packets() != 3 {
		t.Fatalf("%v, %d bytes of %d, %d packets", err, w.Bytes(), b.Len(), w.Packets())
	}
	src, err := Open([]string{"-"}, &b)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for i := range want {
		var p Packet
		if err := src.Next(&p); err != nil {
			t.Fatal(err)
		}
		if p.Time != want[i].Time || !bytes.Equal(p.Data, want[i].Data) || p.Length != want[i].Length || p.Link != want[i].Link {
			t.Errorf("packet %d is %+v, want %+v", i, p, want[i])
		}
	}
	if err := src.Next(&Packet{}); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last: %v", err)
	}
}

func TestNothingIsWrittenWithoutAPacket(t *testing.T) {
	var b bytes.Buffer
	if err := NewPacketWriter(&b, "test 1").Flush(); err != nil || b.Len() > 0 {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
}
