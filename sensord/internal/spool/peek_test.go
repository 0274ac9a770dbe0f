package spool

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"voiptop/protocol"
	source "voiptop/sensord/internal/capture"
)

// packetsOf reads a pcapng file to its end.
func packetsOf(t *testing.T, r io.ReadCloser) (list []source.Packet) {
	t.Helper()
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	src, err := source.Open([]string{"-"}, source.Options{Stdin: bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	for {
		var p source.Packet
		if err := src.Next(&p); err != nil {
			if w := src.Stats().Warnings; len(w) > 0 {
				t.Errorf("the file is not whole: %+v", w)
			}
			return list
		}
		p.Data = bytes.Clone(p.Data)
		list = append(list, p)
	}
}

func TestWhatIsThereOfARunningCallCanBePeekedAt(t *testing.T) {
	for _, where := range []string{"memory", "disk", "both"} {
		t.Run(where, func(t *testing.T) {
			cfg := Config{Dir: t.TempDir(), WindowDisk: 1 << 30}
			if where != "memory" {
				cfg.Window = 3 * chunkSize
			}
			s := open(t, cfg)
			c := undecided(1)
			if _, err := s.Peek(c.ID); !errors.Is(err, ErrNotKept) {
				t.Errorf("nothing is there: %v", err)
			}
			talk(s, c, 0, 100)
			talk(s, c, 100, 100)
			if where == "disk" {
				s.mu.Lock()
				s.cfg.Window = 0
				s.makeRoom()
				s.mu.Unlock()
			}
			peek := func() []source.Packet {
				t.Helper()
				f, err := s.Peek(c.ID)
				if err != nil {
					t.Fatal(err)
				}
				return packetsOf(t, f)
			}
			if got := peek(); len(got) != 2 || len(got[0].Data) != 600 || len(got[1].Data) != 600 {
				t.Fatalf("held: %d packets, want the two of signalling", len(got))
			}
			decide(s, c, "all", protocol.KeepRTP)
			talk(s, c, 200, 50)
			if got := peek(); len(got) != 250 {
				t.Errorf("stored: %d packets, want 250", len(got))
			}
			s.Kept(c)
			settled(t, s)
			if _, err := s.Peek(c.ID); !errors.Is(err, ErrNotKept) {
				t.Errorf("it has ended: %v", err)
			}
			r, err := s.Read(c.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := packetsOf(t, r); len(got) != 250 {
				t.Errorf("the capture has %d packets, want 250: peeking changed it", len(got))
			}
		})
	}
}
